#!/usr/bin/env bash
# Renews the pinned versions: locks/renew.sh path/to/uv
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${1:?path to uv}
common=(pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 --extra plots --extra notify
    pyproject.toml locks/build.in)
# The tests need an older plotly than the newest: pin what both can live with.
"$uv" "${common[@]}" --extra dev --extra crate --output-file locks/dev.txt
"$uv" "${common[@]}" --constraint locks/dev.txt --output-file locks/runtime.txt
"$uv" "${common[@]}" --extra dev --extra crate --extra bench --constraint locks/dev.txt --output-file locks/bench.txt

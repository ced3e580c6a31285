#!/usr/bin/env bash
# Renews the pinned versions: locks/renew.sh path/to/uv
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${1:?path to uv}
common=(pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 --extra plots
    pyproject.toml locks/build.in)
"$uv" "${common[@]}" --output-file locks/runtime.txt
"$uv" "${common[@]}" --extra dev --constraint locks/runtime.txt --output-file locks/dev.txt
"$uv" "${common[@]}" --extra dev --extra bench --constraint locks/dev.txt --output-file locks/bench.txt

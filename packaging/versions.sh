#!/usr/bin/env bash
# Installs Torc beside the lowest versions that pyproject.toml allows, or beside the newest, in an environment of its
# own, and tries it there: packaging/versions.sh path/to/python lowest|newest
set -euo pipefail
python=$(realpath -s "${1:?path to python}")
case "${2:?lowest or newest}" in
    # only what pyproject.toml names is taken at its lowest: nobody tests what libraries say of theirs
    lowest) resolution=lowest-direct ;;
    newest) resolution=highest ;;
    *) echo "say lowest or newest, not $2" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/uv"
"$scratch/uv/bin/python" -m pip --disable-pip-version-check install --quiet uv
uv="$scratch/uv/bin/uv"
"$uv" venv --quiet --python "$python" "$scratch/venv"
"$uv" pip install --quiet --compile-bytecode --python "$scratch/venv/bin/python" --resolution "$resolution" ".[plots]"
"$uv" pip freeze --python "$scratch/venv/bin/python" | sed 's/ @ .*//' | paste -sd ' '
mkdir "$scratch/work"
packaging=$PWD/packaging
cd "$scratch/work"
export HOME="$scratch/work"
bash "$packaging/smoke.sh" "$scratch/venv/bin"

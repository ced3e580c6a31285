#!/usr/bin/env bash
# Builds wheel and sdist into dist/, installs the wheel in a new environment outside the checkout and tries it there.
# Called by `make dist`: packaging/dist.sh path/to/python (with hatchling).
set -euo pipefail
python=$(realpath -s "${1:?path to python}")
cd "$(dirname "$0")/.."
rm -rf dist
"$python" -m hatchling build --directory dist --target sdist --target wheel

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The wheel must not depend on anything that the sdist leaves out.
mkdir "$scratch/source"
tar -xzf dist/*.tar.gz -C "$scratch/source" --strip-components 1
(cd "$scratch/source" && "$python" -m hatchling build --directory "$scratch/again" --target wheel > /dev/null)
names() { "$python" -m zipfile --list "$1" | awk '{print $1}' | sort; }
diff <(names dist/*.whl) <(names "$scratch"/again/*.whl) ||
    { echo "the wheel built from the sdist differs" >&2; exit 1; }

"$python" -m venv "$scratch/venv"
# The same versions that the tests ran with; without the constraint pip takes the newest.
sed 's/ *\\$//; /--hash/d' locks/runtime.txt > "$scratch/constraints.txt"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
    --constraint "$scratch/constraints.txt" dist/*.whl
mkdir "$scratch/work"
(cd "$scratch/work" && bash "$OLDPWD/packaging/smoke.sh" "$scratch/venv/bin")
ls -l dist

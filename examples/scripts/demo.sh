#!/usr/bin/env bash
# The failure handler demo on an embedded server, then its jobs and attempts. Called by `make demo`.
set -uo pipefail
cd "$(dirname "$0")/../.."
known=$(command -v torc)
PATH="$(cd "${BIN:-.venv/bin}" && pwd):$PATH"
unset TORC_API_URL TORC_DATABASE TORC_OUTPUT_DIR
rm -rf demo-output
mkdir -p demo-output

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Prints a command as it can be typed, then does it.
show() { say "$*"; "$@"; }

here=(torc -s --database demo-output/torc.db)

show "${here[@]}" run examples/yaml/failure_handler_demo.yaml -o demo-output
ended=$?
workflow=$("${here[@]}" workflows list -f json | python -c 'import json, sys; print(json.load(sys.stdin)[-1]["id"])') || exit 1

say "The jobs:"
show "${here[@]}" jobs list "$workflow" || exit 1
say "Every attempt:"
show "${here[@]}" results list "$workflow" --all-runs || exit 1
say "What waits for a decision:"
show "${here[@]}" jobs list "$workflow" --status pending_failed || exit 1
say "The run ended with exit code $ended: 1 says that not every job completed. To retry the open ones:"
[ -n "$known" ] || echo "source .venv/bin/activate    # once: it makes the command torc known"
echo "${here[*]} workflows reset-status $workflow --failed-only"
echo "${here[*]} workflows reinit $workflow"
echo "${here[*]} run $workflow -o demo-output"
[ "$ended" -le 1 ]

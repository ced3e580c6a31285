#!/usr/bin/env bash
# The failure handler demo on an embedded server, then what became of it. Called by `make demo`.
set -uo pipefail
cd "$(dirname "$0")/../.."
torc="${BIN:-.venv/bin}/torc"
export TORC_DATABASE=demo-output/torc.db TORC_OUTPUT_DIR=demo-output
unset TORC_API_URL
rm -rf demo-output
mkdir -p demo-output

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "torc -s run examples/yaml/failure_handler_demo.yaml"
"$torc" -s run examples/yaml/failure_handler_demo.yaml
ended=$?
workflow=$("$torc" -s workflows list -f json | "${BIN:-.venv/bin}/python" -c 'import json, sys; print(json.load(sys.stdin)[-1]["id"])') || exit 1

say "The jobs: torc -s jobs list $workflow"
"$torc" -s jobs list "$workflow" || exit 1
say "Every attempt: torc -s results list $workflow --all-runs"
"$torc" -s results list "$workflow" --all-runs || exit 1
say "What waits for a decision: torc -s jobs list $workflow --status pending_failed"
"$torc" -s jobs list "$workflow" --status pending_failed || exit 1
say "The run ended with exit code $ended: 1 says that not every job completed. To send the open ones back:"
echo "torc -s --database demo-output/torc.db workflows reset-status $workflow --failed-only"
echo "torc -s --database demo-output/torc.db workflows reinit $workflow"
echo "torc -s --database demo-output/torc.db run $workflow -o demo-output"
[ "$ended" -le 1 ]

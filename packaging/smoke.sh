#!/usr/bin/env bash
# Tries an installed Torc as a new user would: packaging/smoke.sh path/to/bin, in an empty folder outside the checkout.
set -euo pipefail
PATH="$(cd "${1:?folder of the installed commands}" && pwd):$PATH"
unset TORC_API_URL TORC_DATABASE TORC_OUTPUT_DIR PYTHONPATH
step() { echo "+ $*"; "$@"; }

step torc --version
step torc examples list
step torc examples copy diamond .
step torc -s run diamond.yaml
step torc examples copy failure_handler_demo .
step torc -s create failure_handler_demo.yaml --dry-run
step torc agents list
step torc-server --help > /dev/null
step torc-mcp-server --help > /dev/null
test "$(wc -l < output/diamond/result.txt)" -gt 0
step python "$(dirname "$(realpath "$0")")/smoke_server.py" "${PATH%%:*}"

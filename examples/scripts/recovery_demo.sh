#!/bin/bash
# Runs between a failed attempt and the next one: writes down what happened, and lets the retry go ahead.
set -eu

log=${TORC_OUTPUT_DIR:-output}/recovery.log
mkdir -p "$(dirname "$log")"

case ${TORC_RETURN_CODE:-?} in
    10) action="here one would relax the solver's tolerance" ;;
    11) action="here one would remove what the attempt left behind" ;;
    *) action="nothing to repair" ;;
esac

line="$(date '+%F %T') job ${TORC_JOB_ID:-?} (${TORC_JOB_NAME:-?}), attempt ${TORC_ATTEMPT_ID:-?}"
line="$line, exit code ${TORC_RETURN_CODE:-?}: $action"
echo "$line" >> "$log"
echo "$line"
exit 0

#!/usr/bin/env bash
# Counts to a number, one step a quarter of a second, in a file that outlives the attempt.
#   checkpoint_demo.sh FILE STEPS
# On SIGTERM it keeps what it has and exits with 42, so that a failure handler tries it again.
set -u
file=$1
steps=$2
mkdir -p "$(dirname "$file")"
done_before=$(cat "$file" 2> /dev/null || echo 0)
step=$done_before
trap 'echo "$step" > "$file"; echo "saved at step $step"; exit 42' TERM
echo "attempt ${TORC_ATTEMPT_ID:-1} goes on from step $done_before"
while [ "$step" -lt "$steps" ]; do
    sleep 0.25 &
    wait $!
    step=$((step + 1))
    echo "$step" > "$file"
done
echo "done after $step steps"

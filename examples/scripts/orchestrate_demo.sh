#!/usr/bin/env bash
# One generation of a feedback loop: looks at the error so far, and adds a simulation and its own successor, or ends.
#   orchestrate_demo.sh GENERATION FOLDER
set -eu
generation=$1
folder=$2
next=$((generation + 1))
mkdir -p "$folder"
error=$(cat "$folder/error.txt" 2> /dev/null || echo 100)
echo "generation $generation: the error is $error"
if [ "$error" -lt 20 ]; then
    echo '{"jobs": [], "state": {"error": '"$error"'}}' | torc jobs spawn - --lineage demo
    exit 0
fi
torc jobs spawn - --lineage demo << JOBS
{"state": {"error": $error},
 "jobs": [
  {"name": "simulate_g$next", "command": "echo $((error / 2)) > $folder/error.txt"},
  {"name": "orchestrate_g$next", "command": "bash examples/scripts/orchestrate_demo.sh $next $folder",
   "depends_on": ["simulate_g$next"]}]}
JOBS

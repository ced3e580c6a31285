#!/bin/bash
# A job that fails by chance: exit codes 10, 11 and 12 are worth a retry, 1 is not.
# The chance is RATE on the first attempt, half of it on the second, a third on the third.
# With a seed the outcome depends only on the seed, the job's name and the attempt.
set -u

usage() {
    echo "usage: failure_demo_job.sh [--fail-rate RATE] [--seed SEED]   RATE from 0 to 1 (default 0.5)"
    echo "       the seed can also come from FAILURE_DEMO_SEED"
}

rate=0.5
seed=${FAILURE_DEMO_SEED:-}
while [ $# -gt 0 ]; do
    case $1 in
        --fail-rate) rate=${2:-}; shift 2 || shift ;;
        --seed) seed=${2:-}; shift 2 || shift ;;
        -h | --help) usage; exit 0 ;;
        *) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
    esac
done

if [[ ! $rate =~ ^([0-9])?(\.([0-9]+))?$ || -z $rate ]]; then
    echo "not a rate: $rate" >&2
    exit 2
fi
fraction=${BASH_REMATCH[3]:-}000
per_mille=$((10#${BASH_REMATCH[1]:-0} * 1000 + 10#${fraction:0:3}))

job=${TORC_JOB_NAME:-demo}
attempt=${TORC_ATTEMPT_ID:-1}

# A number from 0 to LIMIT - 1: draw PURPOSE LIMIT
draw() {
    if [ -z "$seed" ]; then
        echo $((RANDOM % $2))
        return
    fi
    local sum
    sum=$(printf '%s' "$1/$attempt/$job/$seed" | sha256sum)
    echo $((16#${sum:0:8} % $2))
}

echo "$job: attempt $attempt, chance of failure $((per_mille / attempt)) in 1000"
sleep 0.1
if [ "$(draw outcome 1000)" -ge $((per_mille / attempt)) ]; then
    echo "$job: done"
    exit 0
fi

# Code 1 is the rarest.
codes=(10 10 10 11 11 11 12 12 12 1)
code=${codes[$(draw code ${#codes[@]})]}
case $code in
    10) echo "$job: the solver did not converge (exit code 10)" >&2 ;;
    11) echo "$job: a resource is missing (exit code 11)" >&2 ;;
    12) echo "$job: a connection was lost (exit code 12)" >&2 ;;
    1) echo "$job: an error nobody foresaw (exit code 1)" >&2 ;;
esac
exit "$code"

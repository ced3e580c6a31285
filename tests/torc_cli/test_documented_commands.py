"""Command lines that the guides print are understood."""

from typing import Any

import pytest
import typer

from torc_cli.main import app

DOCUMENTED = """
torc run examples/yaml/failure_handler_demo.yaml
torc run my_workflow.yaml --recover
torc run 42
torc -s run workflow.yaml --max-parallel-jobs 4 --num-cpus 8 --memory-gb 16 --num-gpus 0 -o output -p 5
torc run -s workflow.yaml --time-limit PT4H --end-time 2030-01-31T18:00:00Z --skip-checks
torc create workflow.yaml --dry-run --no-resource-monitoring
torc init 42 --force --no-prompts --dry-run
torc reinit 42 --force --dry-run
torc status 42
torc cancel 42
torc delete 42 43 --force
torc ping
torc --url http://localhost:8080/torc-service/v1 -f json workflows list
torc workflows create workflow.yaml
torc workflows new -n name -d description
torc workflows list --all-users --include-archived -l 50 --offset 10 --sort-by name --reverse-sort
torc workflows update 42 -n name --owner-user me --project p --metadata {}
torc workflows archive true 42 43
torc workflows initialize 42
torc workflows reinit 42
torc workflows reinitialize 42
torc workflows run 42
torc workflows reset-status 42 --failed-only
torc workflows reset-status 42 --failed-only --reinitialize --force --no-prompts
torc workflows sync-status 42
torc workflows sync-status 42 --dry-run
torc workflows sync-status 42 --heartbeat-timeout 600
torc workflows is-complete 42
torc workflows list-actions 42
torc workflows export 42 -o file.json --include-results --include-events
torc workflows import file.json --name copy
torc jobs list 42 --status failed -f json
torc jobs list 42 --status pending_failed
torc jobs list 42 -s ready --upstream-job-id 7 --include-relationships
torc jobs get 7 -f json
torc jobs logs 7 --attempt 1 --run 1 --stdout --stderr --tail 20 -o output
torc jobs create 42 -n a -c true -r 1 -b 1 -b 2 -i 3 -o 4
torc jobs create-from-file 42 commands.txt --cpus-per-job 1 --memory-per-job 1m --runtime-per-job P0DT1M
torc jobs update 7 -n a -c true --runtime PT1H --resource-requirements-id 3
torc jobs delete 7 8
torc jobs delete-all 42 --force
torc jobs reset-status 7 8 --reinit
torc jobs list-resource-requirements 42 -j 7
torc jobs list-failure-handlers 42 -j 7
torc files create 42 -n a -p b
torc files list 42 --produced-by-job-id 7
torc files list-required-existing 42
torc user-data create 42 -n a -d {} --ephemeral --consumer-job-id 1 --producer-job-id 2
torc user-data list 42 --name a --is-ephemeral
torc user-data list-missing 42
torc user-data delete-all 42
torc resource-requirements create 42 -n a --num-cpus 1 --num-gpus 0 --num-nodes 1 -m 1m -r P0DT1M
torc resource-requirements update 5 --num-nodes 16
torc resource-requirements update 5 --memory 16g --runtime PT4H
torc results list 42 -j 7 -r 1 --return-code 1 --failed -s failed --all-runs --compute-node 1
torc events create 42 -d {}
torc events list 42 -c mine
torc events monitor 42 -d 5 -c mine
torc events get-latest-event 42
torc failure-handlers list 42
torc compute-nodes list 42 --scheduled-compute-node 3
torc scheduled-compute-nodes list 42 --scheduler-id 1 --scheduler-config-id 2 --status active
torc job-dependencies job-job 42
torc job-dependencies job-file 42
torc job-dependencies job-user-data 42
torc completions bash
torc plot-resources metrics.db -j 3,7 --format png -p nightly -o plots
torc -f json plot-resources metrics.db
torc examples list -f json
torc examples show diamond
torc examples copy diamond . --force
torc slurm plan workflow.yaml -a proj --profile kestrel --partition short --group-by partition --max-allocations 4
torc slurm plan 42 --single-allocation --walltime 04:00:00 --exclude n1,n2 --qos high --estimate
torc slurm plan 42 --walltime-strategy max-partition-time --walltime-multiplier 2
torc hpc detect
torc hpc list
torc hpc show kestrel
torc hpc partitions kestrel --gpu --cpu --shared
torc hpc match --cpus 1 --memory 1g --walltime 1:00:00 --gpus 1 --nodes 2 --profile dane
torc hpc generate --name mine --display-name Mine -o mine.yaml --skip-stdby
"""


@pytest.mark.parametrize("line", DOCUMENTED.strip().splitlines())
def test_a_documented_command_line_is_understood(line: str) -> None:
    name, *words = line.split()
    group: Any = typer.main.get_command(app)
    context = group.make_context(name, words)
    while rest := [*context._protected_args, *context.args]:
        name, group, words = group.resolve_command(context, rest)
        context = group.make_context(name, words, parent=context)
        if not hasattr(group, "commands"):
            return
    raise AssertionError(f"{line} names no command")

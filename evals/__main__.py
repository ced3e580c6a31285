"""How well an agent decides about failures: `make evals AGENT=claude`, or without a model AGENT=scripted or rules.

    python -m evals [--agent claude] [--task mixed] [--most 10000]

Each task is a workflow, on a server of its own, whose jobs failed. `claude` and `copilot` need their program and
a login.
What they decide changes nothing but the database of the task.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from evals.agents import Agent, scripted, through_recover
from evals.scoring import Effort, Score, score
from evals.tasks import TASKS, EvalTask, FailedCase
from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion, JobDraft, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import JobStatus

HEADER = (
    "task",
    "cases",
    "right",
    "left",
    "not asked",
    "wrong retries, node-h",
    "wrong fails, node-h",
    "tool calls",
    "tokens",
)
_BATCH = 500
_DAY = "2026-01-01T00:00:00Z"


def run_task(client: TorcClient, task: EvalTask, agent: Agent, *, most: int) -> tuple[Score, Effort]:
    """Let the agent decide about the failures of a task; return what that was worth and what it used."""
    workflow_id, cases = fail_cases(client, task.make(most))
    effort = agent(client, workflow_id, {})
    decided = {
        each.job_id: each.action for each in client.failures.decisions(workflow_id) if each.actor.kind != "person"
    }
    return score(cases, decided), effort


def fail_cases(client: TorcClient, cases: Sequence[FailedCase]) -> tuple[int, Mapping[int, FailedCase]]:
    """Create a workflow whose jobs all failed so; return its id, and the cases by job."""
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="evals", user="evals", use_pending_failed=True),
        resource_requirements=[ResourceRequirementsDraft(name="usual", memory="8g", runtime="PT1H")],
        jobs=[JobDraft(name=f"job_{n}", command="true", resource_requirements=0) for n in range(len(cases))],
    )
    created = client.create_from_draft(draft)
    workflow_id, first = created.workflow.id or 0, created.first_job_id or 0
    client.initialize_jobs(workflow_id)
    by_job = {first + place: case for place, case in enumerate(cases)}
    node_id = client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname="evals",
            pid=1,
            start_time=_DAY,
            num_cpus=_BATCH,
            num_gpus=0,
            num_nodes=1,
            memory_gb=100_000,
            compute_node_type="local",
        )
    ).id or 0  # fmt: skip
    while claimed := client.claim_next_jobs(workflow_id, limit=_BATCH, compute_node_id=node_id).jobs:
        ids = [job.id or 0 for job in claimed]
        client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node_id, job_ids=ids))
        client.complete_jobs(workflow_id, [_end(workflow_id, node_id, job_id, by_job[job_id]) for job_id in ids])
    node = client.compute_nodes.get(node_id)
    client.compute_nodes.update(node_id, node.model_copy(update={"is_active": False}))
    return workflow_id, by_job


def _end(workflow_id: int, node_id: int, job_id: int, case: FailedCase) -> JobCompletion:
    result = ResultModel(
        job_id=job_id,
        workflow_id=workflow_id,
        run_id=1,
        attempt_id=1,
        compute_node_id=node_id,
        return_code=case.evidence.return_code,
        exec_time_minutes=10.0,
        completion_time=_DAY,
        status=JobStatus.FAILED,
    )
    return JobCompletion(
        job_id=job_id, status=JobStatus.FAILED, run_id=1, result=result, evidence=case.evidence, unmatched_failure=True
    )


def row_of(task: EvalTask, found: Score, effort: Effort) -> tuple[str, ...]:
    """Return one row of the table."""
    return (
        task.name,
        str(found.cases),
        f"{found.right / found.cases:.0%}",
        str(found.left),
        str(found.overreached),
        f"{found.wrong_retry_node_hours:.1f}",
        f"{found.wrong_fail_node_hours:.1f}",
        "-" if effort.tool_calls is None else str(effort.tool_calls),
        "-" if effort.tokens is None else str(effort.tokens),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default="scripted", help="scripted, rules, or an agent as `--ai-agent` names it")
    parser.add_argument("--task", choices=[task.name for task in TASKS], help="only this task")
    parser.add_argument("--most", type=int, default=10_000, help="jobs of a task, at most")
    options = parser.parse_args()
    agent = scripted if options.agent == "scripted" else through_recover(options.agent)
    rows = []
    for task in TASKS:
        if options.task in (None, task.name):
            with tempfile.TemporaryDirectory() as folder:
                server = Server(Path(folder))
                try:
                    rows.append(row_of(task, *run_task(server.client, task, agent, most=options.most)))
                finally:
                    server.stop()
    print_table(f"Decisions of {options.agent} ({machine()})", HEADER, rows)


if __name__ == "__main__":
    main()

"""Run a workflow's jobs on this machine: put the parts of a runner together, work, and sign off."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final
from uuid import uuid4

from runner.base.deadline import Deadline
from runner.base.ledger import Ledger
from runner.base.log import RunnerLog
from runner.base.node_ledger import NodeLedger
from runner.base.paths import RunFiles, create_output_dir
from runner.base.progress import Notice, ProgressCallback, ignore_progress
from runner.base.secrets import resolve
from runner.base.settings import Machine, RunnerOptions, detect_machine, share_of_this_node, with_nodes_of
from runner.base.wake import Wake
from runner.base.workflow_facts import WorkflowFacts, fetch_facts
from runner.loop import Parts, RunLoop
from runner.monitoring.monitor import Monitor
from runner.monitoring.sampler import Sampler
from runner.monitoring.series import FLUSH_EVERY_S, SeriesFile
from runner.process.local_launcher import LocalLauncher
from runner.process.oom import OomKills
from runner.process.outcome import OutcomeRules
from runner.server.action_thread import ActionClaims, ActionThread
from runner.server.allocation import TRIES, OwnAllocation, registered_options, steps_of
from runner.server.claim_policy import ClaimPolicy
from runner.server.claim_thread import ClaimThread
from runner.server.claims import Claims
from runner.server.completion import Reporting
from runner.server.connection import Connection
from runner.server.delivery import count_results, deliver_kept
from runner.server.heartbeat import HeartbeatThread
from runner.server.job_token import job_credentials
from runner.server.journal import Journal
from runner.server.registration import deregister, describe_reclaimed, own_tag, reclaim_orphans, register
from runner.server.reports import Reporter
from runner.server.scheduling_thread import SchedulingThread
from runner.summary import ExitReason, RunSummary, describe_machine
from runner.supervisor import Supervisor
from runner.watchdog import ExitGuard, LoopWatch
from torc_client.credentials import Credentials
from torc_client.http import TorcClient
from torc_client.processes import RUNNER_VARIABLE
from torc_client.slurm.cluster import find_cluster
from torc_client.submission.schedule_nodes import NodeScheduling
from torc_core.api.actions import JOB_TRIGGERS, RUN_COMMANDS, SCHEDULE_NODES
from torc_core.api.jobs import ReclaimRequest, ReleaseClaimsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.credentials import CREDENTIALS_FILE_VARIABLE, SECRET_VARIABLES
from torc_core.errors import RunnerError, TorcError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import JobStatus
from torc_core.slurm.environment import AllocationShare, read_scheduler_facts
from torc_core.slurm.srun import step_environment

_OF_THE_USER: Final = frozenset({*SECRET_VARIABLES, CREDENTIALS_FILE_VARIABLE})
_PATIENCE_MINUTES: Final = 20
_LAST_REPORTS_S: Final = 2.0
_SIGN_OFF_PATIENCE_S: Final = 10.0
"""For requests that are lost on their way. A server that is known to be away is not waited for."""
_NEEDS_NO_MORE: Final = frozenset({ExitReason.COMPLETE, ExitReason.NOTHING_LEFT})


def run_workflow(
    client: TorcClient,
    workflow_id: int,
    options: RunnerOptions,
    *,
    progress: ProgressCallback = ignore_progress,
) -> RunSummary:
    """Run jobs until nothing is left that this runner could ever do, and return why it left.

    Failed jobs are results, never errors. `progress` is called in this thread. The client should give up on a
    request soon: the runner keeps its jobs running and tries again by itself while the server is away. Raises
    NotFoundError for an unknown workflow, and RunnerError when the server stays away longer than the workflow
    allows; running jobs are stopped then.
    """
    began = time.monotonic()
    machine = detect_machine(options)
    share = share_of_this_node(os.environ)
    # no thread of this run sends requests yet: all of them would be as patient
    with _waiting(client, options.wait_at_start_s, progress):
        facts = fetch_facts(client, workflow_id)
    config = facts.workflow.execution_config
    files = RunFiles(options.output_dir, workflow_id, run_id=facts.run_id, config=config)
    create_output_dir(files.output_dir)
    log = RunnerLog(files.runner_log(_label(os.uname().nodename, share)))

    def warn(text: str) -> None:
        progress(Notice("warning", text))
        log.write(text)

    allocation: OwnAllocation | None = None
    if share is not None:
        scheduler = find_cluster(os.environ, tries=TRIES)
        allocation = OwnAllocation(share, workflow_id, warn=warn, scheduler=scheduler)
    times = None if allocation is None else allocation.times()
    deadline = Deadline.of(options, facts.workflow, times)
    steps = steps_of(facts.workflow, allocation, deadline, has_gpus=bool(machine.gpus), log=log.write)
    has_more_nodes = share is not None and share.step is None and len(share.nodes) > 1
    if share is not None and (steps is not None or (has_more_nodes and facts.requirements.most_nodes > 1)):
        machine = with_nodes_of(machine, share, cpus=options.num_cpus)
    elif share is not None and has_more_nodes:
        warn(
            f"allocation {share.scheduler_id} has {len(share.nodes)} nodes, and this runner uses one: start one "
            "on each node with srun, or set execution_config.mode to slurm"
        )
    with _waiting(client, options.wait_at_start_s, progress):
        for notice in deliver_kept(client, facts.workflow, files.output_dir):
            progress(notice)
            log.write(notice.text)
        reclaimed = reclaim_orphans(client, workflow_id)
    if reclaimed:
        warn(describe_reclaimed(reclaimed))
    outcomes = OutcomeRules(
        handlers=facts.handlers, outputs=facts.outputs, config=config, oom_kills=_oom_kills(options)
    )
    for handler_id in outcomes.unreadable_handlers:
        warn(f"the rules of failure handler {handler_id} cannot be read: they decide about no failure")
    job_token: dict[str, str] = {}
    environment = shared_environment(client, facts, files)
    supervisor = Supervisor(
        partial(
            LocalLauncher,
            environment if steps is None else step_environment(environment),
            late_env=job_token,
            log=log.path,
        ),
        ledger=_ledger(machine, options, here=None if steps is not None or share is None else share.node),
        steps=steps,
        files=files,
        outcomes=outcomes,
        log=log,
        progress=progress,
    )
    wake = Wake()
    guard: ExitGuard | None = None
    try:
        with wake.catching_signals(), _bound(client, allocation):
            options = registered_options(options, allocation, times)
            with _waiting(client, options.wait_at_start_s, progress):
                node = register(
                    client, workflow_id, machine=machine, options=options, launcher_pid=supervisor.launcher.pid
                )
                chosen = options.job_token or (config and config.job_token) or "run"
                credentials = job_credentials(client, node.id or 0, chosen, warn=warn)
                job_token |= {} if credentials is None else credentials.environment()
            log.write(f"compute node {node.id}: {describe_machine(machine)}")
            parts = _assemble(
                client,
                options,
                facts=facts,
                machine=machine,
                files=files,
                supervisor=supervisor,
                node=node,
                label=_label(node.hostname, share),
                deadline=deadline,
                credentials=credentials,
                wake=wake,
                log=log,
                progress=progress,
            )
            run = RunLoop(parts)
            guard = ExitGuard(
                lead_s=parts.deadline.lead_s, log=log.path, before_exit=lambda: _keep_undelivered(parts, at_exit=True)
            )
            wake.on_signal = guard.note_signal
            try:
                run.work()
            finally:
                # in this order: the reporter sends what is left when it is closed, only the rest is kept on disk,
                # and a runner that is still registered keeps its jobs from being reclaimed until then
                parts.close()
                _keep_undelivered(parts)
                _deregister(client, parts, node, duration_s=time.monotonic() - began)
                if run.reason is ExitReason.ANOTHER_RUN:
                    _release_jobs(client, parts, str(run.explanation))
            if allocation is not None and run.reason in _NEEDS_NO_MORE:
                canceled = allocation.cancel_unneeded(client)
                if canceled:
                    warn(f"canceled {len(canceled)} queued allocations that nobody needs any more: {_ids(canceled)}")
    finally:
        supervisor.launcher.close()
        log.close()
        wake.on_signal = None
        if guard is not None:
            guard.disarm()
    tally = supervisor.tally
    return RunSummary(
        workflow_id=workflow_id,
        run_id=facts.run_id,
        compute_node_id=parts.compute_node_id,
        reason=run.reason or ExitReason.NOTHING_LEFT,
        explanation=run.explanation,
        started=tally.started,
        completed=tally.completed,
        failed=tally.failed,
        terminated=tally.terminated,
        retried=tally.retried,
        duration_s=time.monotonic() - began,
        ready_left=run.ready_left,
    )


def _waiting(client: TorcClient, seconds: float, progress: ProgressCallback) -> AbstractContextManager[None]:
    """Wait so long, for each request of the block, for a server that is away or fails, and say so once."""

    def say(error: TorcError) -> None:
        progress(Notice("warning", f"{error.message}; trying again for up to {seconds:g} s"))

    return client.transport.waiting(seconds, on_wait=say)


def _assemble(
    client: TorcClient,
    options: RunnerOptions,
    *,
    facts: WorkflowFacts,
    machine: Machine,
    files: RunFiles,
    supervisor: Supervisor,
    node: ComputeNodeModel,
    label: str,
    deadline: Deadline,
    credentials: Credentials | None,
    wake: Wake,
    log: RunnerLog,
    progress: ProgressCallback,
) -> Parts:
    """Start the runner's threads and return them with what the loop works on."""
    workflow_id, node_id = facts.workflow_id, node.id or 0
    connection = Connection(patience_s=_patience_s(options, facts), wake=wake.wake)
    scheduling = _scheduling(client, workflow_id, options, wake=wake)
    types = [RUN_COMMANDS] if scheduling is None else [RUN_COMMANDS, SCHEDULE_NODES]
    action_claims = ActionClaims(client, workflow_id, node_id, name=uuid4().hex, types=types)
    actions = ActionThread(action_claims, connection=connection, wake=wake.wake)
    prompt, waiter = (
        ClaimThread(
            client,
            workflow_id,
            action_claims=action_claims,
            connection=connection,
            wake=wake.wake,
            needs=facts.requirements.of,
            strict=options.strict_scheduler_match,
            name=name,
        )
        for name in ("claims now", "claims later")
    )
    reporting = Reporting(
        workflow_id=workflow_id,
        run_id=facts.run_id,
        compute_node_id=node_id,
        hostname=node.hostname,
        scheduler=read_scheduler_facts(os.environ),
        workflow_env=facts.workflow.env,
        hidden=_values_of(client.transport.credentials) | _values_of(credentials),
    )
    journal = Journal(files.journal(node.hostname, os.getpid()), facts.workflow)
    reporter = Reporter(client, reporting, connection=connection, journal=journal, wake=wake.wake)
    heartbeat = HeartbeatThread(client, node_id, wake=wake.wake, interval_s=options.heartbeat_interval_s)
    sampler = Sampler(wake.wake, series=_series_of(facts, files, label))
    return Parts(
        client=client,
        is_persistent=options.is_persistent,
        is_strict=options.strict_scheduler_match,
        compute_node_id=node_id,
        facts=facts,
        machine=machine,
        files=files,
        supervisor=supervisor,
        claims=Claims(
            prompt=prompt,
            waiter=waiter,
            policy=ClaimPolicy(
                machine,
                compute_node_id=node_id,
                run_id=facts.run_id,
                scheduler_config_id=options.scheduler_config_id,
                labels=options.labels,
            ),
            wait_s=options.poll_interval_s,
            has_job_actions=any(action.trigger_type in JOB_TRIGGERS for action in facts.actions),
        ),
        actions=actions,
        scheduling=scheduling,
        reporter=reporter,
        journal=journal,
        monitor=Monitor(
            sampler,
            workflow=facts.workflow,
            interval_s=options.sample_interval_s,
            are_steps=supervisor.executor.steps is not None,
        ),
        heartbeat=heartbeat,
        threads=(
            prompt.thread,
            waiter.thread,
            actions.thread,
            *(() if scheduling is None else (scheduling.thread,)),
            reporter.thread,
            reporter.journal_thread,
            sampler.thread,
            heartbeat.thread,
        ),
        connection=connection,
        wake=wake,
        watch=LoopWatch(log.path),
        deadline=deadline,
        log=log,
        progress=progress,
    )


def _scheduling(client: TorcClient, workflow_id: int, options: RunnerOptions, *, wake: Wake) -> SchedulingThread | None:
    """Return what submits allocations for actions; None where the scheduler cannot be reached from here."""
    cluster = find_cluster(os.environ, tries=TRIES) if options.submits_allocations else None
    if cluster is None:
        return None
    scheduling = NodeScheduling(
        client=client,
        workflow_id=workflow_id,
        cluster=cluster,
        output_dir=options.output_dir,
        environment=os.environ,
        poll_interval_s=options.poll_interval_s,
    )
    return SchedulingThread(scheduling, wake=wake.wake)


def _ledger(machine: Machine, options: RunnerOptions, *, here: str | None) -> Ledger:
    if machine.nodes:
        return NodeLedger(machine.nodes, slots=options.max_parallel_jobs, here=here, gpus=machine.gpus)
    return Ledger(
        cpus=machine.cpus, memory_bytes=machine.memory_bytes, gpus=machine.gpus, slots=options.max_parallel_jobs
    )


@contextmanager
def _bound(client: TorcClient, allocation: OwnAllocation | None) -> Iterator[None]:
    """Keep the record of the runner's allocation active; outside of one there is nothing to keep."""
    if allocation is None:
        yield
        return
    allocation.bind(client, os.environ)
    try:
        yield
    finally:
        allocation.finish(client)


def _label(hostname: str, share: AllocationShare | None) -> str:
    """Return the runner's name in the names of its files: two allocations may have the same node."""
    return hostname if share is None else f"{hostname}_sl{share.scheduler_id}"


def _ids(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown} and {len(numbers) - 10} more" if len(numbers) > 10 else shown


def _series_of(facts: WorkflowFacts, files: RunFiles, label: str) -> SeriesFile | None:
    """Return the file for samples over time; None where the workflow wants none."""
    config = facts.workflow.resource_monitor_config
    if config is None or config.job_granularity() != "time_series":
        return None
    return SeriesFile(files.series(label), flush_every_s=config.flush_interval_seconds or FLUSH_EVERY_S)


def _keep_undelivered(parts: Parts, *, at_exit: bool = False) -> None:
    """Leave the results that the server did not take in the journal; tell the user how they get there.

    `at_exit`: called while the loop is stuck, in another thread that must not wait, and the process ends next.
    """
    if not at_exit:
        for thread in (parts.reporter.journal_thread, parts.reporter.thread):
            # a reporter that meets no server ends at once, one that waits for an answer is not waited for any longer
            thread.join(0.0 if parts.connection.silent_s else _LAST_REPORTS_S)
    number = parts.reporter.keep_undelivered()
    if number:
        workflow, journal = parts.facts.workflow, parts.journal
        what = f"{count_results(number)} could not be delivered"
        notice = (
            Notice("error", f"{what}, nor kept in {journal.path}: {journal.problem}")
            if journal.problem
            else Notice("warning", f"{what}; kept in {journal.path}, for the next `torc run {workflow.id}` to deliver")
        )
        parts.log.write(notice.text)
        parts.progress(notice)
    if not at_exit:
        parts.journal.close()


def _deregister(client: TorcClient, parts: Parts, node: ComputeNodeModel, *, duration_s: float) -> None:
    """Ask the server to give this runner no more jobs, and release those it gave meanwhile. Best effort."""
    workflow_id = parts.facts.workflow_id
    patience_s = 0.0 if parts.connection.silent_s else _SIGN_OFF_PATIENCE_S
    try:
        with client.transport.waiting(patience_s):
            deregister(client, node, duration_s=duration_s)
            if parts.claims.is_busy or parts.claims.lost_an_answer:
                # a claim whose answer was lost or came too late left jobs that nobody would start
                unstarted = client.jobs.list_all(
                    workflow_id=workflow_id, status=JobStatus.PENDING, active_compute_node_id=parts.compute_node_id
                )
                if unstarted:
                    ids = [job.id for job in unstarted if job.id is not None]
                    client.release_claims(
                        workflow_id, ReleaseClaimsRequest(compute_node_id=parts.compute_node_id, job_ids=ids)
                    )
    except TorcError as error:
        parts.log.write(f"could not sign off: {error.message}")


def _release_jobs(client: TorcClient, parts: Parts, reason: str) -> None:
    """Reclaim what the server still counts as this runner's jobs: its reports would be of another run. Best effort."""
    request = ReclaimRequest(compute_node_ids=[parts.compute_node_id], requeue=True, reason=reason)
    try:
        with client.transport.waiting(0.0 if parts.connection.silent_s else _SIGN_OFF_PATIENCE_S):
            client.reclaim_jobs(parts.facts.workflow_id, request)
    except TorcError as error:
        parts.log.write(f"could not release jobs: {error.message}")


def shared_environment(client: TorcClient, facts: WorkflowFacts, files: RunFiles) -> dict[str, str]:
    """Return what all jobs of the run inherit: the runner's environment, the workflow's, and their identity.

    Raises RunnerError where a secret that the workflow names is not to be had here.
    """
    env, problems = resolve(facts.workflow.env)
    if problems:
        raise RunnerError(
            f"secrets of workflow {facts.workflow_id} are missing: {'; '.join(problems)}",
            hint=Hint(
                "set them where `{}` is started, or correct `env` of the workflow", torc("run", facts.workflow_id)
            ),
        )
    # the user's own login opens the whole server, and whatever stands in the environment of a job ends up in logs
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_THE_USER}
    return {
        **inherited,
        **env,
        RUNNER_VARIABLE: own_tag(),
        **client.address(),
        "TORC_WORKFLOW_ID": str(facts.workflow_id),
        "TORC_RUN_ID": str(facts.run_id),
        "TORC_OUTPUT_DIR": str(files.output_dir),
    }


def _values_of(credentials: Credentials | None) -> frozenset[str]:
    """Return what must not stand in any evidence of these credentials."""
    return frozenset(filter(None, (credentials.token, credentials.password))) if credentials else frozenset()


def _oom_kills(options: RunnerOptions) -> OomKills:
    return OomKills(options.oom_counter) if options.oom_counter else OomKills.of_this_process()


def _patience_s(options: RunnerOptions, facts: WorkflowFacts) -> float:
    if options.wait_for_server_s is not None:
        return options.wait_for_server_s
    minutes = facts.workflow.compute_node_wait_for_healthy_database_minutes
    return 60.0 * (_PATIENCE_MINUTES if minutes is None else minutes)

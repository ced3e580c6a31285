"""The report of an ended attempt: result, evidence, and what may follow."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner.base.attempt import AttemptEnd
from runner.base.evidence import gather_evidence, peak_memory
from runner.base.secrets import secret_values
from torc_core.api.jobs import JobCompletion, RetryRequest
from torc_core.api.results import ResultModel
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.jobs.status import JobStatus
from torc_core.times import rfc3339


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """The facts that all reports of one run have in common; `hidden` are values that no evidence may hold."""

    workflow_id: int
    run_id: int
    compute_node_id: int
    hostname: str
    scheduler: SchedulerFacts | None = None
    workflow_env: Mapping[str, str] | None = None
    hidden: frozenset[str] = frozenset()

    def completion(self, end: AttemptEnd) -> JobCompletion:
        """Return the report of an attempt's end. Reads the logs of a failed attempt, so it may take a moment."""
        failed = end.status is not JobStatus.COMPLETED
        claim = end.attempt.claim
        return JobCompletion(
            job_id=claim.job_id,
            status=end.status,
            run_id=self.run_id,
            result=self._result(end),
            evidence=self._evidence(end) if failed else None,
            retry=None if end.max_retries is None else RetryRequest(max_retries=end.max_retries),
            unmatched_failure=end.unmatched,
            infrastructure_fault=end.infrastructure_fault,
            claimed=True,
            output_mtimes=dict(end.output_mtimes),
        )

    def _evidence(self, end: AttemptEnd) -> Evidence:
        secrets = secret_values(self.workflow_env, end.attempt.claim.model.env) | self.hidden
        return gather_evidence(end, node=self.hostname, scheduler=self.scheduler, secrets=secrets)

    def _result(self, end: AttemptEnd) -> ResultModel:
        claim, samples = end.attempt.claim, end.attempt.samples
        cpu_time_s = max(end.cpu_time_s, samples.cpu_time_s)
        average = 100 * cpu_time_s / end.duration_s if end.duration_s > 0 else 0.0
        return ResultModel(
            job_id=claim.job_id,
            job_name=claim.model.name,
            workflow_id=self.workflow_id,
            run_id=self.run_id,
            attempt_id=claim.attempt_id,
            compute_node_id=self.compute_node_id,
            return_code=end.return_code,
            exec_time_minutes=end.duration_s / 60,
            completion_time=rfc3339(end.ended_at),
            status=end.status,
            peak_memory_bytes=peak_memory(end),
            avg_memory_bytes=samples.average_memory_bytes,
            peak_cpu_percent=samples.peak_cpu_percent,
            avg_cpu_percent=round(average, 2),
            cpu_time_s=cpu_time_s,
        )

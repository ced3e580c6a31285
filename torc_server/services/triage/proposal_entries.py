"""Groups the jobs of a proposal into the entries that a person reviews."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from torc_core.api.failures import ClassifiedJob, ProposalEntry, SignatureRecord
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.resources.duration import parse_duration
from torc_server.db.queries.triage import failures
from torc_server.db.queries.triage import proposals as queries
from torc_server.db.queries.triage.failures import Histories
from torc_server.db.queries.triage.proposals import AttemptNeed
from torc_server.db.unit_of_work import UnitOfWork

_NAMES_SHOWN: Final = 3
_ORDER: Final = ("retry", "fail", "skipped")


class _Kind(NamedTuple):
    """What the jobs of one entry have in common."""

    signature: str | None
    action: str
    status: str
    reason: str
    memory: str | None
    old_memory: str | None
    runtime: str | None
    old_runtime: str | None
    detail: str | None


def group_entries(uow: UnitOfWork, proposal_id: int, jobs: Sequence[ClassifiedJob]) -> list[ProposalEntry]:
    """Return the entries of the stored proposal for these jobs: retries, then failures, then skipped; largest first."""
    groups: defaultdict[_Kind, list[ClassifiedJob]] = defaultdict(list)
    for job in jobs:
        groups[_Kind(*(getattr(job, name) for name in _Kind._fields))].append(job)
    causes = queries.causes(uow, proposal_id)
    needs = queries.needs(uow, [job.job_id for job in jobs])
    signatures = {kind.signature for kind in groups if kind.signature is not None}
    workflow_id = queries.workflow_of(uow, proposal_id)
    histories = failures.histories(uow, workflow_id, sorted(signatures)) if signatures else {}
    entries = [
        _entry(
            kind,
            members,
            cause=causes.get(kind.signature),
            needs=needs,
            history=histories.get(kind.signature or "", Histories()),
        )
        for kind, members in groups.items()
    ]
    return sorted(entries, key=lambda entry: (_ORDER.index(_place(entry)), -entry.count, entry.job_ids[0]))


def _place(entry: ProposalEntry) -> str:
    return "skipped" if entry.status == "skipped" else entry.action


def _entry(
    kind: _Kind,
    jobs: Sequence[ClassifiedJob],
    *,
    cause: str | None,
    needs: Mapping[int, AttemptNeed],
    history: Histories,
) -> ProposalEntry:
    again = jobs if kind.action == "retry" and kind.status != "skipped" else ()
    cpu_hours, node_hours = cost(again, needs)
    return ProposalEntry.model_validate(
        {
            **kind._asdict(),
            "cause": cause,
            "count": len(jobs),
            "job_ids": [job.job_id for job in jobs],
            "job_names": [job.job_name for job in jobs[:_NAMES_SHOWN]],
            "record": _record(history),
            "cpu_hours": cpu_hours,
            "node_hours": node_hours,
        }
    )


def cost(jobs: Iterable[ClassifiedJob], needs: Mapping[int, AttemptNeed]) -> tuple[float, float]:
    """Return the CPU-hours and node-hours that one more attempt of these jobs may take at most."""
    hours = {job.job_id: _hours(job.runtime, needs[job.job_id]) for job in jobs if job.job_id in needs}
    return (
        round(sum(needs[job_id].num_cpus * spent for job_id, spent in hours.items()), 3),
        round(sum(needs[job_id].num_nodes * spent for job_id, spent in hours.items()), 3),
    )


def _hours(runtime: str | None, need: AttemptNeed) -> float:
    """Return the most that one more attempt may take."""
    if runtime is not None:
        return parse_duration(runtime) / 3600
    limit_s = 0.0 if need.requirement_name == UNSPECIFIED_REQUIREMENT else need.runtime_s
    return (limit_s or need.exec_time_s or 0.0) / 3600


def _record(history: Histories) -> SignatureRecord:
    return SignatureRecord(
        retried=sum(each.retried for each in history),
        retries_succeeded=sum(each.succeeded for each in history),
        retries_failed_again=sum(each.failed_again for each in history),
        failed=sum(each.failed for each in history),
    )

"""What a person approves of a proposal, and the edits of it: `--leave-out 4f2a`, `--edit 12=fail`."""

from collections.abc import Sequence
from typing import Literal, get_args

from torc_core.api.failures import Classification, ProposalModel
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

_Decision = Literal["retry", "fail"]


def read_edits(
    texts: Sequence[str], *, reason: str | None, memory: str | None, runtime: str | None
) -> list[Classification]:
    """Return the entries that replace those of the proposal; `memory` and `runtime` go to every retry among them.

    Raises InvalidInputError naming the text that is no edit.
    """
    chosen = dict(_read_edit(text) for text in texts)
    if len(chosen) < len(texts):
        raise InvalidInputError("--edit names a job twice", hint="name each job once")
    if chosen and not (reason and reason.strip()):
        raise InvalidInputError("--edit needs --reason", hint="state why; it is kept with the decision")
    if (memory or runtime) and "retry" not in chosen.values():
        raise InvalidInputError("--memory and --runtime go with --edit JOB=retry")
    return [
        Classification(
            job_id=job_id,
            action=action,
            reason=reason or "",
            memory=memory if action == "retry" else None,
            runtime=runtime if action == "retry" else None,
        )
        for job_id, action in chosen.items()
    ]


def choose_jobs(
    proposal: ProposalModel, *, only_jobs: Sequence[int], only_groups: Sequence[str], left_out: Sequence[str]
) -> list[int]:
    """Return the jobs of the proposal that are meant: those named, or all, without the groups that are left out.

    Groups go by their signature, or its first characters. Raises InvalidInputError for a group that the proposal does
    not hold, for one that more than one signature may be, and when no job is left.
    """
    chosen = set(only_jobs)
    for prefix in only_groups:
        chosen |= _jobs_of(proposal, prefix)
    if not (only_jobs or only_groups):
        chosen = {job.job_id for job in proposal.jobs}
    for prefix in left_out:
        chosen -= _jobs_of(proposal, prefix)
    if not chosen:
        raise InvalidInputError(
            "no job of the proposal is left", hint=Hint("reject it instead: {}", torc("failures reject", proposal.id))
        )
    return sorted(chosen)


def _jobs_of(proposal: ProposalModel, prefix: str) -> set[int]:
    found = {entry.signature for entry in proposal.entries if entry.signature and entry.signature.startswith(prefix)}
    if len(found) != 1 or not prefix:
        problem = "more than one group of" if found else "no group of"
        raise InvalidInputError(
            f"{prefix!r} names {problem} proposal {proposal.id}",
            hint=Hint("`{}` shows its groups with their signatures", torc("failures proposal", proposal.id)),
        )
    return {job_id for entry in proposal.entries if entry.signature in found for job_id in entry.job_ids}


def _read_edit(text: str) -> tuple[int, _Decision]:
    job, _, wanted = text.partition("=")
    for action in get_args(_Decision):
        if wanted.strip() == action and job.strip().isascii() and job.strip().isdigit():
            return int(job), action
    raise InvalidInputError(f"--edit {text!r} is no edit", hint="write JOB=retry or JOB=fail, for example 12=fail")

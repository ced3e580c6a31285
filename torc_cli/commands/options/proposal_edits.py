"""Edits of a proposal by the person who approves it: `--edit 12=fail`."""

from collections.abc import Sequence
from typing import Literal, get_args

from torc_core.api.failures import Classification
from torc_core.errors import InvalidInputError

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


def _read_edit(text: str) -> tuple[int, _Decision]:
    job, _, wanted = text.partition("=")
    for action in get_args(_Decision):
        if wanted.strip() == action and job.strip().isascii() and job.strip().isdigit():
            return int(job), action
    raise InvalidInputError(f"--edit {text!r} is no edit", hint="write JOB=retry or JOB=fail, for example 12=fail")

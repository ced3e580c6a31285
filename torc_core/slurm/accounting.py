"""Accounting: what sacct is asked for, and how its answer is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from torc_core.slurm.allocation import AccountedStep, AccountingRecord
from torc_core.slurm.quantities import known_slurm_time, parse_slurm_count, parse_slurm_cpu_time, parse_slurm_usage
from torc_core.slurm.queue import SEPARATOR
from torc_core.slurm.states import state_word

ACCOUNTING_FIELDS: Final = (
    "JobID", "JobIDRaw", "State", "ExitCode", "DerivedExitCode", "MaxRSS", "TotalCPU", "ElapsedRaw", "Start", "End",
    "NodeList", "NNodes", "NCPUS", "Partition", "Reason", "JobName",
)  # fmt: skip
"""The fields that every release has; the name stands last, as it may hold the separator."""


def accounting_words(scheduler_ids: Sequence[int]) -> list[str]:
    """Return the words of a sacct that shows these allocations with their steps."""
    ids = ",".join(map(str, scheduler_ids))
    return ["sacct", "--parsable2", f"--jobs={ids}", f"--format={','.join(ACCOUNTING_FIELDS)}"]


def accounting_document_words(scheduler_id: int) -> list[str]:
    """Return the words of a sacct that prints everything about one allocation as JSON, to be kept and not read."""
    return ["sacct", "--json", f"--jobs={scheduler_id}"]


def accounting_words_by_name(name: str, *, since: str) -> list[str]:
    """Return the words of a sacct that shows the allocations of that name, without steps."""
    return [
        *("sacct", "--parsable2", "--allocations", f"--name={name}", f"--starttime={since}"),
        f"--format={','.join(ACCOUNTING_FIELDS)}",
    ]


def parse_accounting(text: str) -> list[AccountingRecord]:
    """Return the allocations of sacct's answer, each with its steps.

    The columns are those of the header line. Of several records of one allocation, which a requeue makes, the last one
    is returned. Lines that are no rows, and steps without an allocation, are skipped.
    """
    records: dict[int, AccountingRecord] = {}
    steps: dict[int, list[AccountedStep]] = {}
    for row in _rows(text):
        raw = row.get("JobIDRaw") or row.get("JobID", "")
        job, _, step = raw.partition(".")
        scheduler_id = parse_slurm_count(job)
        if scheduler_id is None:
            continue
        if step:
            steps.setdefault(scheduler_id, []).append(_read_step(step, row))
        else:
            # A requeued allocation has several records, each followed by its own steps.
            records[scheduler_id] = _read_record(scheduler_id, row)
            steps[scheduler_id] = []
    return [replace(record, steps=tuple(steps[scheduler_id])) for scheduler_id, record in records.items()]


def _rows(text: str) -> Iterator[Mapping[str, str]]:
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith("JobID" + SEPARATOR)), len(lines))
    header = lines[start].split(SEPARATOR) if start < len(lines) else []
    for line in lines[start + 1 :]:
        cells = line.split(SEPARATOR)
        if len(cells) > len(header) and header[-1] == "JobName":
            cells = line.split(SEPARATOR, len(header) - 1)
        if len(cells) == len(header):
            yield dict(zip(header, cells, strict=True))


def _read_record(scheduler_id: int, row: Mapping[str, str]) -> AccountingRecord:
    # JobID of an array's task is `67_4`; its own id is JobIDRaw
    array, _, task = row.get("JobID", "").partition("_")
    return AccountingRecord(
        scheduler_id=scheduler_id,
        name=row.get("JobName", ""),
        state=state_word(row.get("State", "")),
        exit_code=row.get("ExitCode") or None,
        derived_exit_code=row.get("DerivedExitCode") or None,
        reason=_reason(row.get("Reason", "")),
        start_time=known_slurm_time(row.get("Start", "")),
        end_time=known_slurm_time(row.get("End", "")),
        elapsed_s=_seconds(row.get("ElapsedRaw", "")),
        nodes=_nodes(row.get("NodeList", "")),
        node_count=parse_slurm_count(row.get("NNodes", "")) or 0,
        cpus=parse_slurm_count(row.get("NCPUS", "")) or 0,
        cpu_time_s=parse_slurm_cpu_time(row.get("TotalCPU", "")),
        partition=row.get("Partition") or None,
        array_job_id=parse_slurm_count(array) if task else None,
        array_task_id=task or None,
    )


def _read_step(name: str, row: Mapping[str, str]) -> AccountedStep:
    return AccountedStep(
        name=name,
        state=state_word(row.get("State", "")),
        job_name=row.get("JobName", ""),
        exit_code=row.get("ExitCode") or None,
        max_rss_bytes=parse_slurm_usage(row.get("MaxRSS", "")),
        cpu_time_s=parse_slurm_cpu_time(row.get("TotalCPU", "")),
        elapsed_s=_seconds(row.get("ElapsedRaw", "")),
        nodes=_nodes(row.get("NodeList", "")),
        node_count=parse_slurm_count(row.get("NNodes", "")) or 0,
        cpus=parse_slurm_count(row.get("NCPUS", "")) or 0,
    )


def _seconds(text: str) -> float | None:
    count = parse_slurm_count(text)
    return None if count is None else float(count)


def _reason(text: str) -> str | None:
    return None if text in ("", "None") else text


def _nodes(text: str) -> str | None:
    return None if text in ("", "None assigned") else text

"""`torc slurm sacct`, `stats` and `usage`: what Slurm's accounting has kept of a workflow's allocations."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.render.accounting_text import ACCOUNTED, STEPS, USAGE, usage_lines
from torc_cli.render.text import number
from torc_cli.session.command import listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc
from torc_core.slurm.usage import LOW_PEAKS, accounted_rows, step_stats, sum_usage

if TYPE_CHECKING:
    from torc_client.allocations.accounting import WorkflowAccounting
    from torc_client.slurm.cluster import SlurmCluster


@listing
def sacct(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    save_json: Annotated[
        bool, typer.Option("--save-json", help="Also keep what `sacct --json` prints, a file for each allocation.")
    ] = False,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="Where --save-json writes its files.")
    ] = None,
) -> None:
    """Show how the allocations of a workflow ended, step by step.

    For example: `torc slurm sacct 3`.
    """
    chosen = session.workflow_id(workflow_id)
    cluster, found = _read(session, chosen)
    rows = list(accounted_rows(found.records, chosen, found.job_names))
    saved = _save(session, cluster, found, output_dir) if save_json else []
    _note_errors(session, found)
    has_low_peaks = any(row.max_rss_is_low for row in rows)
    if session.is_json:
        session.out.record(
            {
                "workflow_id": chosen,
                "total_slurm_jobs": len(found.records),
                "summary": [row.model_dump(mode="json") for row in rows],
                "errors": list(found.errors),
                "note": LOW_PEAKS if has_low_peaks else None,
                "saved_files": saved,
            }
        )
        return
    session.out.records(ACCOUNTED, rows)
    if has_low_peaks:
        session.out.note(LOW_PEAKS)


@listing
def stats(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job_id: Annotated[int | None, typer.Option("-j", "--job-id", help="Only the steps of this job.")] = None,
    run_id: Annotated[int | None, typer.Option("-r", "--run-id", help="Only the steps of this run.")] = None,
    attempt_id: Annotated[int | None, typer.Option("--attempt-id", help="Only the steps of this attempt.")] = None,
) -> None:
    """Show what each job used in its step: memory, CPU time, elapsed time, state.

    For example: `torc slurm stats 3 --job-id 12`.
    """
    chosen = session.workflow_id(workflow_id)
    _, found = _read(session, chosen)
    wanted = (job_id, run_id, attempt_id)
    rows = [
        row
        for row in step_stats(found.records, chosen, found.job_names)
        if all(want in (None, has) for want, has in zip(wanted, (row.job_id, row.run_id, row.attempt_id), strict=True))
    ]
    _note_errors(session, found)
    if found.records and not rows and wanted == (None, None, None):
        session.out.note(
            Hint(
                "No step bears the name of a job: these jobs ran without steps of their own. {} has what their runners "
                "measured.",
                torc("results list", chosen),
            )
        )
    session.out.records(STEPS, rows)
    if any(row.max_rss_is_low for row in rows):
        session.out.note(LOW_PEAKS)


@listing
def usage(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """Show node-hours and core-hours, granted and used, of each allocation and in total.

    For example: `torc slurm usage 3`.
    """
    chosen = session.workflow_id(workflow_id)
    _, found = _read(session, chosen)
    used = sum_usage(found.records, chosen, found.errors)
    _note_errors(session, found)
    if session.is_json:
        session.out.record(used)
        return
    session.out.records(USAGE, used.allocations)
    if used.allocations:
        session.out.done(list(usage_lines(used)), {})


def _read(session: Session, workflow_id: int) -> "tuple[SlurmCluster, WorkflowAccounting]":
    from torc_client.allocations.accounting import read_accounting
    from torc_client.slurm.cluster import require_cluster

    cluster = require_cluster(os.environ)
    return cluster, read_accounting(session.client, workflow_id, cluster)


def _note_errors(session: Session, found: "WorkflowAccounting") -> None:
    for error in found.errors:
        session.out.note(f"Warning: {error}")


def _save(session: Session, cluster: "SlurmCluster", found: "WorkflowAccounting", output_dir: Path | None) -> list[str]:
    folder = output_dir or Path(session.settings.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for record in found.records:
        path = folder / f"sacct_{record.scheduler_id}.json"
        path.write_text(cluster.accounting_document(record.scheduler_id), encoding="utf-8")
        paths.append(str(path))
    session.out.note(f"Wrote {number(len(paths), 'file')} sacct_*.json to {folder}")
    return paths

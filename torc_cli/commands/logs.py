"""`torc logs`: failures in all logs of a workflow."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.commands.log_bundle import bundle
from torc_cli.render.log_text import finding_data, finding_lines
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session

if TYPE_CHECKING:
    from torc_client.logs.log_files import ScannedLog

app = typer.Typer(no_args_is_help=True, help="Find what went wrong in the logs of a workflow, and pack them.")
_FILES_SHOWN: Final = 50


app.command("bundle")(bundle)


@app.command("analyze")
@command
def analyze(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|BUNDLE|WORKFLOW_ID", help="Where the logs are, or whose they are.", show_default=False
        ),
    ],
    *,
    workflow_id: Annotated[
        int | None, typer.Option("-w", "--workflow-id", help="The workflow, where the folder holds logs of several.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="The folder that the runners of a workflow id wrote to.")
    ] = None,
) -> None:
    """Find known failures in the logs of jobs, runners and allocations. No server is asked.

    For example: `torc logs analyze output -w 3`.
    """
    from torc_client.logs.log_files import scan_place

    place, chosen = Path(what), workflow_id
    if what.isascii() and what.isdigit() and not place.exists():
        place, chosen = output_dir or Path(session.settings.output_dir), int(what)
    found = list(scan_place(place, chosen))
    errors, warnings = sum(log.errors for log in found), sum(log.warnings for log in found)
    kinds = Counter(each.category for log in found for each in log.findings)
    if session.is_json:
        session.out.record(
            {
                "workflow_id": found[0].log.workflow_id if found else chosen,
                "path": str(place),
                "files_scanned": len(found),
                "error_count": errors,
                "warning_count": warnings,
                "errors_by_type": dict(kinds.most_common()),
                "issues": [finding_data(log.log.name, each) for log in found for each in log.findings],
            }
        )
        return
    with_findings = [log for log in found if log.findings]
    lines = [line for log in with_findings[:_FILES_SHOWN] for line in [*finding_lines(log, log.findings), ""]]
    if left := len(with_findings) - _FILES_SHOWN:
        lines += [f"and {number(left, 'more file')} with findings; -f json has all", ""] if left > 0 else []
    lines += [f"{kind:<16} {count}" for kind, count in kinds.most_common()]
    lines.append(f"{number(errors, 'error')}, {number(warnings, 'warning')} in {_files(found)} of {place}")
    session.out.done(lines, {})


def _files(found: "list[ScannedLog]") -> str:
    return number(len(found), "file")

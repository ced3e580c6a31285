"""Findings in logs, for people and for programs."""

from typing import TYPE_CHECKING, Any, Final

from torc_cli.render.text import clipped, display, number

if TYPE_CHECKING:
    from torc_client.logs.log_files import ScannedLog
    from torc_core.triage.log_scan import LogFinding

_WIDTH: Final = 68


def finding_data(file: str, finding: "LogFinding") -> dict[str, Any]:
    """Return one finding for programs."""
    return {
        "file": file,
        "line_number": finding.line_number,
        "line": finding.line,
        "severity": finding.severity,
        "node": finding.node,
        "step": finding.step,
        "pattern_id": finding.pattern_id,
        "category": finding.category,
        "failure_class": finding.failure_class,
        "advice": finding.advice,
    }


def finding_lines(log: "ScannedLog", findings: "list[LogFinding]") -> list[str]:
    """Return the lines for one log: its name, then each finding with line, meaning and node, and the text below it."""
    lines = [display(log.log.name)]
    for each in findings:
        node = f" (node {display(each.node)})" if each.node else ""
        lines.append(f"  {each.line_number}: {each.severity}: {each.description}{node}")
        lines.append(f"     {clipped(display(each.line), _WIDTH)}")
    if log.more:
        lines.append(f"  and {number(log.more, 'more finding')} in this file")
    return lines

"""Gives failures with the same cause the same signature, whatever job, path or host they happened on."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torc_core.evidence.lines import FATAL_MARKERS, is_fatal, is_order, is_progress, is_soft, strip_prefix
from torc_core.evidence.record import Evidence
from torc_core.triage.cause_line import Reading
from torc_core.triage.facts import assess_facts, signal_name
from torc_core.triage.masking import mask_message
from torc_core.triage.measured import is_late
from torc_core.triage.words import load_word_model

SIGNATURE_CHARS: Final = 16
_TITLE_CHARS: Final = 60
_FOLLOWING_CHARS: Final = 300
_LAST_LINES: Final = 20
"""Of a text that names no failure so many lines are compared."""
_FRAME: Final = re.compile(r'file "([^"\n]*)", line \d+(?:, in (\S+))?')
_PYTHON_BUG: Final = re.compile(
    r"^(?:[a-z_][\w.]*\.)?(?:assertion|attribute|index|key|lookup|name|type|value|zerodivision|runtime|unboundlocal"
    r"|notimplemented|recursion|stopiteration|arithmetic|overflow|floatingpoint|linalg|\w*exception|exception)"
    r"(?:error|exception)?\b"
)
_EXIT_BELOW: Final = re.compile(r"[^\n]{0,40}?\b(with errorcode -?\d+)", re.IGNORECASE)
_CRASH: Final = re.compile(
    r"^(?:.*: line \d+:\s+)?(?:\d+ )?(segmentation fault|aborted|killed|bus error|floating point exception"
    r"|illegal instruction|trace/breakpoint trap|terminated)\b( \(core dumped\))?\s*(\S+)?.*$"
)
_EXCEPTION: Final = re.compile(
    r"^(?:exception|[a-z_][\w.]*(?:error|exception|exit|interrupt|iteration|timeout|failure))\b(?::|$)"
)
_TITLE: Final = re.compile(r"^(?:\[[^\]]*\] ?)?traceback \(most recent call last\):?$")
"""Announces a failure, and is the same for all of them."""


@dataclass(frozen=True, slots=True)
class CauseShape:
    """The line that names a cause, and its shape: what is left when numbers, paths and hosts are masked."""

    shape: str
    line: str


def sign(cause: CauseShape) -> str:
    """Return the signature of the cause."""
    return hashlib.sha256(cause.shape.encode("utf-8", "replace")).hexdigest()[:SIGNATURE_CHARS]


def find_shape(evidence: Evidence, reading: Reading | None) -> CauseShape:
    """Return the cause that the texts or facts name; the last lines or the exit code where nothing is known."""
    fact = assess_facts(evidence)
    if reading is not None and (fact is None or reading.hit.pattern.class_ == fact.class_):
        return CauseShape(_shape_hit(evidence, reading), strip_prefix(_whole_line(reading)))
    if fact is not None:
        return CauseShape(f"fact {fact.rule}", fact.reason)
    text = evidence.stderr_tail if evidence.stderr_tail.strip() else evidence.stdout_tail
    line = _unknown_cause(f"{evidence.stderr_excerpt}\n{text}" if evidence.stderr_excerpt else text)
    if line is not None:
        shape = _with_frame(_shape_line(line, evidence.node), line.lower(), text.lower())
        return CauseShape(shape, line)
    if evidence.missing_output_files:
        return CauseShape("fact missing-output", f"Output file missing: {evidence.missing_output_files[0]}")
    name = signal_name(evidence)
    if name is not None:
        return CauseShape(f"fact {name}", f"It ended on {name} without a message.")
    return CauseShape(f"fact exit {evidence.return_code}", f"It exited with {evidence.return_code} without a message.")


def _shape_hit(evidence: Evidence, reading: Reading) -> str:
    if reading.hit.pattern.rank == "proof":
        return f"verdict {reading.hit.pattern.id}"
    # in its original case: some error codes differ only in capitals
    shape = _shape_line(strip_prefix(_whole_line(reading)), evidence.node)
    if reading.hit.pattern.class_ == "timeout":
        # a limit that was the job's own calls for another action than one inside its program
        shape += {True: " @ its time was up", False: " @ its time was not up", None: ""}[is_late(evidence)]
    if reading.hit.pattern.class_ == "permanent" and "<size>" in shape:
        # the same words about less memory call for more of it
        shape += " @ too much"
    return _with_frame(shape, reading.hit.message, reading.text.lower(), reading.hit.start)


def _whole_line(reading: Reading) -> str:
    """Return the line of the hit, with what stands below it: the exit code of MPI, or the message after a colon."""
    place = reading.text.find(reading.line)
    following = reading.text[place + len(reading.line) + 1 :][:_FOLLOWING_CHARS].lstrip("\r\n")
    title = reading.line.rstrip()
    if title.endswith(":") and len(title) <= _TITLE_CHARS:
        # only a title: many causes share it
        message = following.split("\n", 1)[0].strip()
        return f"{title} {message}" if message else title
    code = _EXIT_BELOW.match(following) if reading.hit.pattern.id == "mpi-abort" else None
    return reading.line if code is None else f"{reading.line.rstrip()} {code.group(1)}"


def _shape_line(message: str, node: str | None) -> str:
    crash = _CRASH.match(message.lower())
    if crash is not None:
        program = (crash.group(3) or "").rsplit("/", 1)[-1]
        return mask_message(f"{crash.group(1)} {program}", node)
    return mask_message(message[:600], node)


def _with_frame(shape: str, message: str, lower: str, start: int | None = None) -> str:
    """Add where a Python error was raised: its message alone is shared by many different bugs."""
    if _PYTHON_BUG.match(message) is None:
        return shape
    if start is None:
        start = lower.rfind(message)
    above = lower.rfind('file "', max(0, start - 2000), max(start, 0))
    frame = _FRAME.match(lower, above) if above >= 0 else None
    if frame is None:
        return shape
    file = frame.group(1).rsplit("/", 1)[-1]
    return f"{shape} @ {mask_message(f'{file}:{frame.group(2)}')}"


def _unknown_cause(text: str) -> str | None:
    """Return the likeliest cause among lines no pattern knows: a last exception, the first failure, the last words."""
    filled = [line for line in text.split("\n") if line.strip()]
    # indented lines belong to the line above them, unless there is nothing else
    lines = [strip_prefix(line) for line in filled if line[0] not in " \t+"] or [line.strip() for line in filled]
    lines = [line for line in lines if line and not is_order(line.lower())]
    if not lines:
        return None
    for line in reversed(lines):
        if _EXCEPTION.match(line.lower()) and not is_soft(line.lower()):
            return line
    first: str | None = None
    for line in lines[-400:]:
        lower = line.lower()
        if first is not None and is_progress(lower):
            first = None
        elif first is None and any(marker in lower for marker in FATAL_MARKERS) and is_fatal(line):
            first = None if _TITLE.match(lower) else line
    if first is not None:
        return first
    working = [line for line in lines if not is_progress(line.lower())][-_LAST_LINES:]
    hard = [line for line in working if not is_soft(line.lower())]
    return _strongest(hard or working) or lines[-1]


def _strongest(lines: Sequence[str]) -> str | None:
    """Return the line whose words weigh most for a class, the last one of equals."""
    model = load_word_model()
    return max(reversed(lines), key=model.strength, default=None)

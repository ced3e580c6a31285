"""Makes bounded, harmless text of any bytes that a job wrote."""

import re
from typing import Final, Literal

from torc_core.evidence.lines import find_first_fatal, is_fatal
from torc_core.evidence.redaction import redact_keys, redact_secrets

MAX_LINE_CHARS: Final = 800
"""Longer lines keep their start and end."""

_MARGIN: Final = 3
"""How much more than is kept of a log is redacted, by its size."""
_LONGEST_LINE_READ: Final = 20 * MAX_LINE_CHARS
_OMITTED: Final = "[... lines left out ...]"

_ESCAPES: Final = re.compile(
    r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, hyperlinks
    r"|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[ -/]*[0-~]?"
)
UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Control, zero-width and direction characters, which change how the text around them looks; not tab and newline."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_OVERSTRIKE: Final = re.compile(r"[^\n\x08]\x08")


def clean_text(raw: bytes | str) -> str:
    """Return the text without escapes, control, zero-width and direction characters.

    Undecodable bytes become U+FFFD. Of a line redrawn with carriage returns the last state stays, and
    any earlier state that reports a failure.
    """
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else _SURROGATES.sub("\ufffd", raw)
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    for _ in range(8):
        if "\x08" not in text:
            break
        text = _OVERSTRIKE.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        text = "\n".join(_last_state(line) if "\r" in line else line for line in text.split("\n"))
    if "\u2028" in text or "\u2029" in text:
        text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return UNSAFE.sub("", text)


def bound(text: str, max_bytes: int, *, keep: Literal["start", "end"] = "end") -> str:
    """Return at most `max_bytes` UTF-8 bytes of the text, whole lines where one fits."""
    data = text.encode("utf-8", "replace")
    if len(data) <= max_bytes:
        return text
    if max_bytes <= 0:
        return ""
    if keep == "start":
        cut = data[:max_bytes].decode("utf-8", "ignore")
        return cut.rpartition("\n")[0] or cut
    cut = data[-max_bytes:].decode("utf-8", "ignore")
    return cut.partition("\n")[2] or cut


def shorten_line(line: str, max_chars: int = MAX_LINE_CHARS) -> str:
    """Return the line with its middle replaced by a mark when it is longer than `max_chars`."""
    if len(line) <= max_chars:
        return line
    mark = f" [... {len(line) - max_chars} characters left out ...] "
    room = max(max_chars - len(mark), 2)
    return line[: room * 2 // 3] + mark + line[-(room - room * 2 // 3) :]


def excerpt_stderr(raw: bytes, *, max_bytes: int) -> tuple[str, str, bool]:
    """Return (excerpt, tail, truncated): the last lines, and the first fatal lines when they stand above.

    Together they hold at most `max_bytes` UTF-8 bytes. The excerpt is empty when the tail holds it all.
    """
    limit = max(40, min(MAX_LINE_CHARS, max_bytes // 4))
    # before any cut: what is left of a secret whose beginning was cut off looks like any other text
    full = redact_keys(clean_text(raw).strip("\n"))
    start = full.rfind("\n", 0, max(len(full) - max_bytes * _MARGIN, 0)) + 1
    # all else only where it can be kept: whole logs would take a second each
    lines = [_shorten_redacted(line.rstrip(), limit) for line in full[:start].split("\n")[:-1]]
    lines += [shorten_line(line.rstrip(), limit) for line in redact_secrets(_without_middles(full[start:])).split("\n")]
    text = "\n".join(lines)
    if len(text.encode()) <= max_bytes:
        return "", text, len(text) < len(full) and "characters left out" in text
    tail = bound(text, max_bytes * 2 // 3)
    above = text[: len(text) - len(tail)]
    excerpt = _around_first_fatal(above, max_bytes // 3)
    if not excerpt:
        tail = bound(text, max_bytes)
    return excerpt, tail, True


def _shorten_redacted(line: str, limit: int) -> str:
    return shorten_line(redact_secrets(_without_middles(line)), limit) if len(line) > limit else line


def _without_middles(text: str) -> str:
    """Return the text without what lies so deep in a line that it is never kept, nor the rest of a secret that is."""
    if len(text) <= _LONGEST_LINE_READ:
        return text
    return "\n".join(shorten_line(line, _LONGEST_LINE_READ) for line in text.split("\n"))


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state.strip()]
    if not states:
        return ""
    return "\n".join([state for state in states[:-1] if is_fatal(state)] + states[-1:])


def _around_first_fatal(text: str, max_bytes: int) -> str:
    """Return the lines from just before the first fatal one to a little after the message it leads to."""
    first = find_first_fatal(text)
    if first is None:
        return ""
    lines = text.split("\n")
    message = first
    if "traceback (most recent call last)" in lines[first].lower():
        # the exception itself stands below its frames
        message = next((i for i in range(first + 1, len(lines)) if lines[i][:1].strip()), first)
    before = bound("\n".join(lines[max(first - 2, 0) : message]), max_bytes // 2, keep="end")
    after = bound("\n".join(lines[message : message + 12]), max_bytes // 2 - len(_OMITTED), keep="start")
    if before and message - first > 2 and lines[first] not in before:
        before = f"{_OMITTED}\n{before}"[: max_bytes // 2]
    return f"{before}\n{after}" if before else after

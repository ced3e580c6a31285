"""Variants of one failure: the same cause at another time, on another host, at other paths, among other noise."""

import random
import re
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = re.compile(r"\d+")
_DATE: Final = re.compile(r"\b(20\d\d)([-/])(\d\d)([-/])(\d\d)")
_CLOCK: Final = re.compile(r"\b(\d\d):(\d\d):(\d\d)\b")
_PID: Final = re.compile(r"(?<=\[)\d{3,7}(?=\])|\b(?<=pid[ =:])\d{2,7}\b", re.IGNORECASE)
_HEX: Final = re.compile(r"\b0x[0-9a-f]{4,16}\b")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_ADDRESS: Final = re.compile(r"\b10(?:\.\d{1,3}){3}\b|\b192\.168(?:\.\d{1,3}){2}\b|\b172\.\d\d(?:\.\d{1,3}){2}\b")
_ROOT: Final = re.compile(r"(?<![\w/.-])/(?:home|scratch|work|data|project|projects|gpfs|lustre|mnt|users|tmp)/[\w.-]+")
_NODE: Final = re.compile(r"\b(node|nid|cn|compute|gpu|worker|c|r)(-?)(\d{2,6})\b")
_JOB: Final = re.compile(r"\b(job(?:id|_id)?|step|task|jobid)([ =:]{1,2})(\d{3,9})\b", re.IGNORECASE)
_ROOTS: Final = ("home", "scratch", "work", "data", "project", "gpfs")
_PROGRESS: Final = (
    "step {n} of 5000 done in {n}.2 s",
    "epoch {n}: loss=0.{n:04d}",
    "[INFO] processed {n} records",
    "iteration {n} converged",
    "{n}% complete",
    "reading chunk {n}",
)
"""What programs print while all is well."""


def variants(text: str, count: int, *, seed: int = 0) -> Iterator[str]:
    """Yield the text, then variants of it in which only what has nothing to do with the cause differs."""
    yield text
    for number in range(1, count):
        yield _vary(text, random.Random(f"{seed}/{number}/{text}"))  # noqa: S311


def _vary(text: str, draw: random.Random) -> str:
    text = _DATE.sub(
        lambda m: f"20{draw.randint(20, 29)}{m[2]}{draw.randint(1, 12):02}{m[4]}{draw.randint(1, 28):02}", text
    )
    text = _CLOCK.sub(lambda _: f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{draw.randint(0, 59):02}", text)
    text = _UUID.sub(lambda m: re.sub(r"[0-9a-f]", lambda _: draw.choice("0123456789abcdef"), m[0]), text)
    text = _HEX.sub(lambda m: "0x" + "".join(draw.choice("0123456789abcdef") for _ in m[0][2:]), text)
    text = _ADDRESS.sub(lambda _: f"10.{draw.randint(0, 255)}.{draw.randint(0, 255)}.{draw.randint(1, 254)}", text)
    text = _JOB.sub(lambda m: f"{m[1]}{m[2]}{_digits(m[3], draw)}", text)
    text = _PID.sub(lambda m: _digits(m[0], draw), text)
    text = _NODE.sub(lambda m: f"{m[1]}{m[2]}{_digits(m[3], draw)}", text)
    root = f"/{draw.choice(_ROOTS)}/u{draw.randint(1, 999)}"
    text = _ROOT.sub(lambda _: root, text)
    return _among_progress(text, draw)


def _digits(number: str, draw: random.Random) -> str:
    return str(draw.randint(1, 9)) + "".join(str(draw.randint(0, 9)) for _ in number[1:])


def _among_progress(text: str, draw: random.Random) -> str:
    """Put progress in front of the text, none to thirty lines of it, of one program."""
    form, first = draw.choice(_PROGRESS), draw.randint(1, 4000)
    lines = [form.format(n=first + number) for number in range(draw.randint(0, 30))]
    return "\n".join([*lines, text])

"""The name of a requirement that was cloned for the jobs that need more."""

import re
from typing import Final

_CLONE: Final = re.compile(
    r"(?P<base>.+?)(?:_mem(?P<memory>\d+[kmgt]?))?(?:_time(?P<runtime>(?:\d+[dhms])+))?", re.DOTALL
)


def clone_name(name: str, *, memory: str | None = None, runtime: str | None = None) -> str:
    """Return `train_mem12g` for `train` with 12g; a clone of a clone keeps one suffix for each amount.

    `runtime` is an ISO 8601 duration without years, months and weeks: PT1H24M gives `train_time1h24m`.
    """
    match = _CLONE.fullmatch(name)
    base, had_memory, had_runtime = match.group("base", "memory", "runtime") if match else (name, None, None)
    time_text = runtime.lower().replace("p", "").replace("t", "") if runtime else had_runtime
    return "".join((base, _suffix("mem", memory or had_memory), _suffix("time", time_text)))


def _suffix(what: str, amount: str | None) -> str:
    return f"_{what}{amount}" if amount else ""

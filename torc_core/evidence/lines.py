"""Classifies single lines of a log: a warning, progress, an instruction to the reader, a failure."""

import re
from typing import Final

_PREFIX: Final = re.compile(
    r"(?:"
    r"\[?\d{4}[-/]\d\d[-/]\d\d[t ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?z|[+-]\d\d:?\d\d| utc)?\]?:?[ \t]+"
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?:?[ \t]+"
    r"|\[?(?:mon|tue|wed|thu|fri|sat|sun)?,? ?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r" +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4})?\]?[ \t]+(?:[\w.-]+ (?=[\w.-]+(?:\[\d+\])?:))?"
    r"|[ef]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w./-]+:\d+\][ \t]*"
    r"|\[\d+,\d+\]<std(?:err|out)>:?[ \t]*"
    r"|\[(?:rank|proc|worker|task|mpi_rank|node)[ _=:]?\d+\]:?[ \t]*"
    r"|(?:rank|proc|task|worker)[ _]?\d+[ \t]*:[ \t]+"
    r"|\[\d+\]:?[ \t]+"
    r"|\d+:[ \t]+(?=\S)"
    r"|\(\w[^()]{0,60} pid=\d+[^()]{0,60}\)[ \t]*"
    # other short words with a number are error codes rather than hosts: E1001, ORA-00942
    r"|(?:nid|node|cn|c|n|gpu|cpu|compute|worker|host|blade|hpc|srv|vm|login|r\d+i\d+n|x\d+c\d+s\d+b\d+n)-?[a-z]?\d{1,}[\w.-]*:"
    r"[ \t]+(?=\S)"
    r"|\[[a-z][\w.-]*:\d+(?::\d+)*\][ \t]*"
    r"|[|>]+[ \t]+"
    r")",
    re.IGNORECASE,
)

_SOFT: Final = re.compile(
    r"^\W{0,4}(?:\w+[ :]){0,2}(?:warn(?:ing)?|info|debug|notice|note|trace|hint|verbose|deprecat\w+)\b(?!s)"
    r"|(?<!no )\b\w*warning: "
    r"|^.{0,60}[\[|<( ](?:warn|warning|info|debug|notice)[\]|>)]|^\W{0,3}[\[(](?:w|i|d)[\] :)]|^[wi]\d{4} \d\d:\d\d"
    r"|^.{0,60}[ :|-]+(?:warning|warn|info|debug|notice) *[:|-]"
    r"|\b(?:re-?trying|will retry|to retry|will be retried|retry(?:ing)? in|retry(?: attempt)? #?\d|trying again"
    r"|falling back|fall back to|ignor(?:ed|ing)|skipp(?:ed|ing)|continuing|continue anyway|non-?fatal|harmless"
    r"|recovered|backing off|tolerated|can be (?:safely )?ignored|not critical)\b"
    r"|\b(?:attempt|try|retry) #?\d+ ?(?:/|of|out of) ?\d+\b"
)
_LAST_ATTEMPT: Final = re.compile(
    r"\b(?:attempt|try|retry) #?(\d+) ?(?:/|of|out of) ?\1\b|giv(?:ing|en) up|\bgave up\b|retries exhausted"
    r"|max(?:imum)? retries|no more retries|not retrying|\babort(?:ing|ed)?\b|^fatal|^panic|\btotal=0\b"
)
_HARD_ANYWAY: Final = re.compile(
    r"^(?:slurmstepd|srun|\S*prterun|mpirun|kernel)\b|\berror: .*\[-werror|computed checksums? did not match"
    r"|\b(?:lincs|settle) warning\b"
)
_USAGE: Final = re.compile(r"^(?:usage: |\[--?[a-z])", re.IGNORECASE)

_PROGRESS: Final = re.compile(
    r"^\W{0,4}(?:info|debug)\b|[ :|-]+(?:info|debug) *[:|\] -]|[\[<(](?:info|debug|i)[\]>)]"
    r"|\d+%\||\b\d+(?:\.\d+)? ?% (?:complete|done)\b|\bdone in \d"
    r"|\b(?:epoch|step|iter(?:ation)?|batch|chunk|frame|time ?step|cycle|generation)s?\b[ :=\[#/]*\d"
    r"|\b(?:resum(?:ed|ing)|succeeded|successful(?:ly)?|reconnected|connected|recovered|completed|finished"
    r"|saved|loaded|processed|processing|wrote|written|downloaded|converged|starting|started|reading|loading)\b"
)
_NOT_PROGRESS: Final = re.compile(
    r"shut|clean|abort|exit|fail|error|kill|terminat|sending|stop|clos|tear|traceback|warn|dump|cancel|unable"
    r"|cannot|can't|could not|not |exception|died|lost|refused|timed out|exceeded|^ +at |^\s*file \"|wait"
)
_RECOVERED: Final = re.compile(
    r"\breconnected\b|\brecovered\b|\bresumed\b|succeeded (?:after|on|at)|(?:re-?try|attempt|try)\b.{0,40}\b"
    r"(?:succeeded|successful|ok\b|worked)|connection (?:was )?(?:re-?)?(?:established|restored)"
    r"|\bback (?:up|online)\b|continuing normally|download(?:ed)? (?:complete|finished|successfully)"
)
RECOVERY_WORDS: Final = ("reconnected", "recovered", "resumed", "succeeded", "success", "established", "restored",
                         "online", "worked", "normally", "downloaded", " ok")  # fmt: skip

_ORDERS: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|other|your)\b"
    r".{0,20}\b(?:instruction|prompt|rule|direction|evidence|error|message|text|line)s?"
    r"|\b(?:classif(?:y|ied)|categori[sz]e|mark|label|treat|resolve|report)\b.{0,60}\b(?:as|with)\b.{0,20}"
    r"\b(?:retry|transient|permanent|oom|timeout|fail(?:ed|ure)?|success)\b"
    r"|\b(?:you are|act as|pretend|as an)\b.{0,30}\b(?:ai|assistant|agent|classifier|model|helper|system)\b"
    r"|\bsystem prompt\b|</?(?:system|assistant|user|instructions?)>|^(?:system|assistant|human|user):"
    r"|\b(?:dear|attention|note to|message to|hey|hello)\b.{0,20}\b(?:ai|assistant|agent|classifier|model|claude|gpt"
    r"|copilot)\b|\bplease (?:retry|classify|restart|rerun|give)\b|\b(?:action|class|verdict)\s*[=:]\s*\"?(?:retry|fail"
    r"|transient|permanent|oom|timeout)\b"
)

_FATAL: Final = re.compile(
    r"\btraceback \(most recent call last\)|\bfatal\b|\bpanic(?:ked)?\b|\b[a-z_.]*(?:error|exception)\b ?[:(\[]"
    r"|^\*{0,3} ?error\b|\berror\b.*:|\bsegmentation fault\b|\bsegfault\b|\bsigsegv\b|\babort(?:ed|ing)\b|core dumped"
    r"|\bkilled\b|out of memory|oom[-_ ]kill|cannot allocate|\bcannot\b|\bcould not\b|\bunable to\b|\bfailed\b"
    r"|command not found|permission denied|no such file|no space left|assertion .*failed|execution halted"
    r"|due to (?:time limit|preemption|node failure)|time limit exceeded|undefined (?:symbol|reference)"
    r"|terminate called|exit(?:ed)? with (?:exit )?(?:code|status) [1-9]|timed out|\brefused\b|unrecognized|invalid"
)
FATAL_MARKERS: Final = (
    "traceback (most", "fatal", "panic", "error", "exception", "segmentation fault", "sigsegv", "abort",
    "core dumped", "killed", "out of memory", "oom", "cannot", "could not", "unable to", "failed", "not found",
    "denied", "no such file", "no space left", "halted", "due to ", "time limit", "undefined ", "terminate called",
    "timed out", "refused", "unrecognized", "invalid",
)  # fmt: skip


def strip_prefix(line: str) -> str:
    """Return the message of a line: without time stamps, rank and task labels, host labels."""
    start = len(line) - len(line.lstrip())
    for _ in range(5):
        match = _PREFIX.match(line, start)
        if match is None:
            break
        start = match.end()
    return line[start:].rstrip()


def is_soft(message: str) -> bool:
    """Return whether a lowercase message only warns, informs, explains the usage, or announces another try."""
    if _USAGE.match(message) is not None:
        return True
    if _SOFT.search(message) is None:
        return False
    return _LAST_ATTEMPT.search(message) is None and _HARD_ANYWAY.search(message) is None


def is_progress(message: str) -> bool:
    """Return whether a lowercase message shows that the program went on working."""
    return _PROGRESS.search(message) is not None and _NOT_PROGRESS.search(message) is None


def is_recovery(message: str) -> bool:
    """Return whether a lowercase message reports that an earlier problem is over."""
    return _RECOVERED.search(message) is not None and " not " not in message


def is_order(message: str) -> bool:
    """Return whether a lowercase message addresses a reader who decides, instead of reporting what happened."""
    return _ORDERS.search(message) is not None


def is_fatal(line: str) -> bool:
    """Return whether a line reports a failure rather than a warning."""
    message = strip_prefix(line).lower()
    return _FATAL.search(message) is not None and not is_soft(message)


def find_first_fatal(text: str) -> int | None:
    """Return the number of the first line that reports a failure, counted from 0."""
    lower = text.lower()
    lines = lower.split("\n")
    if not any(marker in lower for marker in FATAL_MARKERS):
        return None
    for number, line in enumerate(lines):
        if any(marker in line for marker in FATAL_MARKERS) and is_fatal(line):
            return number
    return None

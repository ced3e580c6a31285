"""Suggestions from facts alone: runner verdict, scheduler, signal, exit code, memory and time.

A fact proves the cause; a hint only makes it likely, and gives way to texts.
"""

import signal as signals
from typing import Final

from torc_core.evidence.record import Evidence
from torc_core.triage.measured import NEAR_LIMIT, is_late, memory_share
from torc_core.triage.pattern_library import Action, FailureClass
from torc_core.triage.scheduler_states import SCHEDULER_STATES
from torc_core.triage.suggestion import Suggestion
from torc_core.triage.vocabulary import VERDICTS

RUNNER_LOST_CODE: Final = -128
"""The return code of an attempt whose runner was lost; no process can end with it."""

TIMEOUT_COMMAND_CODE: Final = 124
"""The exit code of timeout(1) when the time is up."""

_STOPPING: Final = frozenset({"SIGKILL", "SIGTERM", "SIGXCPU", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGHUP"})

_SIGNALS: Final[dict[str, tuple[FailureClass, str, float, str]]] = {
    "SIGTERM": ("transient", "scheduling", 0.6, "It was ended from outside (SIGTERM)."),
    "SIGHUP": ("transient", "scheduling", 0.6, "It was ended from outside (SIGHUP)."),
    "SIGSEGV": ("permanent", "crash", 0.7, "It crashed on an invalid memory access (SIGSEGV)."),
    "SIGABRT": ("permanent", "crash", 0.6, "It aborted itself (SIGABRT)."),
    "SIGILL": ("permanent", "configuration", 0.75, "It used an instruction this processor lacks (SIGILL)."),
    "SIGFPE": ("permanent", "numerics", 0.85, "It stopped on an arithmetic error (SIGFPE)."),
    "SIGXFSZ": ("permanent", "disk_full", 0.9, "It wrote a file larger than allowed (SIGXFSZ)."),
    "SIGSYS": ("permanent", "crash", 0.7, "It used a forbidden system call (SIGSYS)."),
}
"""The cause that a signal makes likely; SIGKILL depends on memory, SIGBUS and SIGINT have too many causes."""

_EXIT_CODES: Final[dict[int, tuple[FailureClass, str, float, str]]] = {
    124: ("timeout", "walltime", 0.65, "It exited with 124, as timeout(1) does when its time is up."),
    126: ("permanent", "permission", 0.85, "It exited with 126: the command could not be executed."),
    127: ("permanent", "dependency", 0.85, "It exited with 127: a command was not found."),
}


def signal_name(evidence: Evidence) -> str | None:
    """Return the name of the signal that ended the attempt (`SIGKILL`), from the signal or from code 128 + n."""
    number = evidence.signal
    if number is None and 128 < evidence.return_code <= 128 + 64:
        number = evidence.return_code - 128
    if number is None and -64 <= evidence.return_code < 0:
        number = -evidence.return_code
    if number is None:
        return None
    try:
        return signals.Signals(number).name
    except ValueError:
        return None


def assess_facts(evidence: Evidence) -> Suggestion | None:
    """Return what facts alone prove; confidence 1 means that no text can know better."""
    meaning = None if evidence.verdict is None else VERDICTS[evidence.verdict]
    if meaning is None and evidence.return_code == RUNNER_LOST_CODE:
        meaning = VERDICTS["lost"]
    if meaning is not None:
        return _suggest(meaning.class_, meaning.category, meaning.confidence, meaning.reason, meaning.rule)
    return _by_scheduler(evidence) or _by_limits(evidence)


def assess_hints(evidence: Evidence) -> Suggestion | None:
    """Return what signal and exit code make likely, for use where no text names more."""
    if evidence.verdict == "missing_output" or (evidence.missing_output_files and evidence.return_code == 0):
        names = ", ".join(evidence.missing_output_files[:3]) or "its output"
        reason = f"It ended well but did not write {names}."
        return _suggest("permanent", "missing_output", 0.75, reason, "fact-missing-output")
    if _was_cancelled(evidence):
        return None
    peak = memory_share(evidence)
    if peak is not None and peak >= 1.0:
        return _suggest("oom", "memory", 0.7, "Its peak memory was above its limit.", "fact-peak-memory")
    name = signal_name(evidence)
    if name == "SIGKILL" and peak is None:
        reason = "It was killed (SIGKILL), most often for memory; nothing measured says so."
        return _suggest("oom", "memory", 0.5, reason, "fact-sigkill")
    if name is not None:
        return _suggest(*_SIGNALS[name], f"fact-{name.lower()}") if name in _SIGNALS else None
    code = evidence.return_code
    return _suggest(*_EXIT_CODES[code], f"fact-exit-{code}") if code in _EXIT_CODES else None


def _by_scheduler(evidence: Evidence) -> Suggestion | None:
    if evidence.scheduler is None:
        return None
    for phrase in (evidence.scheduler.state, evidence.scheduler.reason):
        word = (phrase or "").upper().replace(" ", "_")
        for prefix, class_, category, reason in SCHEDULER_STATES:
            if word.startswith(prefix):
                return _suggest(class_, category, 0.97, reason, f"fact-scheduler-{prefix.lower().replace('_', '-')}")
    return None


def _by_limits(evidence: Evidence) -> Suggestion | None:
    name = signal_name(evidence)
    if name == "SIGXCPU":
        return _suggest("timeout", "walltime", 0.95, "It was stopped for its time (SIGXCPU, code 152).", "fact-sigxcpu")
    killed = name in _STOPPING or evidence.return_code == TIMEOUT_COMMAND_CODE
    if not killed:
        return None
    peak = memory_share(evidence)
    late = is_late(evidence) is True
    if name == "SIGKILL" and peak is not None and peak >= (1.0 if late else NEAR_LIMIT):
        reason = "It was killed with its memory near or above the limit."
        return _suggest("oom", "memory", 0.93, reason, "fact-killed-memory")
    if late:
        reason = "It was killed after at least 90 % of its allowed runtime."
        return _suggest("timeout", "walltime", 0.93, reason, "fact-killed-late")
    return None


def _was_cancelled(evidence: Evidence) -> bool:
    """Return whether somebody cancelled it: only they know whether it should run again."""
    state = evidence.scheduler.state if evidence.scheduler is not None else None
    return (state or "").upper().startswith("CANCELLED") and evidence.return_code not in _EXIT_CODES


_ADVICE: Final[dict[str, str]] = {
    "memory": "Give it more memory.",
    "walltime": "Give it more runtime.",
    "hardware": "Run it again, on another node if this one fails often.",
    "scheduling": "Run it again.",
    "crash": "Reproduce it with a debugger or with core dumps enabled.",
    "numerics": "Check the input values and the step sizes.",
    "disk_full": "Write less or raise the file size limit.",
    "configuration": "Build for the oldest processor of the cluster, or ask for matching nodes.",
    "permission": "Make the file executable and check its interpreter.",
    "dependency": "Install the program, load its module, or correct PATH.",
    "missing_output": "Check the declared output path, or why the program wrote nothing.",
}


def _suggest(class_: FailureClass, category: str, confidence: float, reason: str, rule: str) -> Suggestion:
    action: Action = "fail" if class_ == "permanent" else "retry"
    return Suggestion(
        class_=class_,
        action=action,
        category=category,
        confidence=confidence,
        reason=reason,
        rule=rule,
        advice=_ADVICE[category],
        memory_helps=class_ == "oom",
        runtime_helps=class_ == "timeout",
    )

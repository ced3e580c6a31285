"""The meaning that states and reasons of schedulers (Slurm, LSF) have for an attempt."""

from typing import Final

from torc_core.triage.pattern_library import FailureClass

SCHEDULER_STATES: Final[tuple[tuple[str, FailureClass, str, str], ...]] = (
    ("OUT_OF_ME", "oom", "memory", "The scheduler stopped it for using more memory than it had asked for."),
    ("OUTOFMEMORY", "oom", "memory", "The scheduler stopped it for using more memory than it had asked for."),
    ("TERM_MEMLIMIT", "oom", "memory", "The scheduler stopped it at its memory limit."),
    ("TIMEOUT", "timeout", "walltime", "The scheduler stopped it at its time limit."),
    ("TIMELIMIT", "timeout", "walltime", "The scheduler stopped it at its time limit."),
    ("DEADLINE", "timeout", "walltime", "The scheduler stopped it at its deadline."),
    ("TERM_RUNLIMIT", "timeout", "walltime", "The scheduler stopped it at its run limit."),
    ("TERM_CPULIMIT", "timeout", "walltime", "The scheduler stopped it at its CPU time limit."),
    ("NODE_FAIL", "transient", "hardware", "The node failed under it."),
    ("NODEFAIL", "transient", "hardware", "The node failed under it."),
    ("NODEDOWN", "transient", "hardware", "The node went down under it."),
    ("BOOT_FAIL", "transient", "hardware", "The node did not boot."),
    ("LAUNCH_FAIL", "transient", "scheduling", "The scheduler could not launch it."),
    ("PREEMPT", "transient", "scheduling", "It was preempted."),
    ("TERM_OWNER", "transient", "scheduling", "It was preempted by the owner of the node."),
    ("REQUEUE", "transient", "scheduling", "The scheduler sent it back to the queue."),
    ("REVOKED", "transient", "scheduling", "Another cluster took the job."),
    ("SYSTEM_FAIL", "transient", "hardware", "The system failed under it."),
)  # fmt: skip
"""Start of the state or reason in capitals with underscores -> class, category, reason.

Starts, because Slurm shortens states to fit a column (`OUT_OF_ME+`) and adds words to them (`CANCELLED by 1000`).
"""

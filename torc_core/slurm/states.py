"""The meaning of Slurm's states and reasons."""

from collections.abc import Mapping
from typing import Final

from torc_core.slurm.allocation import Phase

PHASES: Final[Mapping[str, Phase]] = {
    "PENDING": Phase.QUEUED,
    "REQUEUED": Phase.QUEUED,
    "REQUEUE_FED": Phase.QUEUED,
    "REQUEUE_HOLD": Phase.QUEUED,
    "SPECIAL_EXIT": Phase.QUEUED,
    "RESV_DEL_HOLD": Phase.QUEUED,
    "CONFIGURING": Phase.RUNNING,
    "RUNNING": Phase.RUNNING,
    "RESIZING": Phase.RUNNING,
    "SIGNALING": Phase.RUNNING,
    "STAGE_OUT": Phase.RUNNING,
    "STOPPED": Phase.RUNNING,
    "SUSPENDED": Phase.RUNNING,
    "COMPLETING": Phase.RUNNING,
    "BOOT_FAIL": Phase.ENDED,
    "CANCELLED": Phase.ENDED,
    "COMPLETED": Phase.ENDED,
    "DEADLINE": Phase.ENDED,
    "FAILED": Phase.ENDED,
    "LAUNCH_FAILED": Phase.ENDED,
    "NODE_FAIL": Phase.ENDED,
    "OUT_OF_MEMORY": Phase.ENDED,
    "PREEMPTED": Phase.ENDED,
    "RECONFIG_FAIL": Phase.ENDED,
    "REVOKED": Phase.ENDED,
    "TIMEOUT": Phase.ENDED,
}
"""A completing allocation still runs: its processes may not have ended."""

NEVER_STARTS: Final[Mapping[str, str]] = {
    "AccountNotAllowed": "the account may not use the partition",
    "BadConstraints": "no nodes have what it asks for",
    "DependencyNeverSatisfied": "an allocation that it depends on failed",
    "InvalidAccount": "the account does not exist",
    "InvalidQOS": "the quality of service does not exist",
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "it is held; release it with scontrol release",
    "PartitionConfig": "the partition has no nodes that are large enough",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is inactive",
    "PartitionNodeLimit": "it asks for more nodes than the partition gives",
    "PartitionTimeLimit": "it asks for more time than the partition gives",
    "QOSNotAllowed": "the quality of service may not use the partition",
    "QOSUsageThreshold": "the quality of service has used up its share",
}
"""Reasons for which an allocation stays in the queue until a person changes something, and what they mean."""

WAITS: Final[Mapping[str, str]] = {
    "BeginTime": "it may not begin before its time",
    "Cleaning": "it ran before, and its node is being cleaned",
    "Dependency": "it waits for another allocation to end",
    "FrontEndDown": "the cluster has no node to start it from",
    "JobArrayTaskLimit": "as many tasks of its array run as may run at a time",
    "JobLaunchFailure": "it could not be started; it is tried again",
    "Licenses": "it waits for a license",
    "MaxRequeue": "it was queued again too often",
    "NodeDown": "a node that it asks for is down",
    "None": "the scheduler has not looked at it yet",
    "Priority": "others that wait have a higher priority",
    "Prolog": "its nodes are being prepared",
    "QOSJobLimit": "as many allocations of the quality of service run as may run at a time",
    "QOSResourceLimit": "the quality of service uses as much as it may at a time",
    "QOSTimeLimit": "the quality of service has used up its time",
    "ReqNodeNotAvail": "a node that it asks for is not available",
    "Reservation": "it waits for its reservation",
    "Resources": "it waits for nodes to become free",
}
"""Reasons for which an allocation waits and may start by itself, and what they mean."""


def explain(reason: str | None) -> str:
    """Return in plain words why an allocation is queued; Slurm's own word where it is not known."""
    if reason is None:
        return WAITS["None"]
    if (never := why_never(reason)) is not None:
        return never
    # `ReqNodeNotAvail, UnavailableNodes:n[1-3]`: what follows the word differs
    word = reason.partition(",")[0].partition("(")[0].strip()
    if word in WAITS:
        return WAITS[word]
    if word.startswith(("Assoc", "QOS")):
        return "the account, the user or the quality of service uses as much as it may at a time"
    return word


def state_word(text: str) -> str:
    """Return the state of `CANCELLED by 0` or `CANCELLED+`: its first word, in capitals."""
    words = text.split()
    return words[0].rstrip("+").upper() if words else ""


def phase_of(state: str) -> Phase:
    """Return the phase of a state. An unknown word counts as running, as only known ones are surely an end."""
    return PHASES.get(state_word(state), Phase.RUNNING)


def why_never(reason: str) -> str | None:
    """Return why an allocation with this reason will not start, None where it may start by itself."""
    if reason in NEVER_STARTS:
        return NEVER_STARTS[reason]
    if reason.startswith(("Assoc", "QOS")) and ("PerJob" in reason or reason.endswith("MaxWallDurationPerJobLimit")):
        return "it asks for more than the account or the quality of service gives to one job"
    return None

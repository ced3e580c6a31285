"""Decides when `watch --auto-schedule` asks for more nodes."""

from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

THRESHOLD: Final = 5
COOLDOWN_S: Final = 1800.0
RETRY_WAIT_TIMEOUT_S: Final = 7200.0

Why = Literal["no_schedulers", "threshold", "timeout"]


@dataclass(frozen=True, kw_only=True)
class AutoScheduleOptions:
    """`threshold` 0 means any retry job, `retry_wait_timeout_s` 0 means never."""

    threshold: int = THRESHOLD
    cooldown_s: float = COOLDOWN_S
    retry_wait_timeout_s: float = RETRY_WAIT_TIMEOUT_S


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The state of a workflow at one poll. `retry_jobs` are those of `ready_jobs` with `attempt_id` above 1.

    `has_schedulers`: an allocation runs or waits in the queue; `attempts_ended` counts every
    attempt of the workflow that ever ended, and shows whether the last allocation did anything.
    """

    ready_jobs: int
    retry_jobs: int
    has_schedulers: bool
    attempts_ended: int | None = None


@dataclass(frozen=True, kw_only=True)
class AutoScheduleState:
    """The present scene and what to remember of earlier ones; times are seconds of one clock."""

    scene: Scene
    retries_waiting_since_s: float | None = None
    last_scheduled_s: float | None = None
    attempts_ended_then: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScheduleDecision:
    """Whether to ask for nodes now, and why; `message` is the line for the log, None without a decision."""

    why: Why | None = None
    message: str | None = None

    @property
    def schedules(self) -> bool:
        return self.why is not None


def observe(state: AutoScheduleState | None, scene: Scene, now_s: float) -> AutoScheduleState:
    """Return the state after a poll: the wait of retry jobs begins when the first is seen and ends with the last."""
    since_s = None if state is None else state.retries_waiting_since_s
    waiting_since_s = (now_s if since_s is None else since_s) if scene.retry_jobs else None
    if state is None:
        return AutoScheduleState(scene=scene, retries_waiting_since_s=waiting_since_s)
    return replace(state, scene=scene, retries_waiting_since_s=waiting_since_s)


def note_scheduled(state: AutoScheduleState, now_s: float) -> AutoScheduleState:
    """Return the state after nodes were asked for: both clocks start again."""
    return replace(
        state,
        last_scheduled_s=now_s,
        retries_waiting_since_s=now_s if state.scene.retry_jobs else None,
        attempts_ended_then=state.scene.attempts_ended,
    )


def decide(state: AutoScheduleState, options: AutoScheduleOptions, now_s: float) -> ScheduleDecision:
    """Return whether more nodes are needed now.

    Ready jobs without any allocation get one at once, unless the last one asked for ended without a single
    attempt: then, and in all other cases, the cooldown passes first.
    """
    why = _why(state, options, now_s)
    return (
        ScheduleDecision() if why is None else ScheduleDecision(why=why, message=_message(why, state, options, now_s))
    )


def _why(state: AutoScheduleState, options: AutoScheduleOptions, now_s: float) -> Why | None:
    scene = state.scene
    is_cool = state.last_scheduled_s is None or now_s - state.last_scheduled_s >= options.cooldown_s
    if not scene.has_schedulers:
        return "no_schedulers" if scene.ready_jobs and (is_cool or not _was_in_vain(state)) else None
    if not is_cool or not scene.retry_jobs:
        return None
    if scene.retry_jobs >= options.threshold:
        return "threshold"
    timeout_s = options.retry_wait_timeout_s
    return "timeout" if timeout_s and _waited_s(state, now_s) >= timeout_s else None


def _was_in_vain(state: AutoScheduleState) -> bool:
    # a site that kills every allocation at once must not be flooded with new ones
    ended = state.scene.attempts_ended
    return state.last_scheduled_s is not None and ended is not None and ended == state.attempts_ended_then


def _waited_s(state: AutoScheduleState, now_s: float) -> float:
    return 0.0 if state.retries_waiting_since_s is None else now_s - state.retries_waiting_since_s


def _message(why: Why, state: AutoScheduleState, options: AutoScheduleOptions, now_s: float) -> str:
    scene = state.scene
    match why:
        case "no_schedulers":
            return (
                f"Auto-schedule: No schedulers available but {scene.ready_jobs} ready jobs found "
                f"({scene.retry_jobs} retries)"
            )
        case "threshold":
            return (
                f"Auto-schedule: {scene.retry_jobs} retry jobs waiting (threshold: {options.threshold}), "
                "scheduling more nodes..."
            )
        case "timeout":
            return (
                f"Auto-schedule: {scene.retry_jobs} retry jobs ready without a runner for "
                f"{_waited_s(state, now_s):.0f}s (timeout: {options.retry_wait_timeout_s:.0f}s), scheduling..."
            )
        case unreachable:
            assert_never(unreachable)

"""The world of the campaign: templates, what each job really needs, and what happens to an attempt.

Everything is drawn from hashes of a seed and of names, so no strategy changes what the next one meets.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from benchmarks.corpus import CollectedFailure, load_failures
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage.pattern_library import Action

Fate = Literal["well", "memory", "time", "transient", "bug"]
MIX: Final[dict[Fate, float]] = {"memory": 0.60, "time": 0.25, "transient": 0.10, "bug": 0.05}
"""Shares of the failures, as the guide to automatic recovery counts them."""

FAILING: Final = 0.25
"""Share of the jobs that fail at their first attempt, storage and nodes aside."""
UNDERSIZED: Final = 6
"""Templates whose request is too small for most of their jobs: half of all failures for memory and time are theirs."""
OUTAGE_S: Final = (2.0 * 3600, 3.0 * 3600)
"""While the storage is away, jobs that use it fail within a minute."""
STORAGE_TEMPLATES: Final = 4
"""One of so many templates uses the storage all the time."""
AGAIN: Final = 0.15
"""How likely a transient failure meets the next attempt, too."""
GIB: Final = 1 << 30


@dataclass(frozen=True)
class Template:
    """One kind of job with one requirement."""

    number: int
    cpus: int
    memory_gb: int
    runtime_s: int
    uses_storage: bool

    @property
    def name(self) -> str:
        return f"stage{chr(ord('a') + self.number // 26)}{chr(ord('a') + self.number % 26)}"


@dataclass(frozen=True)
class SimulatedJob:
    """One job and what nobody knows before it ran: its fate and its needs."""

    number: int
    template: Template
    fate: Fate
    memory_bytes: int
    runtime_s: float

    @property
    def name(self) -> str:
        return f"{self.template.name}_{self.number}"

    @property
    def is_curable(self) -> bool:
        """Return whether some further attempt completes it."""
        return self.fate != "bug"


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ends: after how long, and what a runner keeps of it; no evidence where it completes."""

    after_s: float
    evidence: Evidence | None = None
    peak_bytes: int = 0


class World:
    """What happens in one campaign, whatever is done about it."""

    def __init__(self, *, jobs: int, templates: int, seed: int) -> None:
        self.seed = seed
        self.templates = [self._template(number) for number in range(templates)]
        self.jobs = [self._job(number) for number in range(jobs)]

    def chance(self, *names: object) -> float:
        """Return a number from 0 to 1 that depends on the seed and the names alone."""
        digest = hashlib.sha256(repr((self.seed, *names)).encode()).digest()
        return int.from_bytes(digest[:6], "big") / (1 << 48)

    def attempt(
        self, job: SimulatedJob, *, attempt: int, begin_s: float, memory_bytes: int, limit_s: float
    ) -> AttemptEnd:
        """Return how an attempt under these limits ends that begins at `begin_s`."""
        end = self._own_end(job, attempt=attempt, memory_bytes=memory_bytes, limit_s=limit_s)
        away_s, back_s = OUTAGE_S
        if job.template.uses_storage and begin_s < back_s and begin_s + end.after_s > away_s:
            after_s = max(away_s - begin_s, 0.0) + 60.0
            text = self._texts("transient", "retry")[0]
            return AttemptEnd(after_s, self._evidence(text, job, after_s, memory_bytes, limit_s), job.memory_bytes)
        return end

    def least_node_hours(self, node_cpus: int, node_bytes: int) -> float:
        """Return the node-hours of every job once, with just what it needs; of a bug its first attempt."""
        total = 0.0
        for job in self.jobs:
            first = self._own_end(job, attempt=1, memory_bytes=job.memory_bytes, limit_s=job.runtime_s + 1)
            after_s = first.after_s if job.fate == "bug" else job.runtime_s
            total += after_s / 3600 * max(job.template.cpus / node_cpus, job.memory_bytes / node_bytes)
        return total

    @cached_property
    def answers(self) -> dict[str, Action]:
        """Return what a careful reader says to each text that a job may print."""
        return {failure.text: "retry" if failure.action == "retry" else "fail" for failure in load_failures("held_out")}

    def _template(self, number: int) -> Template:
        return Template(
            number=number,
            cpus=(1, 2, 4, 8)[int(self.chance("cpus", number) * 4)],
            memory_gb=(4, 8, 16, 32)[int(self.chance("memory", number) * 4)],
            runtime_s=(1800, 3600, 7200)[int(self.chance("runtime", number) * 3)],
            uses_storage=number % STORAGE_TEMPLATES == 0,
        )

    def _job(self, number: int) -> SimulatedJob:
        template = self.templates[number % len(self.templates)]
        fate = self._fate(number, template)
        # to 2.5 times the request, most of them little more than it
        over = 1.05 * math.exp(self.chance("over", number) ** 2 * math.log(2.4))
        memory_share = over if fate == "memory" else 0.3 + 0.6 * self.chance("share", number)
        runtime_share = over if fate == "time" else 0.3 + 0.6 * self.chance("time", number)
        return SimulatedJob(
            number=number,
            template=template,
            fate=fate,
            memory_bytes=int(memory_share * template.memory_gb * GIB),
            runtime_s=runtime_share * template.runtime_s,
        )

    def _fate(self, number: int, template: Template) -> Fate:
        """Return the fate of a job: half of what lacks memory or time is of the templates that ask for too little."""
        lacking = FAILING * (MIX["memory"] + MIX["time"])
        others = len(self.templates) - UNDERSIZED
        shares: dict[Fate, float] = {fate: FAILING * MIX[fate] for fate in ("transient", "bug")}
        if template.number >= others:
            # the first four lack memory, the last two time
            kind: Fate = "memory" if template.number < others + UNDERSIZED * 2 // 3 else "time"
            shares = {kind: min(lacking / 2 * len(self.templates) / UNDERSIZED, 0.9)}
        else:
            scale = len(self.templates) / others
            memory = MIX["memory"] - (MIX["memory"] + MIX["time"]) / 3
            time = MIX["time"] - (MIX["memory"] + MIX["time"]) / 6
            shares = {
                "memory": FAILING * memory * scale,
                "time": FAILING * time * scale,
                **{fate: share * scale for fate, share in shares.items()},
            }
        drawn = self.chance("fate", number)
        for fate, share in shares.items():
            if drawn < share:
                return fate
            drawn -= share
        return "well"

    def _own_end(self, job: SimulatedJob, *, attempt: int, memory_bytes: int, limit_s: float) -> AttemptEnd:
        part = 0.05 + 0.55 * self.chance("part", job.number)
        if job.fate == "bug":
            text = self._pick(self._texts("", "fail"), "bug", job)
            return self._texted(text, job, part * job.runtime_s, memory_bytes, limit_s)
        is_again = attempt > 1 and self.chance("again", job.number, attempt) < AGAIN
        if job.fate == "transient" and (attempt == 1 or is_again):
            text = self._pick(self._texts("transient", "retry"), "transient", job)
            return self._texted(text, job, part * job.runtime_s, memory_bytes, limit_s)
        if job.memory_bytes > memory_bytes:
            return self._out_of_memory(job, (0.3 + part) * min(job.runtime_s, limit_s), memory_bytes, limit_s)
        if job.runtime_s > limit_s:
            return self._out_of_time(job, memory_bytes, limit_s)
        return AttemptEnd(job.runtime_s, peak_bytes=job.memory_bytes)

    def _out_of_memory(self, job: SimulatedJob, after_s: float, memory_bytes: int, limit_s: float) -> AttemptEnd:
        """Return an end for lack of memory: killed by the runner, or, one in four, reported by the program itself."""
        if self.chance("reports", job.template.number, job.number % 7) < 0.25:
            text = self._pick(self._texts("oom", "retry"), "oom", job)
            peak = int(0.93 * memory_bytes)
            return AttemptEnd(after_s, self._evidence(text, job, after_s, memory_bytes, limit_s, peak=peak), peak)
        evidence = self._bare(after_s, memory_bytes, limit_s, peak=memory_bytes)
        return AttemptEnd(after_s, evidence.model_copy(update={"return_code": 137, "verdict": "oom"}), memory_bytes)

    def _out_of_time(self, job: SimulatedJob, memory_bytes: int, limit_s: float) -> AttemptEnd:
        evidence = self._bare(limit_s, memory_bytes, limit_s, peak=job.memory_bytes)
        return AttemptEnd(
            limit_s, evidence.model_copy(update={"return_code": 152, "verdict": "timeout"}), job.memory_bytes
        )

    def _texted(
        self, text: CollectedFailure, job: SimulatedJob, after_s: float, memory_bytes: int, limit_s: float
    ) -> AttemptEnd:
        peak = int(min(job.memory_bytes, memory_bytes) * 0.7)
        return AttemptEnd(after_s, self._evidence(text, job, after_s, memory_bytes, limit_s, peak=peak), peak)

    def _evidence(
        self,
        text: CollectedFailure,
        job: SimulatedJob,
        after_s: float,
        memory_bytes: int,
        limit_s: float,
        *,
        peak: int | None = None,
    ) -> Evidence:
        facts: dict[str, Any] = {"return_code": 1, **text.facts}
        state = facts.pop("scheduler_state", None)
        scheduler = None if state is None else SchedulerFacts(type="slurm", state=state)
        bare = self._bare(after_s, memory_bytes, limit_s, peak=job.memory_bytes if peak is None else peak)
        return bare.model_copy(update={**facts, "stderr_tail": text.text, "scheduler": scheduler})

    @staticmethod
    def _bare(after_s: float, memory_bytes: int, limit_s: float, *, peak: int) -> Evidence:
        return Evidence(
            return_code=1,
            peak_memory_bytes=min(peak, memory_bytes),
            memory_limit_bytes=memory_bytes,
            runtime_s=after_s,
            runtime_limit_s=limit_s,
        )

    def _texts(self, class_: str, action: Action) -> Sequence[CollectedFailure]:
        """Return held-out texts of the class, of every class where none is named, that call for the action."""
        return self._held_out[class_, action]

    @cached_property
    def _held_out(self) -> dict[tuple[str, Action], list[CollectedFailure]]:
        found: dict[tuple[str, Action], list[CollectedFailure]] = {}
        for failure in load_failures("held_out"):
            action: Action = "retry" if failure.action == "retry" else "fail"
            for class_ in (failure.class_, ""):
                found.setdefault((class_, action), []).append(failure)
        return found

    def _pick(self, texts: Sequence[CollectedFailure], kind: str, job: SimulatedJob) -> CollectedFailure:
        """Return one of the three texts that jobs of this template print."""
        variant = int(self.chance("variant", kind, job.number) * 3)
        return texts[int(self.chance("text", kind, job.template.number, variant) * len(texts))]

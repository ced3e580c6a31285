"""The jobs that this runner holds: queued, started when they fit, running, ended."""

import shlex
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from runner.base.attempt import Attempt, AttemptEnd, ClaimedJob, StopReason
from runner.base.evidence import memory_limit
from runner.base.ledger import Ledger
from runner.base.paths import RunFiles
from runner.base.secrets import resolve
from runner.process.launcher import Ended, Launcher, Unstartable
from runner.process.steps import Steps, messages_file
from torc_core.api.jobs import JobModel
from torc_core.jobs.status import JobStatus
from torc_core.triage.measured import NEAR_LIMIT

_LOOK_AHEAD = 64
CANNOT_START_CODE = 126
LOST_CODE = 137


class Executor:
    """Owns the launcher's job keys, the ledger and the queue of claimed jobs."""

    def __init__(
        self,
        launcher: Launcher,
        *,
        ledger: Ledger,
        files: RunFiles,
        keys: Iterator[int],
        steps: Steps | None = None,
    ) -> None:
        """`steps` is given where jobs run as steps of an allocation."""
        self.steps = steps
        self.lost_nodes: list[str] = []
        """Nodes that have failed, until the supervisor reports them."""
        self.launcher = launcher
        self.ledger = ledger
        self._files = files
        self._keys = keys
        self.queue: deque[ClaimedJob] = deque()
        self.suspects: deque[ClaimedJob] = deque()
        """Claimed jobs that ran when the launcher was lost: one of them may have killed it. Each runs alone, after all
        others, so that it can take no other with it again."""
        self._suspect_ids: set[int] = set()
        self.running: dict[int, Attempt] = {}
        self._started: set[tuple[int, int]] = set()
        self._unanswered: dict[int, float] = {}
        """Keys of starts that the launcher has not answered, oldest first, with their time."""
        self.ended: dict[int, Attempt] = {}
        """Attempts whose process has ended and whose resources are still kept: a recovery script may need them."""

    def held_ids(self) -> set[int]:
        """Return the jobs that are queued, running, or ended with a recovery script under way."""
        attempts = (*self.running.values(), *self.ended.values())
        return {claim.job_id for claim in (*self.queue, *self.suspects)} | {
            attempt.claim.job_id for attempt in attempts
        }

    def has_started(self, claim: ClaimedJob) -> bool:
        """Return whether this very attempt was started here before."""
        return (claim.job_id, claim.attempt_id) in self._started

    @property
    def is_empty(self) -> bool:
        return not (self.queue or self.suspects or self.running or self.ended)

    def enqueue(self, claims: Sequence[ClaimedJob]) -> None:
        """Queue claimed jobs. The server knows the suspects of earlier runners, too."""
        self.queue.extend(claims)
        self._suspect_ids.update(claim.job_id for claim in claims if claim.model.is_suspect)

    def start_what_fits(self) -> list[Attempt]:
        """Start queued jobs in their order; one that does not fit lets smaller ones pass.

        Suspects wait until nothing else runs or is queued, and nothing is started beside one.
        """
        started: list[Attempt] = []
        if self._suspect_ids:
            if self.is_suspect_alone:
                return started
            self.suspects.extend(claim for claim in self.queue if claim.job_id in self._suspect_ids)
            self.queue = deque(claim for claim in self.queue if claim.job_id not in self._suspect_ids)
            if self.suspects and not self.queue and not self.running:
                self._start(self.suspects.popleft(), started)
                return started
        waiting: list[ClaimedJob] = []
        too_large: set[int] = set()
        while self.queue and self.ledger.has_slot and len(waiting) < _LOOK_AHEAD:
            claim = self.queue.popleft()
            # jobs of one requirement share its Need: what did not fit once need not be weighed again
            if id(claim.need) in too_large or not self._start(claim, started):
                too_large.add(id(claim.need))
                waiting.append(claim)
        self.queue.extendleft(reversed(waiting))
        return started

    @property
    def is_suspect_alone(self) -> bool:
        """Return whether all that runs is one suspect."""
        return len(self.running) == 1 and next(iter(self.running.values())).claim.job_id in self._suspect_ids

    def take_claims(self) -> list[ClaimedJob]:
        """Remove and return the claims that have not started."""
        claims = [*self.queue, *self.suspects]
        self.queue.clear()
        self.suspects.clear()
        return claims

    def _start(self, claim: ClaimedJob, started: list[Attempt]) -> bool:
        """Start the job and append its attempt to `started`; False when it does not fit."""
        grant = self.ledger.take(claim.need)
        if grant is None:
            return False
        attempt = Attempt(
            key=next(self._keys),
            claim=claim,
            grant=grant,
            files=self._files.of_attempt(claim.job_id, claim.model.name, claim.attempt_id),
            started_at=time.monotonic(),
        )
        self.running[attempt.key] = attempt
        self._unanswered[attempt.key] = attempt.started_at
        self._started.add((claim.job_id, claim.attempt_id))
        line, env = _line(claim.model), job_environment(attempt)
        if self.steps is None:
            self.launcher.run(attempt.key, line, env=env, stdout=attempt.files.stdout, stderr=attempt.files.stderr)
        else:
            messages = messages_file(attempt.files)
            line = self.steps.line(attempt, line)
            self.launcher.run(attempt.key, line, env=env, stdout=messages, stderr=messages, is_step=True)
        started.append(attempt)
        return True

    def note_start(self, key: int, pid: int) -> None:
        """Note that the launcher has started it: limits count from here. Keys of scripts are ignored."""
        self._unanswered.pop(key, None)
        attempt = self.running.get(key)
        if attempt is not None:
            attempt.pid, attempt.started_at = pid, time.monotonic()

    def note_delay(self, key: int) -> Attempt | None:
        """Note that the launcher tries again to start it; None for keys of scripts."""
        self._unanswered.pop(key, None)
        return self.running.get(key)

    @property
    def start_stalled_s(self) -> float:
        """Return the seconds since the oldest start that the launcher has not answered; 0 when there is none."""
        oldest = next(iter(self._unanswered.values()), None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    def stop(self, attempt: Attempt, reason: StopReason, signum: int, lead_s: float) -> None:
        """Stop the attempt; the first reason stands."""
        attempt.stop = attempt.stop or reason
        self.launcher.stop(attempt.key, signum, lead_s=lead_s)

    def reap(self, event: Ended) -> AttemptEnd | None:
        """Return the attempt's end as the kernel reports it; None for keys of scripts. `free` must follow."""
        attempt = self._end(event.key)
        if attempt is None:
            return None
        self._suspect_ids.discard(attempt.claim.job_id)
        killed_by = -event.exit_code if event.exit_code < 0 else None
        end = AttemptEnd(
            attempt=attempt,
            return_code=event.exit_code if killed_by is None else 128 + killed_by,
            signal=killed_by,
            ended_at=datetime.now(UTC),
            duration_s=event.duration_s,
            cpu_time_s=event.cpu_time_s,
            peak_memory_bytes=self._peak_memory(event, attempt),
        )
        if self.steps is not None:
            self.steps.conclude(end)
            self.lost_nodes.extend(self.ledger.lose(end.failed_nodes))
        return end

    def _peak_memory(self, event: Ended, attempt: Attempt) -> int:
        """Return the bytes that the job certainly held; 0 where that is unknown.

        The kernel's figure is never below what the launcher itself held when it started the job, about 11 MB. Below
        that it only bounds the job's memory, which is of no use where the limit is as low.
        """
        peak, limit = event.peak_memory_bytes, memory_limit(attempt.claim.need)
        is_meaningful = limit is None or peak < NEAR_LIMIT * limit or peak > self.launcher.footprint_bytes()
        return peak if is_meaningful else 0

    def give_up(self, event: Unstartable) -> AttemptEnd | None:
        """Return the end of an attempt that never began; None for keys of scripts. `free` must follow."""
        attempt = self._end(event.key)
        if attempt is None:
            return None
        return AttemptEnd(
            attempt=attempt,
            return_code=CANNOT_START_CODE,
            ended_at=datetime.now(UTC),
            duration_s=0.0,
            verdict="spawn_failed",
            error=f"the job's process could not be started: {event.error} (log files below {self._files.stdio_dir})",
        )

    def replace_launcher(self, launcher: Launcher) -> list[AttemptEnd]:
        """Take a new launcher, and return the ends of all that the old one had started: they are lost."""
        self.launcher = launcher
        ends: list[AttemptEnd] = []
        for attempt in list(self.running.values()):
            self._end(attempt.key)
            self._suspect_ids.add(attempt.claim.job_id)
            ends.append(
                AttemptEnd(
                    attempt=attempt,
                    return_code=LOST_CODE,
                    signal=signal.SIGKILL,
                    ended_at=datetime.now(UTC),
                    duration_s=time.monotonic() - attempt.started_at,
                    status=JobStatus.FAILED,
                    verdict="lost",
                    unmatched=True,
                    infrastructure_fault=True,
                )
            )
        return ends

    def free(self, attempt: Attempt) -> None:
        """Free the resources of an ended attempt."""
        del self.ended[attempt.key]
        self.ledger.free(attempt.grant)

    def _end(self, key: int) -> Attempt | None:
        self._unanswered.pop(key, None)
        attempt = self.running.pop(key, None)
        if attempt is not None:
            self.ended[key] = attempt
        return attempt


def _line(job: JobModel) -> str:
    """Return the job's command; where a secret of it is missing, one that names the secret and exits as unstartable."""
    _, problems = resolve(job.env)
    if not problems:
        return command_line(job)
    return f"echo {shlex.quote('secrets are missing: ' + '; '.join(problems))} >&2; exit {CANNOT_START_CODE}"


def command_line(job: JobModel) -> str:
    """Return what bash runs: an invocation script of one line stands before the command, a longer one above it."""
    if not job.invocation_script:
        return job.command
    script = job.invocation_script.rstrip("\n")
    separator = "\n" if "\n" in script else " "
    return f"{script}{separator}{job.command}"


def job_environment(attempt: Attempt, *, return_code: int | None = None) -> Mapping[str, str]:
    """Return what differs from the environment that all jobs of the run share."""
    job = attempt.claim.model
    env, _ = resolve(job.env)
    env["TORC_JOB_ID"] = str(attempt.claim.job_id)
    env["TORC_JOB_NAME"] = job.name
    env["TORC_ATTEMPT_ID"] = str(attempt.claim.attempt_id)
    if attempt.grant.gpus and not attempt.grant.nodes:
        env["CUDA_VISIBLE_DEVICES"] = ",".join(attempt.grant.gpus)
    if return_code is not None:
        env["TORC_RETURN_CODE"] = str(return_code)
    return env

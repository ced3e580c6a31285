"""A thread that claims jobs, so that starting and reaping never wait for the server's answer."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.base.attempt import ClaimedJob
from runner.base.ledger import Need
from runner.base.threads import LoopThread
from runner.server.action_thread import ActionClaims
from runner.server.connection import Connection, pause_after
from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.jobs import ComputeNodesResources, JobModel, Outlook
from torc_core.errors import ServerFaultError, ServerUnreachableError, TorcError
from torc_core.jobs.status import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """One request for jobs.

    `settled` states that the runner held nothing when it asked: only then an empty answer means that nothing will
    come. `adopt` asks also for jobs that the server gave this runner in an answer that was lost. `triggers`
    are the kinds of actions to claim too, but for those in `done`: they run before the jobs that come with them.
    """

    resources: ComputeNodesResources
    limit: int
    wait_s: float = 0.0
    settled: bool = False
    adopt: bool = False
    triggers: frozenset[str] = frozenset()
    done: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAnswer:
    """The answer to a request: jobs and actions, `error` when the server refused for good, or `lost` when the
    server's answer may have been lost: then it may have given jobs that this runner does not know."""

    request: ClaimRequest
    jobs: list[ClaimedJob] = field(default_factory=list)
    adopted: list[ClaimedJob] = field(default_factory=list)
    actions: list[WorkflowActionModel] = field(default_factory=list)
    outlook: Outlook | None = None
    lost: bool = False
    error: TorcError | None = None


class ClaimThread:
    """Sends one claim request at a time in a thread of its own; the loop takes the answers."""

    def __init__(
        self,
        client: TorcClient,
        workflow_id: int,
        *,
        action_claims: ActionClaims,
        connection: Connection,
        wake: Callable[[], None],
        needs: Callable[[JobModel], Need],
        strict: bool,
        name: str,
    ) -> None:
        self._client = client
        self._workflow_id = workflow_id
        self._action_claims = action_claims
        self._connection = connection
        self._wake = wake
        self._needs = needs
        self._strict = strict
        # the request and `_closing` change under it: a thread that has just looked would sleep on a change it missed
        self._condition = threading.Condition()
        self._request: ClaimRequest | None = None
        self._closing = False
        self._answers: deque[ClaimAnswer] = deque()
        self.is_busy = False
        self.thread = LoopThread(name, self._work, wake=wake, may_end=lambda: self._closing)

    def send(self, request: ClaimRequest) -> None:
        """Hand the thread a request. Only while it is not busy; busy ends with `take`."""
        self.is_busy = True
        with self._condition:
            self._request = request
            self._condition.notify()

    def take(self) -> ClaimAnswer | None:
        """Return the answer, once."""
        if not self._answers:
            return None
        self.is_busy = False
        return self._answers.popleft()

    def close(self) -> None:
        """Ask the thread to end; do not wait for a request under way."""
        with self._condition:
            self._closing = True
            self._condition.notify()

    def _work(self) -> None:
        failures = 0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._request is not None or self._closing)
                request, self._request = self._request, None
            if request is None or self._closing:
                return
            try:
                answer = self._ask(request)
                self._connection.answered("claims")
                failures = 0
            except (ServerUnreachableError, ServerFaultError) as error:
                self._connection.failed("claims", error)
                with self._condition:
                    self._condition.wait_for(lambda: self._closing, pause_after(failures))
                failures += 1
                answer = ClaimAnswer(request=request, lost=True)
            except TorcError as error:
                self._connection.answered("claims")
                answer = ClaimAnswer(request=request, error=error)
            # deque.append is atomic; the answer stands there before the loop is woken, or it would sleep on it
            self._answers.append(answer)
            self._wake()

    def _ask(self, request: ClaimRequest) -> ClaimAnswer:
        node_id = request.resources.id
        adopted: list[ClaimedJob] = []
        if request.adopt and node_id is not None:
            adopted = self._held(
                self._client.jobs.list_all(
                    workflow_id=self._workflow_id, status=JobStatus.PENDING, active_compute_node_id=node_id
                )
            )
        claimed = self._client.claim_jobs(
            self._workflow_id,
            request.resources,
            limit=request.limit,
            wait_s=request.wait_s,
            strict_scheduler_match=self._strict,
        )
        actions: list[WorkflowActionModel] = []
        if request.triggers:
            # after the jobs, never before: an action that must run before a job is due by the time that the job can
            # be claimed, so asking first could miss the action and let its job start without it
            actions = self._action_claims.claim(request.triggers, request.done)
        jobs = self._held(claimed.jobs)
        return ClaimAnswer(request=request, jobs=jobs, adopted=adopted, actions=actions, outlook=claimed.outlook)

    def _held(self, jobs: list[JobModel]) -> list[ClaimedJob]:
        now = time.monotonic()
        return [ClaimedJob(job.id or 0, job.attempt_id or 1, job, self._needs(job), now) for job in jobs]

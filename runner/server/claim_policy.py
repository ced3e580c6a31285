"""The claim policy: when to claim jobs, and how many; pure decisions that build claim requests."""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

from runner.base.attempt import ClaimedJob
from runner.base.ledger import Ledger, Room
from runner.base.settings import Machine
from runner.server.claim_thread import ClaimRequest
from torc_core.api.jobs import Capacity, ComputeNodesResources
from torc_core.resources.duration import format_duration

_WINDOW_S: Final = 0.6
_SHORT_S: Final = 1.0
_MOST_AHEAD: Final = 500
_MOST_AT_ONCE: Final = 1000
_NO_ROOM: Final = Room(cpus=0, memory_bytes=0, gpus=0, nodes=1, slots=0)


class LookAhead:
    """Counts how many jobs to hold in advance: as many short ones as ended lately; none where jobs run long."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=_MOST_AHEAD)

    def note_end(self, now: float, *, duration_s: float) -> None:
        if duration_s < _SHORT_S:
            self._ends.append(now)

    def ahead(self, now: float) -> int:
        while self._ends and self._ends[0] < now - _WINDOW_S:
            self._ends.popleft()
        return len(self._ends)


class ClaimPolicy:
    """Builds claim requests from what is free. `time_left_s` None: no limit."""

    def __init__(
        self,
        machine: Machine,
        *,
        compute_node_id: int,
        run_id: int,
        scheduler_config_id: int | None,
        labels: Sequence[str] = (),
    ) -> None:
        self._labels = list(labels)
        self._node_id = compute_node_id
        self._run_id = run_id
        self._scheduler_config_id = scheduler_config_id
        self._capacity = Capacity(
            num_cpus=machine.cpus,
            num_gpus=len(machine.gpus),
            num_nodes=machine.node_count,
            memory_gb=machine.memory_gb,
        )
        self.look_ahead = LookAhead()
        self.must_adopt = False

    def request_for_room(
        self, ledger: Ledger, queue: Collection[ClaimedJob], *, now: float, time_left_s: float | None
    ) -> ClaimRequest | None:
        """Return a request for what is free and not promised to queued jobs; None when there is no room for more."""
        wanted = self.look_ahead.ahead(now)
        ahead = max(0, wanted - len(queue))
        has_slot = ledger.free_slots is None or ledger.free_slots > len(queue)
        if not has_slot and ahead <= wanted // 2:
            return None  # decided in every step of the loop: what follows walks over the whole queue
        room = ledger.room([claim.need for claim in queue])
        if room.slots == 0 and ahead <= wanted // 2:
            return None
        return self._build(
            room if room.slots else _NO_ROOM,
            ledger,
            limit=min(room.slots, _MOST_AT_ONCE),
            ahead=ahead,
            time_left_s=time_left_s,
        )

    def waiting_request(
        self,
        ledger: Ledger,
        queue: Collection[ClaimedJob],
        *,
        now: float,
        time_left_s: float | None,
        wait_s: float,
        may_claim: bool,
    ) -> ClaimRequest:
        """Return a request that the server answers once there is something to do, or the workflow was canceled.

        Without room, or without `may_claim`, it asks for no job and only waits for the workflow's state to change.
        """
        request = self.request_for_room(ledger, queue, now=now, time_left_s=time_left_s) if may_claim else None
        if request is None:
            request = self._build(_NO_ROOM, ledger, limit=0, ahead=0, time_left_s=time_left_s)
        resources = request.resources.model_copy(update={"ahead": 0})
        return ClaimRequest(resources=resources, limit=request.limit, wait_s=wait_s, settled=request.settled)

    def _build(self, room: Room, ledger: Ledger, *, limit: int, ahead: int, time_left_s: float | None) -> ClaimRequest:
        capacity = self._capacity
        if ledger.node_count != capacity.num_nodes:
            # nodes have failed: jobs that need them all are not to be waited for
            nodes = max(1, ledger.node_count)
            cpus = capacity.num_cpus if ledger.node_count else 0
            capacity = capacity.model_copy(update={"num_nodes": nodes, "num_cpus": cpus})
        return ClaimRequest(
            resources=ComputeNodesResources(
                id=self._node_id,
                run_id=self._run_id,
                labels=self._labels or None,
                num_cpus=room.cpus,
                num_gpus=room.gpus,
                num_nodes=room.nodes,
                memory_gb=room.memory_bytes / (1 << 30),
                time_limit=None if time_left_s is None else format_duration(time_left_s),
                takes_unstated_runtime=True,
                scheduler_config_id=self._scheduler_config_id,
                ahead=ahead,
                capacity=capacity,
            ),
            limit=limit,
            adopt=self.must_adopt,
        )

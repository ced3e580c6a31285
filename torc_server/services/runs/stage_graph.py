"""The stages of a workflow for people: jobs with names that differ in numbers only stand together."""

import re
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from torc_core.jobs.stages import arrange_stages
from torc_core.jobs.status import STATUS_BY_CODE, JobStatus
from torc_server.db.queries.runs import initialize, overview
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.lookup import find_workflow

_NUMBER: Final = re.compile(r"\d+")
_MOST_NODES: Final = 200
"""Of one stage; the rest is counted together."""
_KEPT_S: Final = 60.0
"""The shape is looked at again after so long; the statuses are always those of now."""
_MOST_KEPT: Final = 8


@dataclass(frozen=True)
class StageNode:
    """Jobs of one stage with names alike. `needs` are labels of nodes that they wait for."""

    label: str
    count: int
    job_id: int
    needs: tuple[str, ...]
    counts: Mapping[JobStatus, int]


@dataclass(frozen=True)
class StageView:
    number: int
    nodes: tuple[StageNode, ...]


@dataclass(frozen=True)
class _Shape:
    """The nodes without statuses, and the node of each job in the order of ids."""

    labels: tuple[str, ...]
    stages: tuple[int, ...]
    first_ids: tuple[int, ...]
    needs: tuple[tuple[str, ...], ...]
    node_of: Mapping[int, int]
    made_at: float


class _Shapes:
    """The shapes that were looked at last; used by all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, int], _Shape] = OrderedDict()

    def find(self, key: tuple[str, int], job_ids: int, newest: int) -> _Shape | None:
        with self._lock:
            shape = self._kept.get(key)
        if shape is None or shape.made_at + _KEPT_S < time.monotonic():
            return None
        is_same = len(shape.node_of) == job_ids and (not job_ids or newest in shape.node_of)
        return shape if is_same else None

    def keep(self, key: tuple[str, int], shape: _Shape) -> None:
        with self._lock:
            self._kept[key] = shape
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


_SHAPES: Final = _Shapes()


def stage_graph(uow: UnitOfWork, workflow_id: int) -> list[StageView]:
    """Return the stages in order, each with its jobs by name and how many are in each status."""
    workflow = find_workflow(uow, workflow_id)
    statuses = overview.statuses(uow, workflow_id)
    newest = max((row[0] for row in statuses), default=0)
    # ids are never used again, but another database may be served by the same process in tests
    key = (f"{workflow.name}/{workflow.user}", workflow_id)
    shape = _SHAPES.find(key, len(statuses), newest)
    if shape is None:
        shape = _make(uow, workflow_id)
        _SHAPES.keep(key, shape)
    node_of = shape.node_of
    counts: defaultdict[int, dict[JobStatus, int]] = defaultdict(dict)
    for (node, code), count in Counter((node_of.get(job_id, 0), code) for job_id, code in statuses).items():
        counts[node][STATUS_BY_CODE[code]] = count
    return _views(shape, counts)


def _make(uow: UnitOfWork, workflow_id: int) -> _Shape:
    jobs = overview.names(uow, workflow_id)
    place = {row[0]: position for position, row in enumerate(jobs)}
    waits_for: list[list[int]] = [[] for _ in jobs]
    for job_id, depends_on in initialize.dependencies(uow, workflow_id):
        waits_for[place[job_id]].append(place[depends_on])
    depth = [0] * len(jobs)
    for number, stage in enumerate(arrange_stages(waits_for)):
        for job in stage.jobs:
            depth[job] = number
    nodes: dict[tuple[int, str], int] = {}
    node_at = [
        nodes.setdefault((depth[position], _NUMBER.sub("*", row[1])), len(nodes)) for position, row in enumerate(jobs)
    ]
    labels = tuple(label for _, label in nodes)
    needs: list[set[int]] = [set() for _ in nodes]
    first_ids = [0] * len(nodes)
    for position in reversed(range(len(jobs))):
        first_ids[node_at[position]] = jobs[position][0]
        needs[node_at[position]].update(node_at[blocker] for blocker in waits_for[position])
    return _Shape(
        labels=labels,
        stages=tuple(number for number, _ in nodes),
        first_ids=tuple(first_ids),
        needs=tuple(tuple(labels[node] for node in sorted(each)) for each in needs),
        node_of={row[0]: node for row, node in zip(jobs, node_at, strict=True)},
        made_at=time.monotonic(),
    )


def _views(shape: _Shape, counts: Mapping[int, Mapping[JobStatus, int]]) -> list[StageView]:
    stages: defaultdict[int, list[StageNode]] = defaultdict(list)
    for node, label in enumerate(shape.labels):
        found = counts.get(node, {})
        stages[shape.stages[node]].append(
            StageNode(label, sum(found.values()), shape.first_ids[node], shape.needs[node], found)
        )
    return [StageView(number + 1, _shortened(stages[number])) for number in sorted(stages)]


def _shortened(nodes: list[StageNode]) -> tuple[StageNode, ...]:
    """Return the nodes of a stage; of very many the first ones, and the others together."""
    if len(nodes) <= _MOST_NODES:
        return tuple(nodes)
    shown, rest = nodes[: _MOST_NODES - 1], nodes[_MOST_NODES - 1 :]
    counts: Counter[JobStatus] = Counter()
    for node in rest:
        counts.update(node.counts)
    return (*shown, StageNode(f"{len(rest)} other names", counts.total(), rest[0].job_id, (), counts))

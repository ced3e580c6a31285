"""The worth of recovery: one campaign of 10,000 jobs, of which 2,500 and more fail, under several strategies.

    python -m benchmarks.campaign [--jobs 10000] [--templates 40] [--seed 1]

Jobs, nodes and time are simulated. The server, its triage, diagnosis, plans and decisions are the real ones.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign.simulation import NODE_CPUS, NODE_GB, Campaign, Strategy
from benchmarks.campaign.strategies import NoRecovery, Retries, SharedRaise, Torc
from benchmarks.campaign.wordless_server import no_words
from benchmarks.campaign.world import GIB, World
from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from torc_core.jobs.status import FAILURES, JobStatus

RUNNERS = 8
JOBS_PER_NODE = 400
"""So many jobs one node is for, so that a smaller campaign takes as long."""
HEADER = (
    "what is done about failures",
    "completed",
    "left to a person",
    "wrong retries (node-h)",
    "wrong fails",
    "node-hours",
    "of the least",
    "wall time, h",
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a campaign under one strategy."""

    name: str
    jobs: int
    completed: int
    left: int
    groups: int | None
    """Decisions that a person has to make about those left: one for each group; None where nothing groups them."""
    wrong_retries: int
    wrong_retry_node_hours: float
    wrong_fails: int
    node_hours: float
    least_node_hours: float
    wall_h: float

    def row(self) -> tuple[str, ...]:
        """Return the outcome as cells of the table."""
        groups = "" if self.groups is None else f" in {self.groups} groups"
        return (
            self.name,
            f"{self.completed / self.jobs:.1%}",
            f"{self.left} jobs{groups}",
            f"{self.wrong_retries} ({self.wrong_retry_node_hours:.0f})",
            str(self.wrong_fails),
            f"{self.node_hours:.0f}",
            f"{self.node_hours / self.least_node_hours:.2f}",
            f"{self.wall_h:.1f}",
        )


def run_campaign(world: World, strategy: Strategy, *, nodes_each: int, words: bool = True) -> Outcome:
    """Return the outcome of one campaign, on a server and a database of its own; without `words`, without their model.

    What plans the recovery here, and the server, read texts alike.
    """
    module = "torc_server.main" if words else "benchmarks.campaign.wordless_server"
    with tempfile.TemporaryDirectory() as folder, nullcontext() if words else no_words():
        server = Server(Path(folder), module=module)
        try:
            campaign = Campaign(server.client, world, runners=RUNNERS, nodes_each=nodes_each)
            campaign.run(strategy)
            return _outcome(campaign, strategy)
        finally:
            server.stop()


def _outcome(campaign: Campaign, strategy: Strategy) -> Outcome:
    client, workflow_id, world = campaign.client, campaign.workflow_id, campaign.world
    counts = client.workflow_status(workflow_id).jobs_by_status
    given_up = {each.job_id for each in client.failures.decisions(workflow_id) if each.action == "fail"}
    failed = {job.id or 0 for job in client.jobs.list_all(workflow_id=workflow_id, status=sorted(FAILURES))}
    left = failed - given_up
    found = client.failures.groups(workflow_id, status="all").items if strategy.groups else []
    return Outcome(
        name=strategy.name,
        jobs=len(world.jobs),
        completed=counts[JobStatus.COMPLETED],
        left=len(left),
        groups=sum(not left.isdisjoint(group.job_ids) for group in found) if strategy.groups else None,
        wrong_retries=campaign.spent.wrong_retries,
        wrong_retry_node_hours=campaign.spent.wrong_retry_node_hours,
        wrong_fails=sum(campaign.job(job_id).is_curable for job_id in given_up & failed),
        node_hours=campaign.spent.node_hours,
        least_node_hours=world.least_node_hours(NODE_CPUS, NODE_GB * GIB),
        wall_h=campaign.finished_s / 3600,
    )


def compare(world: World, *, nodes_each: int) -> Iterator[Outcome]:
    """Yield the outcome of each strategy in the same world."""
    yield run_campaign(world, NoRecovery(), nodes_each=nodes_each)
    yield run_campaign(world, Retries("the same again, 3 times"), nodes_each=nodes_each)
    growing = Retries("memory and time x attempt, 3 times", grows=True)
    yield run_campaign(world, growing, nodes_each=nodes_each)
    yield run_campaign(world, SharedRaise(), nodes_each=nodes_each)
    yield run_campaign(world, Torc("Torc, rules alone"), nodes_each=nodes_each, words=False)
    yield run_campaign(world, Torc("Torc, rules and words"), nodes_each=nodes_each)
    yield run_campaign(world, Torc("Torc, with a scripted agent", scripted=True), nodes_each=nodes_each)
    ahead = Torc("Torc, with a scripted agent and foresight", scripted=True, foresight=True)
    yield run_campaign(world, ahead, nodes_each=nodes_each)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--templates", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = World(jobs=options.jobs, templates=options.templates, seed=options.seed)
    nodes_each = max(options.jobs // JOBS_PER_NODE // RUNNERS, 1)
    rows = []
    for outcome in compare(world, nodes_each=nodes_each):
        print(" | ".join(outcome.row()), file=sys.stderr, flush=True)
        rows.append(outcome.row())
    title = f"{options.jobs} jobs of {options.templates} templates on {RUNNERS * nodes_each} nodes ({machine()})"
    print_table(title, HEADER, rows)


if __name__ == "__main__":
    main()

"""Writes the numbers of the server in the text format of Prometheus."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from torc_core import __version__
from torc_server.services.records.metrics import ServerNumbers

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def metrics_text(numbers: ServerNumbers) -> bytes:
    """Return the counts as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Numbers(numbers))
    return generate_latest(registry)


class _Numbers(Collector):
    """The counts of one moment; there is no state between two requests."""

    def __init__(self, numbers: ServerNumbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers
        about = GaugeMetricFamily("torc_server_info", "The version of the server.", labels=["version"])
        about.add_metric([__version__], 1)
        yield about
        jobs = GaugeMetricFamily("torc_jobs", "Jobs of workflows that are not archived.", labels=["status"])
        for status, count in numbers.jobs.items():
            jobs.add_metric([status], count)
        yield jobs
        workflows = GaugeMetricFamily("torc_workflows", "Workflows.", labels=["state"])
        for state, count in numbers.workflows.items():
            workflows.add_metric([state], count)
        yield workflows
        decisions = CounterMetricFamily(
            "torc_decisions", "Decisions about failed jobs that were not undone.", labels=["by", "action"]
        )
        for by, action, count in numbers.decisions:
            decisions.add_metric([by, action], count)
        yield decisions
        yield GaugeMetricFamily("torc_open_proposals", "Proposals that wait.", value=numbers.open_proposals)
        yield GaugeMetricFamily("torc_active_runners", "Runners at work.", value=numbers.active_runners)

"""The test cluster: started once for all tests of a worker, skipped with the reason where Slurm cannot run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from allocation_site import AllocationSite
from helpers import ServerProcess
from slurm_cluster import TestCluster, why_not_here
from submission_site import SubmissionSite

from torc_client.http import TorcClient

_LIMIT_S = 600
"""A test waits for several events of up to 180 s each, and the first one for the start of the cluster, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder):
            item.add_marker(pytest.mark.timeout(_LIMIT_S))


@pytest.fixture(scope="session")
def session_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    if reason := why_not_here():
        pytest.skip(reason)
    cluster = TestCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(session_cluster: TestCluster) -> Iterator[TestCluster]:
    """The cluster without allocations of earlier tests."""
    yield session_cluster
    session_cluster.call("scancel", "--user=root")
    session_cluster.await_idle()


@pytest.fixture
def site(
    cluster: TestCluster, shared_server: ServerProcess, shared_client: TorcClient, tmp_path: Path
) -> AllocationSite:
    return AllocationSite(cluster, shared_server, shared_client, tmp_path)


@pytest.fixture
def login(site: AllocationSite) -> SubmissionSite:
    return SubmissionSite.at(site)

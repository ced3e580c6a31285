"""The published client of another project, pointed at our server."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import torc.openapi_client as upstream
import torc.openapi_client.api as apis
from helpers import ServerProcess

_NAMES = count()


@dataclass(frozen=True)
class Upstream:
    """Every API class of the client; attributes are their calls."""

    classes: tuple[Any, ...]

    def __getattr__(self, call: str) -> Any:
        for kind in self.classes:
            if hasattr(kind, call):
                return getattr(kind, call)
        raise AttributeError(call)

    def new_workflow(self, **settings: Any) -> int:
        """The id of an empty workflow."""
        model = upstream.WorkflowModel(name=f"contract_{next(_NAMES)}", user="tester", **settings)
        workflow_id: int = self.create_workflow(model).id
        return workflow_id

    def new_jobs(self, workflow_id: int, *names: str, **settings: Any) -> list[int]:
        """The ids of jobs without dependencies."""
        jobs = [upstream.JobModel(workflow_id=workflow_id, name=name, command="true", **settings) for name in names]
        return [job.id for job in self.create_jobs(upstream.JobsModel(jobs=jobs)).jobs]

    def new_node(self, workflow_id: int) -> int:
        """The id of a runner with four CPUs."""
        node = upstream.ComputeNodeModel(
            workflow_id=workflow_id,
            hostname="node1",
            pid=7,
            start_time="2026-01-01T00:00:00Z",
            num_cpus=4,
            num_gpus=0,
            num_nodes=1,
            memory_gb=8,
            compute_node_type="local",
        )
        node_id: int = self.create_compute_node(node).id
        return node_id

    def result(self, workflow_id: int, job_id: int, node_id: int, **changes: Any) -> Any:
        """What a runner reports of a job that ended well."""
        values = {
            "job_id": job_id,
            "workflow_id": workflow_id,
            "run_id": 1,
            "compute_node_id": node_id,
            "return_code": 0,
            "exec_time_minutes": 0.5,
            "completion_time": "2026-01-01T00:00:30Z",
            "status": "completed",
        }
        return upstream.ResultModel.from_dict({**values, **changes})


@pytest.fixture(scope="session")
def api(shared_server: ServerProcess) -> Iterator[Upstream]:
    secret = base64.b64encode(f"tester:{shared_server.token}".encode()).decode()
    connection = upstream.ApiClient(upstream.Configuration(host=shared_server.url))
    connection.set_default_header("Authorization", f"Basic {secret}")
    with connection:
        names = [name for name in vars(apis) if name.endswith("Api") and name != "DefaultApi"]
        yield Upstream(tuple(getattr(apis, name)(connection) for name in names))

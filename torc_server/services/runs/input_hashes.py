"""Hashes of the inputs of jobs, by which a later change is noticed."""

import json
from hashlib import sha256

from torc_server.db.queries.runs import initialize as queries
from torc_server.db.queries.runs.initialize import Inputs
from torc_server.db.unit_of_work import UnitOfWork


def store_hashes(uow: UnitOfWork, workflow_id: int) -> None:
    """Store the hash of the present inputs of every uninitialized job."""
    hashes = [(_digest(inputs), inputs.job_id) for inputs in queries.job_inputs(uow, workflow_id, hashed=False)]
    queries.write_hashes(uow, hashes)


def changed_jobs(uow: UnitOfWork, workflow_id: int) -> list[tuple[int, str]]:
    """Return (id, name) of the jobs whose inputs changed since their last initialize."""
    return [
        (inputs.job_id, inputs.name)
        for inputs in queries.job_inputs(uow, workflow_id, hashed=True)
        if inputs.input_hash != _digest(inputs)
    ]


def _digest(inputs: Inputs) -> str:
    facts = (inputs.command, inputs.invocation_script or None, *inputs[5:])
    return sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()

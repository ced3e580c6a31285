"""The check that a body names no records of another workflow."""

from collections.abc import Collection
from typing import Final

from torc_core.errors import InvalidInputError
from torc_server.db.queries.records.lookup import others_records
from torc_server.db.unit_of_work import UnitOfWork

RUNNERS: Final = ("compute_node",)
SCHEDULERS: Final = ("slurm_scheduler", "local_scheduler")
"""Both kinds have ids of their own, and most fields do not say which they mean."""
ALLOCATIONS: Final = ("scheduled_compute_node",)


def refuse_foreign(
    uow: UnitOfWork, workflow_id: int, field: str, tables: Collection[str], ids: Collection[int | None]
) -> None:
    """Raise InvalidInputError for ids that are another workflow's: who reads this one would see, or end, that one.

    Ids that nothing has are let through: imports name runners and allocations that are gone.
    """
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return
    foreign = others_records(uow, tables, workflow_id, wanted)
    if foreign:
        raise InvalidInputError(
            f"{field} names what workflow {workflow_id} does not have: {', '.join(map(str, foreign[:10]))}",
            hint="name one of the workflow's own",
            ids={"workflow_id": workflow_id},
        )

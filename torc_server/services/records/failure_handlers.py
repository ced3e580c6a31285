"""Rules for failures by exit code."""

from typing import Final

from pydantic import ValidationError

from torc_core.api.failure_handlers import FAILURE_RULES, FailureHandlerModel
from torc_core.errors import InvalidInputError
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.tables.workflows import FailureHandler
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.base import Records

FAILURE_HANDLERS: Final = Records(RecordStore(FailureHandler), FailureHandlerModel, noun="failure handler")


def create_failure_handler(uow: UnitOfWork, record: FailureHandlerModel) -> FailureHandlerModel:
    """Create a failure handler. Raises InvalidInputError for rules that no runner could follow."""
    try:
        FAILURE_RULES.validate_json(record.rules)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("rules", *first["loc"]))
        raise InvalidInputError(
            f"failure handler {record.name!r}: {place}: {first['msg']}",
            hint='rules are a JSON array, for example [{"exit_codes": [137], "max_retries": 3}]',
        ) from error
    return FAILURE_HANDLERS.create(uow, record)

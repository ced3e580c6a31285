"""One transaction a request: a service is run in it, and what happened is told after the commit."""

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Request

from torc_core.errors import InvalidInputError
from torc_server.broadcast import Hub
from torc_server.db.engine import Database
from torc_server.db.unit_of_work import UnitOfWork, read_unit, write_unit
from torc_server.settings import ServiceSettings

P = ParamSpec("P")
R = TypeVar("R")

Service = Callable[Concatenate[UnitOfWork, P], R]


class Work:
    """Runs services for the routes; made once, used by all threads."""

    def __init__(self, database: Database, settings: ServiceSettings, hub: Hub) -> None:
        self.hub = hub
        self._database = database
        self._settings = settings

    def read(self, service: Service[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The service's answer, from one consistent view of the database."""
        with read_unit(self._database, self._settings) as unit:
            return service(unit, *args, **kwargs)

    def write(self, service: Service[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The service's answer; all it did is committed, or nothing when it raised."""
        try:
            with write_unit(self._database, self._settings) as unit:
                answer = service(unit, *args, **kwargs)
        except OverflowError as error:
            raise InvalidInputError("a number of the request is too large to be stored") from error
        self.hub.publish(unit.announcements, wake=unit.touched)
        return answer


async def _work(request: Request) -> Work:
    work: Work = request.app.state.work
    return work


Working = Annotated[Work, Depends(_work)]

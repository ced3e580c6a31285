"""One transaction a request: a service runs in it, and its news are published after the commit."""

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Request

from torc_core.errors import InvalidInputError
from torc_server.broadcast import Hub
from torc_server.db.engine import Database
from torc_server.db.unit_of_work import UnitOfWork, read_unit, write_unit
from torc_server.services.access.audit import record_audited
from torc_server.settings import ServiceSettings

P = ParamSpec("P")
R = TypeVar("R")

Service = Callable[Concatenate[UnitOfWork, P], R]


class Work:
    """Runs services for the routes; one for the server, used by all threads."""

    def __init__(self, database: Database, settings: ServiceSettings, hub: Hub) -> None:
        self.hub = hub
        self._database = database
        self._settings = settings

    def read(self, service: Service[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the service's answer, from one consistent view of the database."""
        with read_unit(self._database, self._settings) as unit:
            return service(unit, *args, **kwargs)

    def write(self, service: Service[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the service's answer; its changes are committed, or none of them when it raises."""
        return self._committed(lambda unit: service(unit, *args, **kwargs))

    def delete(self, service: Service[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do as `write`, for a service that deletes all that refers to what it deletes: nothing looks for more."""
        return self._committed(lambda unit: service(unit, *args, **kwargs), checks_references=False)

    def _committed(self, act: Callable[[UnitOfWork], R], *, checks_references: bool = True) -> R:
        try:
            with write_unit(self._database, self._settings, checks_references=checks_references) as unit:
                answer = act(unit)
                record_audited(unit)
        except OverflowError as error:
            raise InvalidInputError("a number of the request is too large to be stored") from error
        # after the commit: a claim that is woken before it would not see the jobs, and wait again
        self.hub.publish(unit.announcements, wake=unit.touched)
        return answer


async def _work(request: Request) -> Work:
    work: Work = request.app.state.work
    return work


Working = Annotated[Work, Depends(_work)]

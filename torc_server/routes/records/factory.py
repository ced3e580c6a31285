"""The routes that every kind of record has: create, list, get, update, delete, delete all of a workflow."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import APIRouter

from torc_core.api.base import ApiModel, Page
from torc_core.api.system import DeleteCount
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.routes.parameters import RecordId, SortedPage, WorkflowId
from torc_server.routes.unit_of_work import Service, Work, Working
from torc_server.services.records.base import Records

M = TypeVar("M", bound=ApiModel)
Endpoint = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class RecordServices(Generic[M]):
    """The services behind the routes of one kind of record; None means that there is no such route."""

    create: Callable[[UnitOfWork, M], M] | None
    list_page: Callable[..., Page[M]] | None
    get: Callable[[UnitOfWork, int], M] | None
    update: Callable[[UnitOfWork, int, M], M] | None
    delete: Callable[[UnitOfWork, int], M] | None
    delete_all: Callable[[UnitOfWork, int], DeleteCount] | None


def services_of(records: Records[M]) -> RecordServices[M]:
    """Return the services of records without rules of their own; the filters of their lists are columns."""

    def list_page(uow: UnitOfWork, workflow_id: int, page: Any, **equals: Any) -> Page[M]:
        return records.list_page(uow, workflow_id, page, equals=equals)

    return RecordServices(
        create=records.create,
        list_page=list_page,
        get=records.get,
        update=records.update,
        delete=records.delete,
        delete_all=records.delete_all,
    )


def add_record_routes(
    router: APIRouter,
    path: str,
    model: type[M],
    services: RecordServices[M],
    *,
    one: str,
    filters: Mapping[str, Any] | None = None,
    page: Any = SortedPage,
    names: Mapping[str, str] | None = None,
    tags: tuple[str, ...] = (),
) -> None:
    """Add a route under `path` for each of the services.

    `filters` are the query parameters of the list with their types (or pairs of type and default); they reach the
    service as keywords. Operations are called verb_`one` and verb_path; `names` holds, by service, the others.
    """
    query = {name: each if isinstance(each, tuple) else (each, None) for name, each in (filters or {}).items()}
    plural = path.removeprefix("/")
    of_record = {"record_id": RecordId, "work": Working}
    of_workflow = {"workflow_id": WorkflowId, "work": Working}
    page_model: Any = Page.__class_getitem__(model)

    def add(service: str, method: str, place: str, parameters: Mapping[str, Any], answer: Any, *order: str) -> None:
        act = getattr(services, service)
        if act is not None:
            default = {"list_page": f"list_{plural}", "delete_all": f"delete_{plural}"}.get(service, f"{service}_{one}")
            endpoint = route_function(
                (names or {}).get(service, default),
                parameters,
                answer,
                reading(act, *order) if method == "GET" else writing(act, *order),
            )
            router.add_api_route(path + place, endpoint, methods=[method], tags=list(tags))

    add("create", "POST", "", {"body": model, "work": Working}, model, "body")
    add("list_page", "GET", "", {**of_workflow, "page": page, **query}, page_model, "workflow_id", "page")
    add("get", "GET", "/{id}", of_record, model, "record_id")
    add("update", "PUT", "/{id}", {**of_record, "body": model}, model, "record_id", "body")
    add("delete", "DELETE", "/{id}", of_record, model, "record_id")
    add("delete_all", "DELETE", "", of_workflow, DeleteCount, "workflow_id")


def reading(service: Service[..., Any], *positional: str) -> Endpoint:
    """Return what a route does that reads: the service gets these parameters by position, the others by name."""

    def act(work: Work, **values: Any) -> Any:
        return work.read(service, *(values.pop(name) for name in positional), **values)

    return act


def writing(service: Service[..., Any], *positional: str) -> Endpoint:
    """Return what a route does that writes; parameters as in `reading`."""

    def act(work: Work, **values: Any) -> Any:
        return work.write(service, *(values.pop(name) for name in positional), **values)

    return act


def route_function(name: str, parameters: Mapping[str, Any], answer: Any, act: Callable[..., Any]) -> Endpoint:
    """Return a function that FastAPI reads as if it were written out: `def name(*parameters) -> answer`.

    A parameter is its annotation, or a pair of annotation and default.
    """

    def endpoint(**values: Any) -> Any:
        return act(**values)

    endpoint.__name__ = endpoint.__qualname__ = name
    endpoint.__dict__["__signature__"] = inspect.Signature(
        [_parameter(key, value) for key, value in parameters.items()], return_annotation=answer
    )
    return endpoint


def _parameter(name: str, value: Any) -> inspect.Parameter:
    annotation, default = value if isinstance(value, tuple) else (value, inspect.Parameter.empty)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

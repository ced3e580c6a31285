"""The names of one workflow, and problems for names that do not exist."""

from collections.abc import Sequence

from torc_core.errors import InvalidInputError
from torc_core.spec.expand import Expansion
from torc_core.spec.names import Names
from torc_core.spec.problems import KeyPath, Problems, did_you_mean, show
from torc_core.spec.spec import Spec
from torc_core.spec.templates import Row


class NamedRecords:
    """Records that are never expanded, by name: resource requirements, failure handlers, schedulers."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        self.kind = kind
        self.positions = {name: position for position, name in reversed(list(enumerate(names)))}


class Links:
    """Finds positions. A place with a problem is reported once and finds nothing from then on."""

    def __init__(self, spec: Spec, expansion: Expansion, problems: Problems) -> None:
        body = spec.body
        self.problems = problems
        self.jobs = Names("job", expansion.jobs)
        self.files = Names("file", expansion.files)
        self.user_data = Names("user data", expansion.user_data)
        self.requirements = NamedRecords("resource requirements", [r.name for r in body.resource_requirements or []])
        self.handlers = NamedRecords("failure handler", [r.name for r in body.failure_handlers or []])
        self.schedulers = NamedRecords("Slurm scheduler", [r.name for r in body.slurm_schedulers or []])
        self.serialized = {r.name for r in body.slurm_schedulers or [] if r.serialize_allocations}

    def find(
        self,
        path: KeyPath,
        names: Names,
        name: str,
        *,
        written: str,
        parameters: tuple[str, ...] = (),
        row: Row = (),
    ) -> list[int]:
        """Return positions by name, as in `Names.find`."""
        if path in self.problems:
            return []
        try:
            return names.find(name, written, parameters=parameters, row=row)
        except InvalidInputError as error:
            self.problems.add(path, error.message)
            return []

    def match(self, path: KeyPath, names: Names, pattern: str) -> list[int]:
        """Return positions by regular expression, as in `Names.match`."""
        if path in self.problems:
            return []
        try:
            return names.match(pattern)
        except InvalidInputError as error:
            self.problems.add(path, error.message)
            return []

    def record(self, path: KeyPath, records: NamedRecords, name: str | None) -> int | None:
        """Return the position of the record with this name; None without a name, and after a problem."""
        if name is None:
            return None
        if name not in records.positions and path not in self.problems:
            known = did_you_mean(name, records.positions)
            self.problems.add(path, f"there is no {records.kind} {show(name)}{known}")
        return records.positions.get(name)

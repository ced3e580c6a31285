"""Reads a large JSON body in parts, so that other requests go on meanwhile and memory stays near the body's size."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from torc_core.errors import InvalidInputError

_PART_CHARS: Final = 256 * 1024
"""What is turned into records in one step, during which no other thread runs: about 10 ms."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCAN: Final = JSONDecoder(strict=False).raw_decode

ProblemList = Sequence[Mapping[str, Any]]


class BodyProblemsError(Exception):
    """The body is JSON and breaks the contract; `problems` as those of pydantic, placed in the whole body."""

    def __init__(self, problems: ProblemList) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@dataclass(frozen=True)
class BodyReader:
    """Reads bodies of one model; `lists` are its fields that hold records, with what reads some of them."""

    model: type[BaseModel]
    lists: Mapping[str, TypeAdapter[list[BaseModel]]]

    @classmethod
    def of(cls, model: Any) -> "BodyReader | None":
        """Return the reader of a model with lists of records; None for models that must see their body as a whole."""
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        decorators = model.__pydantic_decorators__
        modes: list[str] = [each.info.mode for each in decorators.model_validators.values()]
        modes += [each.info.mode for each in decorators.field_validators.values()]
        if any(mode != "after" for mode in modes):
            return None
        annotations: dict[str, Any] = {
            name: field.annotation for name, field in model.model_fields.items() if field.alias is None
        }
        lists = {
            name: TypeAdapter(annotation) for name, annotation in annotations.items() if _is_list_of_records(annotation)
        }
        return cls(model, lists) if lists else None

    def read(self, held: list[str]) -> BaseModel:
        """Return the model of the text, each character of which is one byte of the body.

        The text is taken out of `held`: nobody else keeps it while records are made from it. Raises InvalidInputError
        for what is no JSON, and BodyProblemsError.
        """
        text = held.pop()
        fields: dict[str, Any] = {}
        try:
            place = _after(text, 0, "{")
            while text[place] != "}":
                name, place = _SCAN(text, place)
                if not isinstance(name, str):
                    raise ValueError(f"a name is missing before byte {place}")
                place = _after(text, place, ":")
                if name in self.lists and text[place] == "[":
                    fields[name], place = self._read_list(text, place, name)
                else:
                    _, end = _SCAN(text, place)
                    fields[name], place = from_json(text[place:end].encode("latin-1")), end
                place = _next(text, place, "}")
            if _skip(text, place + 1) != len(text):
                raise ValueError("there is more after its end")
        except (JSONDecodeError, IndexError, ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, JSONDecodeError) else str(error)
            raise InvalidInputError(f"body: it is not JSON as the contract has it: {reason}") from error
        del text
        try:
            return self.model.model_validate(fields)
        except ValidationError as error:
            raise BodyProblemsError(error.errors(include_input=False)) from error

    def _read_list(self, text: str, place: int, name: str) -> tuple[list[BaseModel], int]:
        records: list[BaseModel] = []
        lean = _Lean()
        start = place = _skip(text, place + 1)
        while text[place] != "]":
            _, end = _SCAN(text, place)
            place = _next(text, end, "]")
            if end - start >= _PART_CHARS or text[place] == "]":
                part = f"[{text[start:end]}]".encode("latin-1")
                try:
                    records += map(lean.copy, self.lists[name].validate_json(part))
                except ValidationError as error:
                    raise BodyProblemsError(_placed(error, name, len(records))) from error
                start = place
        return records, place + 1


class _Lean:
    """Copies records into as little memory as Python allows.

    A record as pydantic makes it has a dict and a set of its own, 1.5 kB for a job of 30 bytes; set one by one, the
    attributes of all records share one table of names.
    """

    def __init__(self) -> None:
        self._sets: dict[frozenset[str], set[str]] = {}

    def copy(self, record: BaseModel) -> BaseModel:
        kind = type(record)
        made = kind.__new__(kind)
        for name, value in record.__dict__.items():
            object.__setattr__(made, name, value)
        given = record.model_fields_set
        # one set for all records of which the same fields were given: nothing assigns to fields of a body's records
        object.__setattr__(made, "__pydantic_fields_set__", self._sets.setdefault(frozenset(given), given))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


def _is_list_of_records(annotation: object) -> bool:
    item = next(iter(get_args(annotation)), None)
    return get_origin(annotation) is list and isinstance(item, type) and issubclass(item, BaseModel)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def _after(text: str, place: int, sign: str) -> int:
    """Return the place after the sign, which comes next, and after the space behind it."""
    place = _skip(text, place)
    if text[place] != sign:
        raise ValueError(f"{sign!r} is missing at byte {place}")
    return _skip(text, place + 1)


def _next(text: str, place: int, closing: str) -> int:
    """Return the place of the next member, or of the closing bracket."""
    place = _skip(text, place)
    if text[place] == closing:
        return place
    place = _after(text, place, ",")
    if text[place] == closing:
        raise ValueError(f"a member is missing at byte {place}")
    return place


def _placed(error: ValidationError, name: str, before: int) -> ProblemList:
    problems: list[Mapping[str, Any]] = []
    for problem in error.errors(include_input=False):
        place = problem["loc"]
        number = (before + place[0], *place[1:]) if place and isinstance(place[0], int) else place
        problems.append({**problem, "loc": (name, *number)})
    return problems

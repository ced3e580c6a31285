"""KDL workflow files: the package ckdl parses them; nodes become the keys of other languages by the model's types."""

import json
import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from torc_core.spec.languages.kdl_places import NodePlace, node_places, parts
from torc_core.spec.model import JobSpec, UserDataSpec, WorkflowSpec
from torc_core.spec.problems import START, KeyPath, Place, format_path, show, syntax_error
from torc_core.spec.source import Source, nearest_place, refuse_unusable_values

if TYPE_CHECKING:
    from ckdl import Node

_Kind = Literal["records", "list", "record", "mapping", "scalar", "any"]
_ALIASES: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {JobSpec: {"depends_on_job": "depends_on"}}
"""Names of nodes that are neither a key nor the singular of one."""
_JSON_TEXT: Final = (UserDataSpec, "data")


def read_kdl(text: str, *, file_name: str) -> Source:
    """Parse KDL of version 1 or 2. Raises SpecError, with the place, for anything else, and for a key given twice."""
    import ckdl  # only such a file pays for the import

    places = node_places(text, file_name=file_name)
    try:
        document = ckdl.parse(text, version="any")
    except (ckdl.ParseError, ValueError, RecursionError) as error:
        place = _faulty(text, places)
        message = f"not valid KDL: {_of_one_node(text, place) or error}"
        raise syntax_error(file_name, place.place if place else START, message) from None
    reader = _KdlReader(file_name, iter(places))
    value = reader.record(document.nodes, WorkflowSpec, ())
    source = Source(file_name, value, lambda path: nearest_place(reader.found, path))
    refuse_unusable_values(source)
    return source


def _faulty(text: str, places: list[NodePlace]) -> NodePlace | None:
    """Return the innermost node that cannot be parsed by itself."""
    import ckdl

    found: NodePlace | None = None
    start, end, depth = 0, len(text), 0
    while True:
        for part, place in parts(text, places, depth=depth, start=start, end=end):
            try:
                ckdl.parse(part, version="any")
            except ValueError:
                found = place
                break
        else:
            return found
        start, end, depth = found.start + 1, found.end, depth + 1


def _of_one_node(text: str, place: NodePlace | None) -> str | None:
    import ckdl

    if place is None:
        return None
    try:
        ckdl.parse(text[place.start : place.end], version="any")
    except ValueError as error:
        return str(error)
    return None


class _KdlReader:
    """Builds mappings and lists from nodes; `places` are those of all nodes, in the order in which they are read."""

    def __init__(self, file_name: str, places: Iterator[NodePlace]) -> None:
        self.file_name = file_name
        self.places = places
        self.found: dict[KeyPath, Place] = {}

    def record(self, nodes: "list[Node]", model: type[BaseModel], path: KeyPath) -> dict[str, Any]:
        """Return the mapping that the nodes describe, in which each is a key of the model."""
        record: dict[str, Any] = {}
        for node in nodes:
            place = next(self.places).place
            key = _key_of(node.name, model)
            field = model.model_fields.get(key)
            kind, inner = _kind_of(field.annotation) if field else ("any", None)
            if kind == "records" and inner is not None:
                items = record.setdefault(key, [])
                items.append(self._item(node, inner, (*path, key, len(items)), place))
                self.found.setdefault((*path, key), place)
                continue
            if kind == "list" and not node.children:
                items = record.setdefault(key, [])
                for value in node.args:
                    self.found[(*path, key, len(items))] = place
                    items.append(_plain(value))
                self.found.setdefault((*path, key), place)
                continue
            if key in record:
                first = self.found[(*path, key)]
                raise self._fault((*path, key), place, f"the key {show(key)} is given twice, first on line {first[0]}")
            self.found[(*path, key)] = place
            if kind == "record" and inner is not None:
                record[key] = self._item(node, inner, (*path, key), place)
            else:
                record[key] = self._value(node, model, (*path, key), place)
        return record

    def _item(self, node: "Node", model: type[BaseModel], path: KeyPath, place: Place) -> dict[str, Any]:
        """Return a record: its first argument is its name, its properties are keys as its children are."""
        self.found[path] = place
        record: dict[str, Any] = {}
        if node.args and "name" in model.model_fields:
            record["name"] = _plain(node.args[0])
        elif node.args:
            raise self._fault(path, place, f"takes keys in a block, not the value {show(_plain(node.args[0]))}")
        if len(node.args) > 1:
            raise self._fault(path, place, f"has one name, and {show(_plain(node.args[1]))} is one too many")
        record |= {key: _plain(value) for key, value in node.properties.items()}
        for key in record:
            self.found[(*path, key)] = place
        for key, value in self.record(node.children, model, path).items():
            if key in record:
                raise self._fault((*path, key), self.found[(*path, key)], f"the key {show(key)} is given twice")
            record[key] = value
        return record

    def _value(self, node: "Node", model: type[BaseModel], path: KeyPath, place: Place) -> Any:
        """Return the value of a node: its argument, several as a list, or a mapping of its properties and children."""
        if node.children or node.properties:
            if node.args:
                raise self._fault(path, place, "has a value and keys of its own")
            value: dict[str, Any] = {key: _plain(item) for key, item in node.properties.items()}
            for child in node.children:
                child_place = next(self.places).place
                if child.name in value:
                    raise self._fault((*path, child.name), child_place, f"the key {show(child.name)} is given twice")
                self.found[(*path, child.name)] = child_place
                value[child.name] = self._value(child, BaseModel, (*path, child.name), child_place)
            return value
        if not node.args:
            field = model.model_fields.get(str(path[-1]))
            if field is not None and _kind_of(field.annotation)[0] == "mapping":
                return {}
            raise self._fault(path, place, f"the node {show(node.name)} needs a value")
        if len(node.args) > 1:
            return [_plain(value) for value in node.args]
        return self._from_json(_plain(node.args[0]), model, path, place)

    def _from_json(self, value: Any, model: type[BaseModel], path: KeyPath, place: Place) -> Any:
        """Return the value of a JSON text, where the key takes any value; all others as they are."""
        if (model, path[-1]) != _JSON_TEXT or not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise self._fault(path, place, f"is text that is no JSON: {error}") from None

    def _fault(self, path: KeyPath, place: Place, message: str) -> Exception:
        return syntax_error(self.file_name, place, f"{format_path(path)}: {message}")


def _key_of(name: str, model: type[BaseModel]) -> str:
    """Return the key of a node: its name, or the plural of it."""
    fields = model.model_fields
    plurals = (_ALIASES.get(model, {}).get(name, name), name, f"{name}s", f"{name}es")
    return next((key for key in plurals if key in fields), name)


def _kind_of(annotation: Any) -> tuple[_Kind, type[BaseModel] | None]:
    """Return what a key holds, and the model of its records."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        known = [part for part in get_args(annotation) if part is not type(None)]
        return _kind_of(known[0]) if len(known) == 1 else ("scalar", None)
    if origin is list:
        (inner,) = get_args(annotation)
        return ("records", inner) if isinstance(inner, type) and issubclass(inner, BaseModel) else ("list", None)
    if origin is dict:
        return "mapping", None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "record", annotation
    return ("any" if annotation is Any else "scalar"), None


def _plain(value: Any) -> Any:
    """Return the value without the type that KDL may write before it."""
    return value.value if hasattr(value, "type_annotation") else value

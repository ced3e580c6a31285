"""The text of a workflow file as plain values with their places: YAML here, other languages in files of their own."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath
from typing import Any, Final

import yaml

from torc_core.errors import SpecError
from torc_core.spec.languages.json5_text import read_json5
from torc_core.spec.languages.json_text import read_json
from torc_core.spec.languages.kdl_text import read_kdl
from torc_core.spec.problems import START, KeyPath, Place, format_path, show, syntax_error
from torc_core.spec.source import MAX_DEPTH, Source, nearest_place, place_of, refuse_unusable_values

MAX_COPIED_VALUES: Final = 1_000_000
"""Values that aliases may repeat; a few lines of nested aliases could otherwise fill the memory."""

_PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE: Final = "tag:yaml.org,2002:"
_LOOKS_LIKE_JSON5: Final = re.compile(r"(\s|//[^\n]*|/\*.*?\*/)*\{", re.DOTALL)
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def read_source(text: str, *, file_name: str) -> Source:
    """Parse the text by the suffix of its file; by what it looks like where that says nothing, as for a pipe.

    Raises SpecError with the place.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise syntax_error(file_name, START, "the file is empty")
    match PurePath(file_name).suffix.lower():
        case ".json":
            return read_json(text, file_name=file_name)
        case ".json5":
            return read_json5(text, file_name=file_name)
        case ".kdl":
            return read_kdl(text, file_name=file_name)
        case ".yaml" | ".yml":
            return _read_json_or_yaml(text, file_name=file_name)
        case _:
            return read_by_looking(text, file_name=file_name)


def read_yaml(text: str, *, file_name: str) -> Source:
    """Parse YAML with the core values of version 1.2: `yes`, `12:30` and dates are text. Raises SpecError."""

    @cache
    def places() -> dict[KeyPath, Place]:
        reader = _YamlReader(text, file_name, places={})
        reader.read()
        return reader.places or {}

    source = Source(file_name, _YamlReader(text, file_name).read(), lambda path: nearest_place(places(), path))
    refuse_unusable_values(source)
    return source


def read_by_looking(text: str, *, file_name: str) -> Source:
    """Parse JSON, YAML, JSON5 or KDL, the first that the text is; complaints are about the likeliest of them."""
    try:
        source = _read_json_or_yaml(text, file_name=file_name)
    except SpecError:
        read = read_json5 if _LOOKS_LIKE_JSON5.match(text) else read_kdl
        try:
            other = read(text, file_name=file_name)
        except SpecError:
            other = None
        if other is None or not isinstance(other.value, dict) or "jobs" not in other.value:
            raise
        return other
    if isinstance(source.value, dict):
        return source
    return read_kdl(text, file_name=file_name)  # several lines of words are one text in YAML


def _read_json_or_yaml(text: str, *, file_name: str) -> Source:
    """Parse JSON if the text looks and parses like it, else YAML: values are the same, but JSON has more escapes."""
    if text.lstrip().startswith("{"):
        try:
            return read_json(text, file_name=file_name)
        except SpecError:
            return read_yaml(text, file_name=file_name)
    return read_yaml(text, file_name=file_name)


class _Open:
    """A mapping or list that is not closed yet."""

    __slots__ = ("anchor", "container", "key", "key_lines", "merged", "start")

    def __init__(self, container: dict[str, Any] | list[Any], anchor: str | None, start: int) -> None:
        self.container = container
        self.anchor = anchor
        self.start = start
        self.key: str | None = None
        self.key_lines: dict[str, int] = {}
        self.merged: list[dict[str, Any]] = []

    def place(self) -> str | int | None:
        return len(self.container) if isinstance(self.container, list) else self.key


class _YamlReader:
    """Builds one document from the parser's events, without recursion, within fixed bounds."""

    def __init__(self, text: str, file_name: str, *, places: dict[KeyPath, Place] | None = None) -> None:
        self.text = text
        self.file_name = file_name
        self.places = places
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.values = 0
        self.copied = 0
        self.documents = 0
        self.root: Any = None

    def read(self) -> Any:
        for event in self._events():
            self._take(event)
        if not self.documents:
            raise syntax_error(self.file_name, START, "the file is empty")
        return self.root

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=_PARSER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = min(mark.line + 1, self.text.rstrip("\n").count("\n") + 1) if mark else 1
            context = f" {error.context}" if error.context else ""
            column = mark.column + 1 if mark else 1
            advice = self._advice(line, str(error.context))
            message = f"not valid YAML: {error.problem}{context}{advice}"
            raise syntax_error(self.file_name, (line, column), message) from None
        except yaml.reader.ReaderError as error:
            place = place_of(self.text, error.position)
            raise syntax_error(self.file_name, place, f"not valid YAML: {error.reason}") from None
        except UnicodeEncodeError as error:
            place = place_of(self.text, error.start)
            raise syntax_error(self.file_name, place, "holds half of a character (an unpaired surrogate)") from None

    def _advice(self, line: int, context: str) -> str:
        written = self.text.splitlines()[line - 1] if self.text else ""
        if "\t" in written[: len(written) - len(written.lstrip())]:
            return "; indent with spaces, not with tabs"
        if "flow" in context and "{" in written:
            return "; inside [ ] and { } put text that holds braces or commas in quotes"
        return ""

    def _take(self, event: Any) -> None:
        match event:
            case yaml.MappingStartEvent():
                self._start({}, event)
            case yaml.SequenceStartEvent():
                self._start([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end(event)
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self._fault(event, "holds a second document; a file describes one workflow")
            case _:
                pass  # The ends of documents and of the stream say nothing.

    def _start(self, container: dict[str, Any] | list[Any], event: Any) -> None:
        kind = "map" if isinstance(container, dict) else "seq"
        if event.tag not in (None, "!", _CORE + kind):
            raise self._fault(event, f"the tag {show(event.tag)} is not supported")
        if len(self.open) >= MAX_DEPTH:
            raise self._fault(event, f"nested deeper than {MAX_DEPTH} levels")
        self._refuse_as_key(event)
        self._note_item(event)
        self.open.append(_Open(container, event.anchor, self.values))
        self.values += 1
        if event.anchor:
            self.anchors.pop(event.anchor, None)

    def _end(self, event: Any) -> None:
        closed = self.open.pop()
        if isinstance(closed.container, dict):
            for merged in closed.merged:
                for key, value in merged.items():
                    closed.container.setdefault(key, value)
        if closed.anchor:
            self.anchors[closed.anchor] = (closed.container, self.values - closed.start)
        self._put(closed.container, event)

    def _scalar(self, event: Any) -> None:
        top = self.open[-1] if self.open else None
        if top and isinstance(top.container, dict) and top.key is None:
            self._key(top, event)
            return
        value = self._value(event)
        self.values += 1
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._note_item(event)
        self._put(value, event)

    def _key(self, top: _Open, event: Any) -> None:
        key, line = str(event.value), event.start_mark.line + 1
        top.key = key
        first = top.key_lines.setdefault(key, line)
        if first != line or key in top.container:
            raise self._fault(event, f"the key {show(key)} is given twice, first on line {first}")
        if self.places is not None:
            self.places[self._path()] = _place(event)

    def _alias(self, event: Any) -> None:
        self._refuse_as_key(event)
        if event.anchor not in self.anchors:
            what = "refers to itself" if any(o.anchor == event.anchor for o in self.open) else "has no anchor"
            raise self._fault(event, f"the alias *{event.anchor} {what}")
        value, size = self.anchors[event.anchor]
        self.copied += size
        self.values += size
        if self.copied > MAX_COPIED_VALUES:
            raise self._fault(event, f"aliases repeat more than {MAX_COPIED_VALUES} values")
        self._note_item(event)
        self._put(value, event)

    def _put(self, value: Any, event: Any) -> None:
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        if isinstance(top.container, list):
            top.container.append(value)
        elif top.key == "<<":
            parts = value if isinstance(value, list) else [value]
            if not all(isinstance(part, dict) for part in parts):
                raise self._fault(event, "the merge key << needs a mapping or a list of mappings")
            top.merged += parts
            top.key = None
        elif top.key is not None:
            top.container[top.key] = value
            top.key = None

    def _value(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        if tag == _CORE + "str" or (tag in (None, "!") and not event.implicit[0]):
            return text
        if tag not in (None, "!", *(_CORE + kind for kind in ("int", "float", "bool", "null"))):
            raise self._fault(event, f"the tag {show(tag)} is not supported")
        try:
            return _plain_value(text)
        except ValueError:
            raise self._fault(event, "the number is too long") from None

    def _refuse_as_key(self, event: Any) -> None:
        top = self.open[-1] if self.open else None
        if top and isinstance(top.container, dict) and top.key is None:
            raise self._fault(event, "a key has to be a plain word; quote text that begins with { or [ or *")

    def _note_item(self, event: Any) -> None:
        if self.places is not None and self.open and isinstance(self.open[-1].container, list):
            self.places[self._path()] = _place(event)

    def _path(self) -> KeyPath:
        return tuple(place for o in self.open if (place := o.place()) is not None)

    def _fault(self, event: Any, message: str) -> SpecError:
        return syntax_error(self.file_name, _place(event), f"{format_path(self._path())}: {message}")


def _place(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _plain_value(text: str) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text

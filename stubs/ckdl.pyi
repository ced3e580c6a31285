from typing import Any, Literal

class ParseError(ValueError): ...

class Node:
    name: str
    args: list[Any]
    properties: dict[str, Any]
    children: list[Node]

class Document:
    nodes: list[Node]

def parse(kdl_text: str, *, version: Literal["any", 1, 2] = ...) -> Document: ...

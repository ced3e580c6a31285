"""Regular expressions of workflow files, searched in a time that grows with the text alone."""

import re
from collections.abc import Callable
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.spec.problems import show

_PLAIN: Final = re.compile(r"(\^?)((?:[\w -]|\\[^\w\s])*)(\$?)", re.ASCII)
"""Text without operators, perhaps bound to the beginning or end: most expressions are, and text is found sooner."""
_BEGINNING: Final = re.compile(r"\^((?:(?:[\w -]|\\[^\w\s])(?![*+?{]))+)[^|]*", re.ASCII)
"""The text that everything found begins with, in an expression without alternatives."""
_UNKNOWN: Final = (
    (re.compile(r"\(\?<?[=!]"), "look-around, (?=…) and its like, is not supported"),
    (re.compile(r"\(\?P=|\\\d"), "back-references are not supported"),
    (re.compile(r"\(\?>|[*+?}]\+"), "possessive and atomic groups are not supported"),
    (re.compile(r"\\Z"), "write $ for the end of the text"),
)

Search = Callable[[str], bool]


def compile_search(pattern: str) -> Search:
    """Return a function that tells whether the expression is found anywhere in a text.

    The syntax is that of RE2. Raises InvalidInputError for an expression that is empty, wrong, or that RE2 does not
    know.
    """
    if not pattern:
        raise InvalidInputError("the regular expression is empty")
    if plain := _PLAIN.fullmatch(pattern):
        return _plain_search(*plain.groups())
    return _re2_search(pattern)


def exact_text(pattern: str) -> str | None:
    """Return the only text that the expression finds, None where there may be others."""
    plain = _PLAIN.fullmatch(pattern)
    return _unescaped(plain[2]) if plain and plain[1] and plain[3] else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _plain_search(start: str, escaped: str, end: str) -> Search:
    text = _unescaped(escaped)
    match bool(start), bool(end):
        case True, True:
            return text.__eq__
        case True, False:
            return lambda name: name.startswith(text)
        case False, True:
            return lambda name: name.endswith(text)
        case _:
            return lambda name: text in name


def _re2_search(pattern: str) -> Search:
    # Python's own engine tries every way to match, and `^(a+)+$` has 2**n of them: RE2 reads the text once.
    import re2  # only files with such expressions pay for the import

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        # Searched as bytes: for text the package counts characters after each match, which takes most of the time.
        search = re2.compile(pattern.encode(), options).search
    except (re2.error, UnicodeEncodeError) as error:
        raise InvalidInputError(f"{show(pattern)} is no regular expression: {_reason(pattern, error)}") from None
    if beginning := _BEGINNING.fullmatch(pattern):
        text = _unescaped(beginning[1])
        return lambda name: name.startswith(text) and search(name.encode()) is not None
    return lambda name: search(name.encode()) is not None


def _reason(pattern: str, error: Exception) -> str:
    for unknown, reason in _UNKNOWN:
        if unknown.search(pattern):
            return reason
    reason = error.args[0] if error.args else str(error)
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)

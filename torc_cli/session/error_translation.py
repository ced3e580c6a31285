"""Translates errors of libraries that a user can cause."""

from pydantic import ValidationError

from torc_core.errors import InvalidInputError, ServerFaultError, TorcError


def as_torc_error(error: Exception) -> TorcError | None:
    """Return the error for the user; None for a mistake of our own."""
    match error:
        case ValidationError():
            return ServerFaultError(
                f"the answer is not one of a torc server ({error.error_count()} problem(s) in {error.title})",
                hint="check --url and TORC_API_URL, and that client and server have the same version",
            )
        case UnicodeEncodeError():
            return InvalidInputError(f"this is not UTF-8: {error.object[error.start : error.end]!r}")
        case UnicodeDecodeError():
            return InvalidInputError(f"this is no text: {error.reason} at byte {error.start}")
        case OSError() if error.filename is not None:
            return InvalidInputError(f"{error.filename}: {error.strerror}")
        case _:
            return None

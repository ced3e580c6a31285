"""The tree of errors: each has a code that survives HTTP, a message with ids, and a hint for the next step."""

from collections.abc import Mapping

from torc_core.hints import Hint


class TorcError(Exception):
    """The base of every expected failure.

    `code` is the stable word sent over HTTP, `http_status` the status that carries it, `ids` name what the
    failure is about (workflow_id, job_id, …), `hint` says what to do next. A hint that names a command of torc
    is a `Hint`, so that each interface can spell the command; a text will do where it names none.
    """

    code = "error"
    http_status = 500

    def __init__(
        self,
        message: str,
        *,
        hint: Hint | str | None = None,
        ids: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = None if hint is None else Hint.of(hint)
        self.ids = dict(ids or {})


class InvalidInputError(TorcError):
    """The request or file says something that cannot be right; nothing was changed."""

    code = "invalid_input"
    http_status = 422


class SpecError(InvalidInputError):
    """A workflow file is wrong. The message holds the place: file, line and key of each problem."""

    code = "invalid_spec"


class NotFoundError(TorcError):
    """The record does not exist."""

    code = "not_found"
    http_status = 404


class StateConflictError(TorcError):
    """The record exists but its state does not allow the operation; somebody else may have moved it on."""

    code = "state_conflict"
    http_status = 422


class AlreadyTakenError(TorcError):
    """Another caller got there first (a claimed action, a name that must be unique)."""

    code = "already_taken"
    http_status = 409


class UnauthorizedError(TorcError):
    """No or wrong credentials."""

    code = "unauthorized"
    http_status = 401


class ForbiddenError(TorcError):
    """Known caller, not allowed."""

    code = "forbidden"
    http_status = 403


class TooManyTriesError(TorcError):
    """Too many wrong passwords; the next try is heard later."""

    code = "too_many_tries"
    http_status = 429


class MisdirectedError(TorcError):
    """The request names a host that this server is not."""

    code = "misdirected"
    http_status = 421


class ServerUnreachableError(TorcError):
    """No answer from the server within the time allowed."""

    code = "server_unreachable"
    http_status = 503


class AnotherUsersServerError(ServerUnreachableError):
    """Another user of this machine listens at the server's address. Nothing was sent."""

    code = "another_users_server"


class ServerUnavailableError(ServerUnreachableError):
    """The server answers that it cannot work now: its disk is full, or its database is locked. Nothing was changed.

    It counts as a server that is away: the same request may succeed after `retry_after_s` seconds.
    """

    code = "server_unavailable"
    retry_after_s = 5


class ServerFaultError(TorcError):
    """The server failed in a way it did not expect; its log holds the cause."""

    code = "server_fault"
    http_status = 500


class DatabaseVersionError(TorcError):
    """The database file was written by a newer version of the server."""

    code = "database_version"


class DatabaseInUseError(TorcError):
    """Another server works on the database file."""

    code = "database_in_use"


class ListenError(TorcError):
    """The server cannot listen on its address."""

    code = "cannot_listen"


class RunnerError(TorcError):
    """The runner cannot go on (not the job: a failed job is a result, never an error)."""

    code = "runner_error"


class SchedulerError(TorcError):
    """The scheduler refused a request, or gave an answer that cannot be read. The same request fails again."""

    code = "scheduler_error"


class SchedulerUnreachableError(SchedulerError):
    """The scheduler did not answer in time. Trying again may help; a submission may have been accepted."""

    code = "scheduler_unreachable"


class HookFailedError(TorcError):
    """The user's recovery hook did not succeed; the recovery ended before it reset anything."""

    code = "hook_failed"


def _tree(root: type[TorcError]) -> dict[str, type[TorcError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


ERRORS_BY_CODE: Mapping[str, type[TorcError]] = _tree(TorcError)
"""Code on the wire -> class, so that both sides of HTTP raise the same thing."""

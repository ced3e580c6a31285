"""The token by which the jobs of a run reach the server, in place of the credentials of whoever started the runner."""

from collections.abc import Callable

from torc_client.credentials import Credentials
from torc_client.http import TorcClient
from torc_core.credentials import JobToken
from torc_core.errors import NotFoundError, ServerFaultError


def job_credentials(
    client: TorcClient, compute_node_id: int, choice: JobToken, *, warn: Callable[[str], None]
) -> Credentials | None:
    """Return the credentials of jobs, recovery scripts and commands of actions; None: they get none.

    A server that makes no such tokens is one of an older version: jobs get none then, and never the runner's own.
    """
    own = client.transport.credentials
    if own is None or choice == "none":
        return None
    if choice == "full":
        return own
    try:
        made = client.access.create_job_token(compute_node_id)
    except (NotFoundError, ServerFaultError) as error:
        warn(
            f"jobs get no token: the server makes none for them ({error.message}). Commands of Torc inside jobs may be "
            "refused; a newer server makes tokens, or `--job-token full` gives jobs your own"
        )
        return None
    return Credentials(token=made.token)

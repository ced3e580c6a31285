"""`torc ping`."""

from torc_cli.session.command import command
from torc_cli.session.session import Session


@command
def ping(session: Session) -> None:
    """Ask whether the server answers.

    For example: `torc ping --url http://localhost:8080`.
    """
    answer = session.client.ping()
    version = session.client.version()
    session.out.done(
        f"Server is running at {session.url} (version {version.version})",
        {"status": answer.status, "url": session.url, "version": version.version},
    )

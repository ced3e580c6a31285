"""Makes a client from settings."""

from torc_client.credentials import Credentials, find_token, foreign_user, user_number
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_client.transport import Transport


def connect(settings: ClientSettings, *, patience_s: float = 0.0, is_own: bool = False) -> TorcClient:
    """Return a client for these settings; nothing is sent yet.

    Without a token or password in the settings it uses the token that the user's own server left for it. None of these
    is sent to a server that another user runs on this machine, but for those that the user gave, where that one is the
    `server_user` of the settings; those for a server that `is_own` go to no other user at all. Raises InvalidInputError
    for a user that this machine does not have.
    """
    given = settings.credentials is not None and not is_own
    expected = user_number(settings.server_user) if given and settings.server_user else None

    def another_user(client_port: int) -> int | None:
        return foreign_user(settings.url, client_port=client_port, expected=expected)

    def find() -> Credentials | None:
        token = find_token(settings.url)
        return Credentials(token=token, user=settings.user) if token else None

    return TorcClient(
        Transport(
            settings.url,
            credentials=settings.credentials,
            find_credentials=find,
            foreign_user=another_user,
            server_user=settings.server_user,
            tls_ca_cert=settings.tls_ca_cert,
            patience_s=patience_s,
        )
    )

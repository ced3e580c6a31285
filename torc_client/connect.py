"""Makes a client from settings."""

from torc_client.credentials import Credentials, find_token
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_client.transport import Transport


def connect(settings: ClientSettings, *, patience_s: float = 0.0) -> TorcClient:
    """Return a client for these settings; nothing is sent yet.

    Without a token or password in the settings it uses the token that the user's own server left for it.
    """

    def find() -> Credentials | None:
        token = find_token(settings.url)
        return Credentials(token=token, user=settings.user) if token else None

    return TorcClient(
        Transport(
            settings.url,
            credentials=settings.credentials,
            find_credentials=find,
            tls_ca_cert=settings.tls_ca_cert,
            patience_s=patience_s,
        )
    )

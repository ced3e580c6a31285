"""Makes a client from settings."""

from torc_client.credentials import Credentials, find_token, is_foreign
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_client.transport import Transport


def connect(settings: ClientSettings, *, patience_s: float = 0.0, is_own: bool = False) -> TorcClient:
    """Return a client for these settings; nothing is sent yet.

    Without a token or password in the settings it uses the token that the user's own server left for it. That one,
    and those for a server that `is_own`, is sent to no other user's server on this machine.
    """
    stays_with_us = is_own or settings.credentials is None

    def is_another_users(client_port: int) -> bool:
        return is_foreign(settings.url, client_port=client_port)

    def find() -> Credentials | None:
        token = find_token(settings.url)
        return Credentials(token=token, user=settings.user) if token else None

    return TorcClient(
        Transport(
            settings.url,
            credentials=settings.credentials,
            find_credentials=find,
            is_foreign=is_another_users if stays_with_us else None,
            tls_ca_cert=settings.tls_ca_cert,
            patience_s=patience_s,
        )
    )

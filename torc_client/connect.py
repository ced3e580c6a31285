"""From settings to a client."""

from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_client.transport import Transport


def connect(settings: ClientSettings, *, patience_s: float = 0.0) -> TorcClient:
    """A client for these settings; nothing is sent yet."""
    auth = (settings.user, settings.password) if settings.password else None
    return TorcClient(Transport(settings.url, auth=auth, patience_s=patience_s))

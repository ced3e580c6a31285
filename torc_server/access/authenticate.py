"""Proves who makes a request, from its Authorization header."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torc_server.access.principals import EVERYBODY, Principal, Scope


@dataclass(frozen=True, slots=True)
class ShownCredentials:
    """The credentials that a request shows: a user name where it has one, and a password or token."""

    secret: str
    user: str | None = None


class Proof(Protocol):
    """One way by which a caller proves who they are."""

    async def prove(self, shown: ShownCredentials, address: str) -> Principal | None:
        """Return the caller, or None where this way knows nothing of the credentials.

        Raises TooManyTriesError after too many wrong passwords.
        """
        ...


class TokenProof:
    """The server's own token. Whoever has it is the server's user, under the name that the request gives."""

    def __init__(self, token: str, *, user: str) -> None:
        self._token = token.encode()
        self._user = user

    async def prove(self, shown: ShownCredentials, address: str) -> Principal | None:  # noqa: ARG002
        # compare_digest: the time that a wrong token takes must not tell how much of it is right
        if not hmac.compare_digest(shown.secret.encode(), self._token):
            return None
        return Principal(name=shown.user or self._user, scope=Scope.ADMIN)


class Authenticator:
    """Asks each proof in turn; without any, everybody may call."""

    def __init__(self, proofs: Sequence[Proof]) -> None:
        self._proofs = proofs

    async def identify(self, authorization: str | None, address: str) -> Principal | None:
        """Return the caller; None for an unknown caller, with wrong credentials or none."""
        if not self._proofs:
            return EVERYBODY
        shown = read_authorization(authorization)
        if shown is None:
            return None
        for proof in self._proofs:
            principal = await proof.prove(shown, address)
            if principal is not None:
                return principal
        return None


def read_authorization(header: str | None) -> ShownCredentials | None:
    """Return what `Bearer TOKEN` or `Basic BASE64` shows; None for anything else."""
    scheme, _, value = (header or "").strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer" if value:
            return ShownCredentials(value)
        case "basic":
            try:
                user, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            return ShownCredentials(secret, user or None) if colon and secret else None
        case _:
            return None

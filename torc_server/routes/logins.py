"""The ways to prove who one is that this server was started with."""

import getpass
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from torc_core.errors import InvalidInputError
from torc_server.access.authenticate import Proof, TokenProof
from torc_server.access.proofs import PasswordProof, PersonalTokenProof
from torc_server.access.tokens import load_token
from torc_server.routes.unit_of_work import Work
from torc_server.services.access import tokens
from torc_server.settings import ServerSettings


class Logins:
    """`token` is the server's own, None where it has none; `proofs` in the order in which they are asked."""

    def __init__(self, settings: ServerSettings, work: Work) -> None:
        access = settings.access
        self._work = work
        self.token: str | None = None
        self.users: PasswordProof | None = None
        self.proofs: Sequence[Proof] = ()
        if access.no_auth:
            return
        proofs: list[Proof] = []
        if not access.require_auth:
            self.token = load_token(settings.database)
            proofs.append(TokenProof(self.token, user=getpass.getuser()))
        if access.auth_file is not None:
            self.users = PasswordProof(
                access.auth_file, admins=access.admin_users, remember_s=access.credential_cache_ttl_s
            )
            if not self.users.users:
                raise InvalidInputError(
                    f"the file of users {access.auth_file} names none",
                    hint=f"torc-htpasswd add --file {access.auth_file} NAME",
                )
        self._personal = PersonalTokenProof(
            lambda token_hash: work.read(tokens.find_principal, token_hash),
            users=self.users,
            # those that a server without users made, for whoever asked, allow nothing on one with users
            takes_unproven=not access.require_auth,
            remember_s=access.credential_cache_ttl_s,
        )
        proofs.append(self._personal)
        if self.users is not None:
            proofs.append(self.users)
        self.proofs = proofs

    def forget_tokens(self) -> None:
        """Tokens were revoked: the next request of each asks the database again, and so does each open stream."""
        if self.proofs:
            self._personal.forget()
        self._work.hub.ask_readers()

    def reload(self) -> int | None:
        """Read the file of users again; return how many there are, None without a file."""
        count = None if self.users is None else self.users.reload()
        self.forget_tokens()
        return count


async def _logins(request: Request) -> Logins:
    logins: Logins = request.app.state.logins
    return logins


LoginsInUse = Annotated[Logins, Depends(_logins)]

"""Proofs of users: passwords of the file of users, and personal tokens."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from torc_core.credentials import TOKEN_PREFIX
from torc_core.errors import TooManyTriesError
from torc_server.access.authenticate import ShownCredentials
from torc_server.access.htpasswd import COST, hash_password, is_password, read_users
from torc_server.access.principals import Principal, Scope

_MOST_TRIES: Final = 10
_TRIES_WINDOW_S: Final = 60.0
_MOST_CACHED: Final = 10_000
_CHECKS_AT_ONCE: Final = 2
"""A check takes a quarter of a second of one CPU: callers without a login must not take them all."""

Clock = Callable[[], float]


class Tries:
    """Counts wrong passwords by user and address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[tuple[str, str], list[float]] = {}

    def check(self, user: str, address: str) -> None:
        """Raises TooManyTriesError while there were too many in the last minute."""
        recent = [each for each in self._failed.get((user, address), ()) if each > self._clock() - _TRIES_WINDOW_S]
        if len(recent) >= _MOST_TRIES:
            raise TooManyTriesError(
                f"{len(recent)} wrong passwords of {user!r} within a minute",
                hint="wait a minute; a forgotten password is set anew with `torc-htpasswd add`",
            )

    def note(self, user: str, address: str) -> None:
        if len(self._failed) > _MOST_CACHED:
            self._failed.clear()
        tries = self._failed.setdefault((user, address), [])
        tries[:] = [*tries[-_MOST_TRIES:], self._clock()]


class PasswordProof:
    """Users of a file. A password that was right is remembered for a while, by a hash that only this process knows."""

    def __init__(
        self, file: Path, *, admins: Collection[str], remember_s: float, clock: Clock = time.monotonic
    ) -> None:
        self._file = file
        self._admins = frozenset(admins)
        self._remember_s = remember_s
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: dict[tuple[str, bytes], float] = {}
        """Passwords that were right, since the file was read, and until when they are not checked again."""
        self._tries = Tries(clock)
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._checking_again = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self.users = read_users(file)
        # of a password that nobody has: an unknown name must take as long as a wrong password
        self.decoy = hash_password(secrets.token_urlsafe(), cost=_cost(self.users.values()))

    def reload(self) -> int:
        """Read the file again and forget what was remembered; return how many users there are."""
        self.users = read_users(self._file)
        self._right.clear()
        return len(self.users)

    def scope_of(self, user: str) -> Scope:
        return Scope.ADMIN if user in self._admins else Scope.OWNER

    async def prove(self, shown: ShownCredentials, address: str) -> Principal | None:
        user = shown.user
        if user is None:
            return None
        remembered = (user, hmac.digest(self._key, f"{user}\0{shown.secret}".encode(), hashlib.sha256))
        if self._right.get(remembered, 0.0) > self._clock():
            return self._principal(user)
        # it was right before: it waits neither for the wrong tries of others at this address, nor behind them
        was_right = remembered in self._right
        if was_right:
            return await self._check_again(remembered, shown.secret)
        self._tries.check(user, address)
        digest = self.users.get(user)
        async with self._checking:
            self._tries.check(user, address)  # those before in the queue may have been wrong
            is_right = await asyncio.to_thread(is_password, shown.secret, digest or self.decoy)
            if digest is None or not is_right:
                self._tries.note(user, address)
                return None
        if len(self._right) > _MOST_CACHED:
            self._right.clear()
        self._right[remembered] = self._clock() + self._remember_s
        return self._principal(user)

    async def _check_again(self, remembered: tuple[str, bytes], secret: str) -> Principal | None:
        user, _ = remembered
        digest = self.users.get(user)
        async with self._checking_again:
            if digest is None or not await asyncio.to_thread(is_password, secret, digest):
                self._right.pop(remembered, None)
                return None
        self._right[remembered] = self._clock() + self._remember_s
        return self._principal(user)

    def _principal(self, user: str) -> Principal:
        return Principal(name=user, scope=self.scope_of(user), is_proven=True)


def _cost(digests: Collection[str]) -> int:
    """Return the largest cost of the file's hashes; Apache's are cheaper than ours."""
    return max((int(digest.split("$")[2]) for digest in digests), default=COST)


def _now() -> datetime:
    return datetime.now(UTC)


class PersonalTokenProof:
    """Tokens that users made. One that was found is remembered for a while, as the database is asked for it.

    `takes_unproven` says whether tokens count that no user of a file made: those of a server without users.
    """

    def __init__(
        self,
        find: Callable[[str], Principal | None],
        *,
        users: PasswordProof | None,
        takes_unproven: bool,
        remember_s: float,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._find = find
        self._users = users
        self._takes_unproven = takes_unproven
        self._now = now
        self._remember_s = remember_s
        self._clock = clock
        self._known: dict[str, tuple[Principal, float]] = {}

    def forget(self) -> None:
        """Ask the database again: tokens were revoked, or users changed."""
        self._known.clear()

    async def prove(self, shown: ShownCredentials, address: str) -> Principal | None:  # noqa: ARG002
        if not shown.secret.startswith(TOKEN_PREFIX):
            return None
        token_hash = hashlib.sha256(shown.secret.encode()).hexdigest()
        principal, until = self._known.get(token_hash, (None, 0.0))
        if principal is None or until <= self._clock():
            principal = await asyncio.to_thread(self._find, token_hash)
            if principal is None:
                return None
            if principal.compute_node_id is not None:
                # never remembered: it ends with its runner, of whose end nobody tells this process's memory
                return self._bounded(principal)
            if len(self._known) > _MOST_CACHED:
                self._known.clear()
            self._known[token_hash] = (principal, self._clock() + self._remember_s)
        return self._bounded(principal)

    def _bounded(self, principal: Principal) -> Principal | None:
        """No token outlives its time or its user, or allows more than its user has now."""
        # a token that is remembered is not looked up again: its end has to be seen here
        if principal.expires_at is not None and principal.expires_at <= self._now():
            return None
        if not principal.is_proven:
            return principal if self._takes_unproven else None
        if self._users is None:
            # made on a server with users, whose file alone says who is one: without it nobody could end the token
            return None
        if principal.name not in self._users.users:
            return None
        return replace(principal, scope=min(principal.scope, self._users.scope_of(principal.name)))

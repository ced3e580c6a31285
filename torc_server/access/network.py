"""Which hosts and origins a request may name: what DNS rebinding and pages of other sites cannot fake."""

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from torc_core.credentials import is_loopback

_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104
_OWN_SITES: Final = frozenset({"none", "same-origin"})


def is_wildcard(host: str) -> bool:
    """Return whether a server bound to `host` is reached by every address of the machine."""
    return host in _WILDCARDS


@dataclass(frozen=True)
class Network:
    """`hosts` are the names by which the server may be called besides loopback; `origins` those of other pages."""

    hosts: frozenset[str]
    any_address: bool
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, host: str, *, allowed_hosts: Collection[str] = (), origins: Collection[str] = ()) -> "Network":
        """Return the rules of a server bound to `host`."""
        names = {name.lower() for name in allowed_hosts}
        if is_wildcard(host):
            machine = socket.gethostname().lower()
            names |= {machine, machine.partition(".")[0]}
        else:
            names.add(host.lower())
        return cls(
            hosts=frozenset(names),
            any_address=is_wildcard(host),
            origins=frozenset(origin.lower().rstrip("/") for origin in origins),
        )

    def knows_host(self, header: str) -> bool:
        """Return whether a Host header names this server.

        A page can make a name of its own point at this machine, but not an address: addresses are fine where the
        server listens on all of them.
        """
        name = split_host(header)
        if is_loopback(name) or name in self.hosts:
            return True
        return self.any_address and _is_address(name)

    def knows_origin(self, origin: str | None, site: str | None, host_header: str) -> bool:
        """Return whether a request comes from no page, from a page of this server, or from a configured one."""
        if origin is not None and origin.lower() in self.origins:
            return True
        if site is not None and site not in _OWN_SITES:
            return False
        return origin is None or urlsplit(origin).netloc.lower() == host_header.lower()


def split_host(header: str) -> str:
    """Return the name of a Host header, without its port and brackets."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

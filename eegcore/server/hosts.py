"""Which Host and Origin headers are answered. Pure.

A page from elsewhere can make the operator's browser send requests here
(cross-site), or make its own name point here (DNS rebinding). The first is
caught by Origin, the second by Host: only names that were asked for are ours.
There is no CORS: a page may talk to the server it came from and to no other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")


def is_loopback(host: str | None) -> bool:
    """True if `host`, a name or an address, is this machine seen from itself."""
    if not host:
        return False
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_wildcard(host: str | None) -> bool:
    """True if listening on `host` means listening on every address."""
    if not host:
        return True
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def split_authority(text: str) -> tuple[str, int | None] | None:
    """Return ``(host, port)`` of ``host``, ``host:port`` or ``[::1]:port``; None if it is none of these."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host = (match[1] or match[2]).lower()
    port = int(match[3]) if match[3] else None
    if port is not None and port > 65535:
        return None
    if match[1]:
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            return None
    return host, port


class HostRule:
    """The names this server answers to.

    Parameters
    ----------
    host : str
        What the server listens on.
    port : int
        Its port.
    allow : iterable of str
        More names, ``pi.local`` or ``pi.local:8080`` (behind a proxy). Without a port the server's own and
        the default ports of HTTP are meant.
    """

    def __init__(self, host: str, port: int, allow: Iterable[str] = ()) -> None:
        self.port = port
        self._wildcard = is_wildcard(host)
        self._exact: set[tuple[str, int | None]] = set()
        for name in (*LOOPBACK_NAMES, *(() if self._wildcard else (host.lower(),))):
            self._add(name, port)
        for entry in allow:
            parts = split_authority(entry)
            if parts is None:
                raise ValueError(f"--allow-host: {entry!r} is not a host name. Give a name like pi.local, "
                                 "or a name and a port like pi.local:8080.")
            self._add(parts[0], parts[1] if parts[1] is not None else port)
            if parts[1] is None:
                self._exact.add((parts[0], None))

    def _add(self, name: str, port: int) -> None:
        self._exact.add((name, port))
        if port == 80:
            self._exact.add((name, None))

    def allows(self, host_header: str, local_address: str | None = None) -> bool:
        """True if a request with this Host header is answered.

        Listening everywhere, the address the connection came in on (`local_address`) is a name of ours too:
        an address literal cannot be rebound.
        """
        parts = split_authority(host_header)
        if parts is None:
            return False
        if parts in self._exact:
            return True
        return self._wildcard and local_address is not None and parts == (local_address.lower(), self.port)


def same_origin(origin: str, host_header: str) -> bool:
    """True if `origin` (the Origin header) is the site that `host_header` names; schemes http and https."""
    try:
        url = urlsplit(origin)
    except ValueError:
        return False
    if url.scheme not in ("http", "https") or url.path or url.query or url.fragment or "@" in url.netloc:
        return False
    default = 443 if url.scheme == "https" else 80
    theirs, ours = split_authority(url.netloc), split_authority(host_header)
    if theirs is None or ours is None or theirs[0] != ours[0]:
        return False
    return (theirs[1] or default) == (ours[1] or default)

"""Who may do what: tokens, sessions, tickets, and how often somebody may try.

Pure but for the random numbers; time comes from the clock given. Secrets are
kept as digests and compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from eegcore.server.hosts import is_loopback

Role = Literal["viewer", "operator"]
RANK: dict[str, int] = {"viewer": 1, "operator": 2}

TOKEN_BYTES = 24                                 # 192 bit
SESSION_S = 24 * 3600.0
TICKET_S = 30.0
ATTEMPTS = 10                                    # per minute and address, then a delay that doubles
ATTEMPT_WINDOW_S = 60.0
LONGEST_DELAY_S = 3600.0
MAX_SESSIONS = 1024
MAX_ADDRESSES = 4096
MAX_CLIENTS = 64
MAX_CLIENTS_PER_ADDRESS = 8


def new_token() -> str:
    """Return a fresh token of 192 bit that survives a command line and a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class Access:
    """Tokens, and what was given out for them.

    Parameters
    ----------
    token, viewer_token : str or None
        With neither, everybody who reaches the server is an operator: only for a server on loopback.
    clock : callable
        Steady seconds.
    """

    def __init__(self, token: str | None = None, viewer_token: str | None = None, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        if token == "" or viewer_token == "":
            raise ValueError("--token: an empty token protects nothing. Leave it out on loopback, or give one.")
        self._tokens: list[tuple[bytes, Role]] = []
        if token is not None:
            self._tokens.append((_digest(token), "operator"))
        if viewer_token is not None:
            self._tokens.append((_digest(viewer_token), "viewer"))
        self._clock = clock
        self._sessions: OrderedDict[bytes, tuple[Role, float]] = OrderedDict()
        self._tickets: OrderedDict[bytes, tuple[Role, float]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """True if no token is asked for."""
        return not self._tokens

    def role_of_token(self, token: str) -> Role | None:
        """Return the role `token` stands for, None if it is none of ours."""
        seen = _digest(token)
        role: Role | None = None
        for known, its_role in self._tokens:     # every token is compared, whatever the answer
            if hmac.compare_digest(seen, known) and role is None:
                role = its_role
        return role

    def new_session(self, role: Role) -> str:
        """Return the secret of a new session, good for 24 hours."""
        return self._give(self._sessions, role, SESSION_S)

    def role_of_session(self, secret: str) -> Role | None:
        """Return the role of a session, None if it is unknown or over."""
        role, until = self._sessions.get(_digest(secret), (None, 0.0))
        return role if self._clock() < until else None

    def end_session(self, secret: str) -> None:
        """Forget a session."""
        self._sessions.pop(_digest(secret), None)

    def new_ticket(self, role: Role) -> str:
        """Return a ticket that opens one socket within 30 seconds."""
        return self._give(self._tickets, role, TICKET_S)

    def use_ticket(self, ticket: str) -> Role | None:
        """Return the role of a ticket and make it worthless; None if it is unknown, used or too old."""
        role, until = self._tickets.pop(_digest(ticket), (None, 0.0))
        return role if self._clock() < until else None

    def _give(self, store: OrderedDict[bytes, tuple[Role, float]], role: Role, seconds: float) -> str:
        now = self._clock()
        for key in [key for key, (_, until) in store.items() if until <= now]:
            del store[key]
        while len(store) >= MAX_SESSIONS:
            store.popitem(last=False)
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        store[_digest(secret)] = (role, now + seconds)
        return secret


@dataclass
class _Tries:
    failed_at: deque[float] = field(default_factory=deque)
    delay_s: float = 0.0
    blocked_until: float = 0.0


class AttemptLimit:
    """Ten wrong tokens a minute and address; from then on each one doubles the wait, from one second on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_address: OrderedDict[str, _Tries] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Return for how many seconds `address` may not try; 0 if it may."""
        tries = self._by_address.get(address)
        return max(0.0, tries.blocked_until - self._clock()) if tries else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong token."""
        now = self._clock()
        tries = self._by_address.setdefault(address, _Tries())
        self._by_address.move_to_end(address)
        while len(self._by_address) > MAX_ADDRESSES:
            self._by_address.popitem(last=False)
        while tries.failed_at and tries.failed_at[0] <= now - ATTEMPT_WINDOW_S:
            tries.failed_at.popleft()
        if not tries.failed_at and now > tries.blocked_until + ATTEMPT_WINDOW_S:
            tries.delay_s = 0.0                  # a quiet minute after the last delay: forgiven
        tries.failed_at.append(now)
        if len(tries.failed_at) >= ATTEMPTS or tries.delay_s:
            tries.delay_s = min(LONGEST_DELAY_S, 2 * tries.delay_s) or 1.0
            tries.blocked_until = now + tries.delay_s
            while len(tries.failed_at) > ATTEMPTS:
                tries.failed_at.popleft()

    def succeeded(self, address: str) -> None:
        """Forget the wrong tokens of `address`."""
        self._by_address.pop(address, None)


class ClientLimit:
    """How many sockets there may be: 64, and 8 of one address unless it is loopback."""

    def __init__(self) -> None:
        self.total = 0
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> str | None:
        """Count a socket of `address`; return why it is one too many, None if it may stay."""
        if self.total >= MAX_CLIENTS:
            return f"{self.total} clients are connected, the most there may be. Close one."
        if not is_loopback(address) and self._by_address[address] >= MAX_CLIENTS_PER_ADDRESS:
            return (f"{self._by_address[address]} clients of {address} are connected, the most one address may have. "
                    "Close one.")
        self.total += 1
        self._by_address[address] += 1
        return None

    def leave(self, address: str) -> None:
        """A socket that entered is gone."""
        self.total -= 1
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]

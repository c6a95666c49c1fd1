"""What `serve` and a service manager tell each other: states one way, reload the other.

States go as datagrams to the socket systemd names in ``NOTIFY_SOCKET`` (man
page sd_notify(3)); without one, nothing is sent. SIGHUP means: read the
pipeline file again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time

READY = "READY=1"
STOPPING = "STOPPING=1"


def reloading() -> str:
    """Return the message that begins a reload; `READY` ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def notify(state: str) -> bool:
    """Send one message to the service manager; return whether there is one that took it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        return True
    return False


class HangUp:
    """Tells a SIGHUP that asks for a reload from one that says that the terminal has gone."""

    def __init__(self) -> None:
        self._had_terminal = _has_terminal()
        self.is_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN      # under nohup: stays so

    def lost_terminal(self) -> bool:
        """Return whether the terminal of this process was there and is not any more."""
        return self._had_terminal and not _has_terminal()


def _has_terminal() -> bool:
    try:
        return os.isatty(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return False

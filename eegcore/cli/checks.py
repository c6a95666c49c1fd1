"""What several commands check of their arguments, each with one sentence."""

from __future__ import annotations

from eegcore.errors import BadArgument

MOST_PORT = 65535


def check_port(port: int) -> int:
    """Return `port`; BadArgument if no TCP port has this number."""
    if not 0 <= port <= MOST_PORT:
        raise BadArgument(f"--port: {port} is no port. Allowed: 0 to {MOST_PORT}; 0 takes a free one.")
    return port

"""From a controller to a listening server and back to silence."""

from __future__ import annotations

import asyncio
import errno
import inspect
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from eegcore.errors import EegcoreError, SystemFailed
from eegcore.server.app import Server
from eegcore.server.hosts import HostRule, is_loopback
from eegcore.server.security import Access

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9000
SHUTDOWN_S = 2.0


async def serve(controller: Any, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, *, token: str | None = None,
                viewer_token: str | None = None, allow_hosts: Iterable[str] = (),
                ready_callback: Callable[[str], Awaitable[None] | None] | None = None,
                stop_event: asyncio.Event | None = None) -> None:
    """Serve until `stop_event` is set; then drain the run, deliver what is left and close.

    Parameters
    ----------
    controller : eegcore.control.controller.Controller
    host, port : str, int
        Where to listen; port 0 takes any free one.
    token, viewer_token : str or None
        Secrets of operator and viewers. Beyond loopback `token` is required.
    allow_hosts : iterable of str
        More names this server answers to.
    ready_callback : callable or None
        Called with the address, ``"http://127.0.0.1:9000"``, once it answers there.
    stop_event : asyncio.Event or None
        None: serve until cancelled.

    Raises
    ------
    SystemFailed
        If the port is taken or the address is not ours.
    EegcoreError
        If a token is missing (``token_required``) or an allowed host is not a name (``bad_host``).
    """
    access = check_access(host, token, viewer_token)
    try:
        HostRule(host, port, allow_hosts)        # refused before anything listens
    except ValueError as exc:
        raise EegcoreError(str(exc), code="bad_host") from None
    server = Server(controller, access)
    runner = web.AppRunner(server.app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        real_port = int(runner.addresses[0][1])
        server.guard.rule = HostRule(host, real_port, allow_hosts)
        await server.start()
        if ready_callback is not None:
            answer = ready_callback(address_of(host, real_port))
            if inspect.isawaitable(answer):
                await answer
        await (stop_event or asyncio.Event()).wait()
    finally:
        try:
            await _drain(server)
        finally:
            await server.stop()
            await runner.cleanup()


async def _drain(server: Server) -> None:
    if server.controller.state in ("stopped", "failed"):
        return
    try:
        await server.door.command(server.controller.shutdown)
    except EegcoreError as exc:
        log.warning("server: the run did not stop in order: %s", exc)


def check_access(host: str, token: str | None, viewer_token: str | None) -> Access:
    """Return who may do what on a server that listens on `host`; EegcoreError if that would be too many people."""
    if token is None and not is_loopback(host):
        raise EegcoreError(f"--host: {host or 'every address'} is reachable from the network, and no token is set. "
                           "Give one with --token, or listen on 127.0.0.1.", code="token_required")
    if token is None and viewer_token is not None:
        raise EegcoreError("--viewer-token: without --token nobody could operate this server. Give both.",
                           code="token_required")
    try:
        return Access(token, viewer_token)
    except ValueError as exc:
        raise EegcoreError(str(exc), code="token_required") from None


def address_of(host: str, port: int) -> str:
    """Return the address to open in a browser on this machine."""
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    place = f"{host or '*'}:{port}"
    try:
        await web.TCPSite(runner, host or None, port, backlog=128).start()
    except socket.gaierror as exc:
        raise SystemFailed(f"--host: {host!r} is not a name of this machine. Listen on 127.0.0.1, or on 0.0.0.0 for "
                           f"every address. [{exc.strerror}]", code="bad_host") from None
    except OSError as exc:
        name = errno.errorcode.get(exc.errno or 0, "?")
        advice = {
            errno.EADDRINUSE: "the port is taken by another program. Stop it, or choose another with '--port N'.",
            errno.EACCES: "this user may not listen there. Choose a port above 1023 with '--port N'.",
            errno.EADDRNOTAVAIL: "this address is not one of this machine. Listen on 127.0.0.1, or on 0.0.0.0 for "
                                 "every address.",
        }.get(exc.errno or 0, f"the server cannot listen there ({exc.strerror}).")
        code = "port_taken" if exc.errno == errno.EADDRINUSE else "cannot_listen"
        raise SystemFailed(f"{place}: {advice} [{name} {exc.errno}]", errno=exc.errno, code=code) from None

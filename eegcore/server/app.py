"""The server's parts, put together; the router comes from the policy table."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from eegcore import __version__
from eegcore.server.broker import Broker
from eegcore.server.door import Door
from eegcore.server.guard import Guard, outermost
from eegcore.server.hub import Hub
from eegcore.server.pagefiles import PageFiles
from eegcore.server.policy import POLICIES
from eegcore.server.routes import Routes
from eegcore.server.routes_config import ConfigRoutes
from eegcore.server.routes_markers import MarkerRoutes
from eegcore.server.routes_recordings import RecordingRoutes
from eegcore.server.security import Access, AttemptLimit
from eegcore.server.sockets import Sockets

log = logging.getLogger(__name__)

BODY_BYTES = 256 * 1024
WEB_FOLDER = Path(__file__).resolve().parent.parent / "web"


class Server:
    """Everything between the controller and the network.

    Parameters
    ----------
    controller : eegcore.control.controller.Controller
    access : Access
    web_folder : Path
        Where the page is.
    clock : callable
        Steady seconds.
    """

    def __init__(self, controller: Any, access: Access, *, web_folder: Path = WEB_FOLDER,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.controller = controller
        self.version = __version__
        self.door = Door(controller)
        self.broker = Broker(clock)
        self.hub = Hub(self.door, self.broker)
        self.sockets = Sockets()
        self.guard = Guard(access, AttemptLimit(clock))
        self.files = PageFiles(web_folder)
        self.app = web.Application(middlewares=[outermost(self.guard)], client_max_size=BODY_BYTES)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], Any] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._refresh_again = False
        self._watcher: asyncio.Task[None] | None = None
        self._recordings = RecordingRoutes(self)
        rooms = (Routes(self), ConfigRoutes(self), MarkerRoutes(self), self._recordings)
        for policy in POLICIES:
            handler = next(getattr(room, policy.handler) for room in rooms if hasattr(room, policy.handler))
            self.app.router.add_route(policy.method, policy.path, handler)

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen to the controller and read its outlets."""
        self._loop = asyncio.get_running_loop()
        self.broker.start()
        self.controller.client_ledger = self.broker.ledger
        self._unsubscribe = self.controller.subscribe(self._from_any_thread)
        self._watcher = self._loop.create_task(self._watch_controls(), name="control-watch")
        await self.refresh()

    async def stop(self) -> None:
        """Deliver what is left and close all sockets; the controller has drained by now."""
        if self._loop is None:
            return
        self._loop = None                                # an event that is on its way asks for no outlets any more
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        self.broker.stop()
        await self.sockets.close_all()
        self.door.close()
        self._recordings.downloads.close()

    async def _watch_controls(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            now = time.monotonic()
            for peer in list(self.hub.peers.values()):
                reason = peer.verdict(now)
                if reason is not None:
                    log.warning("control client %s (%s): evicted, %s.", peer.client_id, peer.address, reason)
                    peer.evict(reason)

    # -- events of the controller ----------------------------------------------------------------------

    def _from_any_thread(self, event: dict[str, Any]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._on_event, event)

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind in ("outlets", "state"):
            self._refresh_soon()
        if kind != "outlets":
            self.hub.publish(event)

    def _refresh_soon(self) -> None:
        """Ask for the outlets once more; questions that overlap become one."""
        if self._loop is None:
            return
        if self._refreshing is not None and not self._refreshing.done():
            self._refresh_again = True
            return
        self._refreshing = self._loop.create_task(self._refresh_until_quiet(), name="broker-refresh")

    async def _refresh_until_quiet(self) -> None:
        self._refresh_again = True
        while self._refresh_again:
            self._refresh_again = False
            try:
                await self.refresh()
            except Exception:
                log.exception("server: the outlets of the run could not be read. Clients get no data of this run.")

    async def refresh(self) -> None:
        """Make the outlets of the run the ones the broker reads."""
        self.broker.adopt(await self.door.look(self.controller.outlets))


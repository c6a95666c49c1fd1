"""The one way from the server to the controller.

Calls of the controller may block (a shutdown drains), the loop may not: every
call runs on a thread. Looking and changing have threads of their own, so that
/health answers while a shutdown drains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LOOK_WAIT_S = 5.0


class Door:
    """Calls controller functions off the loop."""

    def __init__(self, controller: Any) -> None:
        self.controller = controller
        self._commands = ThreadPoolExecutor(1, thread_name_prefix="command")
        self._looks = ThreadPoolExecutor(4, thread_name_prefix="look")

    async def command(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run something that changes the run; one at a time, in the order they came."""
        return await asyncio.get_running_loop().run_in_executor(self._commands, function, *args)

    async def look(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run something that only reads; TimeoutError after `LOOK_WAIT_S` seconds."""
        call = asyncio.get_running_loop().run_in_executor(self._looks, function, *args)
        return await asyncio.wait_for(call, LOOK_WAIT_S)

    def close(self) -> None:
        """Let the threads end; does not wait for a call that hangs."""
        self._commands.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False, cancel_futures=True)

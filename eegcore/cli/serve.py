"""``serve``: a pipeline with page, streams and control. Ctrl-C drains, prints the ledger and exits."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from eegcore import crash, logs
from eegcore.cli.checks import check_port
from eegcore.control.controller import Controller
from eegcore.errors import EegcoreError
from eegcore.server.hosts import is_loopback
from eegcore.server.security import new_token
from eegcore.sinks.ledger_file import format_ledger


def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes; status 1 if the last run failed or a file of it is not whole."""
    check_port(arguments.port)
    controller = Controller(Path(arguments.file), overrides=arguments.overrides)
    token = arguments.token
    if token is None and not is_loopback(arguments.host):
        token = new_token()
        print(f"eegcore: operator token {token}  (beyond loopback nobody gets in without)", flush=True)
    logs.setup(json=arguments.log_json, level="DEBUG" if arguments.debug else arguments.log_level)
    hook = crash.install(lambda: {"run_id": controller.run_id, "config_rev": controller.config_rev},
                         debug=arguments.debug)
    try:
        asyncio.run(_serve(controller, arguments, token, hook))
    finally:
        controller.shutdown()                  # a signal may come before the first start has begun
        logs.shutdown()
        hook.uninstall()
    ledger = controller.ledger()
    if ledger["run_id"] is not None:
        print(format_ledger(ledger))
    if controller.last_error:
        print(controller.last_error, file=sys.stderr)
    broken = controller.broken_sinks()
    for problem in broken:
        print(problem, file=sys.stderr)
    return 1 if controller.state == "failed" or broken or not ledger["balanced"] else 0


async def _serve(controller: Controller, arguments: argparse.Namespace, token: str | None,
                 hook: crash.CrashHook) -> None:
    from eegcore.server.serve import serve as serve_http

    loop = asyncio.get_running_loop()
    hook.install_asyncio(loop)
    stop = asyncio.Event()
    seen = 0

    def on_signal() -> None:
        nonlocal seen
        seen += 1
        stop.set()
        if seen > 1:
            controller.abort()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await serve_http(controller, arguments.host, arguments.port, token=token,
                     viewer_token=arguments.viewer_token, allow_hosts=arguments.allow_host,
                     ready_callback=lambda url: _ready(url, controller, loop, arguments.no_start), stop_event=stop)


def _ready(url: str, controller: Controller, loop: asyncio.AbstractEventLoop, no_start: bool) -> None:
    print(f"eegcore: {url}  (Ctrl-C drains and stops)", flush=True)
    if not no_start:
        loop.run_in_executor(None, _start, controller)


def _start(controller: Controller) -> None:
    try:
        controller.start()
    except EegcoreError as error:
        logs.get_logger("control").error("start: %s", error)

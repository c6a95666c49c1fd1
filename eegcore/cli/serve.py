"""``serve``: a pipeline with page, streams and control. Ctrl-C drains, prints the ledger and exits.

SIGHUP reads the pipeline file again: a good one takes the place of what runs,
one with mistakes is reported and changes nothing. `--watch` does so whenever
the file is saved, live if the graph allows it. What was changed live is kept at
the end and taken up at the next start of the same file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from eegcore import crash, logs
from eegcore.cli.checks import check_port
from eegcore.cli.service import READY, STOPPING, HangUp, notify, reloading
from eegcore.control.controller import Controller
from eegcore.control.keeping import keep, take_up
from eegcore.control.state_store import StateStore, default_folder
from eegcore.control.watching import PERIOD_S, FileWatch, take_up_file
from eegcore.errors import ConfigError, EegcoreError
from eegcore.server.hosts import is_loopback
from eegcore.server.security import new_token
from eegcore.sinks.ledger_file import format_ledger

TOKEN_VARIABLE = "EEGCORE_TOKEN"                       # unlike an option, not seen by every user of the machine

log = logs.get_logger("control")


def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes; status 1 if the last run failed or a file of it is not whole."""
    check_port(arguments.port)
    controller = Controller(Path(arguments.file), overrides=arguments.overrides, recordings=arguments.recordings)
    token = arguments.token if arguments.token is not None else os.environ.get(TOKEN_VARIABLE)
    if token is None and not is_loopback(arguments.host):
        token = new_token()
        print(f"eegcore: operator token {token}  (beyond loopback nobody gets in without)", flush=True)
    store = StateStore(Path(arguments.state_dir) if arguments.state_dir else default_folder())
    logs.setup(json=arguments.log_json, level="DEBUG" if arguments.debug else arguments.log_level)
    hook = crash.install(lambda: {"run_id": controller.run_id, "config_rev": controller.config_rev},
                         debug=arguments.debug)
    try:
        take_up(controller, store, Path(arguments.file), fresh=arguments.fresh)
        asyncio.run(_serve(controller, arguments, token, hook))
        keep(controller, store, Path(arguments.file))
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
        notify(STOPPING)
        if seen > 1:
            controller.abort()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    # One thread: a start and a reload never overlap, and reloads happen in the order of their signals.
    worker = ThreadPoolExecutor(1, thread_name_prefix="control")
    hang_up = HangUp()

    def on_hang_up() -> None:
        if hang_up.lost_terminal():
            on_signal()
        elif not stop.is_set():
            loop.run_in_executor(worker, _reload, controller, arguments)

    if not hang_up.is_ignored:
        loop.add_signal_handler(signal.SIGHUP, on_hang_up)

    watching = loop.create_task(_watch(controller, arguments, worker)) if arguments.watch else None

    def on_ready(url: str) -> None:
        print(f"eegcore: {url}  (Ctrl-C drains and stops)", flush=True)
        if not arguments.no_start:
            loop.run_in_executor(worker, _start, controller)
        loop.run_in_executor(worker, notify, READY)

    try:
        await serve_http(controller, arguments.host, arguments.port, token=token,
                         viewer_token=arguments.viewer_token, allow_hosts=arguments.allow_host,
                         ready_callback=on_ready, stop_event=stop)
    finally:
        if watching is not None:
            watching.cancel()
        await loop.run_in_executor(None, partial(worker.shutdown, cancel_futures=True))


def _start(controller: Controller) -> None:
    try:
        controller.start()
    except EegcoreError as error:
        log.error("start: %s", error)


async def _watch(controller: Controller, arguments: argparse.Namespace, worker: ThreadPoolExecutor) -> None:
    """Look at the pipeline file now and then; what it takes runs where starts and reloads run, in turn with them."""
    loop = asyncio.get_running_loop()
    watch = FileWatch(Path(arguments.file), arguments.overrides)
    while True:
        await asyncio.sleep(PERIOD_S)
        if await loop.run_in_executor(None, watch.has_changed):
            await loop.run_in_executor(worker, take_up_file, controller, watch.path, watch.overrides)


def _reload(controller: Controller, arguments: argparse.Namespace) -> None:
    """Read the pipeline file again; with mistakes in it, what runs goes on."""
    notify(reloading())
    try:
        status = controller.reload(Path(arguments.file), overrides=arguments.overrides)
        log.info("reload: %s: revision %d, %s", arguments.file, status["config_rev"], status["state"])
    except ConfigError as error:
        for problem in error.problems:
            log.error("reload: %s", problem)
        log.error("reload: %s is refused. What ran before goes on.", arguments.file)
    except EegcoreError as error:
        log.error("reload: %s", error)
    finally:
        notify(READY)

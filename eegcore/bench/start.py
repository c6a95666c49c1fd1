"""How long the beginning takes, and how much memory serving takes."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from eegcore.bench.children import Child, environment, read_address
from eegcore.bench.line import Effort, Line
from eegcore.control.presets import preset_file

IMPORT_GOAL_MS, SERVE_GOAL_S, RSS_GOAL_MB = 100.0, 2.0, 150.0
SETTLE_S = 2.0
FIRST_DATA_S = 30.0


def start(effort: Effort) -> list[Line]:
    """`import eegcore`, `serve` to the first data, and the resident memory after a while."""
    times = 3 if effort.quick else 5
    import_ms = statistics.median(_import_ms() for _ in range(times))
    settle_s = 0.2 if effort.quick else SETTLE_S
    with tempfile.TemporaryDirectory() as empty:       # no filter is designed yet: a machine's very first start
        cold_s, _ = _serve_once(settle_s, {"XDG_CACHE_HOME": empty})
    served = [_serve_once(settle_s, {}) for _ in range(times)]
    first_s = statistics.median(first for first, _ in served)
    rss_mb = max(rss for _, rss in served)
    return [
        Line("start", "import eegcore", f"{import_ms:.0f} ms (median of {times})", import_ms < IMPORT_GOAL_MS,
             "< 100 ms", values={"import_ms": import_ms}),
        Line("start", "serve pipelines/default.yaml: from the command to the first packet at a client",
             f"{first_s:.2f} s (median of {times}); {cold_s:.2f} s with filters to design",
             max(first_s, cold_s) < SERVE_GOAL_S, "< 2 s", n_channels=8, n_frames=16,
             values={"first_data_s": first_s, "cold_s": cold_s, "all_s": [first for first, _ in served]}),
        Line("start", "resident memory of serve, one client", f"{rss_mb:.0f} MB", rss_mb < RSS_GOAL_MB, "< 150 MB",
             n_channels=8, n_frames=16, values={"rss_mb": rss_mb})]


def _import_ms() -> float:
    code = "import time; began = time.perf_counter(); import eegcore; print((time.perf_counter() - began) * 1e3)"
    with Child([sys.executable, "-c", code], environment()) as child:
        return float(child.line())


def _serve_once(settle_s: float, extra: dict[str, str]) -> tuple[float, float]:
    """Return (seconds to the first data, MB resident)."""
    command = [sys.executable, "-m", "eegcore", "serve", str(preset_file("default")), "--port", "0"]
    began = time.monotonic()
    with Child(command, {**environment(), **extra}) as child:
        address = read_address(child)
        asyncio.run(_first_data(address.replace("http", "ws") + "/ws/data?topic=eeg_filtered"))
        first_s = time.monotonic() - began
        time.sleep(settle_s)
        return first_s, _rss_mb(child.pid)


async def _first_data(url: str) -> None:
    """Return when the first binary message has come; the page's client in its own words."""
    import aiohttp

    async with asyncio.timeout(FIRST_DATA_S), aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                return
            if message.type is aiohttp.WSMsgType.TEXT and json.loads(message.data).get("type") == "error":
                raise RuntimeError(message.data)


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")

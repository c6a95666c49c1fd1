"""``eegcore serve`` from outside: balanced ledger, clean exit, slow clients, replay to its end."""

from __future__ import annotations

import asyncio
import base64
import json
import lzma
import os
import socket
import struct
import time
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import websockets
from scipy import signal

from eegcore.devices.recording_files import read_recording
from eegcore.sinks.ledger_file import check_ledger

HEADER = struct.Struct("<4sBBHIIQqdIIIIII")


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited too long")


def stalled_client(port, topic="eeg_filtered"):
    """Open a WebSocket by hand, subscribe, and never read again."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall((f"GET /ws/data?topic={topic}&format=binary HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
    return client


async def read_packets(url, until, count=None):
    """Return (frames, gaps) heard by one honest client."""
    packets, gaps = [], []
    async with websockets.connect(f"{url.replace('http', 'ws')}/ws/data?topic=eeg_filtered&format=binary",
                                  max_size=None, compression=None) as client:
        while time.monotonic() < until and (count is None or len(packets) < count):
            try:
                message = await asyncio.wait_for(client.recv(), 0.5)
            except TimeoutError:
                continue
            except websockets.ConnectionClosed:
                break
            if isinstance(message, bytes):
                head = HEADER.unpack_from(message)
                packets.append((head[6], head[4], message[64:]))
            elif json.loads(message)["type"] == "gap":
                gaps.append(json.loads(message))
    return packets, gaps


def test_the_main_job_balances_and_ctrl_c_exits_0(serve):
    served = serve("pipelines/default.yaml")
    wait_for(lambda: served.get("/api/ledger")["frames"] > 4000)
    assert served.get("/api/ledger")["balanced"]
    assert served.get("/health")["ok"]
    status, printed = served.interrupt()
    assert status == 0, served.log
    assert "balanced" in printed
    assert "lost 0 of" in printed
    assert "NOT" not in printed


def test_start_pause_resume_and_shutdown_by_rest(serve):
    served = serve("pipelines/default.yaml", "--no-start")
    assert served.get("/api/state")["state"] == "stopped"
    served.post("/pipeline/start")
    wait_for(lambda: served.get("/api/state")["state"] == "running")
    served.post("/pipeline/pause")
    wait_for(lambda: served.get("/api/ledger")["sources"]["acquire"]["paused"] > 100)
    served.post("/pipeline/resume")
    answer = served.post("/pipeline/shutdown")
    ledger = answer.get("ledger", answer)
    assert check_ledger(ledger) == []
    assert ledger["final"]
    assert served.get("/api/state")["state"] == "stopped"
    served.post("/pipeline/start", {"preset": "eeg8_250"})
    assert wait_for(lambda: served.get("/api/state")["state"] == "running")
    assert served.get("/api/state")["name"] == "eeg8_250"
    assert served.interrupt()[0] == 0


@pytest.mark.deep
def test_fifty_clients_half_of_which_never_read(serve, tmp_path):
    csv = tmp_path / "all.csv"
    pipeline = tmp_path / "fifty.yaml"
    pipeline.write_text(f"""
version: 1
name: fifty
stages:
  - acquire: {{board: emulator, sps: 1000, channels: 32, batch: 16}}
  - to_voltage: {{}}
  - websocket_sink: {{topic: eeg_filtered}}
  - csv_sink: {{path: "{csv}", inputs: to_voltage}}
""")
    served = serve(str(pipeline))
    wait_for(lambda: served.get("/api/state")["state"] == "running")
    stalled = [stalled_client(served.port) for _ in range(25)]

    async def honest():
        until = time.monotonic() + 14
        return await asyncio.gather(*(read_packets(served.url, until) for _ in range(25)))

    heard = asyncio.run(honest())
    status_lines = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    rss_kib = next(int(line.split()[1]) for line in status_lines if line.startswith("VmRSS"))
    clients = served.get("/api/ledger")["clients"]
    for client in stalled:
        client.close()
    for packets, gaps in heard:
        assert gaps == []
        assert len(packets) > 500
        for (at, n, _), (after, _, _) in pairwise(packets):
            assert after == at + n                          # the readers miss nothing
    evicted = [entry for entry in clients.values() if entry["skipped"]]
    assert len(evicted) >= 25
    assert rss_kib < 300_000, f"{rss_kib} KiB"
    assert not any("evict" in line and "Traceback" in line for line in served.log.splitlines())
    status, printed = served.interrupt()
    assert status == 0, served.log
    rows = [line for line in csv.read_text().splitlines() if line[:1].isdigit()]
    written = json.loads((tmp_path / "all.csv.ledger.json").read_text())["sinks"]["csv_sink"]["written"]
    assert [int(row.split(",", 1)[0]) for row in rows] == list(range(written))
    assert "lost 0 of" in printed


def test_a_replay_reaches_the_browser_as_scipy_filters_it(serve, shared_data, tmp_path):
    path = tmp_path / "first_30_s.txt"
    with lzma.open(shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz", "rt") as file:
        path.write_text("".join(islice(file, 5 + 30 * 250)))           # five lines of header
    served = serve("pipelines/replay.yaml", "--no-start", "--set", f"playback.path={path}",
                   "--set", "playback.speed=4")

    packets = []

    async def collect():
        async with websockets.connect(f"{served.url.replace('http', 'ws')}/ws/data?topic=eeg_filtered",
                                      max_size=None, compression=None) as client:
            started = False
            while True:
                try:
                    message = await asyncio.wait_for(client.recv(), 1.0)
                except TimeoutError:
                    if started and served.get("/api/state")["state"] == "stopped":
                        return
                    if not started:
                        started = True
                        await asyncio.to_thread(served.post, "/pipeline/start")
                    continue
                if isinstance(message, bytes):
                    packets.append(message)

    asyncio.run(collect())
    ledger = served.get("/api/ledger")
    assert check_ledger(ledger) == []
    assert (ledger["frames"], ledger["lost"]) == (30 * 250, 0)
    samples = np.concatenate([np.frombuffer(message[64:], np.float32).reshape(-1, 8) for message in packets])
    values = read_recording(path).values.astype(float)
    plan = served.get("/api/config")["stages"]
    notch, band = plan["notch"], plan["bandpass"]
    sos = np.vstack([signal.tf2sos(*signal.iirnotch(notch["hz"], notch["q"], 250)),
                     signal.butter(band["order"], [band["low_hz"], band["high_hz"]], "bandpass", fs=250,
                                   output="sos")])
    wanted = signal.sosfilt(sos, values, axis=0)
    assert samples.shape == wanted.shape
    half_ulp = np.spacing(np.abs(wanted).astype(np.float32)) / 2
    assert np.all(np.abs(samples - wanted) <= half_ulp + 1e-3)
    assert served.interrupt()[0] == 0


@pytest.mark.parametrize(("name", "status"), [("pipelines/default.yaml", 0), ("nowhere.yaml", 2)])
def test_validate_says_by_its_exit_status_what_it_thinks(name, status):
    import subprocess
    import sys

    assert subprocess.run([sys.executable, "-m", "eegcore", "validate", name], capture_output=True,
                          check=False).returncode == status

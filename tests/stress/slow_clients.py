"""Many clients on loopback, half of which never read: the readers must miss nothing, the others are evicted.

    python tests/stress/slow_clients.py [--clients 50] [--seconds 30] [--pipeline pipelines/eeg32_4k.yaml]

Starts a server of its own on a free port of 127.0.0.1. Every second it prints clients, their queues and the server's
memory. At the end every reader must have seen every frame in order; exit status 1 if one has not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import aiohttp

from eegcore.server.protocol import unpack

TOPIC = "eeg_filtered"


async def read(url: str, seconds: float) -> tuple[int, int]:
    """Read for so long; return (frames, frames missing)."""
    frames = missing = 0
    expected: int | None = None
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws/data?topic={TOPIC}") as socket:
        end = asyncio.get_running_loop().time() + seconds
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                header, _, _ = unpack(message.data)
                if expected is not None:
                    missing += header.frame_index - expected
                expected = header.frame_index + header.n_frames * header.step_num // header.step_den
                frames += header.n_frames
            if asyncio.get_running_loop().time() > end:
                break
    return frames, missing


async def stall(host: str, port: int, seconds: float) -> bool:
    """Subscribe, then never read; return whether the server has ended the connection by then."""
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write((f"GET /ws/data?topic={TOPIC} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n").encode())
    await writer.drain()
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()                    # type: ignore[attr-defined]
    await asyncio.sleep(seconds)
    writer.transport.resume_reading()                   # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(1):
            while await reader.read(65536):
                pass
            return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        writer.close()


def get(url: str) -> dict:
    """GET JSON."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


async def watch(url: str, pid: int, seconds: float) -> None:
    """Print a line a second."""
    for second in range(int(seconds)):
        await asyncio.sleep(1)
        ledger = await asyncio.to_thread(get, f"{url}/api/ledger")
        queued = [client["queued"] for client in ledger["clients"].values()]
        print(f"{second + 1:>4} s  {ledger['frames']:>9} frames, lost {ledger['lost']}, {len(queued)} clients, "
              f"longest queue {max(queued, default=0)} frames, {memory_mib(pid):.0f} MiB")


async def main() -> int:
    """Run the crowd against a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pipeline", default="pipelines/eeg32_4k.yaml")
    arguments = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "eegcore", "serve", arguments.pipeline, "--port", "0", "--log-level", "ERROR"],
        stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert server.stdout is not None
        line = await asyncio.to_thread(server.stdout.readline)
        found = re.search(r"http://([\d.]+):(\d+)", line)
        assert found, line
        url, host, port = found[0], found[1], int(found[2])
        while not (await asyncio.to_thread(get, f"{url}/api/ledger"))["frames"]:
            await asyncio.sleep(0.1)
        half = arguments.clients // 2
        readers = [asyncio.create_task(read(url, arguments.seconds)) for _ in range(arguments.clients - half)]
        stalled = [asyncio.create_task(stall(host, port, arguments.seconds)) for _ in range(half)]
        await watch(url, server.pid, arguments.seconds)
        heard, ended = await asyncio.gather(*readers), await asyncio.gather(*stalled)
        server.send_signal(signal.SIGINT)
        print((await asyncio.to_thread(server.communicate))[0])
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()
    missing = sum(missing for _, missing in heard)
    print(f"{len(heard)} readers: {min(frames for frames, _ in heard)} frames at least, {missing} missing in all; "
          f"{sum(ended)} of {len(ended)} stalled clients were ended by the server")
    return 1 if missing or not all(frames for frames, _ in heard) or server.returncode else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))

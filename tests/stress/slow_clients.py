"""Clients that never read, beside one that does, on a server that is already running.

    python -m eegcore serve pipelines/eeg32_4k.yaml &
    python tests/stress/slow_clients.py [--clients 50] [--seconds 30] [--url http://127.0.0.1:9000]

Prints what the reading client has got and missed, and what the server says of the others. Loopback only.
"""

from __future__ import annotations

import argparse
import json
import socket
import urllib.parse
import urllib.request

from eegcore import connect


def stalled(host: str, port: int, topic: str) -> socket.socket:
    """Open a WebSocket by hand and never read from it."""
    client = socket.create_connection((host, port))
    client.sendall((f"GET /ws/data?topic={topic} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    return client


def main() -> int:
    """Attack for a while, then look at the books."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--url", default="http://127.0.0.1:9000")
    parser.add_argument("--topic", default="eeg_filtered")
    options = parser.parse_args()
    place = urllib.parse.urlsplit(options.url)
    host, port = place.hostname or "127.0.0.1", place.port or 9000
    sleepers = [stalled(host, port, options.topic) for _ in range(options.clients)]
    with connect(f"ws://{host}:{port}", topic=options.topic) as stream:
        block = stream.read(seconds=options.seconds)
        print(f"the reading client: {len(block)} frames, gaps {stream.gaps}")
    with urllib.request.urlopen(f"{options.url}/api/ledger") as answer:
        ledger = json.load(answer)
    skipped = sum(sum(entry["skipped"].values()) for entry in ledger["clients"].values())
    print(f"{len(sleepers)} clients that never read: {skipped} frames skipped for them; acquisition lost "
          f"{ledger['lost']} of {ledger['frames']}")
    for client in sleepers:
        client.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

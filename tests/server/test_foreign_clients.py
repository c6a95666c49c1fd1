"""Clients that are not ours: websockets, picows, raw sockets that lie, and crowds that never read."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import shutil
import socket as sockets
import struct
from pathlib import Path

import numpy as np
import picows
import pytest
import websockets

from eegcore.server.peer import SNDBUF_BYTES
from eegcore.server.protocol import unpack
from eegcore.stages.stream import Kind, Stream

from .conftest import FakeOutlet, FakePacket, receive
from .decoders.decode import decode

DECODERS = Path(__file__).parent / "decoders"


async def test_websockets_reads_both_formats(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    await running.until(lambda: running.server.broker.running_topics)
    async with websockets.connect(running.ws_url + "/ws/data") as socket:
        assert socket.response.headers.get("Sec-WebSocket-Extensions") is None       # no deflate on streams
        assert json.loads(await socket.recv())["type"] == "hello"
        await socket.send(json.dumps({"type": "subscribe", "topic": "eeg"}))
        assert json.loads(await socket.recv())["type"] == "meta"
        outlet.put_frames(16)
        assert decode(await socket.recv())["data"][15, 0] == 15
        await socket.send(json.dumps({"type": "subscribe", "topic": "eeg", "format": "json"}))
        await running.until(lambda: [s.format for t in running.server.broker.topics.values()
                                     for s in t.members.values()] == ["json"])
        outlet.put_frames(2)
        assert json.loads(await socket.recv())["data"][1][0] == 17
        await socket.ping()


async def test_picows_reads_a_thousand_packets_without_a_hole(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    seen: list[int] = []
    done = asyncio.Event()

    class Listener(picows.WSListener):
        def on_ws_frame(self, transport, frame):
            if frame.msg_type == picows.WSMsgType.BINARY:
                seen.append(unpack(frame.get_payload_as_bytes())[0].frame_index)
                if len(seen) == 1000:
                    done.set()

    transport, _ = await picows.ws_connect(Listener, running.ws_url + "/ws/data?topic=eeg")
    await running.until(lambda: running.server.broker.topics["eeg"].members)
    for _ in range(50):
        for _ in range(20):
            outlet.put_frames(16)
        await asyncio.sleep(0)
    await asyncio.wait_for(done.wait(), 20)
    assert seen == list(range(0, 16000, 16))
    transport.disconnect()


@pytest.mark.parametrize("kind", list(Kind))
def test_twenty_lines_of_python_decode_every_kind(kind):
    shape = (3, 5, 2) if kind is Kind.SPECTRUM_F32 else (3, 2)
    values = np.arange(np.prod(shape)).reshape(shape)
    counts = values * 3 if kind is Kind.RAW_AND_VOLTAGE else None
    packet = decode(FakePacket(values, 9, kind=kind, counts=counts).encode(4))
    assert (packet["topic_id"], packet["frame_index"], packet["sps"], packet["step"]) == (4, 9, 250.0, (1, 1))
    if kind is Kind.RAW_I32:
        np.testing.assert_array_equal(packet["counts"], values)
    else:
        np.testing.assert_array_equal(packet["data"], values)
    if counts is not None:
        np.testing.assert_array_equal(packet["counts"], counts)


@pytest.mark.parametrize("kind", list(Kind))
async def test_twenty_lines_of_javascript_decode_every_kind(kind, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    shape = (3, 5, 2) if kind is Kind.SPECTRUM_F32 else (3, 2)
    values = np.arange(np.prod(shape)).reshape(shape)
    counts = values * 3 if kind is Kind.RAW_AND_VOLTAGE else None
    raw = tmp_path / "packet.bin"
    raw.write_bytes(FakePacket(values, 2**40, kind=kind, counts=counts, t_ns=2**60 + 1).encode(4))
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ decode }} from {json.dumps((DECODERS / "decode.mjs").as_uri())};
        const file = readFileSync({json.dumps(str(raw))});
        const p = decode(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
        console.log(JSON.stringify({{ ...p, tNs: String(p.tNs), counts: p.counts && [...p.counts],
                                      data: p.data && [...p.data] }}));"""
    process = await asyncio.create_subprocess_exec(node, "--input-type=module", "-e", script,
                                                   stdout=asyncio.subprocess.PIPE)
    packet = json.loads((await process.communicate())[0])
    assert (packet["topicId"], packet["frameIndex"], packet["tNs"]) == (4, 2**40, str(2**60 + 1))
    flat = values.ravel().tolist()
    assert packet["data"] == (None if kind is Kind.RAW_I32 else flat)
    assert packet["counts"] == (flat if kind is Kind.RAW_I32 else None if counts is None else counts.ravel().tolist())


def test_the_decoders_are_short():
    for name in ("decode.py", "decode.mjs"):
        assert len((DECODERS / name).read_text().splitlines()) <= 26


# -- hostile frames -----------------------------------------------------------------------------------------


async def handshake(port: int, path: str = "/ws/data") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(first: int, payload: bytes, *, length: int | None = None, mask: bool = True) -> bytes:
    n = len(payload) if length is None else length
    bit = 0x80 if mask else 0
    if n < 126:
        head = struct.pack("!BB", first, bit | n)
    elif n < 65536:
        head = struct.pack("!BBH", first, bit | 126, n)
    else:
        head = struct.pack("!BBQ", first, bit | 127, n)
    return head + (bytes(4) if mask else b"") + payload


def hostile_frames(n: int) -> list[tuple[str, bytes]]:
    """Return at least `n` malformed or nonsensical messages with their names, the same each time."""
    random_ = random.Random(11)
    texts = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\xc0\x80", b"[" * 3000, b'{"type":"subscribe"}',
             b'{"type":"subscribe","topic":{"a":1}}', b'{"type":"subscribe","topic":"x","max_hz":-1e308}',
             b'{"type":"unsubscribe","topic":"never"}', b'{"type":"__proto__"}',
             b'{"type":"subscribe","topic":"\\ud800"}',
             b"9" * 5000, b'{"type":1e400}', b'{"type":"subscribe","topic":"' + b"x" * 60_000 + b'"}']
    made = [(f"text {text[:20]!r}", frame(0x81, text)) for text in texts]
    made += [(f"opcode {opcode:#x}", frame(0x80 | opcode, b"x")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)]
    made += [(f"reserved bits {bits:#x}", frame(0x81 | bits, b"{}")) for bits in range(0x10, 0x80, 0x10)]
    made += [(f"unmasked {text[:9]!r}", frame(0x81, text, mask=False)) for text in texts[:4]]
    made += [("continuation of nothing", frame(0x80, b"x")), ("two beginnings", frame(0x01, b"a") + frame(0x01, b"b")),
             ("fragmented ping", frame(0x09, b"x")), ("long ping", frame(0x89, b"x" * 126)),
             ("one byte of close code", frame(0x88, b"\x03")), ("close 999", frame(0x88, struct.pack("!H", 999))),
             ("close 1005", frame(0x88, struct.pack("!H", 1005))), ("bad text", frame(0x88, b"\x03\xe8\xff\xff")),
             ("70 kB of text", frame(0x81, b"x" * 70_000)), ("claims 2^63", frame(0x81, b"x", length=2**63)),
             ("claims 4 GB", frame(0x82, b"x", length=2**32)), ("cut short", frame(0x81, b"{}")[:3]),
             ("minimal 16 bit", struct.pack("!BBH", 0x81, 0xFE, 1) + b"0000x"),
             ("endless fragments", frame(0x01, b"x") + frame(0x00, b"x" * 60_000) * 2),
             ("http again", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("binary", frame(0x82, b"EEG1" + bytes(60)))]
    while len(made) < n:
        size = random_.randint(1, 300)
        raw = random_.randbytes(size)
        made.append((f"noise {len(made)}", raw if random_.random() < 0.5 else frame(random_.randint(0, 255), raw)))
    return made


@pytest.mark.parametrize("path", ["/ws/data", "/ws/control"])
async def test_two_hundred_hostile_messages_cost_the_others_nothing(running, path, caplog):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as honest:
        await receive(honest, "meta")
        cases = hostile_frames(220)
        for number, (name, raw) in enumerate(cases):
            reader, writer = await handshake(running.port, path)
            writer.write(raw)
            writer.write(frame(0x88, struct.pack("!H", 1000)))
            if number % 3 == 0:
                writer.write_eof()
            outlet.put_frames(4)
            assert unpack(await receive(honest, "binary"))[0].frame_index == 4 * number, name
            if number % 3:
                writer.transport.abort()
            else:
                with contextlib.suppress(ConnectionResetError):      # cut with our bytes unread
                    await asyncio.wait_for(reader.read(), 10)
                writer.close()
        await running.until(lambda: running.server.sockets.limit.total == 1)
    assert len(cases) >= 200
    assert not [record for record in caplog.records if record.levelname == "ERROR" or record.exc_info]


# -- crowds -------------------------------------------------------------------------------------------------


async def test_fifty_clients_half_of_which_never_read(running):
    """Readers miss nothing; the others are skipped, told, and gone when their time is up; memory stays bounded."""
    now = 100.0
    broker = running.server.broker
    broker._clock = lambda: now
    broker._watcher.cancel()
    stream = Stream(Kind.VOLTAGE_F32, tuple(f"ch{n}" for n in range(64)), 4000.0, 128)
    outlet = FakeOutlet("eeg", stream=stream)
    running.controller.set_outlets(outlet)
    readers = [await running.data("?topic=eeg", max_msg_size=0) for _ in range(25)]
    sleepers = []
    for _ in range(25):
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", running.port))
        key = base64.b64encode(os.urandom(16)).decode()
        await asyncio.get_running_loop().sock_sendall(raw, (
            f"GET /ws/data?topic=eeg HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        sleepers.append(raw)
    await running.until(lambda: len(broker.topics["eeg"].members) == 50)

    async def read(socket) -> list[int]:
        seen = []
        while len(seen) < 150:
            seen.append(unpack(await receive(socket, "binary"))[0].frame_index)
        return seen

    reading = [asyncio.create_task(read(socket)) for socket in readers]
    packet_bytes = 64 * 128 * 4
    for _ in range(150):                                 # 150 x 32 KiB: more than outbox and socket buffers hold
        last = outlet.put_frames(128)
        await running.until(lambda last=last: last.released)
        await asyncio.sleep(0)
    assert await asyncio.gather(*reading) == [list(range(0, 150 * 128, 128))] * 25
    slow = [client for client in broker.clients.values() if client.outbox.queued]
    assert len(slow) == 25
    for client in slow:
        assert client.outbox.queued_bytes <= 2 * 1024 * 1024
        assert client._transport.get_write_buffer_size() <= packet_bytes + 100
        ledger = client.outbox.ledger()
        assert ledger["offered"] == 150 * 128 == ledger["sent"] + ledger["queued"] + ledger["skipped"]["client_slow"]
        sock = client._transport.get_extra_info("socket")
        assert sock.getsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF) <= 2 * SNDBUF_BYTES
    assert sum(client.outbox.ledger()["skipped"].get("client_slow", 0) for client in slow) > 0
    for _ in range(44):                                  # eleven seconds on the broker's clock
        now += 0.25
        broker.check_clients()
    await running.until(lambda: len(broker.clients) == 25)
    assert broker.evicted == 25
    kept = [row for row in broker.ledger().values() if row.get("closed") == "evicted"]
    assert len(kept) == 25
    assert all(row["offered"] == row["sent"] + sum(row["skipped"].values()) for row in kept)
    for raw in sleepers:
        raw.close()
    for socket in readers:
        await socket.close()

"""From outlet to client: encoded once, described first, nobody waits, every frame accounted for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from eegcore.server.broker import Broker, DataClient
from eegcore.server.outbox import HALF_FULL_S, MAX_MESSAGES, STUCK_S
from eegcore.server.protocol import FLAG_GAP, unpack
from eegcore.stages.stream import Kind, Stream

from .conftest import LABELS, FakeOutlet, FakePacket, receive


async def test_hello_meta_then_packets(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    await running.until(lambda: running.server.broker.running_topics)
    async with running.data() as socket:
        assert await receive(socket) == {"type": "hello", "protocol": 1, "topics": ["eeg"]}
        await socket.send_json({"type": "subscribe", "topic": "eeg"})
        meta = await receive(socket)
        assert (meta["type"], meta["topic"], meta["kind"], meta["labels"], meta["run_id"]) == (
            "meta", "eeg", "VOLTAGE_F32", list(LABELS), "run-1")
        outlet.put_frames(16)
        outlet.put_frames(4, flags=FLAG_GAP)
        header, _, data = unpack(await receive(socket))
        assert (header.topic_id, header.frame_index, header.n_frames) == (meta["topic_id"], 0, 16)
        np.testing.assert_array_equal(data[:, 0], np.arange(16))
        header, _, _ = unpack(await receive(socket))
        assert (header.frame_index, header.n_frames, header.flags) == (16, 4, FLAG_GAP)


async def test_subscription_in_the_address_as_websocat_uses_it(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg&format=json") as socket:
        await receive(socket, "meta")
        outlet.put(FakePacket(np.array([[1.0, np.nan, 3.0, 4.0]]), 7, t_ns=99))
        message = await receive(socket, "data")
        assert (message["frame_index"], message["t_ns"], message["data"]) == (7, 99, [[1.0, None, 3.0, 4.0]])


@pytest.mark.parametrize(("query", "code"), [
    ("?topic=eeg&format=xml", "bad_format"), ("?topic=eeg&max_hz=fast", "bad_max_hz"), ("?topic=", "bad_topic"),
    ("?topic=eeg&max_hz=-1", "bad_max_hz"), ("?topic=eeg&max_hz=NaN", "bad_max_hz")])
async def test_a_wrong_address_is_told_in_the_socket(running, query, code):
    async with running.data(query) as socket:
        await receive(socket, "hello")
        assert (await receive(socket))["error"]["code"] == code


async def test_one_encoding_per_format_whatever_the_number_of_clients(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    FakePacket.encodings = 0
    sockets = [await running.data(f"?topic=eeg&format={form}") for form in ("binary",) * 5 + ("json",) * 4]
    for socket in sockets:
        await receive(socket, "meta")
    packet = outlet.put_frames(16)
    first = [await receive(socket, "binary") for socket in sockets[:5]]
    texts = [await receive(socket, "data") for socket in sockets[5:]]
    assert len(set(first)) == 1
    assert all(text == texts[0] for text in texts)
    assert FakePacket.encodings == 1
    assert running.server.broker.encoded == 2
    assert packet.released == 1
    for socket in sockets:
        await socket.close()


async def test_packets_nobody_wants_are_not_encoded(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    FakePacket.encodings = 0
    packets = [outlet.put_frames(16) for _ in range(100)]
    await running.until(lambda: packets[-1].released)
    assert FakePacket.encodings == 0
    assert all(packet.released == 1 for packet in packets)


async def test_subscriptions_outlive_stop_and_start(running):
    first = FakeOutlet("eeg")
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "hello")
        running.controller.set_outlets(first)
        meta = await receive(socket, "meta")
        first.put_frames(4)
        await receive(socket, "binary")
        running.controller.set_outlets()
        await running.until(lambda: first.closed)
        second = FakeOutlet("eeg", run_id="run-2", stream=Stream(Kind.VOLTAGE_F32, ("Cz",), 500.0, 16))
        running.controller.set_outlets(second)
        again = await receive(socket, "meta")
        second.put_frames(4)
        header, _, _ = unpack(await receive(socket, "binary"))
        assert (again["run_id"], again["labels"], again["topic_id"]) == ("run-2", ["Cz"], meta["topic_id"])
        assert (header.frame_index, header.topic_id) == (0, meta["topic_id"])


async def test_a_sink_made_anew_in_the_same_run_takes_over_where_the_old_one_ends(running):
    first, second = FakeOutlet("eeg"), FakeOutlet("eeg", stream=Stream(Kind.VOLTAGE_F32, ("Cz",), 250.0, 16))
    async with running.data("?topic=eeg") as socket:
        running.controller.set_outlets(first)
        meta = await receive(socket, "meta")
        first.put_frames(4)
        second._next_frame = 8
        first.put_frames(4)
        running.controller.set_outlets(second)
        second.put_frames(4)
        frames = [unpack(await receive(socket, "binary"))[0].frame_index for _ in range(2)]
        again = await receive(socket, "meta")
        frames.append(unpack(await receive(socket, "binary"))[0].frame_index)
    assert frames == [0, 4, 8]
    assert (again["run_id"], again["topic_id"], again["labels"]) == (meta["run_id"], meta["topic_id"], ["Cz"])
    assert first.closed


async def test_the_last_packets_of_a_run_are_delivered(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        for _ in range(100):
            outlet.put_frames(16)
        running.controller.set_outlets()
        last = None
        for _ in range(100):
            last = unpack(await receive(socket, "binary"))[0]
        assert last.frame_index == 99 * 16


async def test_a_changed_description_comes_before_its_first_packet(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        outlet.put_frames(4)
        outlet.put_frames(4, meta_rev=2)
        kinds = []
        for _ in range(3):
            message = await receive(socket)
            kinds.append(message["meta_rev"] if isinstance(message, dict) else unpack(message)[0].meta_rev)
            if isinstance(message, dict):
                assert message["type"] == "meta"
        assert kinds == [1, 2, 2]


async def test_channel_states_are_told_on_change_and_to_newcomers(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        for lead_off, saturated in ((0, 0), (0b0001, 0), (0b0001, 0), (0b0001, 0b1000), (0, 0)):
            outlet.put_frames(4, lead_off=lead_off, saturated=saturated)
        seen = [await receive(socket) for _ in range(8)]
        flags = [message for message in seen if isinstance(message, dict)]
        assert [(m["frame_index"], m["lead_off"], m["saturated"]) for m in flags] == [
            (4, ["Fp1"], []), (12, ["Fp1"], ["C4"]), (16, [], [])]
        outlet.put_frames(4, lead_off=0b10)
        await receive(socket, "flags")
        async with running.data("?topic=eeg") as late:
            await receive(late, "meta")
            outlet.put_frames(4, lead_off=0b10)
            assert (await receive(late))["lead_off"] == ["Fp2"]


async def test_what_runs_is_told_when_it_changes(running):
    async with running.data() as socket:
        assert (await receive(socket, "hello"))["topics"] == []
        running.controller.set_outlets(FakeOutlet("eeg"), FakeOutlet("spectrum", sink_id="ws_spectrum"))
        assert (await receive(socket, "topics"))["topics"] == ["eeg", "spectrum"]


async def test_the_measured_rate_is_in_the_meta_of_a_decimated_topic(running):
    running.controller.publish({"event": "stats", "sources": {"acquire": {"rate_sps": 4000.2}}})
    stream = Stream(Kind.VOLTAGE_F32, LABELS, 250.0, 16, step=Fraction(16), sources=("acquire",))
    running.controller.set_outlets(FakeOutlet("eeg", stream=stream))
    async with running.data("?topic=eeg") as socket:
        meta = await receive(socket, "meta")
        assert (meta["sps"], meta["sps_true"], meta["step"]) == (250.0, 4000.2 / 16, [16, 1])


async def test_a_packet_that_cannot_be_encoded_costs_only_itself(running, caplog):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        bad = FakePacket(np.ones((4, 4)))
        bad.encode = None
        outlet.put(bad)
        outlet.put_frames(4)
        assert unpack(await receive(socket, "binary"))[0].n_frames == 4
    assert bad.released == 1
    assert "could not be sent" in caplog.text


class SlowTransport:
    """A transport whose kernel takes what the test says."""

    def __init__(self) -> None:
        self.room = 0
        self.taken = bytearray()
        self.buffer = bytearray()
        self.closed = self.aborted = False
        self.writing_paused = False

    def write(self, data: bytes) -> None:
        self.buffer += data
        self.move()

    def move(self, room: int = 0) -> None:
        self.room += room
        n = min(self.room, len(self.buffer))
        self.taken += self.buffer[:n]
        del self.buffer[:n]
        self.room -= n
        self.writing_paused = bool(self.buffer)

    def get_write_buffer_size(self) -> int:
        return len(self.buffer)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def get_extra_info(self, name: str) -> None:
        return None

    async def drain(self) -> None:
        while self.writing_paused and not self.closed:
            await asyncio.sleep(0)


class Bench:
    """A broker on a clock of its own, one outlet, clients on slow transports."""

    def __init__(self) -> None:
        self.now = 100.0
        self.broker = Broker(clock=lambda: self.now)
        self.broker.start()
        self.outlet = FakeOutlet("eeg")
        self.broker.adopt([self.outlet])

    def client(self, name: str, message: dict | None = None) -> tuple[DataClient, SlowTransport]:
        transport = SlowTransport()
        transport.room = 10**9
        client = DataClient(name, "127.0.0.1", transport, transport, transport.drain)
        self.broker.join(client)
        self.broker.on_text(client, json.dumps(message or {"type": "subscribe", "topic": "eeg"}))
        return client, transport

    def put(self, n_frames: int = 16, **fields) -> None:
        self.outlet.put_frames(n_frames, **fields)
        while self.broker._on_ready(self.broker.topics["eeg"], self.outlet):
            pass

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        for _ in range(round(seconds / step)):
            self.now += step
            self.broker.check_clients()


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    made.broker.stop()


def frames_of(raw: bytes) -> list[dict | int]:
    """Take WebSocket frames apart: JSON objects, and the first frame of each packet."""
    out: list[dict | int] = []
    at = 0
    while at < len(raw):
        opcode, n = raw[at] & 15, raw[at + 1]
        at += 2
        if n == 126:
            n = int.from_bytes(raw[at:at + 2], "big")
            at += 2
        elif n == 127:
            n = int.from_bytes(raw[at:at + 8], "big")
            at += 8
        payload, at = raw[at:at + n], at + n
        if opcode == 1:
            out.append(json.loads(payload))
        elif opcode == 2:
            out.append(unpack(payload)[0].frame_index)
        else:
            out.append({"type": "close", "reason": payload[2:].decode()})
    return out


async def test_fast_path_needs_no_task_switch(bench):
    _, transport = bench.client("c1")
    bench.put()
    assert frames_of(transport.taken)[-1] == 0           # there before this coroutine gave up the loop once


async def test_a_slow_client_is_told_exactly_what_it_missed_and_the_other_misses_nothing(bench):
    slow, slow_transport = bench.client("slow")
    _, fast_transport = bench.client("fast")
    writer = asyncio.create_task(slow.write_loop())
    bench.put()
    slow_transport.room = 0                              # the kernel takes nothing any more
    for _ in range(1 + MAX_MESSAGES + 10):               # one sits in the transport
        bench.put()
    assert slow.outbox.ledger() == {"offered": 268 * 16, "sent": 2 * 16, "skipped": {"client_slow": 10 * 16},
                                    "queued": 256 * 16}
    slow_transport.move(10**9)
    for _ in range(2000):
        await asyncio.sleep(0)
    got = [item for item in frames_of(slow_transport.taken) if isinstance(item, int) or item["type"] == "gap"]
    assert got[:4] == [0, 16, {"type": "gap", "topic_id": 1, "frames": 160, "reason": "client_slow"}, 12 * 16]
    assert len(got) == 2 + 1 + 256
    assert [item for item in frames_of(fast_transport.taken) if isinstance(item, int)] == list(range(0, 268 * 16, 16))
    assert slow.outbox.ledger()["queued"] == 0
    writer.cancel()


async def test_evicted_after_ten_seconds_without_a_byte(bench, caplog):
    client, transport = bench.client("c1")
    transport.room = 0
    bench.put()
    bench.put()
    bench.pass_time(STUCK_S - 0.25)
    assert not transport.aborted
    bench.pass_time(0.5)
    assert transport.aborted
    assert "evicted, no_progress" in caplog.text
    bench.broker.leave(client)
    ledger = bench.broker.ledger()["c1"]
    assert ledger == {"offered": 32, "sent": 16, "skipped": {"evicted": 16}, "queued": 0, "closed": "evicted"}


async def test_a_trickle_counts_as_progress_until_the_outbox_is_half_full(bench):
    client, transport = bench.client("c1")
    writer = asyncio.create_task(client.write_loop())
    transport.room = 0
    bench.put()
    bench.put()
    for _ in range(60):                                  # a byte a second for a minute
        transport.move(1)
        bench.pass_time(1.0)
    assert not transport.closed
    for _ in range(MAX_MESSAGES // 2):
        bench.put()
    for _ in range(6):
        transport.move(1)
        bench.pass_time(1.0)
    assert transport.closed
    assert client.closed_because == "evicted"
    assert bench.now - 160.0 <= HALF_FULL_S + 1.0
    writer.cancel()


async def test_pongs_to_a_client_that_never_reads_are_no_progress(bench):
    _, transport = bench.client("c1")
    transport.room = 0
    bench.put()
    bench.put()
    for _ in range(44):
        transport.buffer += b"\x8a\x00"                  # what autoping writes
        bench.pass_time(0.25)
    assert transport.aborted


async def test_an_idle_client_stays(bench):
    _, transport = bench.client("c1")
    bench.pass_time(3600, step=60)
    assert not transport.closed


async def test_max_hz_is_never_exceeded_and_what_it_omits_is_no_gap(bench):
    client, transport = bench.client("c1", {"type": "subscribe", "topic": "eeg", "max_hz": 20})
    times = []
    for _ in range(1000):                                # 250 packets a second for 4 s
        bench.now += 0.004
        before = client.outbox.sent
        bench.put()
        if client.outbox.sent > before:
            times.append(bench.now)
    assert 70 <= len(times) <= 80
    assert all(times[i + 20] - times[i] >= 1.0 - 1e-9 for i in range(len(times) - 20))
    ledger = client.outbox.ledger()
    assert ledger["offered"] == 16000 == ledger["sent"] + ledger["skipped"]["max_hz"]
    assert not [item for item in frames_of(transport.taken) if isinstance(item, dict) and item["type"] == "gap"]


async def test_ledger_counts_device_frames(bench):
    bench.outlet.stream = replace(bench.outlet.stream, step=Fraction(16))
    client, _ = bench.client("c1")
    bench.put(4, step=Fraction(16))
    assert client.outbox.ledger() == {"offered": 64, "sent": 64, "skipped": {}, "queued": 0}


async def test_a_client_that_asks_nonsense_and_reads_nothing_is_evicted(bench):
    client, transport = bench.client("c1")
    transport.room = 0
    for _ in range(MAX_MESSAGES + 3):
        bench.broker.on_text(client, "nonsense")
    bench.broker.check_clients()
    assert transport.closed
    assert bench.broker.evicted == 1


async def test_dropped_channel_states_are_told_again(bench):
    client, transport = bench.client("c1")
    writer = asyncio.create_task(client.write_loop())
    transport.room = 0
    bench.put()                                          # in the transport
    bench.put(lead_off=1)                                # flags and packet in the outbox
    for _ in range(MAX_MESSAGES + 5):
        bench.put(lead_off=1)
    transport.move(10**9)
    for _ in range(2000):
        await asyncio.sleep(0)
    bench.put(lead_off=1)
    flags = [item for item in frames_of(transport.taken) if isinstance(item, dict) and item["type"] == "flags"]
    assert flags
    assert flags[-1]["lead_off"] == ["Fp1"]
    writer.cancel()


async def test_names_nobody_waits_for_are_forgotten(bench):
    client, _ = bench.client("c1")
    for number in range(60):
        bench.broker.on_text(client, json.dumps({"type": "subscribe", "topic": f"junk{number}"}))
    assert len(bench.broker.topics) == 61
    bench.broker.leave(client)
    assert list(bench.broker.topics) == ["eeg"]


async def test_artefacts_are_told_by_a_message_and_the_header_says_more(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        outlet.put_frames(4, flags=512, blink=0b0011, muscle=0b1000)
        outlet.put_frames(4)
        seen = [await receive(socket) for _ in range(4)]
        news = [message for message in seen if isinstance(message, dict)]
        assert [(m["blink"], m["muscle"], m["frame_index"]) for m in news] == [(["Fp1", "Fp2"], ["C4"], 0), ([], [], 4)]
        assert [message[5] for message in seen if not isinstance(message, dict)] == [128, 0]

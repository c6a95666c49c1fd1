"""ec.connect: numpy out, gaps exact, and it comes back by itself."""

from __future__ import annotations

import asyncio
import json
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eegcore as ec
from eegcore import client as client_module
from eegcore.client import Assembler, Gap
from eegcore.errors import Closed, EegcoreError, NotFound, TapTimeout
from eegcore.server import protocol
from eegcore.stages.stream import Kind, Stream

from .conftest import LABELS, FakeController, FakeOutlet, FakePacket, running_server


def meta_text(run_id: str = "run-1", **changes) -> str:
    stream = Stream(Kind.VOLTAGE_F32, LABELS, 250.0, 16).replace(**changes)
    return json.dumps(protocol.meta("eeg", 1, 1, stream, run_id, t_ns=0, t_unix_ns=0))


def packet(first: int, n: int = 4, **fields) -> bytes:
    values = np.arange(first, first + n)[:, None] + np.arange(4)[None, :] / 10
    return FakePacket(values, first, **fields).encode(1)


# -- the assembler ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0, 0, 0, 5])), max_size=30),
       st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_blocks_are_the_frames_in_order_and_gaps_are_exact(packets, reads):
    assembler = Assembler()
    assembler.on_text(meta_text())
    at, expected, gaps = 0, [], []
    for n, hole in packets:
        if hole and expected:
            gaps.append(Gap(at, hole, "source"))
            at += hole
        assembler.on_binary(packet(at, n))
        expected += range(at, at + n)
        at += n
    got: list[int] = []
    for n in reads:
        taken = assembler.take(n / 250.0)
        if taken is None:
            assert len(expected) - len(got) < n
        else:
            assert taken[1].shape == (n, 4)
            got += taken[1][:, 0].astype(int).tolist()
    assert got == expected[:len(got)]
    assert assembler.gaps == gaps


def test_a_gap_message_names_the_reason_of_the_next_hole():
    assembler = Assembler()
    assembler.on_text(meta_text())
    assembler.on_binary(packet(0))
    assembler.on_text(json.dumps(protocol.gap(1, 8, "client_slow")))
    assembler.on_binary(packet(12))
    assembler.on_binary(packet(20))
    assembler.disconnected()
    assembler.on_binary(packet(30))
    assert assembler.gaps == [Gap(4, 8, "client_slow"), Gap(16, 4, "source"), Gap(24, 6, "reconnect")]


def test_what_is_not_read_is_kept_for_a_while_and_then_one_gap():
    assembler = Assembler(buffer_s=0.1)                  # 25 frames
    assembler.on_text(meta_text())
    for first in range(0, 100, 4):
        assembler.on_binary(packet(first))
    assert assembler.gaps == [Gap(0, 76, "reader_slow")]
    assert assembler.take(None)[1][0, 0] == 76


def test_a_block_never_mixes_two_descriptions():
    assembler = Assembler()
    assembler.on_text(meta_text())
    assembler.on_binary(packet(0))
    assembler.on_text(meta_text("run-2", labels=("Cz",)))
    assembler.on_binary(FakePacket(np.ones((50, 1)), 0).encode(1))
    assert assembler.take(0.1)[1].shape == (4, 4)
    assert assembler.take(0.1)[1].shape == (25, 1)
    assert assembler.gaps == [Gap(0, None, "new_run")]


def test_counts_become_uv_when_the_scale_is_known():
    assembler = Assembler()
    assembler.on_text(meta_text(kind=Kind.RAW_I32, unit="counts", scale_uv=(0.5, 1.0, 2.0, 4.0)))
    assembler.on_binary(FakePacket(np.full((2, 4), 8), kind=Kind.RAW_I32).encode(1))
    np.testing.assert_array_equal(assembler.take(None)[1], [[4, 8, 16, 32]] * 2)


def test_decimated_frames_are_counted_in_device_frames():
    assembler = Assembler()
    assembler.on_text(meta_text(step=Fraction(16)))
    assembler.on_binary(FakePacket(np.ones((4, 4)), 0, step=Fraction(16)).encode(1))
    assembler.on_binary(FakePacket(np.ones((4, 4)), 64, step=Fraction(16)).encode(1))
    assembler.on_binary(FakePacket(np.ones((4, 4)), 160, step=Fraction(16)).encode(1))
    assert assembler.gaps == [Gap(128, 32, "source")]


def test_packets_of_other_topics_are_not_ours():
    assembler = Assembler()
    assembler.on_binary(packet(0))
    assembler.on_text(meta_text())
    assembler.on_binary(FakePacket(np.ones((4, 4))).encode(2))
    assert assembler.take(None) is None


# -- async --------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_reconnect(monkeypatch):
    monkeypatch.setattr(client_module, "FIRST_WAIT_S", 0.01)


async def test_async_read_gives_the_frames(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    await running.until(lambda: running.server.broker.running_topics)
    async with ec.connect(running.ws_url, topic="eeg") as stream:
        assert (stream.labels, stream.sps, stream.unit, stream.gaps) == (list(LABELS), 250.0, "uV", [])
        for _ in range(40):
            outlet.put_frames(16)
        block = await stream.read(seconds=2)
        assert (block.shape, block.dtype) == ((500, 4), np.float32)
        np.testing.assert_array_equal(block[:, 0], np.arange(500))
        assert len(await stream.read()) == 140
        with pytest.raises(TapTimeout, match=r"topic eeg: 1 s of frames did not come in time"):
            await stream.read(seconds=1, timeout_s=0.01)
        outlet.put_frames(3)
        async for packet_ in stream:
            assert len(packet_) == 3
            break
    with pytest.raises(Closed):
        await stream.read(seconds=1)


async def test_it_comes_back_and_reports_the_hole(running, quick_reconnect):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    await running.until(lambda: running.server.broker.running_topics)
    async with ec.connect(running.url, topic="eeg") as stream:
        outlet.put_frames(16)
        await stream.read(seconds=16 / 250)
        client = next(iter(running.server.broker.clients.values()))
        client.cut()
        await running.until(lambda: client.client_id not in running.server.broker.clients)
        await running.until(lambda: running.server.broker.topics["eeg"].members)
        outlet.put(FakePacket(np.ones((4, 4)), 100))
        await stream.read()
        assert stream.gaps == [Gap(16, 84, "reconnect")]


async def test_a_topic_that_is_not_there_is_said_with_those_that_are(running):
    running.controller.set_outlets(FakeOutlet("eeg"))
    await running.until(lambda: running.server.broker.running_topics)
    with pytest.raises(NotFound, match=r"no topic is called 'egg'. Known: eeg."):
        async with ec.connect(running.ws_url, topic="egg"):
            pass


async def test_while_nothing_runs_the_stream_waits_for_the_start(running):
    async with ec.connect(running.ws_url, topic="eeg") as stream:
        assert (stream.labels, stream.sps) == ([], 0.0)
        outlet = FakeOutlet("eeg")
        running.controller.set_outlets(outlet)
        outlet.put_frames(16)
        assert (await stream.read()).shape == (16, 4)
        assert stream.labels == list(LABELS)


async def test_nobody_there_a_wrong_address_and_a_missing_token_are_said(controller):
    with pytest.raises(Closed, match=r"nobody answers"):
        async with ec.connect("ws://127.0.0.1:1", topic="eeg"):
            pass
    with pytest.raises(EegcoreError, match=r"connect: 'pi.local:9000' is not an address"):
        async with ec.connect("pi.local:9000", topic="eeg"):
            pass
    async with running_server(controller, token="secret") as server:
        with pytest.raises(EegcoreError, match=r"refused with status 401. Give its token"):
            async with ec.connect(server.ws_url, topic="eeg"):
                pass
        async with ec.connect(server.ws_url, topic="eeg", token="secret"):
            pass


async def test_spectra_keep_their_bins(running):
    stream = Stream(Kind.SPECTRUM_F32, LABELS, 0.5, 1, unit="uV^2/Hz", axis_hz=(0.0, 0.5, 1.0), step=Fraction(500))
    outlet = FakeOutlet("spectrum", stream=stream)
    running.controller.set_outlets(outlet)
    await running.until(lambda: running.server.broker.running_topics)
    async with ec.connect(running.ws_url, topic="spectrum") as spectra:
        outlet.put(FakePacket(np.ones((1, 3, 4)), kind=Kind.SPECTRUM_F32, sps=0.5, step=Fraction(500)))
        assert (await spectra.read()).shape == (1, 3, 4)
        assert spectra.meta["axis_hz"] == [0.0, 0.5, 1.0]


# -- sync ---------------------------------------------------------------------------------------------------


class ServerThread:
    """A server on a loop of its own, for clients that block."""

    def __init__(self) -> None:
        self.controller = FakeController()
        self.outlet = FakeOutlet("eeg")
        self.controller.set_outlets(self.outlet)
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main()))
        self.thread.start()
        assert self.ready.wait(20)

    async def main(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        async with running_server(self.controller) as server:
            self.url = server.ws_url
            self.ready.set()
            await self.stop.wait()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()
        self.controller.dispose()


@pytest.fixture
def server_thread():
    server = ServerThread()
    yield server
    server.close()


def test_sync_read_gives_the_frames(server_thread):
    with ec.connect(server_thread.url, topic="eeg") as stream:
        for _ in range(40):
            server_thread.outlet.put_frames(16)
        block = stream.read(seconds=2)
        assert (block.shape, stream.sps, stream.gaps) == ((500, 4), 250.0, [])
        np.testing.assert_array_equal(block[:, 0], np.arange(500))
        with pytest.raises(TapTimeout):
            stream.read(seconds=60, timeout_s=0.01)
    with pytest.raises(Closed, match="the connection is closed"):
        stream.read(seconds=60)
    assert not stream._thread.is_alive()


def test_sync_connect_raises_when_nobody_is_there():
    with pytest.raises(Closed, match="nobody answers"), ec.connect("ws://127.0.0.1:1", topic="eeg"):
        pass


def test_to_mne_is_in_volts_and_transposed(server_thread):
    pytest.importorskip("mne", reason="mne is not installed")
    with ec.connect(server_thread.url, topic="eeg") as stream:
        for _ in range(20):
            server_thread.outlet.put_frames(16)
        raw = stream.to_mne(seconds=1)
    assert (raw.ch_names, raw.info["sfreq"], raw.get_data().shape) == (list(LABELS), 250.0, (4, 250))
    np.testing.assert_allclose(raw.get_data()[0], np.arange(250) * 1e-6, rtol=1e-6)

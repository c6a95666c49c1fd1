"""Ends of runs: readers that stay, readers that go, threads that never came, writers that break."""

from __future__ import annotations

import gc
import itertools
import threading
import time

import pytest

from eegcore import _rt
from eegcore.errors import SystemFailed
from eegcore.graph import run as graph_run
from eegcore.graph.supervisor import Supervisor
from eegcore.pipeline import Pipeline
from eegcore.sinks.csv_file import CsvWriter
from eegcore.sinks.ledger_file import check_ledger

SOURCE = {"acquire": {"board": "emulator", "sps": 1000, "channels": 8}}
STAGES = [SOURCE, {"to_voltage": {}}, {"null_sink": {}}]


@pytest.fixture
def short_drain(monkeypatch):
    """Stopped runs are given up after 0.3 s, not 5."""
    monkeypatch.setattr(graph_run, "DRAIN_S", 0.3)
    monkeypatch.setattr(graph_run, "TAP_DRAIN_S", 0.3)


def held_back(run):
    """A tap of a run, straight from the graph, and its number."""
    return run._graph.open_tap("to_voltage")


# ---- readers ----


def test_a_listener_that_is_slower_than_the_run_hears_its_end():
    frames, last = [], 0
    run = Pipeline(STAGES, clock="virtual").run(seconds=0.5)
    heard = run.tap("to_voltage")
    with run:
        for packet in heard:
            time.sleep(0.03)                               # the sources end long before us
            frames.append(packet.frame_index)
            last = packet.frame_index + packet.n_frames
    assert last == 500
    assert len({b - a for a, b in itertools.pairwise(frames)}) == 1


def test_a_tap_of_a_run_that_is_over_ends_at_once():
    with Pipeline(STAGES, clock="virtual").run(seconds=0.2) as run:
        assert run.wait(20)
        assert list(run.tap("to_voltage", timeout_s=30)) == []


def test_a_tap_opened_while_a_run_ends_is_told_of_the_end():
    for _ in range(20):
        with Pipeline(STAGES, clock="virtual").run(seconds=0.2) as run:
            while run._graph.is_alive:
                for _packet in run.tap("to_voltage", timeout_s=20):
                    pass


def test_a_tap_closed_by_another_thread_wakes_its_reader():
    got = []
    with Pipeline(STAGES).run() as run:
        run.pause()
        number, tap = held_back(run)
        reader = threading.Thread(target=lambda: got.append(read_until_end(tap)))
        reader.start()
        time.sleep(0.2)
        run._graph.close_tap(number)
        reader.join(10)
    assert got == ["end"]


def read_until_end(tap):
    while (packets := tap.wait(20)) is not None:
        if not packets:
            return "time"
    return "end"


def test_a_virtual_run_does_not_wait_for_ever_for_a_tap_that_nobody_reads(short_drain):
    with Pipeline(STAGES, clock="virtual").run(seconds=1e6) as run:
        forgotten = run.tap("to_voltage")
        time.sleep(0.2)
    ledger = run.ledger()
    assert ledger["final"]
    assert check_ledger(ledger) == []
    assert ledger["sinks"]["null_sink"]["in"] == ledger["frames"]      # only the tap was given up
    del forgotten


def test_taps_may_be_opened_and_closed_more_often_than_there_are_edges():
    with Pipeline(STAGES, clock="virtual").run(seconds=0.1) as run:
        assert run.wait(20)
        run._graph.close_tap(held_back(run)[0])
        n_edges = run._graph.built.graph.n_edges
        for _ in range(5000):
            number, _tap = held_back(run)
            run._graph.close_tap(number)
        assert run._graph.built.graph.n_edges == n_edges


def test_an_edge_used_again_begins_at_zero_and_delivers():
    with Pipeline(STAGES).run() as run:
        for _ in range(5):
            heard = [packet.frame_index for packet in run.tap("to_voltage", seconds=0.05)]
            assert heard == sorted(set(heard))
            assert heard


def test_packets_in_a_cycle_of_garbage_give_their_slots_back():
    class Holder:
        pass

    run = Pipeline(STAGES, clock="virtual").run(seconds=1)
    number, tap = held_back(run)
    with run:
        while (packets := tap.wait(20, 8)) is not None:
            for packet in packets:
                holder = Holder()
                holder.packet, holder.me = packet, holder
                del holder, packet
            packets = None
            gc.collect(0)                                  # young garbage only: the whole heap takes its time
        run._graph.close_tap(number)
        gc.collect()
    pools = run.stats()["pools"].values()
    assert sum(pool["size"] - pool["free"] for pool in pools) <= 4     # a spare slot for each output
    assert sum(pool["stale"] for pool in pools) == 0


def test_packets_and_arrays_outlive_their_run():
    with Pipeline(STAGES).run() as run:
        kept = next(iter(run.tap("to_voltage")))
    array = kept.data
    wanted = array.copy()
    del run, kept
    gc.collect()
    assert (array == wanted).all()


# ---- live figures ----


def test_live_figures_are_never_impossible():
    with Pipeline(STAGES, clock="virtual").run(seconds=600) as run:
        graph, groups = run._graph.built.graph, run._graph.built.groups.values()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for _ in range(500):
                for group in groups:
                    at = _rt.group_stats(graph, group)["at"]
                    assert at is None or at < 10
            ledger = run.ledger()
            assert ledger["balanced"]
            for edge in ledger["edges"].values():
                assert edge["in"] >= edge["out"]


# ---- the supervisor ----


def test_a_mistake_in_watching_does_not_keep_the_run_from_its_end(monkeypatch):
    def broken(self):
        raise KeyError("node -1")

    monkeypatch.setattr(Supervisor, "_watch_stalls", broken)
    with Pipeline(STAGES).run(seconds=0.3) as run:
        assert run.wait(20)
    assert run.ledger()["final"]


def test_a_stage_that_hangs_does_not_keep_stop_from_returning(short_drain, tmp_path):
    path = tmp_path / "whole.csv"
    stages = [SOURCE, {"to_voltage": {}}, {"csv_sink": {"path": str(path), "inputs": ["to_voltage"]}},
              {"null_sink": {"stall_ms": 20_000, "inputs": ["to_voltage"]}}]
    run = Pipeline(stages).run()
    begin = time.monotonic()
    with pytest.raises(Exception, match="worker-sinks did not end"), run:
        time.sleep(0.5)
    assert time.monotonic() - begin < 10
    assert not run.ledger()["final"]
    assert path.with_name(path.name + ".ledger.json").exists()         # the other branch is finished


def test_what_waits_before_a_slow_stage_is_given_up_and_counted(short_drain):
    source = {"acquire": {**SOURCE["acquire"], "batch": 10}}
    with Pipeline([source, {"null_sink": {"stall_ms": 100}}]).run() as run:
        time.sleep(1)
    ledger = run.ledger()
    assert ledger["final"]
    assert check_ledger(ledger) == []
    (edge,) = ledger["edges"].values()
    assert edge["dropped"]["stopped"] > 0


# ---- threads and files ----


def test_a_start_for_which_there_are_no_threads_leaves_nothing_behind(monkeypatch, tmp_path):
    path = tmp_path / "new.csv"
    start, begun = threading.Thread.start, []

    def start_two(thread):
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    run = Pipeline([SOURCE, {"to_voltage": {}}, {"csv_sink": {"path": str(path)}}]).run()
    monkeypatch.setattr(threading.Thread, "start", start_two)
    with pytest.raises(SystemFailed, match="gives no more threads"), run:
        pass
    assert len(begun) == 2
    assert not any(thread.is_alive() for thread in begun)


def test_a_file_that_cannot_be_finished_does_not_keep_others_from_it(monkeypatch, tmp_path):
    close = CsvWriter.close

    def close_or_not(self, ledger):
        if "bad" in self._template:
            raise TypeError("not today")
        close(self, ledger)

    monkeypatch.setattr(CsvWriter, "close", close_or_not)
    stages = [SOURCE, {"to_voltage": {}},
              {"csv_sink": {"id": "bad", "path": str(tmp_path / "bad.csv"), "inputs": ["to_voltage"]}},
              {"csv_sink": {"id": "good", "path": str(tmp_path / "good.csv"), "inputs": ["to_voltage"]}}]
    with Pipeline(stages).run(seconds=0.3) as run:
        assert run.wait(20)
    assert (tmp_path / "good.csv.ledger.json").exists()
    assert any("bad: the writer failed to finish the file (TypeError" in alarm["message"] for alarm in run.alarms)
    assert set(run._graph.sink_failures()) == {"bad"}


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_sink_whose_thread_breaks_does_not_hold_up_the_graph(clock, monkeypatch, tmp_path):
    from eegcore.graph.sink_thread import SinkThread

    def broken(self, packets):
        raise MemoryError("none left")

    monkeypatch.setattr(SinkThread, "_take", broken)
    stages = [SOURCE, {"to_voltage": {}}, {"csv_sink": {"path": str(tmp_path / "x.csv"), "inputs": ["to_voltage"]}},
              {"null_sink": {"inputs": ["to_voltage"]}}]
    with Pipeline(stages, clock=clock).run(seconds=0.5) as run:
        assert run.wait(20)
    ledger = run.ledger()
    assert ledger["sinks"]["null_sink"]["written"] == ledger["frames"]
    assert ledger["lost"] > 0
    assert any("its thread failed (MemoryError: none left)" in alarm["message"] for alarm in run.alarms)


def test_a_thread_that_breaks_stops_the_run_and_says_so(monkeypatch):
    monkeypatch.setattr(graph_run.GraphRun, "_be_member", lambda self, member: 1 / 0)
    with pytest.raises(Exception, match="ZeroDivisionError"), Pipeline(STAGES).run() as run:
        assert run.wait(20)
    assert run.ledger()["final"]


def test_stopping_at_once_while_a_stage_waits_for_a_slot_is_no_failure():
    with Pipeline(STAGES, clock="virtual").run(seconds=1e6) as run:
        kept = []
        number, tap = held_back(run)
        while len(kept) < 200 and (packets := tap.wait(0.2)):          # drain the pool as far as quotas let us
            kept += packets
        run._graph.abort()
        assert run.wait(20)
        run._graph.close_tap(number)
    assert run._failure is None


# ---- pauses of a recording ----


@pytest.mark.parametrize(("clock", "speed"), [("real", 1.0), ("real", 4.0), ("real", "max"), ("virtual", 1.0)])
def test_a_pause_moves_the_time_of_a_recording_by_its_length_and_no_more(clock, speed, tmp_path):
    sps, batch = 250, 10
    path = tmp_path / "ramp.csv"
    path.write_text("a,b\n" + "".join(f"{i},{-i}\n" for i in range(20 * sps)))
    stages = [{"playback": {"path": str(path), "sps": sps, "speed": speed, "batch": batch, "loop": True}},
              {"null_sink": {"stall_ms": 2 if speed == "max" else 0}}]
    times = {}
    with Pipeline(stages, clock=clock).run() as run:
        listener = threading.Thread(target=lambda: times.update(
            (packet.frame_index, (packet.t_ns, packet.n_frames, packet.flags)) for packet in run.tap("playback")))
        listener.start()
        time.sleep(0.4)
        begin = time.monotonic()
        run.pause()
        time.sleep(0.5)
        run.resume()
        paused_s = time.monotonic() - begin
        time.sleep(0.4)
        run.stop()
        listener.join(20)
    steps = [(times[i + n][0] - t) * 1e-9 - n / sps for i, (t, n, _) in sorted(times.items()) if i + n in times]
    jumps = [step for step in steps if abs(step) > 1e-6]
    assert len(steps) > 10
    if clock == "virtual":
        assert jumps == []
    else:
        assert len(jumps) == 1
        assert 0.2 < jumps[0] < paused_s + 0.2

"""Markers at their exact frame: against the emulator's own clock, and what may come in."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml

from eegcore import _rt
from eegcore.control.controller import Controller
from eegcore.devices import gpio_edges
from eegcore.devices.gpio_edges import GpioKernel
from eegcore.errors import BadArgument, ConfigError, DeviceError, NotFound, StateConflict, SystemFailed
from eegcore.graph.frame_clock import FrameClock
from eegcore.graph.marker_inputs import MarkerInput, RateLimit
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline

SPS = 250
ROOT = Path(__file__).parents[2]


def plan_of(*stages, clock="virtual", **acquire):
    source = {"acquire": {"board": "emulator", "sps": SPS, "channels": 4, **acquire}}
    return Pipeline([source, *stages, {"null_sink": {}}], clock=clock).plan


@contextmanager
def graph_run(plan, seconds=None, **more):
    run = GraphRun(plan, seconds=seconds, **more)
    run.start()
    try:
        yield run
    finally:
        run.finish()


def truth_ns(run, sps, drift_ppm):
    """When each of the emulator's conversions ended: csrc/emulator/ec_edge_clock.h in exact integers."""
    stats = _rt.source_stats(run.built.graph, run.built.sources["acquire"])
    scale = 10**12 + round(drift_ppm * 1e6)
    behind = np.array([k * scale // (sps * 1000) for k in range(stats["edges"])])
    return stats["first_edge_ns"] + behind, scale / (sps * 1000)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


# ---- the frame of a moment ----


def check_against_truth(run, sps, drift_ppm, n_moments, margin=1e-3, first=0):
    """Moments anywhere in a frame's own half period, up to `margin` periods before its end, have that frame."""
    true_ns, period_ns = truth_ns(run, sps, drift_ppm)
    rng = np.random.default_rng(5)
    frames = rng.integers(first, len(true_ns), n_moments)
    offsets = rng.uniform(-0.5 + margin, 0.5 - margin, n_moments) * period_ns
    for frame, offset in zip(frames.tolist(), offsets.tolist(), strict=True):
        found, t_ns = run.frame_at(round(true_ns[frame] + offset))
        assert found == frame
        assert abs(t_ns - true_ns[frame]) <= margin * period_ns
    return len(true_ns)


@pytest.mark.parametrize(("sps", "drift_ppm", "n"), [
    (250, 37.5, 40_000), (250, 20_000.0, 10_000), (16_000, -20_000.0, 200_000), (16_000, 0.0, 100_000)])
def test_in_virtual_time_every_moment_has_the_frame_of_the_emulators_clock(sps, drift_ppm, n):
    with graph_run(plan_of(sps=sps, drift_ppm=drift_ppm), n / sps) as run:
        assert run.join(60)
        assert check_against_truth(run, sps, drift_ppm, 400) == n


def test_jitter_does_not_move_a_marker_to_another_frame():
    """Stamps that are up to 0.8 ms late, of 4 ms: the fit is what counts, not the nearest edge."""
    with graph_run(plan_of(drift_ppm=120.0, jitter_us=800), 60.0) as run:
        assert run.join(60)
        check_against_truth(run, SPS, 120.0, 400, margin=0.15, first=500)


def test_in_real_time_too_while_frames_come():
    with graph_run(plan_of(clock="real", drift_ppm=15_000.0), 1.6) as run:
        until(lambda: run.join(0) or _rt.time_points(run.built.graph, run.built.sources["acquire"]))
        while run.is_alive:
            before_ns = time.monotonic_ns()
            event = run.mark("now")
            after_ns = time.monotonic_ns()
            true_ns, period_ns = truth_ns(run, SPS, 15_000.0)
            least, most = ((t_ns - true_ns[0]) / period_ns for t_ns in (before_ns, after_ns))
            assert least - 0.501 <= event.frame_index <= most + 0.501
            time.sleep(0.01)
        check_against_truth(run, SPS, 15_000.0, 200)
        assert len(run.journal.events()) > 20


def test_right_in_the_middle_it_is_the_earlier_frame():
    clock = FrameClock(lambda: 1, lambda _: (100, 1_000_000, 4000.0, False))
    assert clock.nearest(1_000_000) == (100, 1_000_000)
    assert clock.nearest(1_002_000) == (100, 1_000_000)
    assert clock.nearest(1_002_001) == (101, 1_004_000)
    assert clock.nearest(998_000) == (99, 996_000)
    assert clock.nearest(998_001) == (100, 1_000_000)
    assert clock.nearest(0) == (0, 600_000)


def test_time_that_stood_still_belongs_to_the_frames_at_its_ends():
    """A playback that was paused: 10 frames of 1 ms, a pause, then on with frame 10."""
    points = [(0, 0, 1e6, False), (5, 5_000_000, 1e6, False), (10, 110_000_000, 1e6, True)]
    clock = FrameClock(lambda: len(points), points.__getitem__)
    assert clock.nearest(9_400_000) == (9, 9_000_000)
    assert clock.nearest(50_000_000) == (9, 9_000_000)
    assert clock.nearest(70_000_000) == (10, 110_000_000)
    assert clock.nearest(111_600_000) == (12, 112_000_000)


def test_a_table_that_has_wrapped_around_is_searched_from_its_oldest_point():
    points = [(k * 2500, k * 10**10, 4e6, False) for k in range(10_000)]

    def read(number):
        return points[number] if number >= len(points) - 4096 else None

    clock = FrameClock(lambda: len(points), read)
    assert clock.earliest_ns() == points[-4096][1]
    for k in (-4096, -4095, -2000, -2, -1):
        frame, t_ns, _, _ = points[k]
        assert clock.nearest(t_ns + 8_000_001) == (frame + 2, t_ns + 8_000_000)


def test_a_playback_is_exactly_nominal(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text("a,b\n" + "1,2\n" * 5000)
    stages = [{"playback": {"path": str(path), "sps": 500, "speed": "max"}}, {"null_sink": {}}]
    with graph_run(Pipeline(stages, clock="virtual").plan) as run:
        assert run.join(30)
        for frame in (0, 1, 777, 4999):
            assert run.frame_at(frame * 2_000_000 + 999_999) == (frame, frame * 2_000_000)
        assert run.mark("no time given").frame_index >= 4990, "the newest frame: this clock is not the world's"


def test_moments_out_of_range_are_refused_with_the_range():
    with graph_run(plan_of(), 4.0) as run:
        assert run.join(30)
        newest_ns = _rt.source_stats(run.built.graph, run.built.sources["acquire"])["last_edge_ns"]
        first_ns = newest_ns - 999 * 4_000_000
        for t_ns in (-1, first_ns - 2_000_001, newest_ns + 1_000_000_001, 2**63 - 1):
            with pytest.raises(BadArgument, match=rf"Allowed: {first_ns} to {newest_ns + 10**9}") as refused:
                run.mark("m", t_ns)
            assert refused.value.details["allowed"] == [first_ns, newest_ns + 10**9]
        assert run.frame_at(first_ns - 1_000_000) == (0, first_ns)
        assert run.frame_at(newest_ns + 10**9)[0] == 999 + 250
        with pytest.raises(NotFound, match="Known: acquire"):
            run.frame_at(0, "other")
        assert run.mark("m", t_unix_ns=run.start_unix_ns + newest_ns).frame_index == 999
        assert [event.text for event in run.journal.events()] == ["m"]


def test_before_the_first_frame_there_is_no_place_for_a_marker():
    run = GraphRun(plan_of())
    with pytest.raises(StateConflict, match="no frame yet"):
        run.mark("early")
    run.finish()


# ---- what a marker may say ----


@pytest.mark.parametrize(("text", "why"), [
    ("", "empty"), ("   ", "empty"), ("x" * 257, "257 characters"), ("a\x14b", "U\\+0014 at character 2"),
    ("a\x15", "U\\+0015"), ("a\0", "U\\+0000"), ("a\nb", "U\\+000A"), ("a\u2028b", "U\\+2028"), ("\ud800", "U\\+D800"),
    ("a\x85", "U\\+0085"), (7, "no.* a text"), (None, "not a text")])
def test_a_text_that_cannot_stand_in_an_annotation_is_refused(text, why):
    with graph_run(plan_of(), 0.2) as run:
        assert run.join(30)
        with pytest.raises(BadArgument, match=why):
            run.mark(text)
        assert run.mark("  Reiz 3 \u00e4 \u2764 ").text == "Reiz 3 \u00e4 \u2764"
        for duration_s in (-1, float("nan"), float("inf"), 1e9, True, "1"):
            with pytest.raises(BadArgument, match="duration_s"):
                run.mark("m", duration_s=duration_s)
        for t_ns in (1.5, "7", True, 2**63):
            with pytest.raises(BadArgument, match="t_ns"):
                run.mark("m", t_ns)
        with pytest.raises(BadArgument, match="one of them"):
            run.mark("m", 1, t_unix_ns=1)


# ---- the controller ----


def test_the_controller_places_markers_and_tells_everybody():
    heard = []
    controller = Controller([{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}}, {"null_sink": {}}])
    with pytest.raises(StateConflict, match="marker: the pipeline is stopped"):
        controller.mark("x")
    assert controller.markers() == {"run_id": None, "markers": []}
    controller.subscribe(lambda event: heard.append(event) if event["event"] == "marker" else None)
    controller.start()
    until(lambda: controller.stats()["frames"] > 10)
    now_ns = time.monotonic_ns()
    placed = controller.mark("stimulus", duration_s=0.5, arrived_ns=now_ns - 8_000_000)
    assert abs(placed["t_ns"] - (now_ns - 8_000_000)) <= 2_000_100
    assert abs(placed["t_unix_ns"] - time.time_ns()) < 5e9
    assert heard == [{"event": "marker", **placed}]
    assert controller.markers() == {"run_id": controller.run_id, "markers": [placed]}
    assert controller.run.live.config_rev == controller.run.journal.events()[0].config_rev
    controller.shutdown()
    assert controller.markers()["markers"] == [placed], "of the last run, until another one begins"


# ---- datagrams ----


@pytest.fixture
def marked():
    """A run with a `marker_in` on any free port, and a socket to send to it."""
    alarms = []
    plan = plan_of({"marker_in": {"udp_port": 0, "max_per_s": 200}}, {"to_voltage": {}}, clock="real")
    with graph_run(plan, on_alarm=lambda *alarm: alarms.append(alarm)) as run, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        found = run.marker_inputs.open_ones["marker_in"]
        until(lambda: _rt.time_points(run.built.graph, run.built.sources["acquire"]))
        sender.connect(found.address)
        run.found, run.alarms, run.sender = found, alarms, sender
        yield run


def test_a_datagram_is_a_marker_with_the_time_at_which_it_came(marked):
    sent = []
    for text in ("go", "stop\n", '{"text": "long", "duration_s": 2}'):
        before_ns = time.monotonic_ns()
        marked.sender.send(text.encode())
        sent.append((before_ns, time.monotonic_ns()))
    until(lambda: marked.found.markers == 3)
    events = marked.journal.events()
    assert [(event.text, event.duration_s, event.origin) for event in events] == [
        ("go", 0.0, "udp"), ("stop", 0.0, "udp"), ("long", 2.0, "udp")]
    for event, (before_ns, after_ns) in zip(events, sent, strict=True):
        assert before_ns - 2_100_000 <= event.t_ns <= after_ns + 2_100_000
    marked.sender.send(json.dumps({"text": "told", "t_ns": events[0].t_ns}).encode())
    until(lambda: marked.found.markers == 4)
    assert marked.journal.events()[-1].frame_index == events[0].frame_index


def test_what_is_no_marker_is_counted_and_said(marked):
    bad = [b"\xff\xfe", b"{", b'{"a": 1}', b'{"duration_s": 1}', b'{"text": 5}', b"x" * 257, b"x" * 4000, b"a\x14b",
           b"", b'{"text": "x", "t_ns": 1}', b'{"text": "x", "t_ns": 1e99}', b'{"text": "x", "duration_s": NaN}',
           b'{"text":' + b"[" * 900]
    for data in bad:
        marked.sender.send(data)
    until(lambda: marked.found.refused == len(bad))
    assert marked.found.markers == 0
    assert {alarm[1] for alarm in marked.alarms} == {"marker_in refused"}
    assert len(marked.alarms) == len(bad), "the supervisor throttles them, one place, once per 10 s"
    assert marked.stats()["marker_inputs"]["marker_in"]["refused"] == len(bad)


def test_more_than_the_rate_allows_is_left_out_counted_and_alarmed(marked):
    for _ in range(500):
        marked.sender.send(b"flood")
        time.sleep(0)
    time.sleep(0.2)
    marked.sender.send(b"one more tells what the socket had no room for")
    until(lambda: sum(marked.found.counters().values()) == 501)
    assert marked.found.markers < 400
    assert marked.found.over_rate + marked.found.lost_datagrams > 100
    assert {alarm[1] for alarm in marked.alarms} <= {"marker_in rate", "marker_in lost"}
    assert marked.alarms


def test_datagrams_lost_at_the_end_of_a_burst_are_said_though_none_follows(marked, monkeypatch):
    assert marked.found._udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 212_992, "more than without asking"
    marked.found._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    taking, go_on = threading.Event(), threading.Event()

    def held_up(*_, **__):
        taking.set()
        go_on.wait(10)

    monkeypatch.setattr(marked.found, "place", held_up)
    marked.sender.send(b"first")
    assert taking.wait(10)
    for _ in range(50):
        marked.sender.send(b"x" * 200)
    go_on.set()
    until(lambda: marked.found.lost_datagrams)
    assert 30 < marked.found.lost_datagrams < 50
    assert [alarm[1] for alarm in marked.alarms] == ["marker_in lost"]


def test_a_rate_limit_lets_a_burst_pass_and_then_the_rate():
    limit = RateLimit(100)
    assert sum(limit.takes(10**9) for _ in range(150)) == 100
    assert sum(limit.takes(10**9 + k * 10**6) for k in range(1000)) == pytest.approx(100, abs=1)


def test_packets_pass_untouched():
    """The very packets: same frames, same samples, and no copy (one slot more would be needed for each)."""
    def frames(*stages):
        plan = plan_of(*stages, {"to_voltage": {}})
        with graph_run(plan, 2.0) as run:
            assert run.join(30)
            return run.finish()["digest"]["null_sink"]

    assert frames({"marker_in": {"udp_port": 0}}) == frames()


def test_a_port_that_is_taken_stops_the_start_and_a_run_gives_its_port_back():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        plan = plan_of({"marker_in": {"udp_port": port}})
        run = GraphRun(plan)
        with pytest.raises(SystemFailed, match=rf"marker_in: UDP port {port} of 127\.0\.0\.1 cannot be had"):
            run.start()
        assert not run.is_alive
    for _ in range(2):
        with graph_run(plan, 0.1) as run:
            assert run.marker_inputs.open_ones["marker_in"].address == ("127.0.0.1", port)
        assert run.marker_inputs.open_ones == {}


@pytest.mark.parametrize(("settings", "why"), [
    ({}, "no marker can come in"), ({"udp_port": 70000}, "65535"), ({"udp_port": 1, "host": "pi.local"}, "no address"),
    ({"gpio": [{"line": "GPIO17"}, {"line": "GPIO17", "edge": "rising"}]}, "there twice"),
    ({"gpio": [{"line": "GPIO17", "edge": "up"}]}, "rising")])
def test_settings_that_cannot_work_are_refused(settings, why):
    with pytest.raises(ConfigError, match=why):
        plan_of({"marker_in": settings})


def test_listening_to_the_network_is_warned_about():
    assert any("whoever reaches" in warning for warning in plan_of(
        {"marker_in": {"udp_port": 0, "host": "0.0.0.0"}}).warnings)
    assert plan_of({"marker_in": {"udp_port": 0, "host": "::1"}}).warnings == []


# ---- lines ----


class FakeKernel(GpioKernel):
    """A header with 28 lines, whose events come from a pipe."""

    def __init__(self, label="pinctrl-rp1", busy=""):
        self.label, self.busy = label, busy
        self.requests = []
        self.pipes = []

    def find(self, pattern):
        return ["/dev/gpiochip4"]

    def ioctl(self, path, request, data):
        answer = bytearray(data)
        if request == 0x8044B401:
            answer[32:32 + len(self.label)] = self.label.encode()
            struct.pack_into("=I", answer, 64, 28)
        elif request == 0xC100B405:
            offset = struct.unpack_from("=I", data, 64)[0]
            answer[0:32] = f"GPIO{offset}".encode().ljust(32, b"\0")
            answer[32:64] = self.busy.encode().ljust(32, b"\0")
        else:
            assert request == gpio_edges.GET_LINE
            if self.busy:
                raise OSError(16, "busy")
            self.requests.append(bytes(data))
            reader, writer = os.pipe()
            self.pipes.append(writer)
            struct.pack_into("=i", answer, 588, reader)
        return bytes(answer)

    def press(self, at, t_ns, *, rising=False, seqno=1):
        os.write(self.pipes[at], struct.pack("=QIIII24x", t_ns, 1 if rising else 2, 17, seqno, seqno))


@pytest.fixture
def buttons():
    """A real-time run, and what makes a `MarkerInput` with a fake kernel in it."""
    made, alarms = [], []
    with graph_run(plan_of(clock="real")) as run:
        until(lambda: _rt.time_points(run.built.graph, run.built.sources["acquire"]))

        def make(*lines, kernel=None, **settings):
            kernel = kernel or FakeKernel()
            stage = plan_of({"marker_in": {"gpio": list(lines), **settings}}).stage("marker_in")
            found = MarkerInput(run, stage, lambda *alarm: alarms.append(alarm), kernel)
            made.append((found, kernel))
            found.start()
            return found, kernel

        run.alarms = alarms
        yield run, make
        for found, kernel in made:
            found.close()
            for pipe in kernel.pipes:
                os.close(pipe)


def test_an_edge_is_a_marker_at_the_frame_of_its_stamp(buttons):
    run, make = buttons
    found, kernel = make({"line": "GPIO17", "text": "key", "pull": "up"}, {"line": "GPIO5", "edge": "both"})
    assert struct.unpack_from("=I", kernel.requests[0], 0)[0] == 17
    assert struct.unpack_from("=Q", kernel.requests[0], 288)[0] == 1 << 2 | 1 << 5 | 1 << 8
    assert struct.unpack_from("=Q", kernel.requests[1], 288)[0] == 1 << 2 | 1 << 4 | 1 << 5
    until(lambda: run.stats()["frames"] > 50)
    pressed_ns = time.monotonic_ns() - 50_000_000
    kernel.press(0, pressed_ns)
    until(lambda: found.markers == 1)
    kernel.press(1, pressed_ns, rising=True)
    kernel.press(1, pressed_ns + 30_000_000, seqno=2)
    until(lambda: found.markers == 3)
    events = run.journal.events()
    assert [(event.text, event.origin) for event in events] == [
        ("key", "gpio"), ("button", "gpio"), ("button/end", "gpio")]
    assert [event.frame_index for event in events] == [
        run.frame_at(pressed_ns)[0], run.frame_at(pressed_ns)[0], run.frame_at(pressed_ns + 30_000_000)[0]]
    assert 7 <= events[2].frame_index - events[1].frame_index <= 8


def test_bounces_are_no_markers_and_lost_edges_are_said(buttons):
    run, make = buttons
    found, kernel = make({"line": "GPIO17", "debounce_ms": 20})
    until(lambda: run.stats()["frames"] > 50)
    base_ns = time.monotonic_ns() - 150_000_000
    for seqno, at_ms in ((1, 0), (2, 3), (3, 19), (4, 21), (9, 22), (10, 60)):
        kernel.press(0, base_ns + at_ms * 1_000_000, seqno=seqno)
    until(lambda: found.markers == 3)
    assert found.counters() == {"markers": 3, "refused": 0, "over_rate": 0, "bounces": 3, "lost_edges": 4,
                                "lost_datagrams": 0}
    assert [alarm[1] for alarm in run.alarms] == ["marker_in lost"]


def test_a_chip_that_goes_away_is_said_once(buttons):
    run, make = buttons
    _, kernel = make({"line": "GPIO17"})
    os.close(kernel.pipes.pop())
    until(lambda: run.alarms)
    assert "No more markers come from there" in run.alarms[0][2]
    assert len(run.alarms) == 1


@pytest.mark.parametrize(("kernel", "line", "why"), [
    (FakeKernel(busy="gpio-keys"), "GPIO17", r"taken by 'gpio-keys'.*\[EBUSY 16\]"),
    (FakeKernel(), "GPIO99", "none of that name"),
    (FakeKernel(label="other"), "GPIO17", r"Found: /dev/gpiochip4 \(other\)")])
def test_a_line_that_cannot_be_had_is_named(buttons, kernel, line, why):
    _, make = buttons
    with pytest.raises(DeviceError, match=why):
        make({"line": line}, kernel=kernel)


def test_numbers_of_the_kernel_interface_are_those_of_the_acquisition():
    text = (ROOT / "csrc/device/ec_linux_abi.h").read_text()

    def constant(name):
        found = re.search(rf"#define {name}\s+(.*?)(?:\s*/\*.*)?$", text, re.MULTILINE).group(1)
        shift = re.fullmatch(r"\(UINT64_C\((\d+)\) << (\d+)\)", found)
        return int(shift[1]) << int(shift[2]) if shift else int(found.rstrip("u"), 0)

    assert constant("EC_GPIO_GET_LINE") == gpio_edges.GET_LINE
    assert constant("EC_GPIO_INPUT") == gpio_edges.INPUT
    assert constant("EC_GPIO_EDGE_FALLING") == gpio_edges.EDGE_FALLING == gpio_edges.EDGE_RISING << 1
    assert constant("EC_GPIO_BIAS_PULL_UP") == gpio_edges.PULL["up"] == gpio_edges.PULL["down"] >> 1
    assert constant("EC_GPIO_EVENT_FALLING") == gpio_edges.FALLING
    for size in ("ec_gpio_request) == 592", "ec_gpio_event) == 48", "line_seqno) == 20", "config) == 288",
                 "num_lines) == 560", "fd) == 588"):
        assert size in text


def test_the_pipeline_of_the_page_about_markers_plans():
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/markers.md").read_text(), re.MULTILINE | re.DOTALL)
    native = Pipeline(yaml.safe_load(text)).plan.stage("marker_in").native
    assert (native["udp"], native["gpio"][0]["line"]) == ({"host": "127.0.0.1", "port": 5005}, "GPIO17")

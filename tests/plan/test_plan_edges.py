"""Rings: policy, capacity, what a full one means."""

from __future__ import annotations

import pytest

SOURCE = {"acquire": {"sps": 4000}}
CHAIN = [SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]
CSV = {"csv_sink": {"path": "x.csv", "inputs": "bandpass"}}


def edges(plan):
    return {edge.name: (edge.policy, edge.capacity, edge.critical) for edge in plan.edges}


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("C3,C4\n" + "1,2\n" * 100)
    return {"playback": {"path": str(path), "sps": 250}}


def test_without_a_recorder_edges_drop_and_hold_half_a_second(plan):
    assert edges(plan([*CHAIN, {"websocket_sink": {}}])) == {
        "acquire->to_voltage": ("drop_oldest", 128, False),
        "bandpass->websocket_sink": ("drop_oldest", 128, False),
        "websocket_sink->server": ("drop_oldest", 128, False)}


def test_above_a_recorder_edges_fail_and_the_one_into_it_holds_ten_seconds(plan):
    made = plan([*CHAIN, {"websocket_sink": {}}, CSV])
    assert edges(made) == {
        "acquire->to_voltage": ("fail", 64, True),                 # a worker group: the run stops
        "bandpass->websocket_sink": ("drop_oldest", 128, False),   # a screen beside the recorder
        "bandpass->csv_sink": ("fail", 4096, False),               # a sink: only it is closed
        "websocket_sink->server": ("drop_oldest", 128, False)}
    edge = next(edge for edge in made.edges if edge.name == "bandpass->csv_sink")
    assert (edge.from_group, edge.to_group, edge.seconds) == ("dsp", "sink-csv_sink", 4096 / 250)


def test_the_server_edge_comes_from_the_sink(plan):
    edge = plan([SOURCE, {"websocket_sink": {"id": "ws", "topic": "eeg"}}]).edges[-1]
    assert (edge.from_stage, edge.to_stage, edge.from_group, edge.to_group) == ("ws", "server", "sinks", "loop")


def test_in_virtual_time_every_edge_between_groups_blocks(plan):
    made = plan([*CHAIN, {"null_sink": {"overflow": "drop_oldest"}}, CSV], clock="virtual")
    assert {edge.policy for edge in made.edges} == {"block"}
    assert not any(edge.critical for edge in made.edges)
    assert made.clock == "virtual"


def test_below_a_playback_edges_block(plan, recording):
    made = plan([recording, {"notch": {"hz": 60}}, {"null_sink": {}}, {"csv_sink": {"path": "x.csv"}}])
    assert {edge.policy for edge in made.edges} == {"block"}


def test_critical_makes_the_edges_above_it_stop_the_run(plan):
    made = plan([*CHAIN, {"null_sink": {"critical": True}}, {"null_sink": {"id": "free"}}])
    assert edges(made) == {"acquire->to_voltage": ("fail", 64, True), "bandpass->null_sink": ("fail", 64, True),
                           "bandpass->free": ("drop_oldest", 128, False)}


def test_a_critical_recorder_stops_the_run_too(plan):
    made = plan([*CHAIN, {"csv_sink": {"path": "x.csv", "critical": True}}])
    assert edges(made)["bandpass->csv_sink"] == ("fail", 4096, True)


@pytest.mark.parametrize(("overflow", "expected"), [("fail", ("fail", 64, True)),
                                                    ("drop_oldest", ("drop_oldest", 128, False))])
def test_overflow_is_taken_as_written(plan, overflow, expected):
    assert edges(plan([*CHAIN, {"null_sink": {"overflow": overflow}}]))["bandpass->null_sink"] == expected


def test_block_needs_a_source_that_can_wait(plan, refused, recording):
    (text,) = refused([SOURCE, {"null_sink": {"overflow": "block"}}])
    assert text == ("stages[1].null_sink.overflow: block would make a source wait that cannot | "
                    "fail or drop_oldest; block below playback and in virtual time | Remove overflow")
    assert edges(plan([recording, {"null_sink": {"overflow": "block"}}]))["playback->null_sink"][0] == "block"


def test_a_critical_stage_cannot_drop(refused):
    (text,) = refused([SOURCE, {"null_sink": {"overflow": "drop_oldest", "critical": True}}])
    assert text.startswith("stages[1].null_sink.overflow: drop_oldest throws frames away above a stage that is")


@pytest.mark.parametrize(("key", "value"), [("queue", 64), ("overflow", "drop_oldest")])
def test_edge_keys_inside_a_group_are_refused(refused, key, value):
    (text,) = refused([SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60, key: value}}, {"null_sink": {}}])
    assert text == (f"stages[2].notch.{key}: {key}: {value} describes the edge into a stage, and 'notch' and "
                    "'to_voltage' run in one group ('dsp'), where there is none |  | "
                    f"Remove {key}, or give 'notch' a group of its own")


def test_edge_keys_of_a_source_are_refused(refused):
    (text,) = refused([{"acquire": {"queue": 64}}, {"null_sink": {}}])
    assert text.startswith("stages[0].acquire.queue: queue: 64 describes the edge into a stage, and 'acquire' is a "
                           "source |")


@pytest.mark.parametrize(("queue", "capacity"), [(1, 1), (2, 2), (3, 4), (10, 16), (64, 64), (65, 128)])
def test_queue_is_rounded_up_to_a_power_of_two(plan, queue, capacity):
    assert edges(plan([SOURCE, {"null_sink": {"queue": queue}}]))["acquire->null_sink"][1] == capacity
    assert edges(plan([SOURCE, {"null_sink": {}}], queue=queue))["acquire->null_sink"][1] == capacity


def test_the_stage_overrules_the_runtime(plan):
    made = plan([SOURCE, {"to_voltage": {"queue": 4}}, {"null_sink": {}}], queue=32)
    assert {name: edge[1] for name, edge in edges(made).items()} == {"acquire->to_voltage": 4,
                                                                    "to_voltage->null_sink": 32}


@pytest.mark.parametrize(("sps", "batch", "screen", "recorder"), [
    (250, 1, 128, 4096), (250, 5, 32, 512), (4000, 16, 128, 4096), (16000, 64, 128, 4096), (4000, 1, 2048, 65536),
    (250, 250, 8, 16), (20000, 4096, 8, 64)])
def test_capacity_follows_packets_per_second(plan, sps, batch, screen, recorder):
    made = plan([{"acquire": {"sps": sps, "batch": batch}}, {"null_sink": {}}, {"csv_sink": {"path": "x.csv"}}])
    assert edges(made)["acquire->null_sink"][1] == screen
    assert edges(made)["acquire->csv_sink"][1] == recorder


def test_slow_streams_make_few_packets(plan):
    made = plan([*CHAIN, {"fft": {"window_s": 2}}, {"null_sink": {}},
                 {"decimate": {"to_sps": 250, "inputs": "bandpass"}}, {"null_sink": {"id": "slow"}},
                 {"decimate": {"id": "slower", "to_sps": 50}}, {"null_sink": {"id": "slowest"}}])
    assert edges(made)["fft->null_sink"][1] == 8
    assert edges(made)["decimate->slow"][1] == 128          # 16 frames become one: as many packets as before
    assert edges(made)["slower->slowest"][1] == 32          # 50 SPS: at most 50 packets a second

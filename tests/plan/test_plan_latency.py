"""The way to every sink: filling a packet, the delay of the filters, and the rings if they are full."""

from __future__ import annotations

import pytest

CHAIN = [{"acquire": {"sps": 4000}}, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]


def test_the_bound_is_packet_plus_filters_plus_rings(plan):
    made = plan([*CHAIN, {"websocket_sink": {}}])
    (path,) = made.paths
    assert path["stages"] == ["acquire", "to_voltage", "notch", "bandpass", "websocket_sink"]
    assert path["batch_ms"] == 4
    assert path["rings_ms"] == pytest.approx(1e3 * sum(edge.seconds for edge in made.edges))
    assert path["delay_ms"] == pytest.approx(1e3 * made.stage("bandpass").outputs[0].stream.delay_s)
    assert path["idle_ms"] == pytest.approx(path["batch_ms"] + path["delay_ms"])
    assert path["latency_ms"] == pytest.approx(path["idle_ms"] + path["rings_ms"])


def test_every_sink_has_its_path_and_only_its_own_rings(plan):
    made = plan([*CHAIN, {"null_sink": {}}, {"csv_sink": {"path": "x.csv", "inputs": "to_voltage"}}])
    paths = {path["sink"]: path for path in made.paths}
    assert set(paths) == {"null_sink", "csv_sink"}
    seconds = {edge.name: edge.seconds for edge in made.edges}
    assert paths["csv_sink"]["rings_ms"] == pytest.approx(
        1e3 * (seconds["acquire->to_voltage"] + seconds["to_voltage->csv_sink"]))
    assert paths["csv_sink"]["delay_ms"] == 0


def test_a_smaller_batch_is_a_smaller_bound(plan):
    def bound(batch):
        chain = [{"acquire": {"sps": 4000, "batch": batch}}, *CHAIN[1:], {"null_sink": {}}]
        return plan(chain).paths[0]["idle_ms"]
    assert bound(4) < bound(16) < bound(64)

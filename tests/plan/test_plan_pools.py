"""Pools: one per packet size, large enough for everything that may hold a packet."""

from __future__ import annotations

import math

from eegcore.graph.plan_sizes import power_of_two

SOURCE = {"acquire": {"sps": 4000}}
CHAIN = [SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]


def test_one_pool_per_packet_size(plan):
    made = plan([*CHAIN, {"fft": {"window_s": 1, "max_hz": 10}}, {"null_sink": {}},
                 {"csv_sink": {"path": "x.csv", "inputs": "bandpass"}}])
    assert [(pool.name, pool.slot_bytes) for pool in made.pools] == [("packets_384", 384), ("packets_512", 512)]
    assert 11 * 8 * 4 == 352                                  # bytes of a spectrum: rounded up to 64


def test_a_pool_is_the_sum_of_what_may_hold_packets_and_a_quarter(plan):
    made = plan([*CHAIN, {"websocket_sink": {}}, {"csv_sink": {"path": "x.csv"}}])
    (pool,) = made.pools
    edges = sum(edge.capacity for edge in made.edges)
    assert pool.made_of == {"edges": edges, "nodes": 2 * 4, "readers": 32 * 2, "taps": 64,
                            "reserve": pool.slots - (edges + 8 + 64 + 64)}
    assert pool.slots == math.ceil(1.25 * (edges + 8 + 64 + 64))
    assert made.pool("packets_512") is pool


def test_large_slots_get_a_smaller_tap_quota(plan):
    made = plan([{"acquire": {"sps": 4000, "channels": 32}}, {"to_voltage": {}}, {"fft": {}}, {"null_sink": {}}])
    spectra = made.pools[-1]
    assert spectra.slot_bytes == 32 * 4001 * 4
    assert spectra.made_of["taps"] == 8
    assert spectra.slots * spectra.slot_bytes < 20 * 2**20


def test_every_output_has_a_pool(plan):
    made = plan([*CHAIN, {"decimate": {"factor": 4}}, {"fft": {}}, {"null_sink": {}}])
    names = {pool.name for pool in made.pools}
    for group in made.groups:
        for node in group.nodes:
            assert len(node.pools) == len(node.outputs)
            assert set(node.pools) <= names
            for ref, name in zip(node.outputs, node.pools, strict=True):
                stream = made.stage(ref[0]).outputs[0].stream
                assert 0 <= made.pool(name).slot_bytes - stream.packet_bytes < 64


def test_more_than_64_packet_sizes_are_refused(refused):
    windows = [{"fft": {"id": f"f{i}", "window_s": 1 + i / 10, "inputs": f"g{i // 22}"}} for i in range(66)]
    gains = [{"gain": {"id": f"g{i}", "group": f"g{i}", "inputs": "to_voltage"}} for i in range(3)]
    for i, stage in enumerate(windows):
        stage["fft"]["group"] = f"g{i // 22}"
    (text,) = refused([SOURCE, {"to_voltage": {}}, *gains, *windows, {"null_sink": {}}])
    assert text == ("stages: packets of 67 different sizes flow in this pipeline | At most 64 sizes | "
                    "Use the same batch and windows in more places")


def test_pools_beyond_memory_are_refused_and_large_ones_warned(plan, refused):
    wide = {"acquire": {"sps": 100, "channels": 256, "batch": 4096}}
    made = plan([wide, {"null_sink": {"queue": 64}}])
    (warning,) = made.warnings
    assert warning.startswith("runtime.queue: the pools take ")
    (text,) = refused([wide, {"null_sink": {"queue": 2048}}])
    assert text.startswith("runtime.queue: the pools take 10")
    assert text.endswith("| At most 4096 MiB | Lower batch or queue, or the number of bins (max_hz)")


def test_power_of_two():
    assert [power_of_two(value) for value in (0, 0.5, 1, 1.5, 2, 3, 62.5, 64, 65)] == [1, 1, 1, 2, 2, 4, 64, 64, 128]

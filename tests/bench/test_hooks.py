"""What is measured is what runs: the hooks compute the same samples as the graph and as plain Python."""

from __future__ import annotations

import numpy as np
import pytest

import eegcore
from eegcore.bench.decode import UV_PER_COUNT, python_decode
from eegcore.bench.filters import W
from eegcore.bench.hooks import (
    BenchHop,
    array_plan,
    bench_decode,
    bench_padded,
    bench_peak,
    cascade,
    recording,
    sections_of,
    two_threads,
)
from eegcore.bench.measure import histogram_percentile, interleaved
from eegcore.bench.overhead import run_chain


def test_the_stage_outside_a_graph_computes_the_samples_of_the_graph():
    x = np.random.default_rng(0).normal(0.0, 50.0, (480, 5)).astype(np.float32)
    y = np.empty_like(x)
    cascade(array_plan(recording(x, 4000), W, batch=16)).run(x, y, 16)
    assert np.array_equal(y, eegcore.process(x, sps=4000, stages=W[:2]))


def test_workload_w_is_five_sections():
    x = np.zeros((16, 2), np.float32)
    assert sections_of(array_plan(recording(x, 4000), W, batch=16)).shape == (5, 6)


def test_a_stage_refuses_arrays_that_do_not_fit():
    x = np.zeros((32, 2), np.float32)
    stage = cascade(array_plan(recording(x, 4000), W, batch=16))
    for values, out, n_frames in ((x, x[:16].copy(), 16), (x, np.zeros((32, 3), np.float32), 16), (x, x.copy(), 0),
                                  (x, x.copy(), 15)):
        with pytest.raises(ValueError, match="do not fit"):
            stage.run(values, out, n_frames)


def test_the_decoder_gives_the_microvolts_of_plain_python():
    frames = np.random.default_rng(1).integers(0, 256, (32, 27), dtype=np.uint8)
    frames[:, 0] = 0xC5
    out = np.empty((32, 8), np.float32)
    bench_decode(frames.reshape(-1), out, np.full(bench_padded(8), UV_PER_COUNT), 16)
    assert np.array_equal(out, np.array([python_decode(bytes(frame)) for frame in frames], np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        bench_decode(frames.reshape(-1)[:-1], out, np.full(bench_padded(8), UV_PER_COUNT), 16)


@pytest.mark.parametrize("spin", [False, True])
@pytest.mark.parametrize("what", [0, 1])
def test_every_call_is_answered(what, spin):
    link, times = BenchHop(), np.zeros(50, np.int64)
    for _ in range(2):
        two_threads(lambda: link.answer(what, spin, 50), lambda: link.call(what, spin, times))
        assert (times > 0).all()


@pytest.mark.parametrize("what", ["ring", "edge", "pool"])
def test_everything_produced_is_consumed(what):
    link = BenchHop()
    for _ in range(2):
        assert two_threads(lambda: link.produce(what, 5000), lambda: link.consume(what, False, 5000)) > 0


def test_the_roof_is_measured_with_whole_vectors():
    per_second, lanes = bench_peak(1000)
    assert per_second > 0
    assert lanes in (2, 4, 8)


def test_a_chain_of_pass_through_stages_runs():
    assert run_chain(3, 100) > 0


def test_interleaved_takes_the_median_of_ratios():
    ours, peer = iter([9.0, 1.0, 2.0, 1.0]), iter([9.0, 10.0, 10.0, 1.0])
    found = interleaved(lambda: next(ours), lambda: next(peer), 3)       # the first of each is not counted
    assert (found.ours_s, found.peer_s, found.ratio) == (1.0, 10.0, 5.0)


def test_a_percentile_of_a_histogram_is_the_edge_of_its_bucket():
    buckets = [(100, 98), (200, 1), (400, 1)]
    assert histogram_percentile(buckets, 0.5) == 100
    assert histogram_percentile(buckets, 0.985) == 200
    assert histogram_percentile(buckets, 0.999) == 400

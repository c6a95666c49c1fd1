"""The speed of the kernels as ratios to their peers in the same run (PROMISES section 3, measured on AVX2 or wider)."""

import csv
import ctypes
import io
import time
from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal
from dsp_library import Psd, Sos, at
from test_sos import workload

pytestmark = pytest.mark.deep


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The best of several means: what the machine can do when nobody else is on it."""
    best = np.inf
    for _ in range(9):
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        best = min(best, (time.perf_counter() - begin) / repeats)
    return best


@pytest.mark.parametrize(("n_frames", "n_channels", "goal"), [(16, 8, 50), (16, 32, 25), (400, 8, 12), (400, 32, 8)])
def test_the_workload_is_many_times_faster_than_scipy(dsp, simd, n_frames, n_channels, goal):
    if 1 not in simd:
        pytest.skip("the goal is for AVX2")
    x = np.random.default_rng(0).normal(size=(n_frames, n_channels)).astype(np.float32)
    out, sos, state = np.zeros_like(x), Sos(dsp, workload(), n_channels), np.zeros((5, 2, n_channels))
    arguments = ctypes.byref(sos.struct), at(out), at(x)
    scratch = at(sos.scratch)
    ours = (seconds(lambda: dsp.ec_sos_filter_f32(*arguments, n_frames, scratch), 3000)
            - seconds(lambda: dsp.ec_sos_filter_f32(*arguments, 0, scratch), 3000))       # less the call by ctypes
    peer = seconds(lambda: scipy.signal.sosfilt(sos.sos, x, axis=0, zi=state), 100)
    per_section = ours * 1e9 / (n_frames * n_channels * 5)
    print(f"\n{n_channels} channels, {n_frames} frames: {peer / ours:.0f}x scipy, "
          f"{per_section:.3f} ns per section and sample")
    assert peer / ours >= goal
    assert n_frames < 400 or per_section <= 0.35


def test_decoding_is_many_times_faster_than_numpy(dsp, simd):
    """numpy on the whole batch: the strictest peer, a decoder called per frame is a hundred times slower."""
    if 1 not in simd:
        pytest.skip("the goal is for AVX2")
    frames = np.random.default_rng(0).integers(0, 256, (4000, 27), np.uint8)
    frames[:, 0] = 0xC0
    out = np.zeros((4000, 8), np.int32)

    def decode_by_numpy() -> np.ndarray:
        b = frames[:, 3:].reshape(-1, 8, 3).astype(np.int32)
        v = b[..., 0] << 16 | b[..., 1] << 8 | b[..., 2]
        return v - ((v & 0x800000) << 1)

    arguments = at(frames), 27, 4000, 8, at(out), 8, None, None
    ours = seconds(lambda: dsp.ec_decode_frames(*arguments), 200)
    peer = seconds(decode_by_numpy, 20)
    assert (out == decode_by_numpy()).all()
    print(f"\ndecode: {peer / ours:.0f}x numpy on 4000 frames at once, {ours / 4000 * 1e9:.2f} ns per frame")
    assert peer / ours >= 20


def test_a_spectrum_is_faster_than_welch(dsp, simd):
    x = np.random.default_rng(0).normal(size=(8000, 32)).astype(np.float32)
    psd = Psd(dsp, 8000, 4000.0, 32)
    ours = seconds(lambda: psd(x), 5)
    peer = seconds(lambda: scipy.signal.welch(x, 4000.0, nperseg=8000, noverlap=0, axis=0), 2)
    print(f"\nPSD of 8000 frames: {peer / ours:.1f}x scipy in float32, {ours / 32 * 1e6:.1f} us per channel")
    assert peer / ours >= 2


def test_rows_are_written_ten_times_faster_than_by_csv_writer(dsp):
    x = (np.random.default_rng(0).normal(size=(1000, 8)) * 50).astype(np.float32)
    buf, done = np.zeros(500_000, np.uint8), np.zeros(1, np.uint32)
    rows = [[i, f"{i / 250:.9f}", *(f"{v:.3f}" for v in row)] for i, row in enumerate(x.tolist())]

    def by_csv() -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for i, row in enumerate(x.tolist()):
            writer.writerow([i, f"{i / 250:.9f}", *(f"{v:.3f}" for v in row)])
        return text.getvalue()

    def ours_rows() -> int:
        return dsp.ec_format_rows(at(buf), len(buf), 1000, 0, 1, 1, 0, 250.0, None, 0, at(x), 8, 3, at(done))

    assert buf[:ours_rows()].tobytes().decode() == by_csv()
    ours, peer = seconds(ours_rows, 20), seconds(by_csv, 3)
    ready = seconds(lambda: csv.writer(io.StringIO()).writerows(rows), 3)
    print(f"\nCSV: {peer / ours:.0f}x csv.writer with formatting, {ready / ours:.0f}x with text ready made")
    assert peer / ours >= 10

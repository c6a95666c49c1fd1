"""Numbers as text against Python's own formatting, character by character."""

import struct
from decimal import Decimal

import numpy as np
import pytest
from dsp_library import at
from hypothesis import example, given
from hypothesis import strategies as st

BYTES_F32, BYTES_SECONDS = 50, 21
any_bits = st.integers(0, 2**32 - 1).map(lambda bits: struct.unpack("f", struct.pack("I", bits))[0])
ties = st.builds(lambda m, e: float(np.float32(m / 2.0**e)), st.integers(-2**24, 2**24), st.integers(0, 30))
decimals = st.integers(0, 9)


def text(dsp, function: str, *arguments) -> str:
    out = np.full(80, ord("#"), np.uint8)
    n = getattr(dsp, function)(at(out), *arguments)
    written = out.tobytes().decode()
    assert set(written[n:]) == {"#"}                                  # not a byte more than it says
    return written[:n]


@given(v=any_bits | ties | st.floats(-1e9, 1e9, width=32), d=decimals)
@example(v=-0.0, d=3)
@example(v=-1e-30, d=2)
@example(v=0.5, d=0)
@example(v=1.5, d=0)
@example(v=-2.5, d=0)
@example(v=float(np.float32(0.999999999)), d=9)
@example(v=float("nan"), d=2)
@example(v=float("-inf"), d=2)
@example(v=-3.4028234663852886e38, d=9)
@example(v=2.0**30, d=9)
@example(v=float(np.nextafter(np.float32(2**30), np.float32(0))), d=9)
@example(v=1.401298464324817e-45, d=9)
def test_a_float32_reads_as_pythons_format(dsp, v, d):
    got = text(dsp, "ec_format_f32", v, d)
    assert got == f"{v:.{d}f}"
    assert len(got) <= BYTES_F32


@given(v=st.integers(0, 2**64 - 1) | st.integers(0, 20).map(lambda e: min(10**e, 2**64 - 1)))
def test_a_uint64_reads_as_pythons_format(dsp, v):
    assert text(dsp, "ec_format_u64", v) == str(v)


@given(v=st.integers(-2**31, 2**31 - 1))
@example(v=-2**31)
@example(v=0)
def test_an_int32_reads_as_pythons_format(dsp, v):
    assert text(dsp, "ec_format_i32", v) == str(v)


@given(ns=st.integers(-2**63, 2**63 - 1))
@example(ns=-1)
@example(ns=-2**63)
@example(ns=999_999_999)
def test_nanoseconds_read_as_exact_seconds(dsp, ns):
    got = text(dsp, "ec_format_seconds", ns)
    assert got == f"{Decimal(ns).scaleb(-9):.9f}"
    assert len(got) <= BYTES_SECONDS


def test_more_than_nine_decimals_are_nine(dsp):
    assert text(dsp, "ec_format_f32", 0.1, 40) == f"{np.float32(0.1):.9f}"


def plain_row(index: int, t_ns: int, counts: list[int], values: list[float], d: int) -> str:
    return ",".join([str(index), f"{Decimal(t_ns).scaleb(-9):.9f}", *map(str, counts), *(f"{v:.{d}f}" for v in values)])


@given(index=st.integers(0, 2**64 - 1), t_ns=st.integers(0, 2**62), d=decimals, data=st.data(),
       n_counts=st.integers(0, 9), n_values=st.integers(0, 9))
def test_a_row_is_index_seconds_counts_values(dsp, index, t_ns, d, data, n_counts, n_values):
    counts = data.draw(st.lists(st.integers(-2**31, 2**31 - 1), min_size=n_counts, max_size=n_counts))
    values = data.draw(st.lists(any_bits, min_size=n_values, max_size=n_values))
    buf = np.zeros(2000, np.uint8)
    c, v = np.array(counts, np.int32), np.array(values, np.float32)
    n = dsp.ec_format_row(at(buf), len(buf), index, t_ns, at(c) if counts else None, n_counts,
                          at(v) if values else None, n_values, d)
    assert buf[:n].tobytes().decode() == plain_row(index, t_ns, counts, v.tolist(), d) + "\n"


def rows(dsp, cap: int, n_frames: int, counts: np.ndarray | None, values: np.ndarray, step: tuple[int, int] = (1, 1)):
    buf, done = np.full(cap + 64, ord("#"), np.uint8), np.zeros(1, np.uint32)
    n = dsp.ec_format_rows(at(buf), cap, n_frames, 1000, *step, 5_000_000_000, 250.0, at(counts),
                           0 if counts is None else counts.shape[1], at(values), values.shape[1], 3, at(done))
    assert (buf[n:] == ord("#")).all()
    return buf[:n].tobytes().decode(), int(done[0])


def test_rows_of_a_packet_step_in_index_and_time(dsp):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(40, 3)) * 50).astype(np.float32)
    counts = rng.integers(-2**23, 2**23, (40, 3), np.int32)
    got, done = rows(dsp, 100_000, 40, counts, values, step=(3, 2))
    first = -(-1000 * 2 // 3)                              # frames sit at multiples of 3/2: this one at 1000.5
    want = [plain_row((first + i) * 3 // 2, 5_000_000_000 + i * 4_000_000, counts[i].tolist(), values[i].tolist(), 3)
            for i in range(40)]
    assert (got, done) == ("\n".join(want) + "\n", 40)


@pytest.mark.parametrize("cap", [0, 195, 196, 250, 400, 1000])
def test_a_full_buffer_stops_before_the_row_that_might_not_fit(dsp, cap):
    values = np.zeros((40, 3), np.float32)                            # a row needs room for 20+1+21+1 + 3 * 51 bytes
    text_all, _ = rows(dsp, 100_000, 40, None, values)
    got, done = rows(dsp, cap, 40, None, values)
    assert got == "".join(text_all.splitlines(keepends=True)[:done])
    assert (done > 0) == (cap >= 196)
    assert cap - len(got) < 196

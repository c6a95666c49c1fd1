"""The spectrum of one window against scipy.signal.welch (P1 of ec_psd.h)."""

import ctypes

import numpy as np
import pytest
import scipy.signal
from dsp_library import BETA, WINDOWS, Psd, PsdConfig, aligned, at
from hypothesis import given
from hypothesis import strategies as st


def frames(n: int, n_channels: int) -> np.ndarray:
    rng = np.random.default_rng([n, n_channels])
    return (rng.normal(size=(n, n_channels)) * 20 + rng.normal(size=n_channels) * 1e4).astype(np.float32)


def scipys(window: str) -> str | tuple[str, float]:
    return {"rectangular": "boxcar", "kaiser": ("kaiser", BETA)}.get(window, window)


def welch(x: np.ndarray, sps: float, window: str = "hann", detrend: str | bool = "constant",
          scaling: str = "density") -> np.ndarray:
    return scipy.signal.welch(x.astype(np.float64), sps, scipys(window), nperseg=len(x), noverlap=0, detrend=detrend,
                              scaling=scaling, axis=0)[1]


def close(got: np.ndarray, want: np.ndarray) -> bool:
    """1e-9 of the value, or nothing beside the channel's largest bin: the mean leaves rounding in bin 0."""
    return bool((np.abs(got - want) <= 1e-9 * want + 1e-20 * want.max(axis=0)).all())


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("n", "n_channels"), [(8, 1), (9, 3), (250, 8), (500, 9), (1000, 32), (1023, 16), (4001, 2)])
def test_it_is_welch_of_one_window(dsp, window, n, n_channels):
    x = frames(n, n_channels)
    assert close(Psd(dsp, n, 250.0, n_channels, window)(x), welch(x, 250.0, window))


@pytest.mark.parametrize("n", [100, 101])
def test_without_detrend_the_mean_stays(dsp, n):
    x = frames(n, 4)
    got = Psd(dsp, n, 1000.0, 4, detrend="none")(x)
    assert close(got, welch(x, 1000.0, detrend=False))
    assert (got[0] > 1e3).all()


@pytest.mark.parametrize(("n", "n_channels"), [(100, 4), (101, 9), (4000, 2)])
def test_a_straight_line_is_taken_off(dsp, n, n_channels):
    slope = np.linspace(-5e4, 5e4, n)[:, None] * np.arange(1, n_channels + 1)
    x = (frames(n, n_channels) + slope).astype(np.float32)
    want = welch(x, 250.0, detrend="linear")
    got = Psd(dsp, n, 250.0, n_channels, detrend="linear")(x)
    assert (np.abs(got - want) <= 1e-9 * want + 1e-12 * want.max(axis=0)).all()
    assert (got[1] < 1e-3 * Psd(dsp, n, 250.0, n_channels)(x)[1]).all()


@pytest.mark.parametrize("window", WINDOWS)
def test_a_spectrum_has_the_mean_square_of_a_sine_in_its_bin(dsp, window):
    x = (100 * np.sin(2 * np.pi * 25 * np.arange(500) / 250))[:, None].astype(np.float32)
    got = Psd(dsp, 500, 250.0, 1, window, is_spectrum=True)(x)
    assert got[50, 0] == pytest.approx(100**2 / 2, rel=1e-5)
    assert close(got, welch(x, 250.0, window, scaling="spectrum"))


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("n", [1, 2, 7, 256, 4001])
def test_windows_are_periodic_as_scipys(dsp, name, n):
    w = np.zeros(n)
    assert dsp.ec_window_fill(at(w), n, dsp.ec_window_number(name.encode()), BETA) == 0
    np.testing.assert_allclose(w, scipy.signal.get_window(scipys(name), n), atol=1e-15)


@pytest.mark.parametrize("beta", [0.0, 1e-3, 5.0, 14.0, 50.0])
def test_kaiser_windows_of_any_shape_are_scipys(dsp, beta):
    w = np.zeros(500)
    assert dsp.ec_window_fill(at(w), 500, dsp.ec_window_number(b"kaiser"), beta) == 0
    np.testing.assert_allclose(w, scipy.signal.get_window(("kaiser", beta), 500), atol=1e-15)


@pytest.mark.parametrize(("n", "window", "beta"), [(0, 0, 0.0), (8, 7, 0.0), (8, 6, -1.0), (8, 6, 51.0),
                                                   (8, 6, float("nan"))])
def test_windows_that_do_not_exist_are_refused(dsp, n, window, beta):
    assert dsp.ec_window_fill(at(np.zeros(8)), n, window, beta) == -2              # BAD_ARGUMENT


def test_a_sine_has_its_power_in_its_bin(dsp):
    t = np.arange(8000) / 4000
    x = (100 * np.sin(2 * np.pi * 11.5 * t))[:, None].astype(np.float32)
    spectrum = Psd(dsp, 8000, 4000.0, 1)(x)[:, 0]
    assert spectrum.argmax() == 23                                                 # bins are 0.5 Hz apart
    assert spectrum.sum() * 0.5 == pytest.approx(100**2 / 2, rel=1e-5)             # uV^2


@given(wrap=st.integers(0, 96), n_channels=st.integers(1, 19))
def test_where_the_ring_wraps_changes_nothing(dsp, wrap, n_channels):                              # P1
    psd, x = Psd(dsp, 96, 250.0, n_channels), frames(96, n_channels)
    assert psd(x, wrap).tobytes() == psd(x).tobytes()


@pytest.mark.parametrize("n", [96, 97, 202])
def test_channels_do_not_meet(dsp, n):                                                             # P1
    x = frames(n, 19)
    together = Psd(dsp, n, 250.0, 19)(x)
    alone = [Psd(dsp, n, 250.0, 1)(x[:, c:c + 1].copy())[:, 0] for c in range(19)]
    assert together.tobytes() == np.column_stack(alone).tobytes()
    x[5, 3] = np.nan
    spoilt = Psd(dsp, n, 250.0, 19)(x)
    assert np.isnan(spoilt[:, 3]).all()
    others = np.arange(19) != 3
    assert spoilt[:, others].tobytes() == together[:, others].tobytes()


@pytest.mark.parametrize(("bin_from", "n_bins"), [(0, 1), (3, 10), (50, 1), (0, 51), (51, 0)])
def test_a_stretch_of_bins_is_a_stretch_of_the_spectrum(dsp, bin_from, n_bins):
    x = frames(100, 11)
    whole = Psd(dsp, 100, 250.0, 11)(x)
    part = Psd(dsp, 100, 250.0, 11, bin_from=bin_from, n_bins=n_bins)(x)
    assert part.tobytes() == whole[bin_from:bin_from + n_bins].tobytes()


@pytest.mark.parametrize("n", [500, 777, 4001])
def test_every_vector_width_gives_the_same_bits(dsp, dsp_baseline, n):
    x = frames(n, 13)
    assert Psd(dsp, n, 250.0, 13)(x).tobytes() == Psd(dsp_baseline, n, 250.0, 13)(x).tobytes()


GOOD = {"n": 8, "n_channels": 8, "sps": 250.0, "window": 0, "detrend": 1, "beta": 0.0, "bin_from": 0, "n_bins": 5}


@pytest.mark.parametrize("wrong", [
    {"n": 0}, {"sps": 0.0}, {"sps": float("nan")}, {"sps": float("inf")}, {"window": 7}, {"detrend": 3},
    {"n_channels": 0}, {"n_bins": 6}, {"bin_from": 5, "n_bins": 1}, {"bin_from": 2**32 - 1, "n_bins": 2},
    {"window": 6, "beta": -1.0}])
def test_what_cannot_be_a_spectrum_is_refused_and_owns_nothing(dsp, wrong):
    psd = aligned(200)
    assert dsp.ec_psd_init(at(psd), ctypes.byref(PsdConfig(**GOOD | wrong))) == -2          # BAD_ARGUMENT
    assert not psd.any()
    dsp.ec_psd_destroy(at(psd))


def test_names_have_numbers(dsp):
    assert [dsp.ec_window_number(name.encode()) for name in (*WINDOWS, "bartlett")] == [*range(7), -1]
    assert [dsp.ec_detrend_number(name) for name in (b"none", b"constant", b"linear", b"cubic")] == [0, 1, 2, -1]

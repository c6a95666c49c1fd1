"""IIR filters of every family: scipy's sections, scipy's samples, any cut, and figures that hold."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal
from stage_bench import Bench, cuts_of

import eegcore as ec
from eegcore.bench.hooks import sections_of
from eegcore.stages.sos import group_delay_s, largest_pole, settling_s, steady_state

SCIPYS = {"butterworth": "butter", "chebyshev1": "cheby1", "chebyshev2": "cheby2", "elliptic": "ellip",
          "bessel": "bessel"}
RATES = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
BTYPES = ("bandpass", "bandstop", "highpass", "lowpass")


def scipys(name: str, settings: dict[str, Any], sps: float) -> NDArray[np.float64]:
    """Return the sections scipy designs for a stage."""
    family = settings.get("family", "butterworth")
    bounds = []
    if family in ("chebyshev1", "elliptic"):
        bounds.append(settings.get("ripple_db", 0.5))
    if family in ("chebyshev2", "elliptic"):
        bounds.append(settings.get("stop_db", 40.0))
    edges = [settings["low_hz"], settings["high_hz"]] if "low_hz" in settings else settings["hz"]
    more = {"norm": "mag"} if family == "bessel" else {}
    return getattr(signal, SCIPYS[family])(settings["order"], *bounds, edges, name, fs=sps, output="sos", **more)


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, dict[str, Any], float]:
    """A stage, its settings and a rate; edges between 0.1 Hz and 0.45 of the rate."""
    sps = draw(st.sampled_from(RATES))
    name = draw(st.sampled_from(BTYPES))
    family = draw(st.sampled_from(list(SCIPYS)))
    settings: dict[str, Any] = {"family": family, "order": draw(st.integers(1, 8))}
    low = 10 ** draw(st.floats(-1, math.log10(0.3 * sps)))
    if name in ("bandpass", "bandstop"):
        settings |= {"low_hz": low, "high_hz": min(0.45 * sps, low * draw(st.floats(1.05, 50)))}
    else:
        settings["hz"] = low
    if family in ("chebyshev1", "elliptic") and draw(st.booleans()):
        settings["ripple_db"] = draw(st.floats(0.01, 3))
    if family in ("chebyshev2", "elliptic") and draw(st.booleans()):
        settings["stop_db"] = draw(st.floats(20, 100))
    return name, settings, sps


def quiet(sos: NDArray[np.float64]) -> bool:
    """Whether the filter can be held in double precision with room to spare."""
    return largest_pole(sos.tolist()) < 1 - 1e-7 and np.isfinite(sos).all()


@given(one=filters(), n_channels=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_samples_are_those_of_sosfilt_in_any_cut(bench: Bench, one: Any, n_channels: int, seed: int) -> None:
    name, settings, sps = one
    wanted = scipys(name, settings, sps)
    assume(quiet(wanted))
    rng = np.random.default_rng(seed)
    x = (rng.normal(0, 30, (600, n_channels)) + rng.choice([-187_500.0, 0, 187_500], n_channels)).astype(np.float32)
    stages = [{name: settings}]
    assert np.array_equal(sections_of(bench.plan(stages, x, sps)), wanted)
    whole = bench.run(stages, x, sps, batch=256)
    exact = signal.sosfilt(wanted, x.astype(np.float64), axis=0)
    error = np.abs(whole.values - exact) - np.spacing(np.abs(whole.values)).astype(np.float64) / 2
    assert np.sqrt(np.mean(np.square(np.maximum(error, 0)))) <= 1e-3                    # 1 nV rms
    cut = bench.run(stages, x, sps, cuts_of(rng, 600, int(rng.integers(1, 200))), batch=256)
    assert cut.values.tobytes() == whole.values.tobytes()
    assert cut.per_frame("flags") == whole.per_frame("flags")


@pytest.mark.parametrize("chain", [
    [{"highpass": {"hz": 0.1}}],
    [{"notch": {"hz": 50}}, {"highpass": {"hz": 0.1}}, {"lowpass": {"hz": 100}}],
    [{"notch": {"hz": 50, "harmonics": 8}}, {"highpass": {"hz": 0.1, "family": "elliptic"}},
     {"lowpass": {"hz": 100, "family": "bessel"}}]])
def test_promise_an_offset_at_full_scale_and_a_slow_high_pass_cost_no_nanovolt(bench: Bench, chain: Any) -> None:
    sps = 16_000.0
    x = (np.random.default_rng(5).normal(0, 20, (48_000, 2)) + np.array([187_500, -187_500])).astype(np.float32)
    whole = bench.run(chain, x, sps, batch=256)
    sos = np.vstack([sections_of(bench.plan([one], x, sps)) for one in chain])
    exact = signal.sosfilt(sos, x.astype(np.float64), axis=0)
    error = np.abs(whole.values - exact) - np.spacing(np.abs(whole.values)).astype(np.float64) / 2
    assert np.sqrt(np.mean(np.square(np.maximum(error, 0)))) <= 1e-3


@pytest.mark.parametrize(("family", "down_db"), [("butterworth", 3.0103), ("bessel", 3.0103), ("chebyshev1", 0.5),
                                                 ("elliptic", 0.5), ("chebyshev2", 40)])
@pytest.mark.parametrize("name", BTYPES)
def test_the_edges_are_where_the_help_says(bench: Bench, family: str, down_db: float, name: str) -> None:
    edges = {"low_hz": 8.0, "high_hz": 30.0} if name in ("bandpass", "bandstop") else {"hz": 20.0}
    sos = sections_of(bench.plan([{name: {"family": family, **edges}}], np.zeros((1, 1), np.float32), 500.0))
    _, response = signal.freqz_sos(sos, worN=list(edges.values()), fs=500)
    assert -20 * np.log10(np.abs(response)) == pytest.approx([down_db] * len(edges), rel=1e-3)


def step_response(sos: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return how far a step response is from its final value, frame by frame."""
    final = np.prod([section[:3].sum() / section[3:].sum() for section in sos])
    return np.abs(signal.sosfilt(sos, np.ones(n)) - final)


@given(one=filters())
def test_the_settling_time_is_true_and_not_too_long(one: Any) -> None:
    name, settings, sps = one
    sos = scipys(name, settings, sps)
    assume(quiet(sos))
    stated = settling_s(sos.tolist(), sps) * sps
    assume(stated < 400_000)
    left = step_response(sos, int(2 * stated) + 100)
    allowed = 1e-3 * min(1.0, left.max())
    assert left[math.ceil(stated):].max() <= allowed
    true = np.flatnonzero(left > allowed)[-1] + 1 if (left > allowed).any() else 0
    assert stated <= max(3 * true, 2 * len(sos), 8)


@pytest.mark.parametrize("sos", [
    np.vstack([signal.butter(2, 10, fs=250, output="sos")] * 3),          # triple poles
    signal.butter(1, [10, 40], "bandpass", fs=250, output="sos"),
    np.array([[1.0, -0.5, 0, 1, -1.8, 0.81]]),                             # a double real pole
    np.array([[0.0, 0, 1, 1, -0.9, 0], [1, 2, 1, 1, 0, 0]])])
def test_settling_of_poles_that_coincide(sos: NDArray[np.float64]) -> None:
    stated = settling_s(sos.tolist(), 1.0)
    left = step_response(sos, int(2 * stated) + 100)
    allowed = 1e-3 * min(1.0, left.max())
    assert left[math.ceil(stated):].max() <= allowed
    assert stated <= 3 * (np.flatnonzero(left > allowed)[-1] + 1) + 2


def test_figures_of_the_slowest_filter_are_quick() -> None:
    sos = signal.ellip(12, 0.5, 40, [0.1, 45], "bandpass", fs=16000, output="sos").tolist()
    began = time.perf_counter()
    for _ in range(3):
        settling_s(sos, 16000.0)
    assert time.perf_counter() - began < 1.5               # measured: 0.01 s


@given(one=filters())
def test_group_delay_is_that_of_scipy(one: Any) -> None:
    name, settings, sps = one
    sos = scipys(name, settings, sps)
    assume(quiet(sos))
    low, high = settings.get("low_hz", settings.get("hz", 0)), settings.get("high_hz", 0)
    at_hz = {"bandpass": math.sqrt(low * high), "bandstop": low / 2, "lowpass": low / 2,
             "highpass": math.sqrt(low * sps / 2)}[name]
    ours = group_delay_s(sos.tolist(), at_hz, sps) * sps
    z = np.exp(np.clongdouble(2j) * np.pi * np.longdouble(at_hz) / sps)
    wanted = np.longdouble(0)
    for sign, part in ((1, sos[:, 3:]), (-1, sos[:, :3])):
        for p in part.astype(np.longdouble):
            wanted += sign * (z * (2 * p[0] * z + p[1]) / (p[0] * z * z + p[1] * z + p[2])).real
    assert ours == pytest.approx(float(wanted), rel=1e-6, abs=1e-6)
    if at_hz > sps / 50:                       # scipy convolves b with a, and below loses its digits
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)   # of zeros on the unit circle elsewhere
            scipys_own = [signal.group_delay((section[:3], section[3:]), w=[at_hz], fs=sps)[1][0] for section in sos]
        assert ours == pytest.approx(sum(scipys_own), rel=1e-5, abs=1e-4)


def test_the_stated_delay_is_the_group_delay_in_the_middle(bench: Bench) -> None:
    plan = bench.plan([{"bandpass": {"low_hz": 4, "high_hz": 16, "family": "bessel"}}], np.zeros((1, 1), np.float32),
                      250.0)
    stream = plan.stages[1].outputs[0].stream
    sos = signal.bessel(4, [4, 16], "bandpass", fs=250, output="sos", norm="mag")
    assert stream.delay_s == pytest.approx(group_delay_s(sos.tolist(), 8, 250))
    assert stream.settling_s == pytest.approx(settling_s(sos.tolist(), 250))


@given(one=filters())
def test_the_steady_state_is_that_of_scipy(one: Any) -> None:
    name, settings, _ = one
    sos = scipys(name, settings, 250.0) if max(v for k, v in settings.items() if k.endswith("hz")) < 100 else \
        signal.butter(3, 10, fs=250, output="sos")
    assume(largest_pole(sos.tolist()) < 1 - 1e-4)
    wanted = signal.sosfilt_zi(sos)
    assert np.array(steady_state(sos.tolist())) == pytest.approx(wanted, rel=1e-5, abs=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize(("settings", "message"), [
    ({"ripple_db": 1.0}, "1 dB means nothing to a butterworth filter"),
    ({"family": "bessel", "stop_db": 60.0}, "60 dB means nothing to a bessel filter"),
    ({"family": "chebyshev2", "ripple_db": 1.0}, "With family: chebyshev1 or elliptic"),
    ({"family": "chebyshev1", "stop_db": 60.0}, "With family: chebyshev2 or elliptic"),
    ({"family": "gauss"}, "family"), ({"family": "elliptic", "ripple_db": 9.0}, "ripple_db"),
    ({"order": 13}, "order"), ({"start": "hot"}, "start"), ({"hz": 125.0}, "125 Hz is at half the data rate")])
def test_what_means_nothing_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ec.EegcoreError) as caught:
        ec.process(np.zeros((4, 1)), sps=250, stages=[{"lowpass": settings}])
    assert message in str(caught.value)


def test_a_bandstop_needs_its_edges_in_order() -> None:
    with pytest.raises(ec.EegcoreError, match=r"52 Hz is not below high_hz \(48 Hz\)"):
        ec.process(np.zeros((4, 1)), sps=250, stages=[{"bandstop": {"low_hz": 52, "high_hz": 48}}])


def test_ripple_and_stop_that_are_filled_in_are_shown(bench: Bench) -> None:
    plan = bench.plan([{"lowpass": {"family": "elliptic"}}], np.zeros((1, 1), np.float32), 250.0)
    settings = plan.stages[1].settings
    assert (settings["ripple_db"], settings["stop_db"]) == (0.5, 40.0)

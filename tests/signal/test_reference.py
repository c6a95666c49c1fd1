"""`reference` against the formulas of MNE and Hjorth; what bad channels do to a mean; who is marked."""

from __future__ import annotations

import threading
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_bench import Bench, cuts_of

import eegcore as ec
from eegcore.stages import catalogue
from eegcore.stages.base import Context, Description, SettingProblem
from eegcore.stages.design import Designer
from eegcore.stages.positions import POSITIONS, neighbours_of
from eegcore.stages.stream import Kind, Stream

SPS = 500.0
TEN_TWENTY = ["Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8",
              "O1", "O2"]
SATURATED, LEAD_OFF, FLATLINE, BLINK, MUSCLE = 2, 4, 256, 512, 1024


def recorded(seed: int, n_channels: int, n_frames: int = 200, offset_uv: float = 187_500.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    offsets = rng.uniform(-offset_uv, offset_uv, n_channels)
    return (offsets + rng.normal(0, 50, (n_frames, n_channels))).astype(np.float32)


def half_ulp(exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a unit in the last place of the float32 nearest to `exact`."""
    return np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64) / 2


def is_rounded_once(made: NDArray[np.float32], exact: NDArray[np.float64]) -> bool:
    """The float32 nearest to the exact value, but for the rounding of doubles near a tie."""
    return bool(np.all(np.abs(made.astype(np.float64) - exact) <= half_ulp(exact) * (1 + 1e-6) + 1e-9))


def ch(numbers: Any) -> list[str]:
    return [f"ch{number + 1}" for number in numbers]


def describe(labels: list[str], meta: dict[str, Any] | None = None, stage: str = "reference",
             **settings: Any) -> Description:
    stream = Stream(Kind.VOLTAGE_F32, tuple(labels), SPS, 16, sources=("acquire",), reference="srb1", meta=meta or {})
    with Designer() as designer:
        kind = catalogue()[stage]
        return kind.describe(kind.Settings(**settings), [stream], Context(stage, "real", designer))


def refusal(labels: list[str], **settings: Any) -> str:
    with pytest.raises(SettingProblem) as caught:
        describe(labels, **settings)
    problem = caught.value
    return " | ".join([f"{problem.key}: {problem.message}", problem.allowed, problem.hint])


@given(st.integers(2, 40), st.integers(0, 2**32), st.data())
def test_the_average_is_the_mean_of_who_is_not_excluded(bench: Bench, n: int, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    out = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 2))
    x = recorded(seed, n)
    stages = [{"reference": {"to": "average", "exclude": ch(out)}}]
    made = bench.run(stages, x, SPS)
    members = [c for c in range(n) if c not in out]
    exact = x.astype(np.float64) - x[:, members].astype(np.float64).mean(1, keepdims=True)
    assert is_rounded_once(made.values, exact)
    again = bench.run(stages, x, SPS, cuts_of(rng, len(x), 60))
    assert again.values.tobytes() == made.values.tobytes()


@given(st.integers(1, 40), st.integers(0, 2**32), st.data())
def test_labels_pairs_and_neighbours_are_differences(bench: Bench, n: int, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    x = recorded(seed, n)
    exact = x.astype(np.float64)
    names = data.draw(st.lists(st.integers(0, n - 1), unique=True, min_size=1, max_size=min(n, 12)))
    cases = [({"to": ch(names)}, exact - exact[:, names].mean(1, keepdims=True)),
             ({"to": ch(names)[0]}, exact - exact[:, names[:1]])]
    if n > 1:
        pairs = data.draw(st.lists(st.lists(st.integers(0, n - 1), unique=True, min_size=2, max_size=2), min_size=1,
                                   max_size=60, unique_by=tuple))
        listed = [ch(pair) if i % 2 else "-".join(ch(pair)) for i, pair in enumerate(pairs)]
        cases.append(({"pairs": listed}, np.column_stack([exact[:, a] - exact[:, b] for a, b in pairs])))
        around = {int(c): [int(k) for k in rng.permutation([k for k in range(n) if k != c])[:rng.integers(1, 9)]]
                  for c in rng.permutation(n)[:5]}
        cases.append(({"laplacian": {ch([c])[0]: ch(k) for c, k in around.items()}},
                      np.column_stack([exact[:, c] - exact[:, k].mean(1) for c, k in around.items()])))
    for settings, wanted in cases:
        made = bench.run([{"reference": settings}], x, SPS)
        assert is_rounded_once(made.values, wanted)
        again = bench.run([{"reference": settings}], x, SPS, cuts_of(rng, len(x), 30))
        assert again.values.tobytes() == made.values.tobytes()


def test_it_is_what_mne_gives() -> None:
    mne = pytest.importorskip("mne", reason="MNE is not installed")
    x = recorded(5, len(TEN_TWENTY), 400, offset_uv=500)
    info = mne.create_info(TEN_TWENTY, SPS, "eeg")
    raw = mne.io.RawArray(x.T.astype(np.float64) * 1e-6, info, verbose="error")
    pairs = [("Fp1", "F3"), ("F3", "C3"), ("Fp2", "F4")]
    for settings, theirs in [
            ({"to": "average"}, mne.set_eeg_reference(raw, "average", copy=True, verbose="error")[0]),
            ({"to": "Cz"}, mne.set_eeg_reference(raw, ["Cz"], copy=True, verbose="error")[0]),
            ({"to": ["P7", "P8"]}, mne.set_eeg_reference(raw, ["P7", "P8"], copy=True, verbose="error")[0]),
            ({"pairs": [list(pair) for pair in pairs]}, mne.set_bipolar_reference(
                raw, [a for a, _ in pairs], [b for _, b in pairs], drop_refs=True, verbose="error"))]:
        ours = ec.process(x, sps=SPS, labels=TEN_TWENTY, stages=[{"reference": settings}])
        labels = describe(TEN_TWENTY, **settings).outputs[0].stream.labels
        assert np.allclose(ours, theirs.get_data(picks=list(labels)).T * 1e6, rtol=1e-6, atol=1e-4)


def heard(stages: list[dict[str, Any]], listen: str, seconds: float) -> NDArray[Any]:
    """Run a pipeline on the virtual clock; return all frames of one stage."""
    run = ec.Pipeline([*stages, {"null_sink": {}}], clock="virtual").run(seconds=seconds)
    parts: list[NDArray[Any]] = []
    tap = run.tap(listen, timeout_s=30)
    reader = threading.Thread(target=lambda: parts.extend(np.array(packet.data) for packet in tap))
    reader.start()
    with run:
        assert run.wait(60)
        reader.join()
    return np.concatenate(parts)


def referenced_and_filtered(counts: NDArray[Any], members: int) -> NDArray[np.float64]:
    uv = counts.astype(np.float64) * (4.5 / 24 / 2**23 * 1e6)
    uv -= uv[:, :members].mean(1, keepdims=True)
    sos = scipy.signal.butter(4, [0.5, 45], "bandpass", fs=SPS, output="sos")
    return scipy.signal.sosfilt(sos, uv, axis=0)


def test_from_the_chip_to_a_filter_behind_a_reference_there_is_one_rounding() -> None:
    chain = [{"acquire": {"board": "emulator", "sps": 500, "channels": 8, "gain": 24, "signal": "eeg", "seed": 4}},
             {"to_voltage": {}}, {"reference": {"exclude": ["O2"]}},
             {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}}]
    exact = referenced_and_filtered(heard(chain, "acquire", 4), 7)
    made = heard(chain, "bandpass", 4)
    assert np.all(np.abs(made - exact) <= half_ulp(exact) * (1 + 1e-6) + 1e-3)
    assert 5 < exact.std() < 500


@pytest.mark.parametrize("n", [2, 8, 31])
def test_counts_near_full_scale_cost_nothing(bench: Bench, n: int) -> None:
    rng = np.random.default_rng(n)
    counts = (rng.choice([-8_300_000, 8_300_000, 0], n) + rng.normal(0, 3000, (3000, n))).astype(np.int32)
    made = bench.run([{"to_voltage": {}}, {"reference": {}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}}], counts, SPS)
    exact = referenced_and_filtered(counts, n)
    assert np.all(np.abs(made.values - exact) <= half_ulp(exact) * (1 + 1e-6) + 1e-3)


@pytest.mark.parametrize("offset_uv", [187_500.0, 0.0])
@pytest.mark.parametrize("n", [8, 31])
def test_a_large_offset_costs_nothing(bench: Bench, n: int, offset_uv: float) -> None:
    x = recorded(n, n, 3000, offset_uv)
    made = bench.run([{"reference": {}}, {"highpass": {"hz": 0.1, "order": 2}}, {"notch": {"hz": 50}}], x, SPS)
    exact = x.astype(np.float64)
    exact -= exact.mean(1, keepdims=True)
    exact = scipy.signal.sosfilt(scipy.signal.butter(2, 0.1, "highpass", fs=SPS, output="sos"), exact, axis=0)
    exact = scipy.signal.sosfilt(scipy.signal.tf2sos(*scipy.signal.iirnotch(50, 30, fs=SPS)), exact, axis=0)
    assert np.all(np.abs(made.values - exact) <= half_ulp(exact) * (1 + 1e-6) + 1e-3)


def held_mean(x: NDArray[np.float64], bad: NDArray[np.bool_], members: list[int]) -> NDArray[np.float64]:
    """The declared rule, frame by frame."""
    last = np.full(x.shape[1], np.nan)
    means = np.empty(len(x))
    for frame, (row, is_bad) in enumerate(zip(x, bad, strict=True)):
        last[~is_bad] = row[~is_bad]
        known = [c for c in members if not np.isnan(last[c])]
        means[frame] = row[members].mean() if is_bad[members].all() else last[known].mean()
    return means


def push_all(probe: Any, x: NDArray[np.float32], edges: list[int], masks: list[dict[str, int]],
             stretch: int) -> list[dict[str, Any]]:
    """Give blocks between `edges`; the masks change every `stretch` frames."""
    edges = sorted({*edges, *range(0, len(x), stretch), len(x)})
    return [packet for begin, end in pairwise(edges) for packet in probe.push(x[begin:end], **masks[begin // stretch])]


@given(st.integers(2, 40), st.integers(0, 2**32), st.sampled_from(["average", "labels"]))
def test_a_bad_channel_of_a_mean_counts_as_it_was(bench: Bench, n: int, seed: int, to: str) -> None:
    rng = np.random.default_rng(seed)
    stretch, n_stretches = 16, 8
    x = recorded(seed, n, stretch * n_stretches, 1000)
    bad = rng.random(x.shape) < rng.choice([0.0, 0.02, 0.3])
    x[bad] = rng.choice([np.nan, np.inf, -np.inf], bad.sum())
    marked = rng.random((n_stretches, 2, n)) < 0.1
    bits = 1 << np.arange(n, dtype=object)
    masks = [{"saturated": int((bits * row[0]).sum()), "lead_off": int((bits * row[1]).sum())} for row in marked]
    bad |= np.repeat(marked.any(1), stretch, axis=0)
    members = list(range(n)) if to == "average" else sorted({int(c) for c in rng.integers(0, n, 3)})
    stages = [{"reference": {"to": "average" if to == "average" else ch(members)}}]
    packets = push_all(bench.probe(stages, x, SPS)[0], x, [0], masks, stretch)
    made = np.concatenate([packet["values"] for packet in packets])
    with np.errstate(invalid="ignore"):
        exact = x.astype(np.float64) - held_mean(x.astype(np.float64), bad, members)[:, None]
    finite = np.isfinite(exact)
    assert np.array_equal(np.isfinite(made), finite)
    assert is_rounded_once(made[finite], exact[finite])
    again = push_all(bench.probe(stages, x, SPS)[0], x, cuts_of(rng, len(x), 40), masks, stretch)
    assert np.concatenate([packet["values"] for packet in again]).tobytes() == made.tobytes()


def test_where_a_channel_turns_bad_the_others_see_no_step(bench: Bench) -> None:
    x = np.full((300, 8), 40.0, np.float32)
    x[:, 3] = 1000.0
    x[100:200, 3] = np.nan
    x[200:, 3] = 1080.0
    made = bench.run([{"reference": {}}], x, SPS).values[:, 0]
    assert np.ptp(made[:200]) == 0
    assert np.allclose(np.diff(made)[199], -(1080 - 1000) / 8)
    assert np.ptp(made[200:]) == 0


def test_a_bad_reference_makes_those_bad_that_use_it(bench: Bench) -> None:
    x = recorded(1, 5, 64)
    clean = bench.run([{"reference": {"pairs": ["ch1-ch2", "ch3-ch2", "ch3-ch4", "ch5-ch1"]}}], x, SPS).values
    x[20:30, 1] = np.nan
    made = bench.run([{"reference": {"pairs": ["ch1-ch2", "ch3-ch2", "ch3-ch4", "ch5-ch1"]}}], x, SPS).values
    assert np.isnan(made[20:30, :2]).all()
    assert np.array_equal(made[:, 2:], clean[:, 2:])
    assert np.array_equal(np.delete(made, slice(20, 30), 0), np.delete(clean, slice(20, 30), 0))


@pytest.mark.parametrize(("mask", "flag"), [("saturated", SATURATED), ("lead_off", LEAD_OFF), ("flatline", FLATLINE),
                                            ("blink", BLINK), ("muscle", MUSCLE)])
@pytest.mark.parametrize(("settings", "given_mask", "wanted"), [
    ({"pairs": ["ch1-ch2", "ch3-ch2", "ch3-ch4"]}, 0b0010, 0b011),
    ({"pairs": ["ch1-ch2", "ch3-ch2", "ch3-ch4"]}, 0b0100, 0b110),
    ({"pairs": ["ch1-ch2", "ch1-ch3"]}, 0b1000, 0b000),
    ({"to": "ch2"}, 0b0010, 0b1111),
    ({"to": "ch2"}, 0b0100, 0b0100),
    ({"to": ["ch1", "ch2"]}, 0b0001, 0b0001),
    ({"to": ["ch1", "ch2"]}, 0b0011, 0b1111),
    ({"to": "average"}, 0b0110, 0b0110),
    ({"to": "average", "exclude": ["ch4"]}, 0b0111, 0b1111),
    ({"laplacian": {"ch1": ["ch2", "ch3"], "ch4": ["ch3"]}}, 0b0100, 0b10),
])
def test_marked_is_whose_own_or_only_partners_are(bench: Bench, settings: dict[str, Any], given_mask: int, wanted: int,
                                                  mask: str, flag: int) -> None:
    x = recorded(1, 4, 64)
    for more in (0, LEAD_OFF * (mask != "lead_off")):
        probe, _ = bench.probe([{"reference": settings}], x, SPS)
        (packet,) = probe.push(x, flags=flag | more, **{mask: given_mask})
        assert packet[mask] == wanted
        assert bool(packet["flags"] & flag) == bool(wanted)
        assert [packet[other] for other in ("saturated", "lead_off", "flatline", "blink", "muscle")
                if other != mask] == [0] * 4


def test_two_ways_of_being_bad_mark_with_both(bench: Bench) -> None:
    x = recorded(1, 4, 16)
    probe, _ = bench.probe([{"reference": {"to": ["ch1", "ch2"]}}], x, SPS)
    (packet,) = probe.push(x, flags=SATURATED | LEAD_OFF, saturated=1, lead_off=2)
    assert (packet["saturated"], packet["lead_off"]) == (0b1111, 0b1111)


@pytest.mark.parametrize("after", [{"exclude": ["ch2"]}, {"to": "ch4"}, {"to": ["ch1", "ch3"]}, {}])
def test_a_change_goes_on_with_what_bad_channels_held(bench: Bench, after: dict[str, Any]) -> None:
    x = recorded(3, 9, 400)
    x[150:350, 2] = np.nan
    old, _ = bench.probe([{"reference": {}}], x, SPS, batch=400)
    new, _ = bench.probe([{"reference": after}], x, SPS, batch=400)
    old.push(x[:200])
    assert new.take_over(old) == (SPS // 50 if after else 0)
    (packet,) = new.push(x[200:])
    whole = bench.run([{"reference": after}], x, SPS).values
    assert packet["values"].tobytes() == whole[200:].tobytes()


def test_the_stream_says_what_it_is_measured_against() -> None:
    meta = {"gain": [1, 2, 4], "lead_off": {"mode": "ac", "hz": 31.25, "labels": ["A", "C"]}, "board": "b"}
    for settings, labels, name in [({}, ("A", "B", "C"), "average"), ({"to": "B"}, ("A", "B", "C"), "B"),
                                   ({"to": ["A", "C"]}, ("A", "B", "C"), "A+C"),
                                   ({"pairs": ["C-A", ["B", "A"]]}, ("C-A", "B-A"), "bipolar"),
                                   ({"laplacian": {"B": ["A", "C"]}}, ("B",), "laplacian")]:
        description = describe(["A", "B", "C"], meta, **settings)
        out = description.outputs[0].stream
        assert (out.labels, out.reference, out.unit, out.scale_uv) == (labels, name, "uV", ())
        assert (out.delay_s, out.settling_s, out.meta["board"], out.meta["filters"]) == (0, 0, "b", ["reference"])
        assert len(out.meta["gain"]) == len(labels)
    assert describe(["A", "B", "C"], meta, pairs=["C-A", "B-A"]).outputs[0].stream.meta == {
        "board": "b", "gain": [4, 2], "lead_off": {"mode": "ac", "hz": 31.25, "labels": ["C-A"]},
        "filters": ["reference"], "reference": {"pairs": [["C", "A"], ["B", "A"]]}}
    assert describe(["A", "B"]).resolved == {"to": "average"}
    assert describe(["A-1", "B", "A", "1-B"], pairs=[["A", "1-B"]]).outputs[0].stream.labels == ("A-1-B",)


def test_refusals() -> None:
    assert refusal(["Cz", "Pz"], to="cz") == (
        "to: no channel is called 'cz' | average, or of Cz, Pz | Did you mean 'Cz'?")
    assert refusal(["Cz", "Pz"], to="avarage").endswith("Did you mean 'average'?")
    assert refusal(["M1", "EOG"], to=["M1", "EOC"]) == (
        "to: no channel is called 'EOC' | Known: M1, EOG | Did you mean 'EOG'?")
    assert refusal(["A1", "A2"], to=["A1", "A1"]).startswith("to: 'A1' is named twice")
    assert refusal(["A1", "A2"], to=[]).startswith("to: no channel is named")
    assert refusal(["A1", "A2", "A3"], exclude=["A1", "A2"]) == (
        "exclude: 'A3' alone is left for the average | At least 2 channels | ")
    assert refusal(["A1"]).startswith("to: 'A1' alone is left for the average")
    assert refusal(["A1", "A2"], to="A1", exclude=["A2"]).startswith("exclude: only an average leaves channels out")
    assert refusal(["A1", "A2"], pairs=["A1-A2"], exclude=["A2"]).startswith("exclude: only an average")
    assert refusal(["A1", "A2"], to="A1", pairs=["A1-A2"]) == (
        "pairs: to and pairs are both given | One of to, pairs, laplacian | ")
    assert refusal(["A1", "A2"], pairs=["A1"]) == "pairs: 'A1' is no pair | [Fp1, F3] or Fp1-F3 | "
    assert refusal(["A1", "A2"], pairs=["A1-B7"]).startswith("pairs: no channel is called 'B7'")
    assert refusal(["A1", "A2"], pairs=[["A1", "A1"]]).startswith("pairs: 'A1-A1' is a channel minus itself")
    assert refusal(["A1", "A2"], pairs=["A1-A2", ["A1", "A2"]]).startswith("pairs: 'A1-A2' is there twice")
    assert refusal(["A-1", "B", "A", "1-B"], pairs=["A-1-B"]) == (
        "pairs: 'A-1-B' can be read in 2 ways |  | Write it as a list: [A, 1-B]")
    assert refusal(["A1", "A2"], laplacian={}).startswith("laplacian: no channel is named")
    assert refusal(["A1", "A2"], laplacian={"A1": []}).startswith("laplacian: 'A1' has no neighbours")
    assert refusal(["A1", "A2"], laplacian={"A1": ["A1", "A2"]}).startswith("laplacian: 'A1' is its own neighbour")
    assert refusal(["A1", "A2"], laplacian={"A9": ["A1"]}).startswith("laplacian: no channel is called 'A9'")
    assert refusal(["A1", "A2"], channels=["A1"]).startswith("channels: they belong to laplacian: small")
    assert refusal(TEN_TWENTY, laplacian="small", channels=["Cz", "T7"]).startswith(
        "laplacian: 'T7' has no four neighbours among the channels | A pair equally far")
    assert refusal(TEN_TWENTY, laplacian="small").endswith("| Set channels: [F3, F4, C3, Cz, C4, P3, P4]")
    assert refusal(["ch1", "ch2"], laplacian="small").startswith("laplacian: 'ch1', 'ch2' have no four neighbours")


def test_neighbours_are_those_of_the_systems() -> None:
    assert set(neighbours_of("C3", TEN_TWENTY)) == {"T7", "Cz", "F3", "P3"}
    assert set(neighbours_of("F3", TEN_TWENTY)) == {"F7", "Fz", "Fp1", "C3"}
    assert set(neighbours_of("P4", TEN_TWENTY)) == {"Pz", "P8", "C4", "O2"}
    assert set(neighbours_of("CZ", ["C1", "c2", "FCz", "CPZ", *TEN_TWENTY])) == {"C1", "c2", "FCz", "CPZ"}
    assert set(neighbours_of("C3", ["C1", *TEN_TWENTY])) == {"T7", "Cz", "F3", "P3"}     # C1 alone would be a slope
    assert set(neighbours_of("C3", ["T3", "Cz", "F3", "P3"])) == {"T3", "Cz", "F3", "P3"}
    assert neighbours_of("Fp1", TEN_TWENTY) == []
    assert neighbours_of("EOG", TEN_TWENTY) == []
    out = describe(TEN_TWENTY, laplacian="small", channels=["C4", "C3"])
    assert out.outputs[0].stream.labels == ("C4", "C3")


def test_positions_lie_as_those_of_mne() -> None:
    mne = pytest.importorskip("mne", reason="MNE is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                    # newer ones call it colin27_1005
        montage = mne.channels.make_standard_montage("standard_1005")
    theirs = {name.lower(): place for name, place in montage.get_positions()["ch_pos"].items()}
    ours = {name: place for name, place in POSITIONS.items() if name in theirs}
    assert len(ours) > 80
    assert len(set(POSITIONS.values())) == len(POSITIONS) - 4          # but for the four older names
    for name, (column, row) in ours.items():
        assert np.sign(round(theirs[name][0], 2)) == np.sign(column), name
        for other, (column2, row2) in ours.items():
            if row == row2 and -4 <= column < column2 <= 4:
                assert theirs[name][0] < theirs[other][0], (name, other)
            if column == column2 and row < row2 and abs(column) < 4:
                assert theirs[name][1] < theirs[other][1], (name, other)


def test_gain_by_label(bench: Bench) -> None:
    factors = describe(["A", "EOG", "C"], stage="gain", factor={"EOG": 0.5}).native["ops"][0]["factor"]
    assert [float.fromhex(factor) for factor in factors] == [1.0, 0.5, 1.0]
    with pytest.raises(SettingProblem, match="no channel is called 'EOC'"):
        describe(["A", "EOG"], stage="gain", factor={"EOC": 0.5})


def test_select_carries_every_mask_and_reorders(bench: Bench) -> None:
    x = recorded(2, 5, 32)
    probe, _ = bench.probe([{"select": {"channels": [5, 2, 1]}}], x, SPS)
    flags = SATURATED | LEAD_OFF | FLATLINE | BLINK | MUSCLE
    (packet,) = probe.push(x, flags=flags, saturated=0b00001, lead_off=0b00010, flatline=0b10000, blink=0b10001,
                           muscle=0b01100)
    assert np.array_equal(packet["values"], x[:, [4, 1, 0]])
    assert [packet[mask] for mask in ("saturated", "lead_off", "flatline", "blink", "muscle")] == [4, 2, 1, 5, 0]
    assert packet["flags"] == flags & ~MUSCLE
    assert bench.probe([{"select": {"channels": [5, 2, 1]}}], x, SPS)[0].take_over(probe) == 0

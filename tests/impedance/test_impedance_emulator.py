"""Electrodes of the emulated head, through chip, driver and graph: measured in kOhm while the EEG stays clean."""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.pipeline import Pipeline

KOHM = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]


def heard(stages, listen, seconds):
    """All values of one stage of a virtual run."""
    run = Pipeline(stages, clock="virtual").run(seconds=seconds)
    packets = run.tap(listen, timeout_s=60)
    values, flags = [], 0
    with run:
        for packet in packets:
            values.append(np.array(packet.data))
            flags |= packet.flags
    assert run.ledger()["balanced"]
    return np.concatenate(values), flags


def acquire(sps, lead_off, **more):
    return {
        "acquire": {"board": "emulator", "sps": sps, "seed": 5, "lead_off": lead_off, "electrode_kohm": KOHM} | more
    }


@pytest.mark.parametrize(
    ("sps", "hz", "current_na"),
    [(250, 31.25, 6), (250, "fdr/4", 24), (1000, 31.25, 6), (1000, "fdr/4", 6), (4000, 31.25, 24), (500, 7.8125, 24)],
)
def test_electrodes_are_measured_while_the_eeg_stays_clean(sps, hz, current_na):
    tone = {"mode": "ac", "hz": hz, "current_na": current_na}
    settings = {"mode": "ac", "hz": hz if hz != "fdr/4" else sps / 4}
    branch = [{"to_voltage": {}}, {"lead_off": settings}, {"highpass": {"hz": 0.5}}, {"null_sink": {}}]
    kohm, flags = heard(
        [acquire(sps, tone), {"to_voltage": {}}, {"impedance": {"window_s": 4}}, {"null_sink": {}}], "impedance", 24
    )
    assert flags & 16  # the impedance tone is on
    measured = np.median(kohm[1:], axis=0)
    assert measured == pytest.approx(KOHM, rel=0.1)
    with_tone, _ = heard([acquire(sps, tone), *branch], "highpass", 30)
    without, _ = heard([acquire(sps, {"mode": "off"}), *branch], "highpass", 30)
    settled = slice(int(20 * sps), None)
    assert np.abs(with_tone[settled] - without[settled]).max() < 0.1  # uV
    assert np.abs(without[settled]).max() > 5  # and there is an EEG to keep


def test_the_tone_of_the_emulator_is_what_the_data_sheet_says():
    """A square wave of I * Z through the sinc3 filter: flat tops at 4000 SPS, 128 frames a cycle at 31.25 Hz."""
    uv, _ = heard(
        [acquire(4000, {"mode": "ac"}, noise=False, signal="sine", sine_uv=0.0), {"to_voltage": {}}, {"null_sink": {}}],
        "to_voltage",
        1,
    )
    assert np.abs(uv[:, 7]).max() == pytest.approx(6 * 200, abs=0.03)  # nA * kOhm = uV
    assert set(np.diff(np.flatnonzero(np.diff(np.sign(uv[:, 7]))))) == {64}


def test_current_on_the_negative_inputs_adds_up_in_the_reference():
    uv, _ = heard(
        [
            acquire(4000, {"mode": "ac", "inputs": "n"}, reference_kohm=10.0, noise=False, signal="sine", sine_uv=0.0),
            {"to_voltage": {}},
            {"null_sink": {}},
        ],
        "to_voltage",
        1,
    )
    assert np.abs(uv).max(axis=0) == pytest.approx([8 * 6 * 10] * 8, abs=0.03)


def test_a_constant_current_shifts_the_mean_by_what_the_electrode_makes_of_it():
    """6 nA through Z: the difference of the means with and without current (data sheet 9.3.2.4.3)."""
    means = [
        heard([acquire(250, {"mode": mode}), {"to_voltage": {}}, {"null_sink": {}}], "to_voltage", 20)[0].mean(axis=0)
        for mode in ("off", "dc")
    ]
    assert (means[1] - means[0]) / 6 == pytest.approx(KOHM, rel=0.1, abs=0.2)


def test_an_electrode_that_is_off_by_its_impedance_trips_the_comparator():
    """6 nA through more than 375 MOhm lift the input above 95 % of 5 V (data sheet 9.3.2.4.3)."""
    kohm = [5.0] * 6 + [500_000.0, 300_000.0]
    run = Pipeline([acquire(250, {"mode": "dc"}, electrode_kohm=kohm), {"null_sink": {}}], clock="virtual").run(
        seconds=1
    )
    packets = run.tap("acquire", timeout_s=60)
    with run:
        masks = {packet.lead_off for packet in packets}
    assert masks == {1 << 6}

"""What the chip makes itself, through the whole product: test signal, noise, and channels that keep their places."""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.devices.boards import CHIP_GAINS, CHIP_SPS
from eegcore.devices.noise import noise_uv
from eegcore.pipeline import Pipeline

#: Input-referred noise, uV rms, inputs shorted, rows 16 000 to 250 SPS, columns gain 1 to 24 (SBAS499C tables 1 to 4).
NOISE_UV = {
    16000: (21.70, 10.85, 5.60, 3.87, 3.05, 2.27, 1.66),
    8000: (6.93, 3.65, 1.98, 1.31, 1.11, 0.92, 0.80),
    4000: (4.33, 2.28, 1.24, 0.93, 0.79, 0.65, 0.56),
    2000: (3.06, 1.61, 0.88, 0.66, 0.56, 0.46, 0.40),
    1000: (2.17, 1.14, 0.62, 0.46, 0.39, 0.32, 0.28),
    500: (1.53, 0.81, 0.44, 0.33, 0.28, 0.23, 0.20),
    250: (1.08, 0.57, 0.31, 0.23, 0.20, 0.16, 0.14),
}


@pytest.mark.parametrize("vref_v", [4.5, 2.5])
@pytest.mark.parametrize("gain", CHIP_GAINS)
@pytest.mark.parametrize(("amplitude", "factor"), [(1875, 1), (3750, 2)])
def test_the_test_signal_decodes_to_its_true_amplitude(virtual, gain, vref_v, amplitude, factor):
    outcome = virtual(
        [
            {
                "acquire": {
                    "board": "emulator",
                    "sps": 250,
                    "gain": gain,
                    "vref_v": vref_v,
                    "noise": False,
                    "input": "test",
                    "test_signal": {"amplitude_uv": amplitude},
                }
            },
            {"to_voltage": {}},
            {"null_sink": {}},
        ],
        listen="to_voltage",
        seconds=3,
    )
    uv = outcome.samples
    lsb = 1e6 * vref_v / gain / 2**23
    wanted = 1e6 * factor * vref_v / 2400
    high, low = uv[uv > 0.99 * wanted], uv[uv < -0.99 * wanted]
    assert np.abs(high - wanted).max() <= lsb
    assert np.abs(low + wanted).max() <= lsb
    # a step takes the converter's filter two frames between the levels, one step every 0.512 s
    assert uv.size - high.size - low.size <= 2 * 8 * 6
    # half a period is 128 frames at 250 SPS (data sheet: fCLK / 2^21)
    turns = np.flatnonzero(np.diff(np.sign(uv[:, 0])))
    assert set(np.diff(turns)) == {128}


@pytest.mark.parametrize("sps", CHIP_SPS)
@pytest.mark.parametrize("column", range(7))
def test_shorted_inputs_have_the_noise_of_the_data_sheet(virtual, sps, column):
    outcome = virtual(
        [
            {
                "acquire": {
                    "board": "emulator",
                    "sps": sps,
                    "gain": CHIP_GAINS[column],
                    "input": "shorted",
                    "seed": column + 1,
                    "batch": 64,
                }
            },
            {"to_voltage": {}},
            {"null_sink": {}},
        ],
        listen="to_voltage",
        seconds=1600 / sps,
    )
    rms = outcome.samples.std(axis=0)
    assert noise_uv(sps, CHIP_GAINS[column]) == NOISE_UV[sps][column]      # what the doctor compares a chip with
    assert np.mean(rms) == pytest.approx(NOISE_UV[sps][column], rel=0.1)
    assert np.all(np.abs(rms / NOISE_UV[sps][column] - 1) < 0.15)


def pattern(n_frames, n_chips):
    """SPI frames whose every value says its frame and its channel: frame << 5 | channel, 18 + 5 bits."""
    codes = (
        (np.arange(n_frames)[:, None] << 5 | np.arange(8 * n_chips)[None, :])
        .astype(">i4")
        .reshape(n_frames, n_chips, 8)
    )
    frames = np.zeros((n_frames, n_chips, 27), np.uint8)
    frames[:, :, 0] = 0xC0
    frames[:, :, 3:] = (
        codes[..., None].view(np.uint8).reshape(n_frames, n_chips, 8, 4)[..., 1:].reshape(n_frames, n_chips, 24)
    )
    return frames.tobytes()


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("n_frames", [300_000, pytest.param(10_000_000, marks=pytest.mark.deep)])
def test_no_channel_ever_changes_its_place(tmp_path, n_frames, chained):
    period = 1 << 16
    path = tmp_path / "pattern.bin"
    path.write_bytes(pattern(period, 4))
    chips = [{}, {"chained": chained}, {"chained": chained}, {"chained": chained}]
    if chained:
        n_frames //= 10
    run = Pipeline(
        [
            {
                "acquire": {
                    "board": "emulator",
                    "sps": 16000,
                    "chips": chips,
                    "signal": "file",
                    "path": str(path),
                    "loop": True,
                    "batch": 256,
                }
            },
            {"null_sink": {}},
        ],
        clock="virtual",
    ).run(seconds=n_frames / 16000)
    heard = run.tap("acquire", timeout_s=60)
    channels = np.arange(32)
    seen = 0
    with run:
        for packet in heard:
            counts = packet.counts
            assert packet.frame_index == seen
            frames = (np.arange(seen, seen + packet.n_frames) % period)[:, None]
            assert np.array_equal(counts, frames << 5 | channels)
            seen += packet.n_frames
    assert seen == n_frames
    assert run.ledger()["lost"] == 0

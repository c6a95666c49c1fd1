"""A short run of a board on signals it makes itself: shorted inputs, and the chip's square wave.

The run is the product's own, with the settings of the pipeline: what passes
here has come through bus, edges, books and scale.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import DeviceError, TapTimeout

SETTLE_S = 0.3                                         # after the inputs were switched
LISTEN_S = 2.0                                         # almost four periods of the fast square wave
TIMEOUT_S = 3.0
NO_FRAMES = "Check power, the DRDY and MISO wires, and the GPIO number of the line, see docs/wiring.md."


@dataclass(frozen=True)
class Measured:
    """What one short run brought.

    Parameters
    ----------
    uv : ndarray of float64, shape (n_frames, n_channels)
    sps : float
        Frames per second of the monotonic clock.
    frames, lost : int
        Of the ledger.
    reasons : dict
        What was lost, by reason.
    """

    uv: NDArray[np.float64]
    sps: float
    frames: int
    lost: int
    reasons: dict[str, int]


def measure(settings: Mapping[str, Any], signal: Literal["shorted", "test"]) -> Measured:
    """Run an `acquire` with every input on `signal` for two seconds.

    Raises
    ------
    EegcoreError
        If the board does not come up or falls silent.
    """
    from eegcore.pipeline import Pipeline

    acquire = {**settings, "input": signal, "test_signal": {"speed": "fast"},
               "bias": False, "lead_off": {"mode": "off"}}         # nothing drives an electrode meanwhile
    run = Pipeline([{"acquire": {**acquire, "id": "board"}}, {"to_voltage": {}}, {"null_sink": {}}]).run()
    blocks: list[NDArray[np.float32]] = []
    at: list[tuple[int, int]] = []
    try:
        with _quiet(), run:
            for packet in run.tap("to_voltage", seconds=SETTLE_S + LISTEN_S, timeout_s=TIMEOUT_S):
                blocks.append(np.array(packet.data))
                at.append((packet.frame_index, packet.t_ns))
    except TapTimeout:
        raise DeviceError(f"{_reason(run.alarms)}. {NO_FRAMES}", code="no_drdy") from None
    ledger = run.ledger()
    source = ledger["sources"]["board"]
    uv = np.concatenate(blocks).astype(np.float64) if blocks else np.zeros((0, 1))
    skip = int(len(uv) * SETTLE_S / (SETTLE_S + LISTEN_S))
    frames, ns = (at[-1][0] - at[0][0], at[-1][1] - at[0][1]) if len(at) > 1 else (0, 1)
    reasons = {name: source[name] for name in ("missed", "bad_status", "late") if source.get(name)}
    return Measured(uv[skip:], 1e9 * frames / max(ns, 1), ledger["frames"], ledger["lost"], reasons)


def _reason(alarms: list[dict[str, Any]]) -> str:
    """Return the first sentence of the first error a run reported, or of its first warning."""
    told = sorted(alarms, key=lambda alarm: alarm["level"] != "error")
    return str(told[0]["message"]).partition(". ")[0] if told else f"no frame for {TIMEOUT_S:g} s"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the run's log lines from the terminal: what was lost is in the result."""
    log, handler = logging.getLogger("eegcore"), logging.NullHandler()
    log.addHandler(handler)                            # with no handler at all, Python prints warnings by itself
    try:
        yield
    finally:
        log.removeHandler(handler)


def noise_rms_uv(measured: Measured) -> NDArray[np.float64]:
    """Return the rms of every channel around its mean, uV."""
    rms: NDArray[np.float64] = measured.uv.std(axis=0)
    return rms


def square_uv(measured: Measured) -> NDArray[np.float64]:
    """Return the amplitude of a square wave on every channel, uV: half the distance of its two levels."""
    levels: NDArray[np.float64] = np.percentile(measured.uv, [20, 80], axis=0)
    half: NDArray[np.float64] = (levels[1] - levels[0]) / 2
    return half

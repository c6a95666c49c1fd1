"""The chips themselves: who they are, whether their edges come, and whether they measure what they make."""

from __future__ import annotations

import numpy as np

from eegcore.devices.noise import check_signal_uv, noise_uv
from eegcore.doctor.result import Result
from eegcore.doctor.self_test import Measured, noise_rms_uv, square_uv
from eegcore.doctor.system import System
from eegcore.doctor.wanted import WantedBoard
from eegcore.errors import EegcoreError

PARTS = {0x1C: "ADS1299-4", 0x1D: "ADS1299-6", 0x1E: "ADS1299"}        # ID & 0x1F (SBAS499C section 9.6.1.1)
RATE_TOLERANCE = 0.03                                  # the oscillator's 2.5 % over temperature, and some
NOISY, BROKEN, DEAD = 2.0, 10.0, 0.1                   # times the data sheet's typical noise
SIGNAL_WARN, SIGNAL_FAIL = 0.05, 0.2                   # 2 % of the signal, 0.5 % of the gain, 0.2 % of VREF, and some


def chip_results(system: System, board: WantedBoard) -> list[Result]:
    """Bring the chips of one board up, run them for a few seconds, and return what was found."""
    identity = _identity(system, board)
    if identity.state != "ok":
        return [identity]
    try:
        quiet = system.measure(board.settings, "shorted")
        results = [identity, _edges(board, quiet), _noise(board, quiet)]
    except EegcoreError as error:
        return [identity, _refused(f"data-ready {board.id}", error)]
    try:
        return [*results, _square(board, system.measure(board.settings, "test"))]
    except EegcoreError as error:
        return [*results, _refused(f"test signal {board.id}", error)]


def _refused(name: str, error: EegcoreError) -> Result:
    """Return what the driver says: what it saw, then what to do."""
    seen, _, fix = str(error).partition(". ")
    return Result(name, "fail", seen, "an answer", fix or "Check power and wiring, see docs/wiring.md.")


def _identity(system: System, board: WantedBoard) -> Result:
    name = f"chips {board.id}"
    try:
        found = system.probe(board.native)
    except EegcoreError as error:
        return _refused(name, error)
    told = [f"{PARTS.get(registers[0] & 0x1F, 'no ADS1299')} (ID 0x{registers[0]:02X})" for registers in found]
    same = f"{len(told)} x {told[0]}" if len(told) > 1 and len(set(told)) == 1 else ", ".join(told)
    return Result(name, "ok", f"{same}, registers as written")


def _edges(board: WantedBoard, measured: Measured) -> Result:
    name, seen = f"data-ready {board.id}", f"{measured.sps:.2f} SPS, lost {measured.lost} of {measured.frames} frames"
    if abs(measured.sps / board.sps - 1) > RATE_TOLERANCE:
        return Result(name, "fail", seen, f"{board.sps:g} SPS", "Half or double: the line picks up a neighbour, or "
                      "misses edges. Shorter wires, ground beside DRDY; check which chip the line belongs to.")
    if measured.lost:
        why = ", ".join(f"{reason} {count}" for reason, count in measured.reasons.items())
        return Result(name, "warn", f"{seen} ({why})" if why else seen, "nothing lost",
                      "bad_status: wiring or SPI clock. late, missed: governor, isolated core, priority, see below.")
    return Result(name, "ok", seen)


def _noise(board: WantedBoard, measured: Measured) -> Result:
    name = f"noise {board.id}"
    typical = np.array([noise_uv(board.sps, gain) for gain in board.gains])
    rms = noise_rms_uv(measured)
    times = rms / typical
    worst = int(np.argmax(times))
    seen = f"{rms.min():.2f} to {rms.max():.2f} uV rms, inputs shorted"
    wanted = f"about {typical[worst]:.2f} uV rms"
    dead = [label for label, share in zip(board.labels, times, strict=True) if share < DEAD]
    if dead:
        return Result(name, "fail", f"{seen}; no noise at all on {', '.join(dead)}", wanted,
                      "A converter that never changes is not running: check VREFP and its capacitor, AVDD and VCAP1.")
    if times[worst] > NOISY:
        return Result(name, "fail" if times[worst] > BROKEN else "warn",
                      f"{seen}; {board.labels[worst]} has {times[worst]:.1f} times the typical noise", wanted,
                      "Check the 5 V regulator, decoupling at AVDD, VREFP and VCAP, and the ground. Try on battery.")
    return Result(name, "ok", seen)


def _square(board: WantedBoard, measured: Measured) -> Result:
    name, wanted_uv = f"test signal {board.id}", check_signal_uv(board.vref_v)
    amplitude = square_uv(measured)
    off = np.abs(amplitude / wanted_uv - 1)
    worst = int(np.argmax(off))
    seen = f"{amplitude.min():.0f} to {amplitude.max():.0f} uV"
    if off[worst] <= SIGNAL_WARN:
        return Result(name, "ok", f"{seen} of {wanted_uv:.0f}")
    return Result(name, "fail" if off[worst] > SIGNAL_FAIL else "warn",
                  f"{seen}; {board.labels[worst]} is off by {100 * off[worst]:.0f} %", f"{wanted_uv:.0f} uV",
                  "All channels by the same share: vref_v of the pipeline is not that of the board. One channel: its "
                  "input is damaged.")

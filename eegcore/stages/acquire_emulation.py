"""The emulated world behind `board: emulator`: what its electrodes see and what it does wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from eegcore.devices.boards import signal_weights
from eegcore.stages.acquire_settings import EMULATED, AcquireSettings, Fault, FaultKind
from eegcore.stages.acquire_wiring import Layout
from eegcore.stages.base import SettingProblem, hz

MOST_FAULTS = 4096
#: The order of ec_fault_kind in csrc/emulator/ec_emulator.h, from 1; `wrong_id` is a property of the chip.
FAULT_NUMBERS = {kind: number for number, kind in enumerate(get_args(FaultKind)[:-1], start=1)}


def refuse_emulated(settings: AcquireSettings) -> None:
    """Refuse settings that only an emulated board has.

    Raises
    ------
    SettingProblem
    """
    for key in EMULATED:
        if key in settings.model_fields_set:
            raise SettingProblem(key, f"board: {settings.board} has no {key}; only the emulator has",
                                 hint=f"Remove {key}, or set board: emulator")


def emulated_world(settings: AcquireSettings, layout: Layout) -> dict[str, Any]:
    """Return what the emulator is told beside its wiring and registers.

    Raises
    ------
    SettingProblem
    """
    _check_signal(settings)
    kohm = settings.electrode_kohm
    electrodes = list(kohm) if isinstance(kohm, list) else [kohm] * layout.n_channels
    if len(electrodes) != layout.n_channels:
        raise SettingProblem("electrode_kohm", f"{len(electrodes)} impedances for {layout.n_channels} channels",
                             allowed="One number, or one per channel")
    if not all(0 <= value <= 1e6 for value in electrodes):
        raise SettingProblem("electrode_kohm", f"{min(electrodes):g} to {max(electrodes):g} kOhm", allowed="0 to 1e6")
    return {
        "signal": "eeg" if settings.signal == "test" else settings.signal, "seed": settings.seed,
        "drift_ppm": settings.drift_ppm, "drift_ppm_per_s": settings.drift_ppm_per_s, "jitter_us": settings.jitter_us,
        "stamp_jitter_us": settings.stamp_jitter_us, "stamp_jitter": settings.stamp_jitter, "late": settings.late,
        "mains_hz": settings.mains_hz, "sine_hz": settings.sine_hz, "sine_uv": settings.sine_uv,
        "noise": settings.noise, "vref_v": settings.vref_v,
        "alpha_weight": [signal_weights(label)[0] for label in layout.labels],
        "blink_weight": [signal_weights(label)[1] for label in layout.labels],
        "electrode_kohm": electrodes, "reference_kohm": settings.reference_kohm,
        "path": settings.path, "loop": settings.loop,
        "faults": _faults(settings, layout), "ids": _ids(settings, layout),
    }


def _faults(settings: AcquireSettings, layout: Layout) -> list[list[int]]:
    """Return [kind, chip, at, n, value] of every fault, repeats written out, in order of time."""
    out: list[list[int]] = []
    for number, fault in enumerate(settings.faults):
        _check_fault(fault, number, layout)
        if fault.kind == "wrong_id":
            continue
        if fault.times > 1 and fault.every == 0:
            raise SettingProblem("faults", f"fault {number + 1} ({fault.kind}) comes {fault.times} times and every "
                                 "is 0",
                                 hint="Say after how many conversions it comes again: every: 1000")
        out += [[FAULT_NUMBERS[fault.kind], fault.chip, fault.at + again * fault.every, fault.n, fault.value]
                for again in range(fault.times)]
    if len(out) > MOST_FAULTS:
        raise SettingProblem("faults", f"{len(out)} faults with their repeats", allowed=f"At most {MOST_FAULTS}")
    return sorted(out, key=lambda fault: fault[2])


def _check_fault(fault: Fault, number: int, layout: Layout) -> None:
    place = f"fault {number + 1} ({fault.kind})"
    if fault.chip >= len(layout.chips):
        raise SettingProblem("faults", f"{place}: there is no chip {fault.chip}",
                             allowed=f"0 to {len(layout.chips) - 1}")
    if fault.kind == "miso_stuck" and fault.value not in (0, 255, 256):
        raise SettingProblem("faults", f"{place}: value {fault.value}", allowed="0, 255, or 256 for noise")
    if fault.kind == "drdy" and not 0 <= fault.value <= 3:
        raise SettingProblem("faults", f"{place}: value {fault.value}",
                             allowed="0 stuck low, 1 stuck high, 2 double rate, 3 half rate")
    if fault.kind == "wrong_id" and not 1 <= fault.value <= 255:
        raise SettingProblem("faults", f"{place}: value {fault.value}", allowed="1 to 255, the ID byte to read")
    if fault.kind == "electrode_off" and not 0 <= fault.value < layout.chips[fault.chip].n_channels:
        raise SettingProblem("faults", f"{place}: chip {fault.chip} has no channel {fault.value}",
                             allowed=f"0 to {layout.chips[fault.chip].n_channels - 1}")


def _ids(settings: AcquireSettings, layout: Layout) -> list[int]:
    """Return the ID byte of every chip; 0: the right one."""
    ids = [0] * len(layout.chips)
    for fault in settings.faults:
        if fault.kind == "wrong_id":
            ids[fault.chip] = fault.value & 0xFF
    return ids


def _check_signal(settings: AcquireSettings) -> None:
    half = settings.sps / 2
    if settings.signal == "file":
        if settings.path is None:
            raise SettingProblem("path", "signal: file needs a path", hint="Add path: FILE, or choose another signal")
        if not Path(settings.path).expanduser().is_file():
            raise SettingProblem("path", f"there is no file {settings.path!r}",
                                 hint="Relative paths start at the folder the command is run in")
    elif settings.path is not None:
        raise SettingProblem("path", f"signal: {settings.signal} reads no file",
                             hint="Set signal: file, or remove path")
    period_us = 1e6 / settings.sps / (1 + abs(settings.drift_ppm) / 1e6)
    if settings.jitter_us >= period_us:
        raise SettingProblem("jitter_us", f"{hz(settings.jitter_us)} us is not below one period "
                             f"({hz(round(period_us, 3))} us at {hz(settings.sps)} SPS)", hint="Lower jitter_us")
    if settings.signal == "sine" and settings.sine_hz >= half:
        raise SettingProblem("sine_hz", f"{hz(settings.sine_hz)} Hz is not below half the data rate "
                             f"({hz(half)} Hz at {hz(settings.sps)} SPS)", hint="Lower sine_hz or raise sps")

"""`acquire`: frames from a board. The emulator needs none."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from eegcore.devices.boards import CHIP_SPS, boards, lsb_uv
from eegcore.devices.bus_time import SPEEDS, choose_spi_hz, fastest_sps, round_s, window_s
from eegcore.devices.registers import COMPARATOR_PERCENT, ChannelSetup, ChipSetup, LeadOffSetup, register_image
from eegcore.stages.acquire_emulation import emulated_world, refuse_emulated
from eegcore.stages.acquire_settings import AcquireSettings
from eegcore.stages.acquire_wiring import ChipPlace, Layout, lay_out
from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageType,
    default_batch,
    hz,
    register,
)
from eegcore.stages.stream import Kind, Stream

HEADER_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")     # Raspberry Pi 5, 4, older


@register
class Acquire(StageType):
    """Frames from a board, in counts."""

    name = "acquire"
    role: ClassVar[Literal["source"]] = "source"
    doc = "Frames from a board, in counts."
    Settings = AcquireSettings
    default_group = "acquire"
    inputs_allowed = (0, 0)

    def describe(self, settings: AcquireSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return RAW_I32 frames with the scale of every channel."""
        board = boards()[settings.board]
        if board.hardware:
            refuse_emulated(settings)
            if ctx.clock == "virtual":
                raise SettingProblem("board", f"{settings.board} is a device, and the virtual clock has none",
                                     hint="Leave --virtual out, or set board: emulator")
        layout = lay_out(settings)
        chip_sps = _chip_sps(settings, board.any_sps)
        setups = _setups(settings, layout, chip_sps)
        batch = settings.batch or default_batch(settings.sps)
        channels = [channel for setup in setups for channel in setup.channels]
        gains = [channel.gain for channel in channels]
        selects = _selects(layout)
        spi_hz = settings.spi_hz or board.wiring.spi_hz or choose_spi_hz(selects, settings.sps)
        if board.hardware:
            _check_bus_time(settings, selects, spi_hz)
        native: dict[str, Any] = {
            "node": "ads1299", "bus": "linux" if board.hardware else "emulator", "board": settings.board,
            "chips_in": layout.chips_in, "n_channels": [chip.n_channels for chip in layout.chips],
            "registers": [register_image(setup).hex() for setup in setups],
            "clock_master": [int(layout.clock != "shared" or number == 0) for number in range(len(layout.chips))],
            "spi_hz": spi_hz, "clock_hz": settings.clock_hz, "rate_scale": settings.sps / _nominal(settings, chip_sps),
            "sps": settings.sps, "n_drdy": len(layout.drdy), "check_s": settings.check_s, "batch": batch,
        }
        if board.hardware:
            native["wires"] = {
                "spi": [chip.spi for chip in layout.heads], "cs": [chip.cs for chip in layout.heads],
                "gpiochip": [settings.gpiochip] if settings.gpiochip else list(HEADER_LABELS),
                "drdy": list(layout.drdy), "start": layout.start, "reset": layout.reset, "pwdn": layout.pwdn}
        else:
            native["world"] = emulated_world(settings, layout)
        # with the reference on SRB2 the electrodes are on the negative inputs; what the chip makes itself is not turned
        signs = [-1.0 if settings.reference == "srb2" and channel.input == "normal" else 1.0 for channel in channels]
        stream = Stream(
            kind=Kind.RAW_I32, labels=layout.labels, sps=settings.sps, max_frames=batch, unit="counts",
            scale_uv=tuple(sign * lsb_uv(settings.vref_v, gain) for sign, gain in zip(signs, gains, strict=True)),
            reference=settings.reference, can_wait=ctx.clock == "virtual", sources=(ctx.stage_id,),
            meta=_meta(settings, layout, setups, gains))
        return Description([Port(OUT, stream)], native, {
            "channels": layout.n_channels, "labels": list(layout.labels), "batch": batch, "spi_hz": spi_hz,
            "clock": layout.clock,
            "chips": [_shown_chip(chip) for chip in layout.chips]})


def _shown_chip(chip: ChipPlace) -> dict[str, Any]:
    wires = {key: value for key, value in (("spi", chip.spi), ("drdy", chip.drdy), ("cs", chip.cs)) if value}
    return {"channels": chip.n_channels, **wires, **({"chained": True} if chip.chained else {})}


def _meta(settings: AcquireSettings, layout: Layout, setups: list[ChipSetup], gains: list[int]) -> dict[str, Any]:
    meta: dict[str, Any] = {"board": settings.board, "gain": gains, "vref_v": settings.vref_v}
    lead_off = setups[0].lead_off
    if lead_off.mode != "off":
        on = [channel.lead_off for setup in setups for channel in setup.channels]
        # the tone is 2^16 or 2^18 tCLK long: another clock changes it as it changes the rate
        tone_hz = lead_off.hz * settings.sps / setups[0].sps or settings.sps / 4
        meta["lead_off"] = {
            "mode": lead_off.mode, "current_a": lead_off.current_na / 1e9, "inputs": lead_off.inputs,
            "hz": 0.0 if lead_off.mode == "dc" else tone_hz,
            "labels": [label for label, flag in zip(layout.labels, on, strict=True) if flag]}
    return meta


def _nominal(settings: AcquireSettings, chip_sps: int) -> float:
    return chip_sps * settings.clock_hz / 2_048_000


def _chip_sps(settings: AcquireSettings, any_sps: bool) -> int:
    """Return the rate CONFIG1 asks for; an external clock scales it, the emulator any rate."""
    wanted = settings.sps * 2_048_000 / settings.clock_hz
    for sps in CHIP_SPS:
        if abs(sps - wanted) < 1e-6 * sps:
            return sps
    if any_sps:
        return min(CHIP_SPS, key=lambda sps: abs(sps - wanted))
    known = " ".join(hz(sps * settings.clock_hz / 2_048_000) for sps in CHIP_SPS)
    raise SettingProblem("sps", f"{hz(settings.sps)} is no data rate of the chip", allowed=known,
                         hint="Take one of them; the stage decimate behind it divides it by a whole number")


def _selects(layout: Layout) -> list[list[int]]:
    selects: list[list[int]] = []
    for chip in layout.chips:
        if chip.chained:
            selects[-1].append(chip.n_channels)
        else:
            selects.append([chip.n_channels])
    return selects


def _check_bus_time(settings: AcquireSettings, selects: list[list[int]], spi_hz: int) -> None:
    """Refuse what cannot be read between two edges (planning model of devices/bus_time.py)."""
    needed, window = round_s(selects, spi_hz), window_s(settings.sps, settings.clock_hz)
    if needed <= window:
        return
    fastest = fastest_sps(selects, CHIP_SPS, spi_hz)
    chips = sum(map(len, selects))
    rate = f"at {hz(settings.sps)} SPS"
    faster = f"raise spi_hz ({SPEEDS[-1] // 10**6} MHz at most)" if spi_hz < SPEEDS[-1] else ""
    chain = "put the chips into a daisy chain" if len(selects) > 1 else ""
    raise SettingProblem(
        "sps", f"{f'{chips} chips {rate} need' if chips > 1 else f'1 chip {rate} needs'} {needed * 1e6:.0f} us a frame "
        f"over SPI at {spi_hz / 1e6:g} MHz, and {window * 1e6:.0f} us are there",
        allowed=f"At most {fastest} SPS with these chips at this speed" if fastest else "Fewer chips",
        hint=", or ".join(filter(None, ("Lower sps", faster, chain))))


def _per_channel(settings: AcquireSettings, key: str, n_channels: int) -> list[Any]:
    value = getattr(settings, key)
    if not isinstance(value, list):
        return [value] * n_channels
    if len(value) != n_channels:
        raise SettingProblem(key, f"{len(value)} {key}s for {n_channels} channels", allowed="One, or one per channel")
    return list(value)


def _picked(key: str, labels: list[str] | bool | None, layout: Layout) -> list[bool]:
    """Return one flag per channel: all, none, or those named."""
    if isinstance(labels, bool) or labels is None:
        return [labels is not False] * layout.n_channels
    unknown = [label for label in labels if label not in layout.labels]
    if unknown:
        raise SettingProblem(key, f"no channel is called {unknown[0]!r}", allowed=f"Known: {', '.join(layout.labels)}")
    return [label in labels for label in layout.labels]


def _lead_off(settings: AcquireSettings) -> LeadOffSetup:
    wanted = settings.lead_off
    tone = 0.0 if wanted.hz == "fdr/4" else float(wanted.hz)
    if tone not in (0.0, 7.8125, 31.25) or (wanted.hz != "fdr/4" and tone == 0.0):
        raise SettingProblem("lead_off", f"hz {wanted.hz} is no tone of the chip", allowed="7.8125, 31.25, fdr/4")
    if wanted.comparator_percent not in COMPARATOR_PERCENT:
        raise SettingProblem("lead_off", f"comparator_percent {hz(wanted.comparator_percent)} is no threshold",
                             allowed=" ".join(map(hz, COMPARATOR_PERCENT)))
    if wanted.mode != "off" and settings.reference == "srb2" and wanted.inputs == "p":
        raise SettingProblem("lead_off", "inputs p is the reference with reference: srb2: it would carry the current "
                             "of every channel, and no electrode any", allowed="Allowed: n, both",
                             hint="Write inputs: n into lead_off")
    return LeadOffSetup(wanted.mode, tone, wanted.current_na, wanted.inputs, wanted.comparator_percent)


def _setups(settings: AcquireSettings, layout: Layout, chip_sps: int) -> list[ChipSetup]:
    """Return what every chip is told."""
    n_channels = layout.n_channels
    gains = _per_channel(settings, "gain", n_channels)
    inputs = _per_channel(settings, "input", n_channels)
    if settings.signal == "test":
        inputs = ["test"] * n_channels
    srb2 = [True] * n_channels if settings.reference == "srb2" else _picked("srb2", settings.srb2, layout)
    bias = _picked("bias", settings.bias, layout)
    lead_off = _lead_off(settings)
    current = _picked("lead_off", settings.lead_off.labels, layout)
    setups = []
    for number, chip in enumerate(layout.chips):
        own = range(chip.first_channel, chip.first_channel + chip.n_channels)
        setups.append(ChipSetup(
            [ChannelSetup(gains[c], inputs[c], srb2[c], bias[c] and inputs[c] == "normal", current[c]) for c in own],
            chip_sps, settings.vref_v, srb1=settings.reference == "srb1",
            # one bias amplifier drives the head, the others stay off (SBAS499C section 9.3.2.4.5)
            bias_drive=number == 0 and any(bias[c] for c in own),
            in_chain=chip.chained or (number + 1 < len(layout.chips) and layout.chips[number + 1].chained),
            drives_clock=layout.clock == "shared" and number == 0 and len(layout.chips) > 1,
            test_double=settings.test_signal.amplitude_uv == 3750, test_hz=settings.test_signal.speed,
            lead_off=lead_off))
    _equal_in_chains(setups, layout)
    return setups


def _equal_in_chains(setups: list[ChipSetup], layout: Layout) -> None:
    """Give chained chips one image, as they share DIN: they hear the same commands (SBAS499C section 10.1.4.2)."""
    for number, chip in enumerate(layout.chips):
        if chip.chained:
            head = max(n for n in range(number) if not layout.chips[n].chained)
            first, own = setups[head], setups[number]
            if list(first.channels) != list(own.channels):
                raise SettingProblem("chips", f"chip {number + 1} is chained and its channels differ from chip "
                                     f"{head + 1}'s", hint="Chips of a daisy chain hear the same commands: give them "
                                     "the same size, gains, inputs and bias")
            setups[number] = first

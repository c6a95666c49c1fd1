"""The settings of `acquire`: what a user may say of chips, wires, inputs, and of the emulated world."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from eegcore.stages.base import StageSettings, Whole
from eegcore.stages.stream import MAX_CHANNELS, MAX_FRAMES

BoardName = Literal["emulator", "ads1299", "pieeg", "pieeg16", "elata", "evm"]
InputName = Literal["normal", "shorted", "test", "temperature", "supply", "bias", "off"]
FaultKind = Literal["drop_edge", "coalesce", "overflow", "spurious", "eio", "etimedout", "slow", "bit_flip",
                    "bad_status", "bit_slip", "miso_stuck", "reset", "drdy", "write_lost", "late_start", "saturate",
                    "electrode_off", "gone", "wrong_id"]


def _no_bool(value: Any) -> Any:
    """Refuse true and false, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is meant")
    return value


Gain = Annotated[Literal[1, 2, 4, 6, 8, 12, 24], BeforeValidator(_no_bool)]
Line = Annotated[str, Field(min_length=1, max_length=31, description="a GPIO line by name: GPIO25")]


class Chip(StageSettings):
    """One converter of a board."""

    channels: Literal[4, 6, 8] | list[str] = Field(8, description="inputs of this chip, 4, 6 or 8, or their labels")
    spi: str | None = Field(None, min_length=1, max_length=63, description="its spidev node: /dev/spidev0.0")
    drdy: Line | None = Field(None, description="its data-ready line: GPIO25; chips with a common clock may share one")
    cs: Line | None = Field(None, description="a line to drive as chip select instead of that of the spi node")
    chained: bool = Field(False, description="behind the chip before it in a daisy chain")


class TestSignal(StageSettings):
    """The square wave the chip makes itself (SBAS499C section 9.6.1.3), on channels with input: test."""

    amplitude_uv: Literal[1875, 3750] = Field(1875, description="VREF/2400 or twice that: 1875 or 3750 uV at 4.5 V")
    speed: Literal["slow", "fast", "dc"] = Field("slow", description="0.98 Hz, 1.95 Hz, or a constant")


class LeadOff(StageSettings):
    """The lead-off current (SBAS499C section 9.3.2.4)."""

    mode: Literal["off", "dc", "ac"] = Field("off", description="off, dc (comparators), ac (a tone to measure with)")
    hz: float | Literal["fdr/4"] = Field(31.25, description="tone of mode ac: 7.8125, 31.25, or fdr/4")
    current_na: Literal[6, 24] = Field(6, description="6 or 24 nA; stronger currents are not offered")
    inputs: Literal["both", "p", "n"] = Field("p", description="current into positive inputs, negative inputs, or both")
    labels: list[str] | None = Field(None, description="channels with the current; all if absent")
    comparator_percent: float = Field(95, description=(
        "mode dc: share of the supply at which an electrode counts as off: 95 92.5 90 87.5 85 80 75 70"))


class Fault(StageSettings):
    """Something the emulated board does wrong, at an exact conversion."""

    kind: FaultKind = Field(description="what goes wrong")
    at: Whole = Field(1, ge=0, description="conversion since the start, from 1")
    n: Whole = Field(1, ge=0, description="how many conversions, or how often")
    chip: Whole = Field(0, ge=0, description="number of the chip, from 0")
    value: Whole = Field(0, description=(
        "spurious, slow: ns; bit_flip, bit_slip: bit; miso_stuck: 0, 255, or 256 for noise; drdy: 0 stuck low, 1 stuck "
        "high, 2 double, 3 half rate; electrode_off: channel of the chip; wrong_id: the ID byte"))
    every: Whole = Field(0, ge=0, description="again after so many conversions")
    times: Whole = Field(1, ge=1, le=4096, description="how often in all, with every")


class AcquireSettings(StageSettings):
    """Settings of `acquire`."""

    board: BoardName = Field("emulator", description="the device; emulator needs no hardware")
    sps: float = Field(250.0, ge=1, le=100_000, description=(
        "frames per second; the chip knows 250 500 1000 2000 4000 8000 16000, the emulator takes others too"))
    channels: Whole | None = Field(None, ge=1, le=MAX_CHANNELS, description=(
        "number of channels, 8 if absent; more than 8 are several chips"))
    gain: Gain | list[Gain] = Field(24, description="1 2 4 6 8 12 24; one for all or one per channel")
    input: InputName | list[InputName] = Field("normal", description=(
        "normal, shorted, test, temperature, supply, bias or off; one for all or one per channel"))
    batch: Whole | None = Field(None, ge=1, le=MAX_FRAMES, description="frames per packet; sps/250 if absent")
    labels: list[str] | None = Field(None, description="channel names; 10-20 names for 8, 16 and 32 if absent")
    chips: list[Chip] | None = Field(None, min_length=1, max_length=64, description=(
        "the chips of the board, each {channels, spi, drdy, cs, chained}; chips of 8 if absent"))
    reference: Literal["srb1", "srb2", "differential"] = Field("srb1", description=(
        "srb1: a common electrode on SRB1; srb2: on SRB2, electrodes on the negative inputs; differential: pairs"))
    srb2: list[str] = Field([], description="with reference srb1 or differential: labels tied to SRB2 as well")
    bias: bool | list[str] = Field(True, description="bias drive from all channels, none, or these labels")
    test_signal: TestSignal = Field(TestSignal(), description="the chip's own square wave, for input: test")
    lead_off: LeadOff = Field(LeadOff(), description="the current that shows electrodes that are off")
    vref_v: float = Field(4.5, gt=0, le=10, description=(
        "reference of the converter, V: 4.5 is the chip's own, any other value is one connected to it"))
    clock: Literal["own", "shared", "external"] | None = Field(None, description=(
        "own: every chip its oscillator; shared: the first chip drives the others; external: all from outside"))
    clock_hz: float = Field(2_048_000.0, ge=1_500_000, le=2_250_000, description="clock: external: its frequency")
    spi_hz: Whole | None = Field(None, ge=100_000, le=20_000_000, description=(
        "clock of data on the bus; as needed if absent"))
    gpiochip: str | None = Field(None, max_length=31, description=(
        "label of the GPIO chip; that of the Raspberry Pi's header if absent"))
    drdy: Line | None = Field(None, description="data-ready line of the first chip: GPIO25")
    start: Line | None = Field(None, description="START line of all chips, if wired")
    reset: Line | None = Field(None, description="RESET line of all chips, if wired")
    pwdn: Line | None = Field(None, description="PWDN line of all chips, if wired")
    check_s: float = Field(1.0, ge=0, le=3600, description=(
        "period of the register check, where it fits between two frames; 0 for none"))
    signal: Literal["eeg", "sine", "test", "file"] = Field("eeg", description=(
        "what the emulated electrodes see: eeg, sine, test (the chip's square wave) or file"))
    seed: Whole = Field(1, ge=0, le=2**63 - 1, description="same seed, same samples")
    drift_ppm: float = Field(0.0, ge=-50_000, le=50_000, description=(
        "error of the emulated clock, parts per million; positive: slow"))
    drift_ppm_per_s: float = Field(0.0, ge=-1000, le=1000, description="how fast that error changes")
    jitter_us: float = Field(0.0, ge=0, le=1e6, description=(
        "every emulated DRDY edge comes up to that much late, microseconds; below one period"))
    stamp_jitter_us: float = Field(0.0, ge=0, le=1e5, description=(
        "only the time stamps of emulated edges are wrong: mean lateness, or deviation if stamp_jitter is both"))
    stamp_jitter: Literal["late", "both"] = Field("late", description="late: stamps are late; both: late and early")
    late: Literal["buffer", "lose"] = Field("buffer", description=(
        "what a late reader meets: buffer (a patient emulator) or lose (one latch, as in the chip)"))
    faults: list[Fault] = Field([], max_length=4096, description="what the emulated board does wrong")
    electrode_kohm: float | list[float] = Field(0.0, description=(
        "impedance of the emulated electrodes, kOhm; one, or one per channel"))
    reference_kohm: float = Field(0.0, ge=0, le=1e6, description="impedance of the emulated reference electrode, kOhm")
    noise: bool = Field(True, description="noise of the emulated chip, as in its data sheet")
    mains_hz: float = Field(60.0, ge=0, le=1000, description="mains in the eeg signal, 0 for none")
    sine_hz: float = Field(10.0, gt=0, le=50_000, description="frequency of signal: sine")
    sine_uv: float = Field(50.0, ge=0, le=5e6, description="amplitude of signal: sine, uV")
    path: str | None = Field(None, min_length=1, description=(
        "recording for signal: file; a .bin file is SPI frames as they are, any other its counts"))
    loop: bool = Field(False, description="start the file again at its end")

    @model_serializer(mode="wrap")
    def _of_this_board(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what only an emulated board has, so that what is shown of a real one can be read again."""
        shown: dict[str, Any] = handler(self)
        return shown if self.board == "emulator" else {key: v for key, v in shown.items() if key not in EMULATED}


#: Settings that only an emulated board has.
EMULATED = ("signal", "seed", "drift_ppm", "drift_ppm_per_s", "jitter_us", "stamp_jitter_us", "stamp_jitter", "late",
            "faults", "electrode_kohm", "reference_kohm", "noise", "mains_hz", "sine_hz", "sine_uv", "path", "loop")

"""What is written into an ADS1299: 24 bytes per chip, made of settings.

Addresses, fields and reset values are those of SBAS499C section 9.6; the
driver checks the fixed bits once more before anything reaches the bus, and
reads back what it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from eegcore.devices.boards import CHIP_GAINS, CHIP_SPS, CHIP_VREF_V

N_REGISTERS = 24
NAMES = ("ID", "CONFIG1", "CONFIG2", "CONFIG3", "LOFF", *(f"CH{n}SET" for n in range(1, 9)), "BIAS_SENSP", "BIAS_SENSN",
         "LOFF_SENSP", "LOFF_SENSN", "LOFF_FLIP", "LOFF_STATP", "LOFF_STATN", "GPIO", "MISC1", "MISC2", "CONFIG4")
ADDRESS = {name: address for address, name in enumerate(NAMES)}

Input = Literal["normal", "shorted", "test", "temperature", "supply", "bias", "off"]
MUX = {"normal": 0, "shorted": 1, "bias": 2, "supply": 3, "temperature": 4, "test": 5, "off": 1}

LEAD_OFF_NA = (6, 24)                          # ILEAD_OFF 00 and 01; people wear this: not the stronger ones
LEAD_OFF_HZ = {7.8125: 1, 31.25: 2}            # FLEAD_OFF: fCLK / 2^18 and fCLK / 2^16; 3 is fDR / 4
COMPARATOR_PERCENT = (95.0, 92.5, 90.0, 87.5, 85.0, 80.0, 75.0, 70.0)      # COMP_TH, positive side


@dataclass(frozen=True)
class ChannelSetup:
    """One input of a chip."""

    gain: int = 24
    input: Input = "normal"
    srb2: bool = False                         # the SRB2 pin on the positive input
    bias: bool = False                         # sensed by the bias amplifier
    lead_off: bool = False                     # the lead-off current is on


@dataclass(frozen=True)
class LeadOffSetup:
    """The lead-off current of all chips (SBAS499C section 9.3.2.4)."""

    mode: Literal["off", "dc", "ac"] = "off"
    hz: float = 31.25                          # 7.8125, 31.25; 0: fDR / 4
    current_na: int = 6
    inputs: Literal["both", "p", "n"] = "p"
    comparator_percent: float = 95.0


@dataclass(frozen=True)
class ChipSetup:
    """Everything one chip is told.

    Parameters
    ----------
    channels : sequence of ChannelSetup
        4, 6 or 8.
    sps : int
        One of `CHIP_SPS`.
    vref_v : float
        4.5 switches the chip's own reference on, any other value says that one is connected.
    srb1 : bool
        The SRB1 pin on all negative inputs.
    bias_drive : bool
        Bias amplifier and its internal reference on.
    in_chain : bool
        Part of a daisy chain.
    drives_clock : bool
        Gives its oscillator to the other chips.
    """

    channels: Sequence[ChannelSetup]
    sps: int
    vref_v: float = CHIP_VREF_V
    srb1: bool = True
    bias_drive: bool = False
    in_chain: bool = False
    drives_clock: bool = False
    test_double: bool = False
    test_hz: Literal["slow", "fast", "dc"] = "slow"
    lead_off: LeadOffSetup = field(default_factory=LeadOffSetup)


def _bits(flags: Sequence[bool]) -> int:
    return sum(1 << n for n, flag in enumerate(flags) if flag)


def _channel(setup: ChannelSetup) -> int:
    """CHnSET (section 9.6.1.6). A channel that is off keeps its inputs shorted, else it adds noise."""
    off = 0x80 if setup.input == "off" else 0
    return off | CHIP_GAINS.index(setup.gain) << 4 | (0x08 if setup.srb2 else 0) | MUX[setup.input]


def _loff(setup: LeadOffSetup) -> int:
    if setup.mode == "off":
        return 0
    frequency = 0 if setup.mode == "dc" else LEAD_OFF_HZ.get(setup.hz, 3)
    return (COMPARATOR_PERCENT.index(setup.comparator_percent) << 5 | LEAD_OFF_NA.index(setup.current_na) << 2
            | frequency)


def register_image(chip: ChipSetup) -> bytes:
    """Return the 24 registers of a chip, addresses 00h to 17h; read-only ones are 0.

    Examples
    --------
    >>> register_image(ChipSetup([ChannelSetup()] * 8, 250)).hex(" ")
    '00 d6 c0 e0 00 60 60 60 60 60 60 60 60 00 00 00 00 00 00 00 0f 20 00 00'
    """
    image = bytearray(N_REGISTERS)

    def put(name: str, value: int) -> None:
        image[ADDRESS[name]] = value

    uses_test = any(channel.input == "test" for channel in chip.channels)
    measures_bias = any(channel.input == "bias" for channel in chip.channels)
    current = [channel.lead_off and chip.lead_off.mode != "off" for channel in chip.channels]
    put("CONFIG1", 0x90 | (0 if chip.in_chain else 0x40) | (0x20 if chip.drives_clock else 0)
        | CHIP_SPS[::-1].index(chip.sps))
    put("CONFIG2", 0xC0 | (0x10 if uses_test else 0) | (0x04 if chip.test_double else 0)
        | {"slow": 0, "fast": 1, "dc": 3}[chip.test_hz])
    put("CONFIG3", 0x60 | (0x80 if chip.vref_v == CHIP_VREF_V else 0) | (0x10 if measures_bias else 0)
        | (0x0C if chip.bias_drive else 0x08 if measures_bias else 0))
    put("LOFF", _loff(chip.lead_off))
    for n, channel in enumerate(chip.channels, start=1):
        put(f"CH{n}SET", _channel(channel))
    put("BIAS_SENSP", _bits([channel.bias for channel in chip.channels]))
    # the negative inputs are the common reference with SRB1: sensing it N times only adds the reference
    put("BIAS_SENSN", 0 if chip.srb1 else _bits([channel.bias for channel in chip.channels]))
    put("LOFF_SENSP", _bits(current) if chip.lead_off.inputs in ("both", "p") else 0)
    put("LOFF_SENSN", _bits(current) if chip.lead_off.inputs in ("both", "n") else 0)
    put("GPIO", 0x0F)
    put("MISC1", 0x20 if chip.srb1 else 0)
    put("CONFIG4", 0x02 if chip.lead_off.mode == "dc" else 0)
    return bytes(image)

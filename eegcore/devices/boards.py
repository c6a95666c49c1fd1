"""Boards as data: what each one can do, and how electrodes are usually named on it."""

from __future__ import annotations

from dataclasses import dataclass

CHIP_SPS = (250, 500, 1000, 2000, 4000, 8000, 16000)   # ADS1299, CONFIG1.DR (SBAS499C section 9.6.1.2)
CHIP_GAINS = (1, 2, 4, 6, 8, 12, 24)                   # ADS1299, CHnSET.GAIN (SBAS499C section 9.6.1.6)
CHIP_CHANNELS = (4, 6, 8)                              # ADS1299-4, ADS1299-6, ADS1299
CHIP_VREF_V = 4.5                                      # internal reference (SBAS499C section 7.5)
FULL_SCALE_COUNTS = 2**23


@dataclass(frozen=True)
class ChipWiring:
    """Where one chip is connected; "" is not wired or not known."""

    spi: str = ""
    drdy: str = ""
    cs: str = ""                               # a line driven by eegcore instead of the select of the spi node


@dataclass(frozen=True)
class Wiring:
    """How the chips of a board are connected.

    Parameters
    ----------
    chips : tuple of ChipWiring
    start, reset, pwdn : str
        Lines common to all chips, "" if not wired.
    clock : {"own", "shared", "external", ""}
        Each chip its oscillator, the first drives the others, all driven from outside; "" if not fixed.
    spi_hz : int
        Clock of the data, 0 if the rate decides.
    """

    chips: tuple[ChipWiring, ...]
    start: str = ""
    reset: str = ""
    pwdn: str = ""
    clock: str = ""
    spi_hz: int = 0


@dataclass(frozen=True)
class Board:
    """What `acquire` may be asked of one board.

    Parameters
    ----------
    name : str
        As written after ``board:``.
    doc : str
        One sentence.
    sps : tuple of int
        Data rates of its converter.
    any_sps : bool
        True if other rates work as well.
    gains : tuple of int
    chip_channels : tuple of int
        Channels one converter may have.
    hardware : bool
        True if a device must be connected.
    wiring : Wiring
        Where its chips are, as far as the board fixes it; settings of the pipeline win.
    """

    name: str
    doc: str
    sps: tuple[int, ...]
    any_sps: bool
    gains: tuple[int, ...]
    chip_channels: tuple[int, ...]
    hardware: bool
    wiring: Wiring


def _chip_board(name: str, doc: str, wiring: Wiring) -> Board:
    return Board(name, doc, CHIP_SPS, False, CHIP_GAINS, CHIP_CHANNELS, True, wiring)


# Lines as the boards' own software uses them (PiEEG-server, elata-eeg, RaspberryPiADS1299).
_BOARDS = (
    Board("emulator", "ADS1299 chips in software: registers, timing, faults and a realistic signal; no hardware.",
          CHIP_SPS, True, CHIP_GAINS, CHIP_CHANNELS, False, Wiring((), start="start", reset="reset")),
    _chip_board("ads1299", "ADS1299 chips on spidev and GPIO lines, wired as the pipeline says.",
                Wiring((ChipWiring("/dev/spidev0.0"),))),
    _chip_board("pieeg", "PiEEG, 8 channels on a Raspberry Pi's header.",
                Wiring((ChipWiring("/dev/spidev0.0", drdy="GPIO26"),), spi_hz=4_000_000)),
    _chip_board("pieeg16", "PiEEG-16, 16 channels, if its two chips share a clock; each has its data-ready line.",
                Wiring((ChipWiring("/dev/spidev0.0", drdy="GPIO26"),
                        ChipWiring("/dev/spidev0.1", drdy="GPIO13", cs="GPIO19")), clock="external",
                       spi_hz=4_000_000)),
    _chip_board("elata", "Elata-like: two chips, a common START line and clock, one data-ready line.",
                Wiring((ChipWiring("/dev/spidev0.0"), ChipWiring("/dev/spidev0.1")), start="GPIO22", clock="external")),
    _chip_board("evm", "TI's ADS1299 evaluation board on a Raspberry Pi's header.",
                Wiring((ChipWiring("/dev/spidev0.0", drdy="GPIO25"),), start="GPIO22", reset="GPIO23", pwdn="GPIO24",
                       spi_hz=4_000_000)),
)

# 8 and 16 as on OpenBCI's Cyton and Daisy, 32 a usual 10-10 cap.
_LABELS = {
    8: "Fp1 Fp2 C3 C4 P7 P8 O1 O2",
    16: "Fp1 Fp2 C3 C4 P7 P8 O1 O2 F7 F8 F3 F4 T7 T8 P3 P4",
    32: "Fp1 Fp2 AF3 AF4 F7 F3 Fz F4 F8 FC5 FC1 FC2 FC6 T7 C3 Cz C4 T8 "
        "CP5 CP1 CP2 CP6 P7 P3 Pz P4 P8 PO3 PO4 O1 Oz O2",
}

# Share of the emulator's alpha rhythm and of its blinks by region, strongest prefix first.
_REGIONS = (
    ("PO", 0.9, 0.02), ("O", 1.0, 0.01), ("P", 0.7, 0.03), ("CP", 0.5, 0.04), ("C", 0.3, 0.06),
    ("T", 0.3, 0.05), ("FP", 0.08, 1.0), ("AF", 0.1, 0.7), ("FC", 0.2, 0.15), ("F", 0.15, 0.35),
)
_ELSEWHERE = (0.4, 0.1)


def boards() -> dict[str, Board]:
    """Return every board by name."""
    return {board.name: board for board in _BOARDS}


def default_labels(n_channels: int) -> list[str]:
    """Return 10-20 or 10-10 names for 8, 16 and 32 channels, else ``ch1``, ``ch2``..."""
    if n_channels in _LABELS:
        return _LABELS[n_channels].split()
    return [f"ch{number}" for number in range(1, n_channels + 1)]


def signal_weights(label: str) -> tuple[float, float]:
    """Return the shares of alpha and of blinks an electrode sees, each 0..1, from its 10-10 name."""
    name = label.upper()
    for prefix, alpha, blink in sorted(_REGIONS, key=lambda region: -len(region[0])):
        rest = name[len(prefix):]
        if name.startswith(prefix) and (rest == "Z" or rest.isdigit()):
            return alpha, blink
    return _ELSEWHERE


def split_into_chips(n_channels: int) -> list[int] | None:
    """Return the channels of each chip of a chain, eights first; None if no chain has that many.

    Examples
    --------
    >>> split_into_chips(20), split_into_chips(10), split_into_chips(7)
    ([8, 8, 4], [6, 4], None)
    """
    if n_channels < min(CHIP_CHANNELS) or n_channels % 2:
        return None
    eights, rest = divmod(n_channels, 8)
    if rest == 2:                              # no chip has two: 8 + 2 is built as 6 + 4
        return [8] * (eights - 1) + [6, 4]
    return [8] * eights + ([rest] if rest else [])


def lsb_uv(vref_v: float, gain: float) -> float:
    """Return uV per count: VREF / gain / 2^23 (SBAS499C section 9.5.1)."""
    return 1e6 * vref_v / gain / FULL_SCALE_COUNTS

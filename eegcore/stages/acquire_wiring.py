"""From chips and lines as a user writes them to selects, chains and lines as the driver takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eegcore.devices.boards import Board, ChipWiring, boards, default_labels, split_into_chips
from eegcore.stages.acquire_settings import AcquireSettings, Chip
from eegcore.stages.base import SettingProblem
from eegcore.stages.stream import MAX_CHANNELS

ClockSharing = Literal["own", "shared", "external"]

#: MISO, MOSI and SCLK of the buses of a Raspberry Pi's header, docs/wiring.md; no other buses are on every model
BUS_LINES = {"0": ("GPIO9", "GPIO10", "GPIO11"), "1": ("GPIO19", "GPIO20", "GPIO21")}


@dataclass(frozen=True)
class ChipPlace:
    """One chip: its channels and its wires."""

    first_channel: int
    n_channels: int
    spi: str
    drdy: str
    cs: str
    chained: bool


@dataclass(frozen=True)
class Layout:
    """All chips of one `acquire`.

    Parameters
    ----------
    chips : tuple of ChipPlace
    labels : tuple of str
        One per channel.
    drdy : tuple of str
        Data-ready lines: one, or one per chip.
    clock : {"own", "shared", "external"}
    start, reset, pwdn : str
        Lines common to all, "" if not wired.
    """

    chips: tuple[ChipPlace, ...]
    labels: tuple[str, ...]
    drdy: tuple[str, ...]
    clock: ClockSharing
    start: str
    reset: str
    pwdn: str

    @property
    def n_channels(self) -> int:
        """Channels of all chips."""
        return len(self.labels)

    @property
    def chips_in(self) -> list[int]:
        """Chips behind each select: 1, or the length of the daisy chain."""
        selects: list[int] = []
        for chip in self.chips:
            if chip.chained:
                selects[-1] += 1
            else:
                selects.append(1)
        return selects

    @property
    def heads(self) -> list[ChipPlace]:
        """The first chip of every select."""
        return [chip for chip in self.chips if not chip.chained]


def lay_out(settings: AcquireSettings) -> Layout:
    """Return the layout.

    Raises
    ------
    SettingProblem
        If no board looks like that.
    """
    board = boards()[settings.board]
    given, sizes = _sizes(settings, board)
    labels = _labels(settings, given, sum(sizes))
    chips: list[ChipPlace] = []
    for number, (chip, size) in enumerate(zip(given, sizes, strict=True)):
        chips.append(_place(settings, board, chip, number, sum(sizes[:number]), size))
    _check_selects(chips, board)
    drdy = _data_ready(settings, board, chips)
    wiring = board.wiring
    clock = settings.clock or wiring.clock or ("shared" if len(chips) > 1 else "own")
    _check_clock(settings, clock, chips, drdy)
    layout = Layout(tuple(chips), tuple(labels), drdy, clock, settings.start or wiring.start,     # type: ignore[arg-type]
                    settings.reset or wiring.reset, settings.pwdn or wiring.pwdn)
    if board.hardware:
        _check_lines(settings, layout)
    return layout


def _sizes(settings: AcquireSettings, board: Board) -> tuple[list[Chip], list[int]]:
    """Return the chips that were written, or those the number of channels makes, and their sizes."""
    if settings.chips is not None:
        sizes = [_size(chip, number) for number, chip in enumerate(settings.chips)]
        if sum(sizes) > MAX_CHANNELS:
            raise SettingProblem("chips", f"{len(sizes)} chips have {sum(sizes)} channels in all",
                                 allowed=f"At most {MAX_CHANNELS} channels")
        if settings.channels is not None and settings.channels != sum(sizes):
            raise SettingProblem("channels", f"{settings.channels} channels are asked for and the chips have "
                                 f"{sum(sizes)}", hint="Remove channels, or change the chips")
        return list(settings.chips), sizes
    wanted = settings.channels
    if wanted is None:
        wanted = 8 * max(1, len(board.wiring.chips))
    split = split_into_chips(wanted)
    if split is None:
        known = ", ".join(str(size) for size in board.chip_channels)
        raise SettingProblem("channels", f"no chain of chips has {wanted} channels",
                             allowed=f"Chips have {known} channels: 4, 6, 8, 10, 12 and so on",
                             hint="Take the next even number, and a select behind it")
    return [Chip() for _ in split], split


def _size(chip: Chip, number: int) -> int:
    if not isinstance(chip.channels, list):
        return chip.channels
    if len(chip.channels) not in (4, 6, 8):
        raise SettingProblem("chips", f"chip {number + 1} has {len(chip.channels)} labels",
                             allowed="4, 6 or 8, as its part has inputs")
    return len(chip.channels)


def _labels(settings: AcquireSettings, chips: Sequence[Chip], n_channels: int) -> list[str]:
    named = [chip.channels for chip in chips if isinstance(chip.channels, list)]
    if settings.labels is not None:
        if named:
            raise SettingProblem("labels", "labels are given here and in chips", hint="Keep one of the two")
        labels = list(settings.labels)
    elif named:
        if len(named) != len(chips):
            raise SettingProblem("chips", "some chips have labels and some have a number of channels",
                                 hint="Give labels to all chips or to none")
        labels = [label for group in named for label in group]
    else:
        return default_labels(n_channels)
    if len(labels) != n_channels:
        raise SettingProblem("labels", f"{len(labels)} labels for {n_channels} channels",
                             hint="Give one label per channel, or set channels")
    for label in labels:
        if not label.strip() or len(label) > 64:
            raise SettingProblem("labels", f"{label!r} is no label", allowed="1 to 64 characters, not blank")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise SettingProblem("labels", f"{twice[0]!r} is given to two channels", hint="Give every channel its own")
    return labels


def _place(settings: AcquireSettings, board: Board, chip: Chip, number: int, first: int, size: int) -> ChipPlace:
    known = board.wiring.chips[number] if number < len(board.wiring.chips) else ChipWiring()
    spi = chip.spi or ("" if chip.chained else known.spi)
    drdy = chip.drdy or (settings.drdy if number == 0 else None) or known.drdy
    if chip.chained and number == 0:
        raise SettingProblem("chips", "the first chip is chained, and there is none before it",
                             hint="Remove chained from the chip nearest to the host")
    if chip.chained and (chip.spi or chip.cs):
        raise SettingProblem("chips", f"chip {number + 1} is chained and has wires of its own",
                             hint="A chained chip answers through the one before it: remove its spi and cs")
    if board.hardware and not chip.chained and not spi:
        raise SettingProblem("chips", f"chip {number + 1} has no spi node",
                             hint="Write chips: [{spi: /dev/spidev0.0}, {spi: /dev/spidev0.1}]")
    if spi.startswith("/dev/spidev10."):
        raise SettingProblem("chips", f"{spi} belongs to the boot EEPROM of a Raspberry Pi 5",
                             allowed="/dev/spidev0.0, /dev/spidev0.1 and those of the overlays spi1 to spi5")
    return ChipPlace(first, size, spi, drdy, chip.cs or known.cs, chip.chained)


def _check_selects(chips: Sequence[ChipPlace], board: Board) -> None:
    if not board.hardware:
        return
    seen: dict[tuple[str, str], int] = {}
    for number, chip in enumerate(chips, start=1):
        if chip.chained:
            continue
        other = seen.setdefault((chip.spi, chip.cs), number)
        if other != number:
            raise SettingProblem("chips", f"chips {other} and {number} have the same select ({chip.spi})",
                                 hint="Give each its own spi node, or its own cs line, or say chained: true")
    for spi, cs in seen:
        # the controller of a Raspberry Pi 5 knows no SPI_NO_CS: its own select moves with every transfer of the node
        if cs and (spi, "") in seen:
            raise SettingProblem("chips", f"chip {seen[spi, '']} has the select of {spi}, which moves while chip "
                                 f"{seen[spi, cs]} is selected by {cs} as well: both would answer",
                                 hint=f"Give chip {seen[spi, '']} a cs line too, or another spi node")


def _check_lines(settings: AcquireSettings, layout: Layout) -> None:
    """Refuse one line with two purposes, and a number the header of a Raspberry Pi does not have."""
    buses = dict.fromkeys(chip.spi.rsplit("spidev", 1)[-1].split(".")[0] for chip in layout.heads)
    used = {line: f"a line of SPI bus {bus}" for bus in buses for line in BUS_LINES.get(bus, ())}
    uses = [(line, "drdy") for line in dict.fromkeys(layout.drdy)]
    uses += [(chip.cs, "cs") for chip in layout.chips]
    uses += [(layout.start, "start"), (layout.reset, "reset"), (layout.pwdn, "pwdn")]
    for line, use in uses:
        name = line.upper()
        if not name:
            continue
        name = f"GPIO{name}" if name.isdigit() else name
        key = "chips" if use == "cs" else use
        if settings.gpiochip is None and name.startswith("GPIO") and name[4:].isdigit() and int(name[4:]) > 27:
            raise SettingProblem(key, f"the header has no {line}", allowed="Allowed: GPIO0 to GPIO27",
                                 hint="Positions of pins are other numbers: header pin 22 is GPIO25")
        if name in used:
            raise SettingProblem(key, f"{use} is {line}, which is {used[name]} already",
                                 hint="Give every line its own GPIO")
        used[name] = use


def _data_ready(settings: AcquireSettings, board: Board, chips: Sequence[ChipPlace]) -> tuple[str, ...]:
    """Return the lines to watch: the first chip's, or one per chip."""
    lines = [chip.drdy for chip in chips]
    if not board.hardware and not any(lines):
        return ("drdy",)
    if not lines[0]:
        raise SettingProblem("drdy", "the data-ready line of the first chip is not given",
                             hint="Write drdy: GPIO25, the line its DRDY pin is wired to")
    others = {line for line in lines[1:] if line}
    if not others or others == {lines[0]}:
        return (lines[0],)
    if "" in lines or len(set(lines)) != len(lines):
        raise SettingProblem("chips", f"{len(set(lines) - {''})} data-ready lines for {len(chips)} chips",
                             allowed="One for all, or one of its own for every chip")
    return tuple(lines)


def _check_clock(settings: AcquireSettings, clock: str, chips: Sequence[ChipPlace], drdy: Sequence[str]) -> None:
    if settings.clock_hz != 2_048_000 and clock != "external":
        raise SettingProblem("clock_hz", f"{settings.clock_hz:g} Hz, and the clock is the chip's own",
                             hint="Set clock: external, or remove clock_hz")
    if clock == "own" and len(chips) > 1:
        raise SettingProblem("clock", f"{len(chips)} chips with a clock each drift apart, and one acquire has one "
                             "sample clock", hint="Write an acquire for every chip and join them with align_and_zip")

"""What a pipeline needs of the machine it is to run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eegcore.graph.plan_types import StagePlan

DEFAULT_PRIORITY = 80                                  # the acquisition thread


@dataclass(frozen=True)
class Line:
    """One GPIO line: its name, what it is for, and the label of its chip if it is not the header's."""

    name: str
    role: str
    chip: str | None = None


@dataclass(frozen=True)
class WantedBoard:
    """One `acquire` of the pipeline that reads a device.

    Parameters
    ----------
    id : str
        Of the stage.
    settings : mapping
        As the pipeline file has them, defaults left out.
    native : mapping
        What the plan hands to the driver.
    sps, vref_v : float
    gains, labels : tuple
        One per channel.
    """

    id: str
    settings: Mapping[str, Any]
    native: Mapping[str, Any]
    sps: float
    vref_v: float
    gains: tuple[float, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Parameters
    ----------
    what : str
        For whom: a pipeline file, or the board in general.
    hardware : bool
        False if no device has to be attached.
    spi : tuple of str
        SPI nodes; any one will do if empty.
    lines : tuple of Line
        GPIO lines.
    priority : int
        Highest SCHED_FIFO priority asked for.
    bytes_per_s : float
        What a recording of all counts writes, 3 bytes a sample.
    recordings, port : str, int
        Where `serve` would write and listen.
    boards : tuple of WantedBoard
        Boards to try; none without a pipeline.
    """

    what: str = "an ADS1299 board"
    hardware: bool = True
    spi: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    priority: int = DEFAULT_PRIORITY
    bytes_per_s: float = 3.0 * 8 * 250
    recordings: str = "recordings"
    port: int = 9000
    boards: tuple[WantedBoard, ...] = ()


def wanted_by(file: Path, *, overrides: Sequence[str] = (), recordings: str = "recordings", port: int = 9000) -> Wanted:
    """Return what a pipeline file needs; ConfigError if it has mistakes."""
    from eegcore.control.preparing import prepare
    from eegcore.devices.boards import boards

    config, plan = prepare(file, overrides=overrides)
    written = {stage.id: stage.settings.model_dump(exclude_unset=True) for stage in config.stages}
    known = boards()
    sources = [stage for stage in plan.stages if stage.role == "source"]
    devices = [stage for stage in sources
               if (board := known.get(str(stage.settings.get("board")))) is not None and board.hardware]
    wires = [stage.native["wires"] for stage in devices]
    priorities = [group.priority for group in plan.groups if group.priority is not None]
    return Wanted(
        what=str(file), hardware=bool(devices), priority=max(priorities, default=DEFAULT_PRIORITY),
        spi=tuple(dict.fromkeys(node for wire in wires for node in wire["spi"])),
        lines=tuple(dict.fromkeys(line for wire in wires for line in _lines(wire))),
        bytes_per_s=sum(3.0 * stage.outputs[0].stream.n_channels * stage.outputs[0].stream.sps for stage in sources),
        recordings=recordings, port=port, boards=tuple(_board(stage, written[stage.id]) for stage in devices))


def _lines(wires: Mapping[str, Any]) -> list[Line]:
    """Return the GPIO lines of one `acquire`."""
    labels = list(wires["gpiochip"])
    chip = labels[0] if len(labels) == 1 else None
    named = [("DRDY", name) for name in wires["drdy"]] + [("CS", name) for name in wires["cs"]]
    named += [(key.upper(), wires[key]) for key in ("start", "reset", "pwdn")]
    return [Line(name, role, chip) for role, name in named if name]


def _board(stage: StagePlan, written: Mapping[str, Any]) -> WantedBoard:
    stream = stage.outputs[0].stream
    return WantedBoard(stage.id, written, stage.native, stream.sps, float(stage.settings["vref_v"]),
                       tuple(stream.meta["gain"]), tuple(stream.labels))

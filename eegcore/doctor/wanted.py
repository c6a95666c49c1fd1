"""What a pipeline needs of the machine it is to run on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PRIORITY = 80                                  # the acquisition thread


@dataclass(frozen=True)
class Line:
    """One GPIO line: its name, what it is for, and the label of its chip if it is not the header's."""

    name: str
    role: str
    chip: str | None = None


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
    """

    what: str = "an ADS1299 board"
    hardware: bool = True
    spi: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    priority: int = DEFAULT_PRIORITY
    bytes_per_s: float = 3.0 * 8 * 250
    recordings: str = "recordings"
    port: int = 9000


def wanted_by(file: Path, *, overrides: Sequence[str] = (), recordings: str = "recordings", port: int = 9000) -> Wanted:
    """Return what a pipeline file needs; ConfigError if it has mistakes."""
    from eegcore.control.preparing import prepare
    from eegcore.devices.boards import boards

    plan = prepare(file, overrides=overrides)[1]
    known = boards()
    sources = [stage for stage in plan.stages if stage.role == "source"]
    hardware = [stage for stage in sources
                if (board := known.get(str(stage.settings.get("board")))) is not None and board.hardware]
    rate = sum(3.0 * stage.outputs[0].stream.n_channels * stage.outputs[0].stream.sps for stage in sources)
    priorities = [group.priority for group in plan.groups if group.priority is not None]
    return Wanted(what=str(file), hardware=bool(hardware), priority=max(priorities, default=DEFAULT_PRIORITY),
                  bytes_per_s=rate, recordings=recordings, port=port)

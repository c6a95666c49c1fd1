"""The table, and the same as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from eegcore.bench.line import Line

PIPE_COLUMNS = 200                                     # where the output is no terminal, nothing is cut
VERDICT = {True: "ok", False: "miss", None: "-"}


def to_json(machine: dict[str, Any], lines: Sequence[Line], *, quick: bool, elapsed_s: float,
            broken: dict[str, str]) -> dict[str, Any]:
    """Return the document of ``bench --json``; `broken` says why a benchmark did not run to its end."""
    return {"version": 1, "machine": machine, "quick": quick, "elapsed_s": round(elapsed_s, 1),
            "lines": [line.to_json() for line in lines], "broken": broken}


def print_table(machine: dict[str, Any], lines: Sequence[Line], *, quick: bool) -> None:
    """Print one row a line; a ratio above 1 means that ours is so many times better."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_COLUMNS)
    table = Table(title=describe(machine, quick), title_justify="left", show_lines=True)
    for name in ("what", "packet", "measured", "ratio", "beside", "goal", ""):
        table.add_column(name, justify="right" if name == "ratio" else "left")
    for line in lines:
        note = f"\n[dim]{escape(line.note)}[/dim]" if line.note else ""
        table.add_row(escape(f"{line.bench}: {line.what}"), packet_text(line), escape(line.measured) + note,
                      "" if line.ratio is None else f"{line.ratio:.3g}x", escape(line.peer), escape(line.goal),
                      VERDICT[line.ok])
    console.print(table)


def describe(machine: dict[str, Any], quick: bool) -> str:
    """Return the sentence about the machine that belongs to every figure."""
    text = (f"{machine['cpu']}, {machine['cores']} cores, {machine['vector_bits']} bit vectors, "
            f"Linux {machine['kernel']}, Python {machine['python']}, eegcore {machine['eegcore']}, "
            f"load before {machine['load_before']}")
    return text + (" (quick: a first impression)" if quick else "")


def packet_text(line: Line) -> str:
    """Return frames x channels of the packets, as far as they matter."""
    frames = f"{line.n_frames} frames" if line.n_frames is not None else ""
    channels = f"{line.n_channels} ch" if line.n_channels is not None else ""
    return ", ".join(filter(None, (frames, channels)))

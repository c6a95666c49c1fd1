"""What ``batch`` prints of each recording: a line when it is done, a row at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from eegcore.batch.outcome import Outcome

PIPE_COLUMNS = 200                                     # where the output is no terminal, nothing is cut


def one_line(name: str, outcome: Outcome) -> str:
    """Return one line for people."""
    if not outcome.ok:
        return f"{name}: {'stopped' if outcome.stopped else 'FAILED'}: {outcome.error}"
    again = f", attempt {outcome.attempts}" if outcome.attempts > 1 else ""
    return (f"{name}: {outcome.frames} frames, lost {outcome.lost}, {outcome.seconds:.2f} s "
            f"({outcome.times_real_time:.0f} x real time){again}")


def print_table(outcomes: Sequence[Outcome], names: Mapping[str, str], elapsed_s: float) -> None:
    """Print one row a recording, and what all of them were."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_COLUMNS)
    table = Table()
    for title in ("input", "frames", "lost", "seconds", "x real time", "outputs or error"):
        table.add_column(title, justify="right" if title in ("frames", "lost", "seconds", "x real time") else "left",
                         overflow="fold")
    for outcome in outcomes:
        result = "\n".join(os.path.relpath(path) for path in outcome.outputs) if outcome.ok else str(outcome.error)
        if outcome.warnings:
            result += f"\n({len(outcome.warnings)} warnings: --json has them)"
        numbers = [str(outcome.frames), str(outcome.lost), f"{outcome.seconds:.2f}",
                   f"{outcome.times_real_time:.0f}"] if outcome.frames else ["-"] * 4
        table.add_row(escape(names[outcome.input]), *numbers, escape(result))
    console.print(table)
    good = [outcome for outcome in outcomes if outcome.ok]
    signal_s = sum(outcome.signal_s for outcome in good)
    times = f": {signal_s / elapsed_s:.0f} x real time" if elapsed_s > 0 else ""
    print(f"{len(good)} of {len(outcomes)} recordings, {signal_s:.1f} s of signal in {elapsed_s:.2f} s{times}")

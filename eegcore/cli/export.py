"""``export``: a recording in a format other programs read."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eegcore.errors import BadArgument, FileRefused
from eegcore.reading import Recording, read

PLAIN_STEP = 0.25
"""A line for every quarter where no terminal shows a bar."""


def export(arguments: argparse.Namespace) -> int:
    """Read, write, say what it cost."""
    if arguments.out == "-":
        raise BadArgument("--out: - is no file. A recording is exported into a file, which is named when it is whole. "
                          "Give its path; ./- if it shall be called so.")
    if os.path.lexists(arguments.out):                 # before minutes are spent on reading
        raise FileRefused(f"{arguments.out}: exists already [EEXIST 17]. Files are never overwritten. Choose another "
                          "name.", path=arguments.out)
    recording = read(arguments.path, sps=arguments.sps)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with _progress(arguments.format) as say:
            written = _writer(arguments.format)(recording, arguments.out, say)
    told = [str(entry.message) for entry in caught]
    for text in told:
        print(f"warning: {text}", file=sys.stderr)
    if written.get("left_out"):
        print(f"warning: {arguments.out}: {len(written['left_out'])} channels of other rates or units are left out: "
              f"{', '.join(written['left_out'][:8])}. XDF holds every stream.", file=sys.stderr)
    if arguments.json:
        print(json.dumps({**written, "warnings": told}, indent=2))
    else:
        print(f"{arguments.out}: {written['bytes']} bytes, {recording.n_channels} channels, "
              f"{recording.duration_s:.3f} s, {written['events']} events")
    return 0


def _writer(name: str) -> Callable[[Recording, str, Callable[[float], None]], dict[str, Any]]:
    if name == "edf":
        from eegcore.reading.to_edf import write_edf

        return write_edf
    if name == "xdf":
        from eegcore.reading.to_xdf import write_xdf

        return write_xdf
    from eegcore.reading.to_csv import write_csv

    return write_csv


@contextmanager
def _progress(name: str) -> Iterator[Callable[[float], None]]:
    """Show how far it is: a bar on a terminal, a few plain lines elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"writing {name.upper()}", total=1.0)
            yield lambda part: bar.update(task, completed=part)
        return
    shown = 0.0

    def say(part: float) -> None:
        nonlocal shown
        if part - shown >= PLAIN_STEP and part < 1.0:
            shown = part
            print(f"writing {name.upper()}: {100 * part:.0f} %", file=sys.stderr)

    yield say

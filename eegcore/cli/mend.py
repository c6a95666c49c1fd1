"""``recover`` and ``verify``: mend recordings, and prove that they are whole."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from typing import Any

from eegcore.errors import EegcoreError, NotFound
from eegcore.sinks.bdf_check import BdfRefused


def recover(arguments: argparse.Namespace) -> int:
    """Mend a file, or every one in a folder; status 1 if one of several could not be mended, 2 if it is none."""
    from eegcore.recording.mend import mend_session
    from eegcore.recording.session import META
    from eegcore.sinks.bdf_recover import bdf_files
    from eegcore.sinks.bdf_recover import recover as mend

    results: list[dict[str, Any]] = []
    lines: list[str] = []
    failed: list[EegcoreError] = []
    paths = list(bdf_files(arguments.path))
    for path in paths:
        try:
            mended = mend(path)
        except EegcoreError as error:
            if len(paths) == 1:
                raise
            failed.append(error)
            results.append({"path": path, "error": error.as_dict()})
            continue
        results.append(mended.as_dict())
        what = "; ".join(mended.did) if mended.did else "nothing to mend"
        if not mended.records:
            what += "; no sample is in it, it may be deleted"
        lines.append(f"{mended.path}: {mended.records} data records ({mended.seconds:g} s): {what}.")
    for folder in sorted({os.path.dirname(path) for path in paths}):
        if os.path.isfile(os.path.join(folder, META)):
            try:
                done = mend_session(folder)
            except EegcoreError as error:
                failed.append(error)
                continue
            results.append({"path": folder, "did": done})
            if done:
                lines.append(f"{folder}: {'; '.join(done)}.")
    _print(arguments, results, lines, failed)
    return 1 if failed else 0


def verify(arguments: argparse.Namespace) -> int:
    """Check a file, or every one in a folder; status 1 if something is wrong."""
    from eegcore.sinks.bdf_recover import bdf_files
    from eegcore.sinks.bdf_verify import verify as examine

    results: list[dict[str, Any]] = []
    lines: list[str] = []
    failed: list[EegcoreError] = []
    is_good = True
    paths = list(bdf_files(arguments.path))
    for path in paths:
        try:
            found = examine(path)
        except BdfRefused as error:
            if len(paths) == 1:
                raise
            failed.append(error)
            results.append({"path": path, "error": error.as_dict()})
            continue
        results.append(found.as_dict())
        is_good = is_good and not found.problems
        fills = [f"{n} frames of {word}" for n, word in ((found.gap_frames, "gaps"), (found.padding_frames, "padding"))
                 if n]
        lines.append(f"{found.path}: {'GOOD' if not found.problems else 'NOT GOOD'}: {found.records} data records, "
                     f"{found.frames} frames{' with ' if fills else ''}{' and '.join(fills)}, {found.annotations} "
                     f"annotations; checked: {', '.join(found.checked)}")
        lines += [f"  {problem}" for problem in found.problems]
    if not arguments.json:
        lines += _never_ended(paths)
    _print(arguments, results, lines, failed)
    return 0 if is_good and not failed else 1


def _never_ended(paths: list[str]) -> list[str]:
    """Return a line for every session that nobody ended: its files are good, and its metadata and events are not."""
    from eegcore.recording.listing import session_entry

    lines = []
    for folder in sorted({os.path.dirname(os.path.abspath(path)) for path in paths}):
        with contextlib.suppress(NotFound):            # no session: a file by itself
            if session_entry(os.path.dirname(folder), os.path.basename(folder))["state"] == "broken":
                lines.append(f"{folder}: never ended. 'python -m eegcore recover' on this folder finishes it.")
    return lines


def _print(arguments: argparse.Namespace, results: list[dict[str, Any]], lines: list[str],
           failed: list[EegcoreError]) -> None:
    if arguments.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    elif lines:
        print("\n".join(lines))
    for error in failed:
        print(error, file=sys.stderr)

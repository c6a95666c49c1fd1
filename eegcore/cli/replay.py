"""``replay``: a stretch of a recorded run once more. Status 1 if a packet differs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from eegcore.errors import BadArgument
from eegcore.offline.replay import Replay, Step

_TIME = re.compile(r"(?:(?P<minutes>\d{1,9}):)?(?P<seconds>\d{1,12}(?:\.\d*)?)(?P<s>s?)")


def replay(arguments: argparse.Namespace) -> int:
    """Run a stretch again, print what differs; one packet at a time with ``--step``."""
    if arguments.count is not None and (arguments.count < 1 or not arguments.step):
        raise BadArgument(f"--count: {arguments.count}. 1 or more is allowed, together with --step.")
    stretch = Replay(arguments.path, place(arguments.start, "--from"), place(arguments.stop, "--to"),
                     overrides=arguments.overrides,
                     pipeline=Path(arguments.pipeline) if arguments.pipeline else None)
    if arguments.step:
        return _step(stretch, arguments)
    report = stretch.run()
    print(json.dumps(report.as_dict(), indent=2) if arguments.json else report)
    return 0 if report.equal else 1


def place(text: str | None, option: str) -> float | None:
    """Return a place in a run: an int for a frame, a float for seconds.

    Raises
    ------
    BadArgument
        If it is neither.
    """
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadArgument(f"{option}: {text!r:.40} is no place in a run. A frame (5000), seconds (12.5s) or minutes "
                          "and seconds (1:12.5).")
    return 60.0 * int(found["minutes"] or 0) + float(found["seconds"])


def _step(stretch: Replay, arguments: argparse.Namespace) -> int:
    differs = False
    steps = stretch.steps()
    try:
        for number, step in enumerate(steps, 1):
            differs = differs or bool(step.different)
            if arguments.json:
                print(json.dumps(_document(stretch, step)))
            else:
                _show(stretch, step)
            if number == arguments.count or (arguments.count is None and not _go_on()):
                break
    finally:
        steps.close()
    return 1 if differs else 0


def _go_on() -> bool:
    try:
        return not input("Enter: next packet, q: end > ").strip().lower().startswith("q")
    except EOFError:
        return False


def _document(stretch: Replay, step: Step) -> dict[str, Any]:
    return {"source": step.source, "frame_index": step.packet.frame_index, "n_frames": step.packet.n_frames,
            "time_s": stretch.report.seconds(step.packet.t_ns), "config_rev": step.packet.config_rev,
            "outputs": [{"stage": stage, "port": port, "frame_index": played.frame_index, "n_frames": played.n_frames,
                         "flags": played.flags, "hash": played.digest.hex()}
                        for (stage, port), played in step.outputs],
            "different": [{"output": one.output, "frame_index": one.frame_index, "what": one.what,
                           "largest": one.largest} for one in step.different]}


def _show(stretch: Replay, step: Step) -> None:
    packet = step.packet
    print(f"{step.source}: frames {packet.frame_index} to {packet.frame_index + packet.n_frames - 1}, "
          f"{stretch.report.seconds(packet.t_ns):.6f} s, config_rev {packet.config_rev}")
    for (stage, port), played in step.outputs:
        if stage != step.source:
            name = stage if port == "out" else f"{stage}.{port}"
            print(f"  {name}: frame {played.frame_index}, {played.n_frames} frames, flags {played.flags}, "
                  f"hash {played.digest.hex()[:16]}")
    for one in step.different:
        by = "" if one.largest is None else f", largest difference {one.largest:.6g}"
        print(f"  differs: {one.output}, frame {one.frame_index} ({one.what}{by})")
    sys.stdout.flush()

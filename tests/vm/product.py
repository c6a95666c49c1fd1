"""`eegcore run` as people have it, on real devices: every frame is held against the pattern and the module's truth.

Runs in the guest. eegcore is imported once; each run is a fork of that process, because imports are slow there.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sim import N_MASK

from eegcore.cli import main as eegcore

CONSOLE = Path("/tmp/run.txt")
ERRORS = Path("/tmp/errors.txt")


def run(pipeline: dict[str, Any], seconds: float, *, ledger: bool = True,
        meanwhile: Callable[[], object] | None = None) -> tuple[int, dict[str, Any], str]:
    """Run a pipeline as `python -m eegcore run FILE --seconds S --json`; return status, ledger, messages."""
    file = Path("/tmp/pipeline.yaml")
    file.write_text(json.dumps(pipeline))                # JSON is YAML
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for fd, path in ((1, CONSOLE), (2, ERRORS)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), fd)
            status = eegcore(["run", str(file), "--seconds", f"{seconds:g}", "--json"])
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    if meanwhile is not None:
        meanwhile()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    printed, errors = CONSOLE.read_text(), ERRORS.read_text()
    if not ledger:
        return status, {}, printed + errors
    try:
        return status, json.loads(printed), errors
    except ValueError:
        raise AssertionError(f"status {status}, no ledger: {(printed + errors)[-2000:]}") from None


def read_csv(path: Path) -> tuple[Any, Any, Any]:
    """Return (frame_index [n], time_s [n], counts [n, channels]) of a file of csv_sink."""
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("frame_index")) + 1
    table = np.loadtxt(lines[first:], delimiter=",", ndmin=2, comments="#")
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2:].astype(np.int64)


def conversions(counts: Any, n_chips: int) -> Any:
    """Return the conversion number of every frame, after checking chip and channel of every code."""
    codes = counts & 0xFFFFFF
    chips = codes.reshape(len(codes), n_chips, 8)
    identity = np.arange(n_chips)[:, None] << 3 | np.arange(8)
    assert np.array_equal(chips & 0x1F, np.broadcast_to(identity, chips.shape)), "a channel or chip is out of place"
    number = chips >> 5
    torn = np.flatnonzero((number != number[:, :1, :1]).any(axis=(1, 2)))
    assert not len(torn), f"{len(torn)} frames are of several conversions, the first is {number[torn[0]].tolist()}"
    return number[:, 0, 0] & N_MASK


def latency(ledger: dict[str, Any]) -> dict[str, Any]:
    """Return how long it took from DRDY to the woken thread, to the decoded frame, and a packet to null_sink, us."""
    source = ledger["stats"]["sources"]["acquire"]
    sink = ledger["stats"]["sinks"]["null_sink"]
    return {"frames": ledger["frames"], "lost": ledger["lost"],
            "edge_to_wake_us": [round(source[f"wake_{key}_us"], 1) for key in ("p50", "p99")],
            "edge_to_frame_us": [round(source[f"read_{key}_us"], 1) for key in ("p50", "p99", "max")],
            "packet_to_sink_us": [round(sink[f"latency_{key}_us"], 1) for key in ("p50", "p99", "max")]}

"""Recordings, the command as a process of its own, and what a folder of results must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SPS, SECONDS, N = 250, 20, 20

PIPELINE = """\
version: 1
name: batch
stages:
  - playback: {}
  - notch: {hz: 50}
  - bandpass: {low_hz: 1, high_hz: 40}
  - csv_sink: {path: "{input}_filtered.csv"}
"""
SLOW = PIPELINE + "  - null_sink: {stall_ms: 8, inputs: bandpass}\n"        # 20 packets: 0.2 s a recording


def write_edf(path: Path, seed: int, n_frames: int = SPS * SECONDS, n_channels: int = 4) -> None:
    import edfio

    x = np.random.default_rng(seed).normal(0, 30, (n_channels, n_frames))
    edfio.Edf([edfio.EdfSignal(one, SPS, label=f"ch{n}", physical_dimension="uV", physical_range=(-500, 500))
               for n, one in enumerate(x)]).write(path)


def command(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """Start ``eegcore batch`` as the shell does: the leader of a process group."""
    return subprocess.Popen([sys.executable, "-m", "eegcore", "batch", *map(str, arguments)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:])}, **options)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return (status, stdout, stderr)."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def run(*arguments: Any, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Run the command with ``--json``; return (status, document, stderr)."""
    status, out, err = finished(command(*arguments, "--json", **options))
    return status, json.loads(out) if out else {}, err


def rows(path: str | Path) -> bytes:
    """Return what a CSV file holds below its header, which tells run and time."""
    text = Path(path).read_bytes()
    assert text.endswith(b"\n")
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"#"))


def check_results(out: Path, names: list[str], n_frames: int = SPS * SECONDS) -> dict[str, bytes]:
    """Return the rows of every result; nothing else lies in the folder, every file is whole and has its ledger."""
    from eegcore.sinks.ledger_file import check_ledger, read_ledger

    expected = [f"{name}_filtered.csv" for name in names]
    assert sorted(os.listdir(out)) == sorted(expected + [f"{name}.ledger.json" for name in expected])
    found = {name: rows(out / f"{name}_filtered.csv") for name in names}
    for name in expected:
        ledger = read_ledger(out / name)
        assert check_ledger(ledger) == []
        assert ledger["sinks"]["csv_sink"]["written"] == n_frames
    assert {content.count(b"\n") for content in found.values()} == {n_frames + 1}
    return found


def children(pid: int) -> list[int]:
    """Return the worker processes of a command."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]

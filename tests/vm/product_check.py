"""The product on a Pi-like kernel: 16 KiB pages, arm64, real-time priorities. Runs in the guest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from product import latency, read_csv, run

OUT = Path("/tmp")


def pipeline(name: str, acquire: dict[str, Any]) -> dict[str, Any]:
    """Counts to a file and to a sink that measures how old packets are."""
    return {"version": 1, "name": name, "stages": [
        {"acquire": acquire}, {"null_sink": {}}, {"csv_sink": {"path": str(OUT / f"{name}.csv"), "inputs": "acquire"}}]}


def check_emulator(sps: float, n_chips: int) -> dict[str, Any]:
    """The emulated board in the guest: the whole data path on another architecture and page size."""
    name = f"emulator{sps:g}"
    status, ledger, messages = run(pipeline(name, {
        "board": "emulator", "sps": sps, "chips": [{"channels": 8}] * n_chips}), seconds=0.5)
    assert status == 0, messages
    assert ledger["balanced"], ledger
    assert ledger["lost"] == 0, ledger
    index, counts = read_csv(OUT / f"{name}.csv")
    assert np.array_equal(index, np.arange(round(sps / 2))), "frames are missing from the file"
    assert counts.shape[1] == 8 * n_chips
    return latency(ledger)


def check() -> dict[str, Any]:
    """Run everything."""
    return {"emulator 16000 SPS, 2 chips": check_emulator(16000, 2)}

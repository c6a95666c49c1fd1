"""The doctor on a Pi-like kernel: nothing attached, then real spidev and GPIO devices with chips. Runs in the guest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim import LABEL, Sim

from eegcore.doctor import System, Wanted, examine, wanted_by

FILE = Path("/tmp/doctor.yaml")
PIPELINE = {"stages": [
    {"acquire": {"board": "ads1299", "gpiochip": LABEL, "sps": 250, "drdy": "ADS1299_DRDY0", "start": "ADS1299_START",
                 "reset": "ADS1299_RESET", "pwdn": "ADS1299_PWDN",
                 "chips": [{"spi": "/dev/spidev0.0"}, {"spi": "/dev/spidev0.1"}]}},
    {"null_sink": {}}]}


def states(wanted: Wanted) -> dict[str, Any]:
    """Return the result of every check by its name."""
    return {result.name: result for result in examine(System(), wanted).results}


def check() -> Iterator[tuple[str, Any]]:
    """Examine the guest without chips and with two."""
    FILE.write_text(json.dumps(PIPELINE))               # JSON is YAML
    wanted = wanted_by(FILE)
    bare = states(wanted)
    assert bare["spidev0.0"].state == bare["gpio"].state == "missing", bare
    assert "chips acquire" not in bare
    with Sim("nchips=2"):
        found = states(wanted)
        again = states(wanted)                          # nothing is held when the doctor has gone
    for name in ("spidev0.0", "spidev0.1", "gpio", "DRDY ADS1299_DRDY0", "START ADS1299_START", "chips acquire",
                 "data-ready acquire", "test signal acquire"):
        assert found[name].state == again[name].state == "ok", (found[name], again[name])
    assert LABEL in found["gpio"].seen, found["gpio"]
    assert found["chips acquire"].seen.startswith("2 x ADS1299 (ID 0x"), found["chips acquire"]
    assert found["data-ready acquire"].seen.startswith("250.0"), found["data-ready acquire"]
    yield "two chips", {name: found[name].seen for name in (
        "kernel", "memory pages", "gpio", "chips acquire", "data-ready acquire", "test signal acquire")}

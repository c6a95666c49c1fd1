"""Run below the shim by test_shim_refused.py: refused runs, errors kept, then runs that must find the device free."""

from __future__ import annotations

import sys
from pathlib import Path

from eegcore.control.controller import Controller
from eegcore.errors import EegcoreError
from eegcore.pipeline import Pipeline

BOARD = {"board": "ads1299", "sps": 250, "drdy": "GPIO25", "start": "GPIO22", "reset": "GPIO23"}
taken = Path(sys.argv[1])
taken.write_text("a recording")


def stages(sink: dict[str, object] | None = None, **settings: object) -> list[dict[str, object]]:
    """A pipeline with a board and a sink."""
    return [{"acquire": {**BOARD, **settings}}, {"to_voltage": {}}, sink or {"null_sink": {}}]


kept = []                                              # as a notebook keeps the last error, and with it every frame
for refused in (stages(channels=4), stages({"csv_sink": {"path": str(taken)}})):
    try:
        with Pipeline(refused).run(seconds=0.2) as run:
            run.wait(10)
    except EegcoreError as error:
        kept.append(error)
        print(error)
controller = Controller(stages({"csv_sink": {"path": str(taken)}}))
try:
    controller.start()
except EegcoreError as error:
    kept.append(error)
controller.start(stages())
controller.shutdown()
with Pipeline(stages()).run(seconds=0.2) as run:
    assert run.wait(10)
print(len(kept), "refused,", run.ledger()["sources"]["acquire"]["edges"], "frames")

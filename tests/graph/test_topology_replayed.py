"""A run whose graph changes at random, with a history: its replay puts out the same packets."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from topology_patches import Editor

import eegcore as ec
from eegcore.errors import ConfigError
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.sinks.history_read import History

BOARD: dict[str, Any] = {"board": "emulator", "sps": 2000, "channels": 4, "batch": 8}
APART = 61                                             # frames between two changes


def planned(editor: Editor, folder: Path) -> Plan:
    document = editor.document()
    document["stages"]["history"] = {"type": "history_sink", "path": str(folder)}
    return Pipeline(document, clock="virtual").plan


def changed(editor: Editor, folder: Path) -> Plan:
    """Make a change that can be."""
    before = copy.deepcopy(editor.stages)
    while True:
        editor.change()
        try:
            plan = planned(editor, folder)
        except ConfigError:
            editor.stages = copy.deepcopy(before)
            continue
        if editor.stages != before:
            return plan


@pytest.mark.parametrize(("seed", "n_patches"), [
    (1, 10), *(pytest.param(seed, 40, marks=pytest.mark.deep) for seed in range(13, 43))])
def test_a_history_of_random_changes_is_replayed(tmp_path, seed, n_patches):
    folder, editor = tmp_path / "h", Editor(seed, BOARD)
    run = GraphRun(planned(editor, folder), seconds=(n_patches + 2) * APART / BOARD["sps"], config_rev=1)
    for k in range(1, n_patches + 1):
        run.change(changed(editor, folder), at_frame=k * APART)
    run.start()
    assert run.join(120)
    ledger = run.finish()
    assert ledger["balanced"]
    assert (ledger["lost"], run.failure(), run.sink_failures()) == (0, None, {})
    report = ec.replay(folder)
    assert report.equal, report
    assert report.exact
    assert report.compared == sum(stream.packets for stream in History(folder).streams.values())

"""The page about live changes: its examples work, its codes exist, its limits are the real ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each

from eegcore.control.controller import Controller
from eegcore.control.patching import MAX_DEPTH, MAX_NODES, MAX_OPERATIONS
from eegcore.control.undo import MAX_STEPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "live_changes.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_works_on_the_default_pipeline(example):
    controller = Controller(ROOT / "pipelines" / "default.yaml")
    if isinstance(example, list):
        assert controller.patch(example) == 2
        return
    action = example.pop("action")
    if action == "add":
        controller.add_stage("new", **example)
        assert controller.config()["stages"]["new"]["inputs"] == [example["after"]]
    else:
        controller.replace_stage("notch", **example)


def test_the_limits_are_the_real_ones():
    for number, words in ((MAX_OPERATIONS, "operations"), (MAX_DEPTH, "levels"), (MAX_STEPS, "are kept")):
        assert re.search(rf"\b{number} {words}", PAGE), words
    assert f"{MAX_NODES:,}".replace(",", " ") + " values" in PAGE


def test_the_codes_are_those_of_the_source():
    source = "".join(path.read_text(encoding="utf-8") for room in ("errors.py", "control", "server")
                     for path in sorted((ROOT / "eegcore").glob(f"{room}/*.py" if "." not in room else room)))
    table = PAGE[PAGE.index("| Status"):PAGE.index("## What stays")]
    for code in re.findall(r"`(\w+)`", re.sub(r"`details\.\w+`", "", table)):
        assert f'"{code}"' in source, code

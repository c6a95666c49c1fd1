"""Patches and files that would fill the memory or the time: refused within 200 ms and 32 MiB, nothing changed.

The figures are the goal of the project for its configuration; time is processor time of the process that refuses.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from eegcore.control.patching import MAX_DEPTH, MAX_NODES, apply_patch, measure
from eegcore.errors import EegcoreError

ROOT = Path(__file__).resolve().parents[2]
MOST_S = 0.2
MOST_BYTES = 32 << 20


@pytest.fixture(scope="module")
def refused() -> list[dict]:
    """What became of every bomb, in a process of its own: the peak of its memory is the bomb's."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("this system does not let a process reset the peak of its memory (/proc/self/clear_refs)")
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("bombs.py"))], capture_output=True, text=True,
                          check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", ["patch", "yaml"])
def test_bombs_are_refused_in_little_time_and_memory(refused, kind):
    bombs = [bomb for bomb in refused if bomb["kind"] == kind]
    assert len(bombs) >= 15
    for bomb in bombs:
        assert bomb["code"], f"{bomb['name']}: was accepted"
        assert bomb["untouched"], bomb
        assert bomb["seconds"] < MOST_S, bomb
        assert bomb["peak"] < MOST_BYTES, bomb
        assert bomb["bytes"] <= (1 << 20) + 1


DOCUMENT = {"version": 1, "name": "x", "stages": {
    "a": {"type": "t", "inputs": [], "labels": ["A", "B"], "n": 1.5}, "b": {"type": "u", "inputs": ["a"], "on": True}}}
KEYS = ["stages", "a", "b", "type", "inputs", "labels", "0", "1", "-", "", "~0", "~1", "~", "x", "999999", "name", "-1",
        "01", "\u2028"]
VALUES = [None, True, 0, -1, 1.5, "x", [], {}, [[1]], {"a": {"b": [1, 2]}}, "y" * 5000, 2**100, 2**300, float("nan")]
KINDS = ["add", "remove", "replace", "move", "copy", "test", "jump", None, 7]


def hostile(draw: random.Random) -> list:
    """Return a patch of up to twelve operations, most of them senseless."""
    def pointer() -> object:
        if draw.random() < 0.05:
            return draw.choice([None, 5, [], "no slash", "/a~2", "/" * 40])
        return "".join("/" + draw.choice(KEYS) for _ in range(draw.randint(0, 4)))

    patch: list = []
    for _ in range(draw.randint(0, 12)):
        operation = {"op": draw.choice(KINDS[:6] if draw.random() < 0.9 else KINDS), "path": pointer(),
                     "from": pointer(), "value": deepcopy(draw.choice(VALUES))}
        for member in list(operation):
            if draw.random() < 0.03:
                del operation[member]
        patch.append(operation if draw.random() < 0.98 else draw.choice(VALUES))
    return patch


def run_hostile(n: int, seed: int) -> dict[str, int]:
    """Apply `n` patches; count what became of them. Only errors of ours may come out, and only bounded documents."""
    draw = random.Random(seed)
    codes: dict[str, int] = {}
    for _ in range(n):
        patch = hostile(draw)
        sent = deepcopy(patch)
        try:
            result = apply_patch(deepcopy(DOCUMENT), patch)
            code = "done"
            size = measure(result, "the result")
            assert size.nodes <= MAX_NODES
            assert size.depth <= MAX_DEPTH
        except EegcoreError as error:
            code = error.code if str(error).startswith("patch") else f"no place named: {error}"
        assert repr(patch) == repr(sent)                 # what was sent stays as it is
        codes[code] = codes.get(code, 0) + 1
    return codes


def test_hostile_patches_are_done_or_refused_with_a_word():
    codes = run_hostile(1500, seed=5)
    assert set(codes) == {"done", "bad_patch", "patch_conflict", "test_failed", "too_large"}
    assert min(codes.values()) >= 5


@pytest.mark.deep
def test_many_hostile_patches():
    run_hostile(200_000, seed=6)

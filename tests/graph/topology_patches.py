"""Random changes of a pipeline: settings, stages that come and go, other inputs, groups and rates."""

from __future__ import annotations

from typing import Any

import numpy as np

Stages = dict[str, dict[str, Any]]

# What never changes: two branches, one of them through another thread.
FIRM: Stages = {
    "to_voltage": {"type": "to_voltage", "inputs": ["acquire"]},
    "kept": {"type": "notch", "hz": 60, "inputs": ["to_voltage"]},
    "kept_far": {"type": "highpass", "hz": 1, "inputs": ["kept"], "group": "far"},
    "kept_sink": {"type": "null_sink", "inputs": ["kept"]}, "far_sink": {"type": "null_sink", "inputs": ["kept_far"]}}
KINDS: list[dict[str, Any]] = [
    {"type": "notch", "hz": 50}, {"type": "lowpass", "hz": 300}, {"type": "gain", "factor": 2.0},
    {"type": "bandpass", "low_hz": 1, "high_hz": 90}, {"type": "decimate", "factor": 4},
    {"type": "moving_stats", "window_s": 0.01}, {"type": "select", "channels": [1, 3]}]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "notch": [{"hz": 50}, {"hz": 60}, {"q": 12}], "lowpass": [{"hz": 200}, {"hz": 300}], "gain": [{"factor": 3.0},
    {"factor": 0.5}], "bandpass": [{"low_hz": 2}, {"high_hz": 60}], "decimate": [{"factor": 2}, {"factor": 4}],
    "moving_stats": [{"window_s": 0.02}, {"window_s": 0.01}], "select": [{"channels": [2]}, {"channels": [1, 3]}]}
GROUPS = [None, "far", "else"]       # None: as by default
MOST = 9                               # stages that come and go, at a time


class Editor:
    """Holds the part of a pipeline that changes, and makes one random change after the other."""

    def __init__(self, seed: int, board: dict[str, Any]) -> None:
        self.rng = np.random.default_rng(seed)
        self.board = board
        self.stages: Stages = {"tail": {"type": "gain", "factor": 1.5, "inputs": ["to_voltage"]},
                               "tail_sink": {"type": "null_sink", "inputs": ["tail"]}}
        self.made = 0

    def document(self) -> dict[str, Any]:
        """Return the pipeline as it is now."""
        return {"version": 1, "runtime": {"queue": 8},
                "stages": {"acquire": {"type": "acquire", **self.board}, **FIRM, **self.stages}}

    def change(self) -> None:
        """Make one change."""
        ways = [self.set, self.set, self.set, self.add, self.add, self.remove, self.turn, self.move, self.splice]
        ways[self.rng.integers(len(ways))]()

    def pick(self, names: list[str]) -> str:
        return names[self.rng.integers(len(names))]

    def transforms(self) -> list[str]:
        return [name for name, stage in self.stages.items() if stage["type"] != "null_sink"]

    def above(self, name: str) -> list[str]:
        """Return what a stage may read without a circle, and without a rate too low for its settings."""
        below = {name}
        while True:
            more = {other for other, stage in self.stages.items() if below.intersection(stage["inputs"])} - below
            if not more:
                break
            below |= more
        return ["to_voltage", "kept", *(other for other in self.transforms() if other not in below)]

    def fresh(self) -> str:
        self.made += 1
        return f"s{self.made}"

    def set(self) -> None:
        stage = self.stages[self.pick(self.transforms())]
        choices = SETTINGS[stage["type"]]
        stage.update(choices[self.rng.integers(len(choices))])

    def add(self) -> None:
        """A branch, with or without a stage in front of its sink."""
        if len(self.stages) >= MOST:
            return self.remove()
        at = self.pick(self.above(""))
        if self.rng.random() < 0.7:
            name = self.fresh()
            self.stages[name] = {**KINDS[self.rng.integers(len(KINDS))], "inputs": [at]}
            at = name
        self.stages[self.fresh()] = {"type": "null_sink", "inputs": [at]}
        return None

    def remove(self) -> None:
        """A stage: what reads it reads what it has read. Or a sink."""
        name = self.pick([name for name in self.stages if not name.startswith("tail")] or ["tail"])
        if name == "tail":
            return self.set()
        source = self.stages.pop(name)["inputs"]
        for stage in self.stages.values():
            if name in stage["inputs"]:
                stage["inputs"] = source
        return None

    def turn(self) -> None:
        name = self.pick(list(self.stages))
        self.stages[name]["inputs"] = [self.pick(self.above(name))]

    def move(self) -> None:
        name = self.pick(list(self.stages))
        group = GROUPS[self.rng.integers(len(GROUPS))]
        self.stages[name].pop("group", None)
        if group is not None:
            self.stages[name]["group"] = group

    def splice(self) -> None:
        if len(self.stages) >= MOST:
            return self.remove()
        name, reader = self.fresh(), self.pick(list(self.stages))
        self.stages[name] = {**KINDS[self.rng.integers(len(KINDS))], "inputs": self.stages[reader]["inputs"]}
        self.stages[reader]["inputs"] = [name]
        return None

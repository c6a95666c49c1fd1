"""Random pipelines with recorders, random changes of them, and which recorders a change reaches.

What is reached is told from the declarations alone: a recorder is, if anything in its ancestry is not what it was.
"""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random
from typing import Any

Stages = dict[str, dict[str, Any]]

# type -> (kinds of samples it reads, the kind it gives; None: what it reads, settings to choose from)
VOLTS = ("volts", "both")
SAMPLES = ("counts", "volts", "both")
TRANSFORMS: dict[str, tuple[tuple[str, ...], str | None, list[dict[str, Any]]]] = {
    "to_voltage": (("counts",), "volts", [{}, {"keep_raw": True}]),
    "gain": (VOLTS, "volts", [{"factor": 2.0}, {"factor": 0.5}, {}]),
    "notch": (VOLTS, "volts", [{"hz": 50}, {"hz": 60}, {"hz": 60, "q": 12}]),
    "lowpass": (VOLTS, "volts", [{"hz": 20}, {"hz": 30}]),
    "bandpass": (VOLTS, "volts", [{"low_hz": 1, "high_hz": 30}, {"low_hz": 2, "high_hz": 20}]),
    "decimate": (VOLTS, "volts", [{"factor": 2}, {"factor": 5}]),
    "moving_stats": (VOLTS, "volts", [{"window_s": 0.1}, {"window_s": 0.2}]),
    "select": (SAMPLES, None, [{"channels": [1, 2, 3]}, {"channels": [2, 1, 3]}, {"channels": [3, 1]}]),
    "align_and_zip": (VOLTS, "volts", [{"prefix": True}, {"prefix": True, "on_missing": "skip"}]),
    "fft": (VOLTS, "spectra", [{"window_s": 0.2}, {"window_s": 0.4, "overlap": 0.0}])}
ANY = (*SAMPLES, "spectra")
SINKS: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {
    "null_sink": (ANY, [{}]), "websocket_sink": (ANY, [{}, {"critical": True}]),
    "csv_sink": (ANY, [{"decimals": 3}, {"decimals": 1}]),
    "bdf_sink": (("counts", "both"), [{}, {"participant": "P02"}, {"segment_s": 60.0}])}
RECORDERS = ("csv_sink", "bdf_sink")
# Keys that every stage understands. Values that the plan would choose by itself are not here: they change nothing.
COMMON: list[dict[str, Any]] = [{"budget_us": 1e6}, {"budget_us": 2e6}, {"timeout_ms": 5e3},
                                {"on_error": "skip_packet"}, {"queue": 128}, {"queue": 256}]
GROUPS = ("dsp", "far", "third")
SINK_GROUPS = ("sinks", "dsp", "far")
BOARD = {"type": "acquire", "board": "emulator", "sps": 250, "channels": 4, "batch": 5}


class Editor:
    """A pipeline that is made and changed at random.

    Parameters
    ----------
    random : Random
    folder : Path
        For files.
    """

    def __init__(self, random: Random, folder: Path) -> None:
        self.random, self._folder = random, folder
        self._made = 0
        self.stages: Stages = {"acquire": dict(BOARD, inputs=[])}
        if random.random() < 0.3:
            self.stages["other"] = dict(BOARD, inputs=[], labels=["w", "x", "y", "z"], seed=7)
        for _ in range(random.randint(1, 6)):
            self._transform(self._new_name(), random.choice(sorted(TRANSFORMS)))
        for _ in range(random.randint(1, 4)):
            self._sink(random.choice([*SINKS, *RECORDERS]))

    def document(self, clock: str) -> dict[str, Any]:
        """Return the pipeline as it is now."""
        return {"version": 1, "runtime": {"clock": clock, "queue": 64}, "stages": copy.deepcopy(self.stages)}

    def change(self) -> None:
        """Change something; the graph that comes of it may be impossible."""
        ways = [self._set, self._set, self._set_common, self._add, self._add, self._splice, self._remove, self._turn,
                self._turn, self._retype, self._move, self._touch_source, self._say_it_otherwise]
        self.random.choice(ways)()

    def kind(self, name: str) -> str:
        """Return what a stage gives."""
        stage = self.stages[name]
        if stage["type"] == "acquire":
            return "counts"
        _, gives, _ = TRANSFORMS[stage["type"]]
        return "both" if stage.get("keep_raw") else gives or self.kind(stage["inputs"][0])

    # ---- ways to change ----

    def _set(self) -> None:
        stage = self._some([name for name in self.stages if self.stages[name]["type"] != "acquire"])
        if stage is not None:
            choices = (TRANSFORMS.get(stage["type"]) or SINKS[stage["type"]])[-1]
            stage.update(self.random.choice(choices))

    def _set_common(self) -> None:
        stage = self._some([name for name in self.stages if self.stages[name]["type"] != "acquire"])
        if stage is not None:
            stage.update(self.random.choice(COMMON))

    def _add(self) -> None:
        if self.random.random() < 0.5:
            self._transform(self._new_name(), self.random.choice(sorted(TRANSFORMS)))
        else:
            self._sink(self.random.choice(list(SINKS)))

    def _splice(self) -> None:
        name = self._new_name()
        self._transform(name, self.random.choice(["gain", "notch", "lowpass", "select"]))
        if name in self.stages:
            above, = self.stages[name]["inputs"]
            for other, stage in self.stages.items():
                if other != name and above in stage["inputs"] and stage["type"] != "bdf_sink":
                    stage["inputs"] = [name if ref == above else ref for ref in stage["inputs"]]

    def _remove(self) -> None:
        """A stage: what reads it reads what it read, or goes with it."""
        name = self.random.choice([name for name in self.stages if name != "acquire"] or ["acquire"])
        gone = self.stages[name]
        if len(gone["inputs"]) == 1 and self.random.random() < 0.6:
            del self.stages[name]
            for stage in self.stages.values():
                stage["inputs"] = [gone["inputs"][0] if ref == name else ref for ref in stage["inputs"]]
            return
        below = self._below(name) - {"acquire"}
        self.stages = {other: stage for other, stage in self.stages.items() if other not in below}

    def _turn(self) -> None:
        name = self.random.choice(list(self.stages))
        stage = self.stages[name]
        reads = (TRANSFORMS[stage["type"]][0] if stage["type"] in TRANSFORMS else
                 SINKS[stage["type"]][0] if stage["type"] in SINKS else ())
        choices = [other for other in self._giving(reads) if other not in self._below(name)]
        if choices:
            stage["inputs"][self.random.randrange(len(stage["inputs"]))] = self.random.choice(choices)

    def _retype(self) -> None:
        names = [name for name in self.stages if self.stages[name]["type"] in TRANSFORMS
                 and self.kind(name) == "volts" and len(self.stages[name]["inputs"]) == 1]
        if names:
            name = self.random.choice(names)
            wanted = self.random.choice(["gain", "notch", "lowpass", "bandpass", "moving_stats"])
            before = self.stages[name]
            self.stages[name] = {"type": wanted, "inputs": before["inputs"], "group": before["group"],
                                 **self.random.choice(TRANSFORMS[wanted][2])}

    def _move(self) -> None:
        stage = self._some([name for name in self.stages if "group" in self.stages[name]])
        if stage is not None:
            stage["group"] = self.random.choice(GROUPS if stage["type"] in TRANSFORMS else SINK_GROUPS)

    def _touch_source(self) -> None:
        if self.random.random() < 0.5:
            self.stages["acquire"]["seed"] = self.random.randint(2, 4)
        elif "other" not in self.stages:
            self.stages["other"] = dict(BOARD, inputs=[], labels=["w", "x", "y", "z"])

    def _say_it_otherwise(self) -> None:
        """Nothing that means anything: another order, a default written down."""
        names = list(self.stages)
        self.random.shuffle(names)
        self.stages = {name: self.stages[name] for name in ["acquire", *names] if name in self.stages}
        for stage in self.stages.values():
            if stage["type"] == "gain":
                stage.setdefault("factor", 1.0)

    # ---- inside ----

    def _some(self, names: list[str]) -> dict[str, Any] | None:
        return self.stages[self.random.choice(names)] if names else None

    def _new_name(self) -> str:
        self._made += 1
        return f"s{self._made}"

    def _giving(self, kinds: tuple[str, ...]) -> list[str]:
        return [name for name, stage in self.stages.items()
                if (stage["type"] in TRANSFORMS or stage["type"] == "acquire") and self.kind(name) in kinds]

    def _below(self, name: str) -> set[str]:
        found = {name}
        while more := {other for other, stage in self.stages.items() if found.intersection(stage["inputs"])} - found:
            found |= more
        return found

    def _transform(self, name: str, wanted: str) -> None:
        reads, _, settings = TRANSFORMS[wanted]
        above = self._giving(reads)
        if not above:
            wanted, above = "to_voltage", self._giving(("counts",))
            settings = TRANSFORMS[wanted][2]
        inputs = [self.random.choice(above) for _ in range(2 if wanted == "align_and_zip" else 1)]
        self.stages[name] = {"type": wanted, "inputs": inputs, "group": self.random.choice(GROUPS[:2]),
                             **self.random.choice(settings)}

    def _sink(self, wanted: str) -> None:
        name, (reads, settings) = self._new_name(), SINKS[wanted]
        more: dict[str, Any] = {"group": self.random.choice(SINK_GROUPS)}
        if wanted == "csv_sink":
            more = {"path": str(self._folder / f"{name}.csv")}
        elif wanted == "bdf_sink":
            more = {"armed": True, "folder": str(self._folder / name), "keep_free_bytes": 0, "keep_free_s": 0}
        above = self._giving(reads)
        self.stages[name] = {"type": wanted, "inputs": [self.random.choice(above)], **more,
                             **self.random.choice(settings)}


def reached(before: Stages, after: Stages, holders: set[str]) -> set[str]:
    """Return those of `holders` of which something above, or they themselves, is not as it was."""
    return {name for name in holders if ancestry(before, name) != ancestry(after, name)}


def ancestry(stages: Stages, name: str) -> Stages:
    """Return the declarations of a stage and of everything above it."""
    found: Stages = {}
    ahead = [name]
    while ahead:
        name = ahead.pop()
        if name in stages and name not in found:
            found[name] = stages[name]
            ahead += stages[name]["inputs"]
    return found


def sources(stages: Stages) -> Stages:
    """Return the declarations of the sources."""
    return {name: stage for name, stage in stages.items() if stage["type"] == "acquire"}

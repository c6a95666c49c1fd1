"""Pipelines with something broken in them: refused with places and advice, or understood; never a crash."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from eegcore.config import Problems, load
from eegcore.errors import ConfigError
from eegcore.graph.plan import make_plan
from eegcore.stages import catalogue

SEED = 20
N_TEXTS, N_TREES = 350, 150
N_DEEP = 20_000

BASE: dict[str, Any] = {
    "version": 1, "name": "base",
    "runtime": {"clock": "virtual", "queue": "auto", "summary_s": 10,
                "groups": {"dsp": {"cores": [1, 2], "priority": 70}}},
    "stages": [
        {"acquire": {"board": "emulator", "sps": 1000, "gain": 24, "chips": [{"channels": 4}],
                     "labels": ["Fp1", "Cz", "O1", "O2"], "batch": 4}},
        {"to_voltage": {}},
        {"notch": {"hz": 50, "q": 30}},
        {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}},
        {"decimate": {"to_sps": 250}},
        {"fft": {"id": "spectrum", "window_s": 2, "inputs": "bandpass"}},
        {"select": {"labels": ["Cz", "O1"], "inputs": "bandpass"}},
        {"websocket_sink": {"topic": "eeg", "inputs": "bandpass", "overflow": "drop_oldest", "queue": 8}},
        {"null_sink": {"inputs": "spectrum", "group": "slow"}},
        {"csv_sink": {"path": "x_{start}.csv", "inputs": "decimate", "on_error": "drain_then_stop"}},
    ],
}
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 24.9, 1e308, 2**70, "", "x", "yes", "250", "notch", "spectrum", "websocket_sink",
    "a.b", ".", "ä\u2028😀", "x" * 5000, [], {}, [[]], [None], {"a": {}}, {"strategy": "exponential"},
    ["notch", "notch"], float("inf"), float("nan"), "é" * 70, "{", "id",
]
ODD_KEYS = ["", "id", "type", "inputs", "stages", "hz", "spss", "default", "ä", "a.b", "0", "<<", "__class__",
            "k" * 300, "restart", "group", "overflow", "on_error", "isolation", "critical", "batch"]


@pytest.fixture(scope="module", autouse=True)
def designs_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Design filters in this process, with a cache that goes away."""
    import scipy.signal  # noqa: F401 -- the designer uses it if it is there, else a child process for every plan

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of every value in a document."""
    found = [path] if path else []
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        found += _places(child, (*path, key))
    return found


def mutated_tree(draw: random.Random) -> Any:
    """Return the base pipeline with one to four things done to it."""
    tree = json.loads(json.dumps(BASE))
    for _ in range(draw.randint(1, 4)):
        places = _places(tree)
        if not places:
            break
        path = draw.choice(places)
        parent = tree
        for part in path[:-1]:
            parent = parent[part]
        last, what = path[-1], draw.randrange(6)
        if what == 0:
            del parent[last]
        elif what == 1:
            parent[last] = deepcopy(draw.choice(ODD_VALUES))
        elif what == 2 and isinstance(parent, dict):
            parent[draw.choice(ODD_KEYS)] = parent.pop(last)
        elif what == 3 and isinstance(parent, dict):
            parent[draw.choice(ODD_KEYS)] = deepcopy(draw.choice(ODD_VALUES))
        elif what == 4 and isinstance(parent, list):
            parent.insert(draw.randrange(len(parent) + 1), deepcopy(draw.choice([*parent, *ODD_VALUES])))
        elif isinstance(parent, dict) and isinstance(last, str) and last:
            at = draw.randrange(len(last))                             # a slip of the finger
            slip = draw.choice([last[:at] + last[at + 1:], last[:at] + draw.choice("aez_") + last[at:], last.upper()])
            parent[slip] = parent.pop(last)
    return tree


def mutated_text(draw: random.Random) -> str:
    """Return a mutated pipeline as text; now and then the text itself is damaged too."""
    tree = mutated_tree(draw)
    if draw.random() < 0.5:
        text = json.dumps(tree, ensure_ascii=draw.random() < 0.5, indent=draw.choice([None, 2]))
    else:
        text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, default_flow_style=draw.choice([False, None]))
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        at = draw.randrange(len(text) + 1)
        what = draw.randrange(5)
        if what == 0:
            text = text[:at] + text[at + draw.randint(1, 20):]
        elif what == 1:
            text = text[:at] + draw.choice("\t:{}[]&*!|>'\"%@`#,?-\n\r\0 \x85\ufeff\ud800") + text[at:]
        elif what == 2:
            text = text[:at] + text[at:at + 40] + text[at:]
        elif what == 3:
            text = text[:at]
        else:
            lines = text.splitlines(keepends=True)
            draw.shuffle(lines)
            text = "".join(lines)
    return text


def check(source: Any, n_lines: int | None) -> bool:
    """Load and plan a mutated pipeline; return whether it was refused. Every problem must help."""
    config, problems = load(source, catalogue=catalogue(), name="mutated.yaml")
    assert isinstance(problems, Problems)
    before = len(problems)
    plan = make_plan(config, problems) if config is not None else None
    if not problems:
        assert config is not None
        assert plan is not None
        again, found = load(json.dumps(config.merged()), catalogue=catalogue())
        assert [str(problem) for problem in found] == []
        assert again is not None
        assert again.merged() == config.merged()
        return False
    assert plan is None or before == 0
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    for problem in caught.value.problems:
        assert problem.file == "mutated.yaml"
        assert problem.message
        assert problem.hint or problem.allowed
        assert len(str(problem)) < 4000
        if n_lines is not None:
            assert 1 <= problem.line <= n_lines
            assert problem.col >= 1
    return True


def run_texts(n: int, seed: int) -> int:
    """Check `n` mutated texts; return how many were refused."""
    draw = random.Random(seed)
    refused = 0
    for _ in range(n):
        text = mutated_text(draw)
        refused += check(text, len(text.splitlines()) + 1)
    return refused


def run_trees(n: int, seed: int) -> int:
    """Check `n` mutated Python documents; return how many were refused."""
    draw = random.Random(seed)
    return sum(check(mutated_tree(draw), None) for _ in range(n))


def test_the_base_is_good() -> None:
    assert not check(json.dumps(BASE), None)


def test_mutated_texts_are_refused_with_places_and_advice() -> None:
    assert run_texts(N_TEXTS, SEED) > N_TEXTS // 2


def test_mutated_python_documents_are_refused_with_advice() -> None:
    assert run_trees(N_TREES, SEED) > N_TREES // 2


@pytest.mark.deep
def test_many_mutated_texts_are_refused_with_places_and_advice() -> None:
    assert run_texts(N_DEEP, SEED + 1) > N_DEEP // 2


@pytest.mark.deep
def test_many_mutated_python_documents_are_refused_with_advice() -> None:
    assert run_trees(N_DEEP, SEED + 1) > N_DEEP // 2


def test_bytes_at_random_are_refused(tmp_path: Any) -> None:
    draw = random.Random(SEED)
    path = tmp_path / "noise.yaml"
    for _ in range(100):
        path.write_bytes(draw.randbytes(draw.randrange(200)))
        _, problems = load(path, catalogue=catalogue())
        assert problems
        assert all(problem.line and problem.col and (problem.hint or problem.allowed) for problem in problems)


def test_overrides_at_random_never_crash() -> None:
    draw = random.Random(SEED)
    text = json.dumps(BASE)
    for _ in range(200):
        path = ".".join(str(part) for part in draw.choice(_places(BASE["stages"]))[1:])
        target = draw.choice(["acquire", "spectrum", "runtime", "nothing", path])
        key = draw.choice([*ODD_KEYS, "chips.0.spi", "labels.9", "groups.dsp"])
        override = target + draw.choice([".", "", ".."]) + key
        override += draw.choice(["=", "", "=="]) + str(draw.choice(ODD_VALUES))
        _, problems = load(text, catalogue=catalogue(), overrides=[override], name="mutated.yaml")
        for problem in problems:
            assert problem.hint or problem.allowed
            assert problem.line or problem.file.startswith("--set ")

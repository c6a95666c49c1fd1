"""Bombs are refused at once: 200 ms and 32 MiB are the promise; a busy machine gets some more time here."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eegcore.config.model import MAX_STAGES
from eegcore.config.nodes import MAX_DEPTH, MAX_NODES, TooBig, from_data
from eegcore.config.problems import MAX_PROBLEMS
from eegcore.config.yaml_nodes import MAX_ALIASES, MAX_BYTES

GENEROUS_S = 10.0
PROMISED_S = 0.2
MOST_BYTES = 32 << 20

_laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))

BOMBS: dict[str, Any] = {
    "billion laughs": _laughs,
    "billion laughs of mappings": _laughs.replace("[", "{a: [").replace("]", "]}"),
    "one long text, many aliases": "- &a '" + "x" * 900_000 + "'\n" + "- *a\n" * 900,
    "more aliases than allowed": "- &a 1\n" + "- *a\n" * (MAX_ALIASES + 1),
    "an alias inside itself": "a: &a {b: [*a]}",
    "larger than a file may be": "x" * (MAX_BYTES + 1),
    "much larger": b"- a\n" * 5_000_000,
    "brackets": "[" * 1_000_000,
    "braces": "{" * 1_000_000,
    "question marks in a list": "[?" * 500_000,
    "dashes": "- " * 500_000,
    "explicit keys": "? " * 500_000,
    "nested block": "".join(" " * n + "k:\n" for n in range(1000)),
    "many values": "- a\n" * 250_000,
    "many values in one line": "[" + "a," * 500_000 + "]",
    "many keys": "".join(f"k{n}: 1\n" for n in range(90_000)),
    "many equal keys": "a: 1\n" * 200_000,
    "many stages": "- acquire:\n" * 90_000,
    "many stages of unknown type": "".join(f"- t{n}: {{}}\n" for n in range(9_000)),
    "many unknown keys": "- acquire: {" + ", ".join(f"k{n}: 1" for n in range(15_000)) + "}",
    "many wrong values": "- acquire: {labels: [" + "1," * 30_000 + "]}",
    "many wrong groups": "runtime: {groups: {" + ", ".join(f"G{n}: {{cores: x}}" for n in range(8_000))
                         + "}}\nstages: []",
    "many inputs": "- acquire:\n- notch: {hz: 50, inputs: [" + "acquire," * 30_000 + "]}",
    "many cycles": "".join(f"- notch: {{id: n{n}, hz: 1, inputs: n{n ^ 1}}}\n" for n in range(1000)),
    "one long cycle": "".join(f"- notch: {{id: n{n}, hz: 1, inputs: n{(n + 1) % 1000}}}\n" for n in range(1000)),
    "many equal ids": "- acquire:\n" * 1020,
    "misspelt inputs": "- acquire:\n" + "".join(f"- notch: {{id: n{n}, hz: 1, inputs: x{n}}}\n" for n in range(1000)),
    "a long number": "version: " + "9" * 1_000_000,
    "a long key": "k" * 1000 + ": 1",
    "a long type": "- " + "k" * 1000 + ": 1",
    "many tags": "- !!x a\n" * 100_000,
    "many documents": "---\n" * 250_000,
    "many comments": "#\n" * 500_000,
    "empty lines": "\n" * 1_000_000,
    "escapes": 'a: "' + "\\x41" * 250_000 + "\\q" + '"',
    "anchors": "- &a x\n" * 100_000,
    "zeros": "\0" * 1_000_000,
}


def resident_bytes(what: str) -> int:
    """Return ``VmRSS``, the memory this process has now, or ``VmHWM``, the most it had since that was reset."""
    return next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith(what))


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_in_little_time_and_memory(name: str, read: Callable[..., Any]) -> None:
    bomb = BOMBS[name]
    if isinstance(bomb, bytes):
        bomb = bomb.decode()
    try:
        Path("/proc/self/clear_refs").write_text("5")          # resets VmHWM: proc(5)
    except OSError as error:
        pytest.skip(f"this system does not measure the memory of a process: {error}")
    before_bytes = resident_bytes("VmRSS")
    begun = time.perf_counter()
    _, problems = read(bomb)
    taken_s = time.perf_counter() - begun
    most_bytes = resident_bytes("VmHWM") - before_bytes
    assert 0 < len(problems) <= MAX_PROBLEMS
    assert all(problem.line and problem.col and (problem.hint or problem.allowed) for problem in problems.sorted()[:-1])
    assert max(len(str(problem)) for problem in problems) < 2000
    assert taken_s < GENEROUS_S
    assert most_bytes < MOST_BYTES


@pytest.mark.deep
@pytest.mark.parametrize("name", BOMBS)
def test_every_byte_that_a_bomb_takes_is_counted(name: str, read: Callable[..., Any]) -> None:
    bomb = BOMBS[name] if isinstance(BOMBS[name], str) else BOMBS[name].decode()
    tracemalloc.start()                        # makes everything several times slower
    try:
        read(bomb)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.deep
def test_every_bomb_is_refused_in_the_time_that_is_promised(read: Callable[..., Any]) -> None:
    slow = {}
    for name, bomb in BOMBS.items():
        best = min(_seconds(read, bomb if isinstance(bomb, str) else bomb.decode()) for _ in range(5))
        if best > PROMISED_S:
            slow[name] = best
    assert slow == {}


def _seconds(read: Callable[..., Any], text: str) -> float:
    begun = time.perf_counter()
    read(text)
    return time.perf_counter() - begun


def test_the_largest_allowed_pipeline_is_accepted(accepted: Callable[..., Any]) -> None:
    text = "- acquire: {}\n" + "".join(
        f"- notch: {{id: n{n}, hz: 50, q: 30, group: dsp, budget_us: 10}}\n" for n in range(MAX_STAGES - 1))
    assert len(accepted(text).stages) == MAX_STAGES


def test_one_stage_more_is_refused(refused: Callable[..., list[str]]) -> None:
    text = "- acquire: {}\n" + "".join(f"- notch: {{id: n{n}, hz: 50}}\n" for n in range(MAX_STAGES))
    assert refused(text) == ["my.yaml:1:1: stages: 1025 stages. Allowed: at most 1024. Split the pipeline."]


def test_depth_is_counted_in_levels(refused: Callable[..., list[str]]) -> None:
    deepest = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert not any("nested deeper" in text for text in refused(deepest))
    deeper = "a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert refused(deeper)[0].endswith("nested deeper than 32 levels. Allowed: 32 levels. "
                                       "Close the brackets, or write the lists flat.")


def test_aliases_are_counted(refused: Callable[..., list[str]]) -> None:
    few = "- &a 1\n" + "- *a\n" * MAX_ALIASES
    assert not any("aliases" in text for text in refused(few))
    assert "more than 1000 aliases" in refused(few + "- *a\n")[0]


def test_problems_beyond_a_hundred_are_counted(refused: Callable[..., list[str]]) -> None:
    found = refused("".join(f"- t{n}: {{}}\n" for n in range(300)))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == "my.yaml: 200 more problems are not shown. Mend these first."


def test_python_data_has_the_same_limits() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TooBig, match="deeper than 32 levels"):
        from_data(loop)
    with pytest.raises(TooBig, match="values"):
        from_data([0] * (MAX_NODES + 1))
    with pytest.raises(TooBig, match="bits"):
        from_data(1 << 4000)

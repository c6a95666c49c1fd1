"""The rings, the doorbell and the pool under every behaviour that C11 allows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from build_c import MODEL, REPO, compile_scenario

NAME = re.compile(r'^    \{"(\w+)", ', re.MULTILINE)
FILES = ["litmus", "ring", "drop_ring", "mpsc", "doorbell", "pool", "pool_wait", "handover", "edge", "change", "rewire",
         "time_points"]
# Small enough to be walked without merging equal states.
WALKED_TWICE = {
    "litmus": "litmus", "ring": "ring_fits", "doorbell": "doorbell_futex_once", "pool_wait": "wait_one",
    "pool": "pool_stale",
}


def run(program: Path, *arguments: str) -> dict[str, dict[str, int]]:
    """Run scenarios and return {scenario: {"states": n, "ends": n...}}; each must be complete."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    found = {}
    for line in done.stdout.splitlines():
        name, word, counts = line.split(": ", 2)
        assert word == "complete", line
        found[name] = {key: int(n) for n, key in re.findall(r"(\d+) (states|steps|ends|merged)\b", counts)}
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_behaviour_keeps_the_invariants(name, checker, tmp_path):
    text = re.sub(r"#ifdef MC_DEEP.*?#endif", "", (MODEL / f"{name}.c").read_text(), flags=re.DOTALL)
    scenarios = NAME.findall(text)
    found = run(compile_scenario(name, tmp_path, checker))
    assert sorted(found) == sorted(scenarios)
    assert all(counts["ends"] >= 1 for counts in found.values())


@pytest.mark.deep
@pytest.mark.parametrize("name", [name for name in FILES if name not in ("litmus", "pool_wait")])
def test_larger_scenarios_keep_the_invariants(name, checker, tmp_path):
    program = compile_scenario(name, tmp_path, checker, REPO, "-DMC_DEEP")
    assert any("deep" in scenario for scenario in run(program))


@pytest.mark.parametrize("name", sorted(WALKED_TWICE))
def test_merging_equal_states_loses_no_end(name, checker, tmp_path):
    program = compile_scenario(name, tmp_path, checker)
    merged = run(program, WALKED_TWICE[name])
    walked = run(program, "--every", WALKED_TWICE[name])
    assert {k: v["ends"] for k, v in merged.items()} == {k: v["ends"] for k, v in walked.items()}
    assert sum(v["merged"] for v in walked.values()) == 0


def test_a_failure_prints_the_way_there(checker, tmp_path):
    source = tmp_path / "tests" / "concurrency" / "model" / "race.c"
    source.parent.mkdir(parents=True)
    source.write_text(
        '#include "mc.h"\n'
        "static struct { uint64_t data; uint32_t flag; } w;\n"
        "void *const mc_world = &w; const size_t mc_world_bytes = sizeof w;\n"
        "static void setup(void) { EC_STORE(&w.flag, 0, relaxed); }\n"
        "static void writer(void) { mc_write(&w.data, 1); EC_STORE(&w.flag, 1, relaxed); }\n"
        "static void reader(void) { if (EC_LOAD(&w.flag, acquire)) { mc_read(&w.data); } }\n"
        "static void finish(void) {}\n"
        'const mc_scenario mc_scenarios[] = {{"race", setup, {writer, reader}, finish, NULL, false},\n'
        "                                    {NULL, NULL, {NULL}, NULL, NULL, false}};\n"
    )
    program = compile_scenario("race", tmp_path, checker, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "race: FAILED: race: a read of plain data 0 is not ordered with thread 0" in done.stdout
    assert "thread 1  load  &w.flag" in done.stdout

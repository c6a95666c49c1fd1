"""Every weakened memory order and every forgotten step is noticed by the model checker."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from build_c import CSRC
from mutants import EQUIVALENT, SCENARIOS, all_mutants, calls, killer, order_mutants

MUTANTS = all_mutants()


@pytest.fixture(scope="module")
def killed_by(checker, tmp_path_factory):
    """{mutant: the failure that killed it, None if nothing did}, tried two at a time."""
    root = tmp_path_factory.mktemp("mutants")

    def judge(numbered):
        folder = root / str(numbered[0])
        folder.mkdir()
        return killer(numbered[1], folder, checker)

    with ThreadPoolExecutor(2) as threads:
        return {m.name: v for m, v in zip(MUTANTS, threads.map(judge, enumerate(MUTANTS)), strict=True)}


def test_no_mutant_survives(killed_by):
    survivors = [name for name, by in killed_by.items() if by is None and name not in EQUIVALENT]
    assert survivors == [], f"{len(survivors)} of {len(MUTANTS)} mutants survive: {survivors}"


def test_an_equivalent_mutant_is_not_killed(killed_by):
    killed = {name: by for name, by in killed_by.items() if by is not None and name in EQUIVALENT}
    assert killed == {}, f"the proof of equivalence is wrong: {killed}"


def test_every_entry_of_the_table_is_a_mutant():
    assert set(EQUIVALENT) <= {m.name for m in MUTANTS}
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


# What each demonstration shows, and the failure that shows it.
DEMONSTRATED = [
    ("pool forgets the tag", r"P1|P2|race"),
    ("ec_doorbell_ring.FETCH_ADD1.order:seq_cst>acq_rel", "W1: a thread sleeps"),
    ("ec_doorbell_ring.LOAD1.order:seq_cst>acquire", "W1: a thread sleeps"),
    ("ec_doorbell_announce.FETCH_ADD1.order:seq_cst>acq_rel", "W1: a thread sleeps"),
    ("ec_doorbell_announce.LOAD1.order:seq_cst>acquire", "W1: a thread sleeps"),
    ("doorbell skips the recheck", "W1: a thread sleeps"),
    ("doorbell's waiting is a flag", "wait_.*W1: a thread sleeps"),
    ("ec_drop_ring_push.CAS1.success:release>relaxed", "race|D2|A:"),       # pair C, release side
    ("ec_drop_ring_pop.LOAD1.order:acquire>relaxed", "race|D2|A:"),          # pair C, acquire side
    ("ec_drop_ring_pop.CAS1.failure:acquire>relaxed", "race|D2|A:"),         # pair C, after a lost race
]


@pytest.mark.parametrize(("name", "failure"), DEMONSTRATED)
def test_the_reason_for_an_order_is_demonstrated(name, failure, killed_by):
    assert re.search(failure, killed_by[name] or "survived"), killed_by[name]


def test_the_mutator_sees_every_order_in_the_headers():
    for header in SCENARIOS:
        text = re.sub(r"/\*.*?\*/", "", (CSRC / header).read_text(), flags=re.DOTALL)
        written = len(re.findall(r"\b(?:acquire|release|acq_rel|seq_cst)\)", text)) + len(
            re.findall(r"\b(?:acquire|release|acq_rel|seq_cst), (?:acquire|relaxed)\)", text))
        strong = {edit[0] for m in order_mutants(header) for edit in m.edits}
        assert len(strong) == written, f"{header}: {len(strong)} orders mutated, {written} written"
        assert all(function != "?" for function, _, _ in calls((CSRC / header).read_text()))


def test_every_header_with_a_strong_order_is_mutated():
    strong = re.compile(r"\bEC_\w+\([^;]*\b(?:acquire|release|acq_rel|seq_cst)\)")
    headers = [path for room in ("ring", "packet") for path in sorted((CSRC / room).glob("*.[ch]"))]
    unlisted = [str(path.relative_to(CSRC)) for path in headers
                if strong.search(path.read_text()) and str(path.relative_to(CSRC)) not in SCENARIOS]
    assert unlisted == [], f"orders that no scenario watches: {unlisted}"

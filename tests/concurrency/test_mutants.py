"""Every weakened memory order and every forgotten step is noticed by the model checker."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from build_c import CSRC
from mutants import EQUIVALENT, SCENARIOS, all_mutants, calls, killer, order_mutants

MUTANTS = all_mutants()


@pytest.fixture(scope="module")
def judge(checker, tmp_path_factory):
    """Return {mutant: the failure that killed it, None if nothing did} for names; each is tried once."""
    root = tmp_path_factory.mktemp("mutants")
    known = {}

    def try_one(mutant):
        folder = root / str(MUTANTS.index(mutant))
        folder.mkdir()
        return killer(mutant, folder, checker)

    def judged(names):
        new = [m for m in MUTANTS if m.name in names and m.name not in known]
        with ThreadPoolExecutor(2) as threads:
            known.update({m.name: by for m, by in zip(new, threads.map(try_one, new), strict=True)})
        return {name: known[name] for name in names}

    return judged


def assert_judged_rightly(killed_by):
    survivors = [name for name, by in killed_by.items() if by is None and name not in EQUIVALENT]
    assert survivors == [], f"{len(survivors)} of {len(killed_by)} mutants survive: {survivors}"
    killed = {name: by for name, by in killed_by.items() if by is not None and name in EQUIVALENT}
    assert killed == {}, f"the proof of equivalence is wrong: {killed}"


def test_one_mutant_in_six_does_not_survive(judge):
    assert_judged_rightly(judge([m.name for m in MUTANTS[::6]]))


@pytest.mark.deep
def test_no_mutant_survives(judge):
    assert_judged_rightly(judge([m.name for m in MUTANTS]))


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
    ("inbox gives a record up that still fades", r"change_bare: .*(race|C3)"),
]


@pytest.mark.parametrize(("name", "failure"), DEMONSTRATED)
def test_the_reason_for_an_order_is_demonstrated(name, failure, judge):
    killed_by = judge([name])[name]
    assert re.search(failure, killed_by or "survived"), killed_by


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

"""The ledger: every identity checked, shown, written whole or not at all."""

from __future__ import annotations

import copy
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.errors import SinkFailed
from eegcore.sinks.ledger_file import (
    IDENTITIES,
    LedgerRefused,
    check_ledger,
    format_ledger,
    ledger_path,
    read_ledger,
    write_ledger,
)

GOOD = {
    "run_id": "2f6c", "balanced": True, "frames": 22490, "lost": 0,
    "sources": {"playback": {"edges": 22490, "delivered": 22480, "missed": 4, "bad_status": 0, "late": 3, "settling": 2,
                             "paused": 1, "pool_empty": 0, "pending": 0}},
    "edges": {"playback->notch": {"in": 22480, "out": 22480, "dropped": {}, "in_flight": 0},
              "notch->ws": {"in": 22480, "out": 22448, "dropped": {"overflow": 32, "stopped": 0}, "in_flight": 0}},
    "sinks": {"ws": {"in": 22448, "written": 22440, "refused": {"disk_full": 8}, "queued": 0}},
    "clients": {"c1": {"offered": 22440, "sent": 22000, "skipped": {"client_slow": 400}, "queued": 40}},
    "stages": {"zip": {"in": 200, "out": 100, "skipped": 0, "inputs": {
        "a": {"in": 100, "used": 100, "skipped": 0, "held": 0, "out": 100, "repeated": 0, "filled": 0},
        "b": {"in": 99, "used": 96, "skipped": 2, "held": 1, "out": 100, "repeated": 1, "filled": 3}}}},
    "digest": {"ws": "ab12"},
}
OUTER = [identity for identity in IDENTITIES if identity.inner is None]

counts = st.integers(0, 2**63)
reasons = st.dictionaries(st.sampled_from(["overflow", "disk_full", "stopped"]), counts)


def entry(identity):
    """One balanced entry of a section."""
    def build(parts):
        made = dict(parts)
        made[identity.whole] = sum(sum(v.values()) if isinstance(v, dict) else v for v in parts.values())
        return made
    return st.fixed_dictionaries({name: reasons if name == identity.reasons else counts
                                  for name in identity.parts}).map(build)


ledgers = st.fixed_dictionaries({
    "run_id": st.text(max_size=8), "balanced": st.just(True), "frames": counts, "lost": counts,
    **{identity.section: st.dictionaries(st.sampled_from(["a", "b->c"]), entry(identity)) for identity in OUTER}})


@given(ledgers)
def test_balanced_ledgers_have_no_problems(ledger):
    assert check_ledger(ledger) == []
    assert ", balanced" in format_ledger(ledger)
    assert "does not hold" not in format_ledger(ledger)


@given(ledgers, st.data())
def test_one_frame_more_or_less_anywhere_is_found(ledger, data):
    places = [(identity, key, name) for identity in OUTER for key in ledger[identity.section]
              for name in (identity.whole, *identity.parts)]
    if not places:
        return
    identity, key, name = data.draw(st.sampled_from(places))
    target = ledger[identity.section][key]
    if name == identity.reasons:
        target[name] = {**target[name], "new_reason": 1}
    else:
        target[name] += 1
    problems = check_ledger(ledger)
    assert len(problems) == 2                         # the identity, and "balanced" that says otherwise
    assert problems[0].startswith(f"{identity.word} {key}: {identity.whole} ")
    assert problems[1] == "balanced: the ledger says true, its numbers say false"
    assert "NOT BALANCED" in format_ledger(ledger)
    assert "<- does not hold" in format_ledger(ledger)
    ledger["balanced"] = False
    assert len(check_ledger(ledger)) == 1


def test_text_is_one_line_per_identity():
    assert format_ledger(GOOD) == """\
ledger of run 2f6c: lost 0 of 22 490 frames, balanced
  source playback  edges 22 490 = delivered 22 480 + missed 4 + late 3 + settling 2 + paused 1
  edge   playback->notch  in 22 480 = out 22 480
  edge   notch->ws        in 22 480 = out 22 448 + dropped 32 (overflow 32)
  sink   ws  in 22 448 = written 22 440 + refused 8 (disk_full 8)
  client c1  offered 22 440 = sent 22 000 + skipped 400 (client_slow 400) + queued 40
  input  a->zip  in 100 = used 100
  input  b->zip  in 99 = used 96 + skipped 2 + held 1
  input  a->zip  out 100 = used 100
  input  b->zip  out 100 = used 96 + repeated 1 + filled 3
  digest ws  sha256 ab12"""


def test_a_broken_identity_is_shown_with_the_difference():
    ledger = copy.deepcopy(GOOD)
    ledger["edges"]["notch->ws"]["out"] = 22440
    text = format_ledger(ledger)
    assert text.startswith("ledger of run 2f6c: lost 0 of 22 490 frames, NOT BALANCED\n")
    assert "in 22 480 = out 22 440 + dropped 32 (overflow 32)   <- does not hold" in text
    assert ("problem: edge notch->ws: in 22 480 = out 22 440 + dropped 32 (overflow 32) + in_flight 0, "
            "but the parts make 22 472 (+8)") in text


@pytest.mark.parametrize(("change", "problem"), [
    (lambda ledger: ledger.pop("frames"), "frames: None is no count of frames"),
    (lambda ledger: ledger.update(lost=-1), "lost: -1 is no count of frames"),
    (lambda ledger: ledger.update(edges=[]), "edges: [] is no mapping"),
    (lambda ledger: ledger["sinks"].update(ws=3), "sink ws: 3 is no mapping"),
    (lambda ledger: ledger["sinks"]["ws"].pop("queued"), "sink ws: queued is None, no count of frames"),
    (lambda ledger: ledger["sinks"]["ws"].update(queued=True), "sink ws: queued is True, no count of frames"),
    (lambda ledger: ledger["sinks"]["ws"].update(queued=1.0), "sink ws: queued is 1.0, no count of frames"),
    (lambda ledger: ledger["sinks"]["ws"].update(refused=8), None),
    (lambda ledger: ledger["sinks"]["ws"]["refused"].update(disk_full="8"),
     "sink ws: refused[disk_full] is '8', no count of frames"),
    (lambda ledger: ledger.pop("clients"), None),
    (lambda ledger: ledger.pop("stages"), None),
    (lambda ledger: ledger["stages"]["zip"].pop("inputs"), None),
    (lambda ledger: ledger["stages"]["zip"].update(inputs=3), "input zip: 3 is no mapping"),
    (lambda ledger: ledger["stages"].update(zip=3), "input zip: None is no mapping"),
    (lambda ledger: ledger["stages"]["zip"]["inputs"].update(a=3), "input a->zip: 3 is no mapping"),
    (lambda ledger: ledger["stages"]["zip"]["inputs"]["b"].pop("held"),
     "input b->zip: held is None, no count of frames"),
    (lambda ledger: ledger["stages"]["zip"]["inputs"]["b"].update(used=97), "input b->zip: in 99 = used 97 + skipped 2 "
     "+ held 1, but the parts make 100 (-1)"),
    (lambda ledger: ledger["stages"]["zip"]["inputs"]["b"].update(filled=2), "input b->zip: out 100 = used 96 + "
     "repeated 1 + filled 2, but the parts make 99 (+1)")])
def test_odd_shapes_are_problems_not_crashes(change, problem):
    ledger = copy.deepcopy(GOOD)
    change(ledger)
    problems = check_ledger(ledger)
    assert problems[:1] == ([problem] if problem else [])
    assert format_ledger(ledger).startswith("ledger of run 2f6c")


@given(ledgers)
def test_written_ledgers_are_read_beside_their_recording(tmp_path_factory, ledger):
    path = tmp_path_factory.mktemp("ledger") / "a.csv"
    write_ledger(ledger_path(path), ledger)
    assert read_ledger(path) == ledger
    assert read_ledger(ledger_path(path)) == ledger
    assert os.listdir(path.parent) == ["a.csv.ledger.json"]


@pytest.mark.parametrize("sticky", [False, True])
def test_nth_call_fails_whole_file_or_none(tmp_path, failing_disk, sticky):
    disk = failing_disk()
    write_ledger(str(tmp_path / "count.json"), GOOD, disk.operations())
    assert disk.calls == ["open", "write", "fsync", "close", "rename", "open", "fsync", "close"]
    for n in range(len(disk.calls)):
        path = tmp_path / f"{n}.json"
        failing = failing_disk(fail_at=n, sticky=sticky)
        with pytest.raises(SinkFailed) as caught:
            write_ledger(str(path), GOOD, failing.operations())
        assert f"{path}: the disk reported an input/output error, while " in str(caught.value)
        assert not failing.open_descriptors
        if path.exists():
            assert read_ledger(path) == GOOD
        if not sticky:
            assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


@pytest.mark.parametrize(("content", "message"), [
    (None, "there is no such file"), ("{", "is no JSON"), ("[" * 100_000, "is no JSON"), ("[]", "is no ledger"),
    ('{"frames": 1}', "is no ledger: 'frames', 'sources', 'edges' and 'sinks' are expected"), ("\udcff", "is no JSON")])
def test_what_is_no_ledger_is_refused(tmp_path, content, message):
    path = tmp_path / "a.ledger.json"
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(LedgerRefused) as caught:
        read_ledger(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "Give a .ledger.json file" in str(caught.value)


def test_a_folder_and_a_huge_file_are_refused(tmp_path, monkeypatch):
    with pytest.raises(LedgerRefused, match=r"is a folder\. No \*\.ledger\.json is in it"):
        read_ledger(tmp_path)
    monkeypatch.setattr("eegcore.sinks.ledger_file.MAX_BYTES", 1 << 20)
    path = tmp_path / "a.json"
    path.write_text(json.dumps("x" * (1 << 20)))
    with pytest.raises(LedgerRefused, match="is larger than 1 MiB"):
        read_ledger(path)

"""Two ledgers of one plan are one run, or every difference is named."""

from __future__ import annotations

import copy
import json

import pytest

LEDGER = {"run_id": "7e3b35b1e1ab", "balanced": True, "frames": 40000, "lost": 0, "elapsed_s": 0.1, "failure": None,
          "stats": {"sinks": {"null_sink": {"latency_p99_us": 410.9}}},
          "sources": {"acquire": {"edges": 40000, "missed": 0}}, "digest": {"null_sink": "c089"}}


@pytest.fixture
def other():
    """The same run elsewhere: another name, duration and latency."""
    return copy.deepcopy(LEDGER) | {"run_id": "30f9deb16cdc", "elapsed_s": 3.3,
                                    "stats": {"sinks": {"null_sink": {"latency_p99_us": 22587.6}}}}


def test_the_same_run_elsewhere_is_the_same(same_run, other, tmp_path, capsys):
    for name, ledger in {"native": LEDGER, "aarch64": other}.items():
        (tmp_path / name).write_text(json.dumps(ledger))
    assert same_run.main([str(tmp_path / "native"), str(tmp_path / "aarch64")]) == 0
    assert capsys.readouterr().out == ("native, aarch64: 40000 frames, lost 0, balanced, the same 1 digests\n"
                                       "    null_sink c089\n")


@pytest.mark.parametrize(("change", "said"), [
    ({"digest": {"null_sink": "ffff"}}, "b: digest.null_sink is 'ffff', in a 'c089'"),
    ({"sources": {"acquire": {"edges": 40000, "missed": 1}}}, "b: sources.acquire.missed is 1, in a 0"),
    ({"digest": {"null_sink": "c089", "more": "0"}}, "b: digest.more is '0', in a None"),
    ({"failure": "acquire: silent"}, "b: failure is 'acquire: silent', in a None"),
], ids=["digest", "ledger", "sinks", "failure"])
def test_a_difference_is_named(same_run, other, change, said):
    assert same_run.differences({"a": LEDGER, "b": other | change}) == [said]


@pytest.mark.parametrize(("change", "said"), [
    ({"balanced": False}, "the ledger does not balance"),
    ({"frames": 0}, "0 frames and 1 digests prove nothing"),
    ({"digest": {}}, "40000 frames and 0 digests prove nothing"),
], ids=["balance", "frames", "digests"])
def test_runs_that_agree_but_prove_nothing_fail(same_run, other, change, said, tmp_path, capsys):
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        path.write_text(json.dumps(other | change))
    assert same_run.main([str(path) for path in paths]) == 1
    assert capsys.readouterr().err == f"a: {said}\nb: {said}\n"

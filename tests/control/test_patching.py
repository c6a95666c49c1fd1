"""JSON-Patch: the operations, the limits, and the words for what cannot be done."""

from __future__ import annotations

from copy import deepcopy

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each

from eegcore.control.controller import Controller
from eegcore.control.documents import difference, merged_with, same, without_defaults, written
from eegcore.control.patching import MAX_NODES, MAX_OPERATIONS, apply_patch, measure
from eegcore.errors import BadArgument, ConfigError, Locked, NeedsStop, StaleRevision, StateConflict

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4, "labels": ["A", "B", "C", "D"]}},
          {"to_voltage": {}}, {"notch": {"hz": 60}}, {"null_sink": {}}]


@pytest.fixture
def controller():
    made = Controller(STAGES)
    yield made
    made.shutdown(20)


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


# The examples of RFC 6902 appendix A, as far as they are about documents: (section, document, patch, result).
RFC = [
    ("A.1", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ("A.2", {"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ("A.3", {"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ("A.4", {"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ("A.5", {"baz": "qux", "foo": "bar"}, [replace("/baz", "boo")], {"baz": "boo", "foo": "bar"}),
    ("A.6", {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
     [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
     {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
    ("A.7", {"foo": ["all", "grass", "cows", "eat"]}, [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
     {"foo": ["all", "cows", "eat", "grass"]}),
    ("A.8", {"baz": "qux", "foo": ["a", 2, "c"]}, [{"op": "test", "path": "/baz", "value": "qux"},
     {"op": "test", "path": "/foo/1", "value": 2}], {"baz": "qux", "foo": ["a", 2, "c"]}),
    ("A.10", {"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
     {"foo": "bar", "child": {"grandchild": {}}}),
    ("A.11", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}], {"foo": "bar", "baz": "qux"}),
    ("A.14", {"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ("A.16", {"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
     {"foo": ["bar", ["abc", "def"]]}),
]


@pytest.mark.parametrize(("document", "patch", "result"), [row[1:] for row in RFC], ids=[row[0] for row in RFC])
def test_the_examples_of_the_standard(document, patch, result):
    assert apply_patch(document, patch) == result


@pytest.mark.parametrize(("patch", "code", "words"), [
    (5, "bad_patch", "5 is not a list"),
    ({"op": "add"}, "bad_patch", "a mapping is not a list"),
    ([5], "bad_patch", r"patch\[0\]: 5 is not an operation"),
    ([{"path": "/a"}], "bad_patch", "op nothing is not known. Allowed: add, remove"),
    ([{"op": "append", "path": "/a", "value": 1}], "bad_patch", "op 'append' is not known"),
    ([{"op": "add", "path": "/a"}], "bad_patch", "add needs 'value', which is missing"),
    ([{"op": "copy", "path": "/a"}], "bad_patch", "copy needs 'from'"),
    ([{"op": "remove"}], "bad_patch", "remove needs 'path'"),
    ([{"op": "remove", "path": "a"}], "bad_patch", "path 'a' is no JSON pointer"),
    ([{"op": "remove", "path": "/a~2"}], "bad_patch", "no JSON pointer"),
    ([{"op": "add", "path": "/a", "value": {1: 2}}], "bad_patch", "key 1, which is not a text"),
    ([{"op": "add", "path": "/a", "value": {1, 2}}], "bad_patch", "value of type set"),
    ([replace("/a", 1)] * (MAX_OPERATIONS + 1), "too_large", "257 operations. Allowed: 256"),
    ([replace("/a", [0] * MAX_NODES)], "too_large", "more than 10000 values"),
    ([replace("/a", [0] * 6000), replace("/b", [0] * 6000)], "too_large", "brings more than 10000"),
    ([replace("/a", "x" * 64 * MAX_NODES)], "too_large", "more than 10000 values"),
    ([replace("/a", 2**201)], "too_large", "number of 202 bits"),
    ([replace("/" + "a" * 2000, 1)], "too_large", "path has 2001 characters"),
    ([{"op": "test", "path": "/list/0", "value": 2}], "test_failed", r"test /list/0: it is 1, not 2\. Nothing was"),
    ([{"op": "test", "path": "/list/0", "value": True}], "test_failed", "it is 1, not true"),
    ([{"op": "test", "path": "/none", "value": 2}], "test_failed", "nothing is there, not 2"),
    ([{"op": "remove", "path": "/lisst"}], "patch_conflict", "the document has no 'lisst'. Did you mean 'list'?"),
    ([{"op": "remove", "path": ""}], "patch_conflict", "remove the document"),
    ([replace("/list/7", 1)], "patch_conflict", "/list has 1 values, and no place '7'"),
    ([{"op": "add", "path": "/list/2", "value": 1}], "patch_conflict", "no place '2'"),
    ([{"op": "add", "path": "/list/00", "value": 1}], "patch_conflict", "/list"),
    ([{"op": "add", "path": "/a/b", "value": 1}], "patch_conflict", "/a is 1 and holds nothing"),
    ([{"op": "move", "from": "/x", "path": "/y"}], "patch_conflict", "from: the document has no 'x'"),
    ([{"op": "move", "from": "/m", "path": "/m/k"}], "patch_conflict", "move /m/k"),
])
def test_what_cannot_be_done_has_a_word_and_says_why(patch, code, words):
    sent = deepcopy(patch)
    with pytest.raises((BadArgument, StateConflict), match=words) as refused:
        apply_patch({"a": 1, "b": 2, "list": [1], "m": {"k": 0}}, patch)
    assert refused.value.code == code
    assert patch == sent


def test_the_limits_themselves_are_allowed():
    apply_patch({}, [{"op": "add", "path": "/a", "value": 1}] * MAX_OPERATIONS)
    assert len(apply_patch({}, [{"op": "add", "path": "/a", "value": [0] * (MAX_NODES - 2)}])["a"]) == MAX_NODES - 2
    value = 1
    for _ in range(30):
        value = [value]
    deepest = apply_patch({}, [{"op": "add", "path": "/a", "value": value}])
    assert measure(deepest, "it").depth == 32
    with pytest.raises(BadArgument, match="deeper than 32 levels"):
        apply_patch({}, [{"op": "add", "path": "/a", "value": [value]}])


def test_what_goes_makes_room_again():
    big = list(range(3000))
    document = {"a": list(range(8000))}
    with pytest.raises(BadArgument, match="would have more than 10000"):
        apply_patch(deepcopy(document), [{"op": "add", "path": "/b", "value": big}])
    done = apply_patch(document, [{"op": "remove", "path": "/a"}, {"op": "add", "path": "/b", "value": big}])
    assert done == {"b": big}


def test_a_patch_is_told_whole_and_a_default_stays_one(controller):
    heard = []
    controller.subscribe(lambda event: heard.append(event) if event["event"] == "config" else None)
    assert controller.patch([replace("/stages/notch/hz", 50), replace("/name", "mine")]) == 2
    assert heard == [{"event": "config", "config_rev": 2, "config": controller.config()}]
    assert controller.config()["stages"]["notch"]["hz"] == 50
    assert controller.status()["changed"] == ["name=mine", "notch.hz=50"]
    assert "q" not in written(controller.held().config)["stages"]["notch"]


def test_stages_come_and_go_by_patch(controller):
    controller.patch([{"op": "add", "path": "/stages/slow", "value": {"type": "lowpass", "hz": 10, "inputs": "notch"}},
                      {"op": "copy", "from": "/stages/null_sink", "path": "/stages/second"},
                      replace("/stages/second/inputs", ["slow"])])
    assert list(controller.config()["stages"])[-2:] == ["slow", "second"]
    assert controller.config()["stages"]["second"]["inputs"] == ["slow"]
    controller.patch([{"op": "remove", "path": "/stages/slow"}, {"op": "remove", "path": "/stages/second"}])
    assert controller.status()["changed"] == []


def test_every_mistake_of_the_result_is_told_at_once_and_nothing_changes(controller):
    before = controller.revision()
    with pytest.raises(ConfigError) as refused:
        controller.patch([replace("/stages/notch/hz", 500), {"op": "add", "path": "/stages/x", "value": {"type": "y"}},
                          {"op": "add", "path": "/stages/notch/qq", "value": 3}])
    paths = {problem.path for problem in refused.value.problems}
    assert {"stages.notch.qq", "stages.x.type"} <= paths
    for nonsense in (7, [], None, {"stages": 5}, {"stages": {"a": 5}}):
        with pytest.raises(ConfigError):
            controller.patch([replace("", nonsense)])
    assert controller.revision() == before


def test_a_stale_patch_is_refused_with_the_present_revision(controller):
    controller.patch([replace("/stages/notch/hz", 50)], 1)
    with pytest.raises(StaleRevision) as refused:
        controller.patch([replace("/stages/notch/hz", 55)], 1)
    assert refused.value.details == {"config_rev": 2}
    assert controller.config()["stages"]["notch"]["hz"] == 50


def test_a_running_graph_takes_settings_and_refuses_as_a_whole_what_needs_a_stop(controller):
    controller.start()
    assert controller.patch([replace("/stages/notch/hz", 50), replace("/stages/notch/q", 20)]) == 2
    assert controller.run.live.config_rev == 2
    with pytest.raises(NeedsStop, match="acquire") as refused:
        controller.patch([replace("/stages/notch/hz", 55), replace("/stages/acquire/sps", 500)])
    assert refused.value.code == "needs_stop"
    assert (controller.config_rev, controller.run.live.config_rev) == (2, 2)
    assert controller.config()["stages"]["notch"]["hz"] == 50
    assert controller.run.plan is controller.held().plan


def test_what_a_thread_asked_the_system_for_is_not_changed_in_words_only(controller):
    cores = {"op": "add", "path": "/runtime/groups/dsp", "value": {"cores": [0]}}
    controller.start()
    with pytest.raises(NeedsStop, match=r"runtime.groups.dsp.cores: it would change from none to \[0\]"):
        controller.patch([cores])
    later = {"op": "add", "path": "/runtime/groups/later", "value": {"cores": [0]}}
    assert controller.patch([later, {"op": "add", "path": "/stages/notch/group", "value": "later"}]) == 2
    controller.shutdown(20)
    assert controller.patch([cores]) == 3


def test_what_is_recorded_is_locked_and_the_holders_are_named(tmp_path):
    controller = Controller([*STAGES[:3], {"csv_sink": {"path": str(tmp_path / "x.csv")}},
                             {"gain": {"id": "beside", "inputs": "to_voltage"}}, {"null_sink": {}}])
    controller.start()
    try:
        before = controller.revision()
        for patch in ([replace("/stages/notch/hz", 50)], [replace("/stages/notch/hz", 50),
                                                         replace("/stages/beside/factor", 2)]):
            with pytest.raises(Locked) as refused:
                controller.patch(patch)
            assert (refused.value.code, refused.value.details["holders"]) == ("locked", ["csv_sink"])
        assert controller.revision() == before
        controller.patch([replace("/stages/beside/factor", 2)])
    finally:
        controller.shutdown(20)


def test_a_lock_takes_a_revision_and_editors_go_on_behind_it(controller):
    controller.start()
    run = controller.run
    rev = run.live.lock("null_sink")
    run.live.unlock("null_sink")
    assert (controller.config_rev, rev) == (1, 2)        # nothing was changed: whoever read revision 1 may edit it
    assert controller.patch([replace("/name", "mine")], 1) == 3
    assert controller.config_rev == run.live.config_rev == 3
    controller.shutdown(20)
    assert controller.patch([replace("/name", "other")], 3) == 4


def test_a_real_board_keeps_the_defaults_it_would_refuse():
    board = {"acquire": {"board": "ads1299", "sps": 250, "drdy": "GPIO25", "start": "GPIO22", "reset": "GPIO23"}}
    controller = Controller([board, {"to_voltage": {}}, {"null_sink": {}}])
    controller.patch([replace("/stages/acquire/gain", 12)])
    assert controller.status()["changed"] == ["acquire.gain=12"]


def test_a_copied_stage_takes_its_settings_without_defaults_along(controller):
    controller.patch([{"op": "copy", "from": "/stages/notch", "path": "/stages/again"}])
    assert written(controller.held().config)["stages"]["again"] == {"type": "notch", "inputs": ["to_voltage"],
                                                                    "hz": 60.0}


def test_nested_defaults_nobody_touched_stay_defaults(controller):
    edited = controller.config()
    edited["stages"]["acquire"]["lead_off"]["mode"] = "dc"
    kept = without_defaults(edited, controller.held().config)
    assert kept["stages"]["acquire"]["lead_off"] == {"mode": "dc"}
    assert without_defaults(controller.config(), controller.held().config) == written(controller.held().config)


@pytest.mark.parametrize(("before", "after"), [
    ({"a": 1}, {"a": True}), ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}), ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}),
    ({"a": {"b": 1}}, {"a": 5}), ({"a": 5}, {"a": {"b": {}}}), ({}, {"x": {"y": {"z": []}}}), ({"a": 1.0}, {"a": 1})])
def test_a_difference_leads_from_one_document_to_the_other(before, after):
    assert same(merged_with(before, difference(before, after)), after)
    assert difference(after, after) == {}

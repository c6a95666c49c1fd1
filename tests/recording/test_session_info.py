"""Words of people are data with limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.control.preparing import prepare
from eegcore.errors import BadArgument, ConfigError
from eegcore.recording.info import SessionInfo, label_of, session_info


@pytest.mark.parametrize(("wrong", "message"), [
    ({"participant": "a\nb"}, r"participant: holds the character U\+000A"),
    ({"participant": "x" * 65}, "participant: 65 characters. At most 64"),
    ({"notes": "a\x00b"}, r"notes: holds the character U\+0000"),
    ({"notes": "x" * 16_385}, "notes: 16385 characters"),
    ({"notes": "\ud800"}, r"notes: holds the character U\+D800"),
    ({"participant": 7}, "participant: 7 is no text"),
    ({"csv": "yes"}, "csv: 'yes' is neither true nor false"),
    ({"pre_roll_s": float("nan")}, "pre_roll_s: nan is out of range"),
    ({"pre_roll_s": -1}, "pre_roll_s: -1 is out of range"),
    ({"subject": "x"}, "'subject' is not known. Known: participant"),
    ({"bids": True, "participant": "P-01"}, "participant: 'P-01' cannot be a label of BIDS.*'P01'"),
    ({"bids": True, "task": "\u8133"}, "task: .* has no letter or digit"),
])
def test_what_cannot_be_kept_is_refused_by_name(wrong, message):
    with pytest.raises(BadArgument, match=message):
        session_info(wrong)


@given(st.text(max_size=64))
def test_whatever_is_accepted_makes_a_safe_name(text):
    try:
        info = SessionInfo(participant=text, notes=text)
    except BadArgument:
        return
    assert all(character.isascii() and (character.isalnum() or character == "-") for character in info.slug)
    assert not info.slug.startswith("-")
    assert label_of(text) == "" or label_of(text).isalnum()


def test_settings_of_a_sink_have_the_same_limits():
    for settings, message in (({"participant": "a\nb"}, "participant"), ({"pre_roll_s": 601}, "pre_roll_s"),
                              ({"bids": True, "participant": "P-01"}, "makes a label of it"),
                              ({"folder": ""}, "folder")):
        with pytest.raises(ConfigError, match=message):
            prepare([{"acquire": {"board": "emulator"}}, {"bdf_sink": settings}])


def test_a_recorder_wants_counts_and_says_where_they_are():
    with pytest.raises(ConfigError, match=(
            r"bdf_sink records counts, and its input carries uV only.*Allowed: RAW_I32, RAW_AND_VOLTAGE\..*"
            "keep_raw: true")):
        prepare([{"acquire": {"board": "emulator"}}, {"to_voltage": {}}, {"bdf_sink": {}}])
    _, plan = prepare([{"acquire": {"board": "emulator"}}, {"to_voltage": {"keep_raw": True}}, {"bdf_sink": {}}])
    edge = next(edge for edge in plan.edges if edge.to_stage == "bdf_sink")
    assert edge.policy == "fail"
    assert edge.seconds >= 10

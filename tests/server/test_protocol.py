"""/ws/data byte by byte: the header, the messages, what is refused and with which word."""

from __future__ import annotations

import json
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.server import protocol
from eegcore.server.protocol import (
    Header,
    ProtocolError,
    Subscribe,
    Unsubscribe,
    pack_header,
    parse_client,
    unpack,
    ws_frame,
)
from eegcore.server.subscriptions import MAX_SUBSCRIPTIONS, Subscriptions, TopicIds
from eegcore.stages.stream import Kind, Stream

from .conftest import FakePacket

HEADER = Header(kind=2, flags=0x25, topic_id=0x0302, n_frames=2, n_channels=3, frame_index=2**40 + 7, t_ns=-5,
                sps=250.5, meta_rev=9, config_rev=11, payload_bytes=24, step_num=16, step_den=3, n_bins=0)


def test_every_field_of_the_header_is_at_its_offset():
    raw = pack_header(HEADER)
    assert len(raw) == 64
    assert raw[:4] == b"EEG1"
    assert (raw[4], raw[5]) == (2, 0x25)
    assert raw[6:8] == b"\x02\x03"
    fields = {8: ("<I", 2), 12: ("<I", 3), 16: ("<Q", 2**40 + 7), 24: ("<q", -5), 32: ("<d", 250.5), 40: ("<I", 9),
              44: ("<I", 11), 48: ("<I", 24), 52: ("<I", 16), 56: ("<I", 3), 60: ("<I", 0)}
    for offset, (code, value) in fields.items():
        assert struct.unpack_from(code, raw, offset) == (value,), offset


def test_header_bytes_are_exactly_these():
    assert pack_header(HEADER).hex() == (
        "45454731" "02" "25" "0203" "02000000" "03000000" "0700000000010000" "fbffffffffffffff" "0000000000506f40"
        "09000000" "0b000000" "18000000" "10000000" "03000000" "00000000")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_packet_comes_back_as_it_was(kind):
    shape = (5, 7, 3) if kind is Kind.SPECTRUM_F32 else (5, 3)
    values = np.arange(np.prod(shape)).reshape(shape)
    counts = (values * 2).astype(np.int32) if kind is Kind.RAW_AND_VOLTAGE else None
    header, its_counts, data = unpack(FakePacket(values, 40, kind=kind, counts=counts).encode(17))
    assert (header.topic_id, header.frame_index, header.n_frames, header.n_channels) == (17, 40, 5, 3)
    if kind is Kind.RAW_I32:
        assert data is None
        np.testing.assert_array_equal(its_counts, values)
    else:
        np.testing.assert_array_equal(data, values)
        assert (its_counts is None) is (kind is not Kind.RAW_AND_VOLTAGE)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_decoder(raw):
    with pytest.raises(ProtocolError):
        unpack(raw)


@given(st.integers(0, 63), st.integers(0, 255))
def test_one_wrong_byte_in_the_header_is_refused_or_harmless(offset, value):
    raw = bytearray(FakePacket(np.ones((2, 3))).encode(1))
    raw[offset] = value
    try:
        header, _, data = unpack(bytes(raw))
    except ProtocolError:
        return
    assert data is None or data.size == header.n_values


@pytest.mark.parametrize(("n", "head"), [
    (0, "8200"), (125, "827d"), (126, "827e007e"), (65535, "827effff"), (65536, "827f0000000000010000")])
def test_rfc6455_5_2_frame_lengths(n, head):
    frame = ws_frame(protocol.OP_BINARY, bytes(n))
    assert frame[:-n or None].hex() == head
    assert len(frame) == len(head) // 2 + n


def test_close_frame_carries_code_and_at_most_123_bytes_of_reason():
    frame = protocol.close_frame(1001, "x" * 500)
    assert frame[:4] == b"\x88\x7d\x03\xe9"
    assert len(frame) == 2 + 125


def test_nan_and_infinity_are_null_in_json():
    packet = FakePacket(np.array([[1.5, np.nan], [np.inf, -2.0]]), 8)
    message = json.loads(protocol.data("eeg", 3, packet))
    assert message["data"] == [[1.5, None], [None, -2.0]]
    assert (message["type"], message["topic"], message["frame_index"], message["sps"]) == ("data", "eeg", 8, 250.0)
    assert json.loads(protocol.dumps({"a": [float("nan")], "b": np.float32(1.5), "c": np.arange(2)})) == {
        "a": [None], "b": 1.5, "c": [0, 1]}


def test_json_values_are_the_exact_float32_ones():
    values = np.random.default_rng(1).normal(0, 50, (16, 4)).astype(np.float32)
    message = json.loads(protocol.data("eeg", 1, FakePacket(values)))
    np.testing.assert_array_equal(np.array(message["data"], np.float32), values)


def test_meta_describes_a_spectrum_with_axis_bands_and_run():
    stream = Stream(Kind.SPECTRUM_F32, ("C3",), 0.5, 1, unit="uV^2/Hz", step=Fraction(500), axis_hz=(0.0, 0.5),
                    meta={"bands": {"alpha": [8, 13]}})
    message = protocol.meta("spectrum", 2, 5, stream, "run-9", t_ns=10, t_unix_ns=20, sps_true=0.4999)
    assert message == {
        "type": "meta", "topic": "spectrum", "topic_id": 2, "meta_rev": 5, "run_id": "run-9", "kind": "SPECTRUM_F32",
        "labels": ["C3"], "unit": "uV^2/Hz", "sps": 0.5, "sps_true": 0.4999, "t_unix_ns": 20, "t_ns": 10,
        "step": [500, 1], "reference": "", "delay_s": 0.0, "settling_s": 0.0, "max_frames": 1,
        "axis_hz": [0.0, 0.5], "bands": {"alpha": [8, 13]}}


def test_gap_flags_error_and_hello_are_as_documented():
    assert protocol.hello(["eeg"]) == {"type": "hello", "protocol": 1, "topics": ["eeg"]}
    assert protocol.gap(3, 48, "client_slow") == {"type": "gap", "topic_id": 3, "frames": 48, "reason": "client_slow"}
    assert protocol.flags(3, 7, ("a", "b", "c"), (0b101, 0b010, 0, 0b100, 0b011, 0)) == {
        "type": "flags", "topic_id": 3, "frame_index": 7, "lead_off": ["a", "c"], "saturated": ["b"], "flatline": [],
        "blink": ["c"], "muscle": ["a", "b"], "substituted": []}
    assert protocol.error("x", "y") == {"type": "error", "error": {"code": "x", "message": "y", "details": {}}}


def test_client_messages_that_are_understood():
    assert parse_client('{"type":"subscribe","topic":"eeg"}') == Subscribe("eeg", "binary", None)
    assert parse_client('{"type":"subscribe","topic":"eeg","format":"json","max_hz":2}') == Subscribe("eeg", "json", 2)
    assert parse_client('{"type":"unsubscribe","topic":"eeg"}') == Unsubscribe("eeg")


REFUSED = [
    ("", "bad_json"), ("{", "bad_json"), ("nonsense", "bad_json"), ("[" * 5000, "bad_json"), ("[]", "bad_message"),
    ("1", "bad_message"), ("null", "bad_message"), ('"x"', "bad_message"), (" " * 70_000, "bad_message"),
    ("{}", "unknown_type"), ('{"type":1}', "unknown_type"), ('{"type":"shout","topic":"eeg"}', "unknown_type"),
    ('{"type":["subscribe"]}', "unknown_type"), ('{"type":"subscribe"}', "bad_topic"),
    ('{"type":"subscribe","topic":1}', "bad_topic"), ('{"type":"subscribe","topic":""}', "bad_topic"),
    ('{"type":"subscribe","topic":"a\\nb"}', "bad_topic"), ('{"type":"unsubscribe","topic":{}}', "bad_topic"),
    ('{"type":"subscribe","topic":"' + "x" * 129 + '"}', "bad_topic"),
    ('{"type":"subscribe","topic":"eeg","format":"xml"}', "bad_format"),
    ('{"type":"subscribe","topic":"eeg","format":null}', "bad_format"),
    ('{"type":"subscribe","topic":"eeg","format":[]}', "bad_format"),
    ('{"type":"subscribe","topic":"eeg","max_hz":0}', "bad_max_hz"),
    ('{"type":"subscribe","topic":"eeg","max_hz":-1}', "bad_max_hz"),
    ('{"type":"subscribe","topic":"eeg","max_hz":true}', "bad_max_hz"),
    ('{"type":"subscribe","topic":"eeg","max_hz":"20"}', "bad_max_hz"),
    ('{"type":"subscribe","topic":"eeg","max_hz":NaN}', "bad_max_hz"),
    ('{"type":"subscribe","topic":"eeg","max_hz":1e999}', "bad_max_hz"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_client_messages_that_are_refused_and_their_words(text, code):
    with pytest.raises(ProtocolError) as caught:
        parse_client(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 300


@given(st.text(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["type", "topic", "format", "max_hz", "x"]), inner, max_size=4),
    max_leaves=12).map(json.dumps))
def test_no_message_at_all_breaks_the_subscriptions(text):
    subscriptions = Subscriptions()
    change = subscriptions.take(text, ["eeg"])
    assert len(subscriptions.by_topic) <= 1
    for reply in change.replies:
        assert reply["type"] == "error"
        json.dumps(reply, allow_nan=False)


def test_an_unknown_topic_is_told_and_waited_for():
    subscriptions = Subscriptions()
    change = subscriptions.take('{"type":"subscribe","topic":"egg"}', ["eeg"])
    assert change.replies[0]["error"]["code"] == "unknown_topic"
    assert change.replies[0]["error"]["details"] == {"topic": "egg", "known": ["eeg"]}
    assert change.subscribed is subscriptions.by_topic["egg"]


def test_while_nothing_runs_any_topic_may_be_waited_for():
    assert Subscriptions().take('{"type":"subscribe","topic":"eeg"}', []).replies == []


def test_subscribing_again_changes_format_and_rate():
    subscriptions = Subscriptions()
    first = subscriptions.take('{"type":"subscribe","topic":"eeg"}', []).subscribed
    change = subscriptions.take('{"type":"subscribe","topic":"eeg","format":"json","max_hz":4}', [])
    assert change.unsubscribed is first
    assert (change.subscribed.format, change.subscribed.interval_s) == ("json", 0.25)


def test_unsubscribing_what_is_not_subscribed_is_an_error():
    reply = Subscriptions().take('{"type":"unsubscribe","topic":"eeg"}', []).replies[0]
    assert reply["error"]["code"] == "not_subscribed"


def test_one_client_has_at_most_64_subscriptions():
    subscriptions = Subscriptions()
    for number in range(MAX_SUBSCRIPTIONS):
        assert not subscriptions.take(json.dumps({"type": "subscribe", "topic": f"t{number}"}), []).replies
    reply = subscriptions.take('{"type":"subscribe","topic":"one more"}', []).replies[0]
    assert reply["error"]["code"] == "too_many_subscriptions"
    assert len(subscriptions.by_topic) == MAX_SUBSCRIPTIONS


def test_a_topic_id_is_never_given_twice():
    ids = TopicIds()
    given_out = [ids.of(f"t{number}") for number in range(1000)]
    assert len(set(given_out)) == 1000
    assert ids.of("t5") == given_out[5]


def test_topic_ids_end_with_a_clear_error_at_65535():
    ids = TopicIds()
    for number in range(65535):
        ids.of(str(number))
    with pytest.raises(OverflowError, match="all 65535 topic ids have been used"):
        ids.of("one more")

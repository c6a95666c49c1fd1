"""Log lines: their form, where their facts come from, and that nobody waits for them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore import logs
from eegcore.log_formats import HumanFormatter, JsonFormatter, printable
from eegcore.log_throttle import MAX_KEYS


@pytest.fixture(autouse=True)
def ends_clean():
    yield
    logs.set_run(None)
    logs.shutdown()


def lines_of(stream):
    return stream.getvalue().splitlines()


def test_human_line():
    stream = io.StringIO()
    logs.setup(stream=stream)
    logs.set_run("r1")
    with logs.correlation("c9"):
        logs.get_logger("graph.plan").warning("edge %s: full", "eeg->live",
                                              extra={"edge": "eeg->live", "frame_index": 81204, "stage": "live"})
    logs.get_logger("server").info("ready")
    assert logs.shutdown()
    first, second = lines_of(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING graph: edge eeg->live: full  "
                        r"\(run=r1 request=c9 stage=live edge=eeg->live frame=81204\)", first)
    assert second.endswith("Z INFO    server: ready  (run=r1)")


def test_json_line_is_one_object_with_the_agreed_keys():
    stream = io.StringIO()
    logs.setup(json=True, stream=stream)
    logs.set_run("r1")

    def work():
        with logs.correlation("c9"):
            logs.get_logger("sinks").error("two\nlines \u2028 %d", 3, extra={"stage": "csv_sink", "edge": "a->b",
                                                                             "frame_index": 0})
    thread = threading.Thread(target=work, name="sink-csv_sink")
    thread.start()
    thread.join()
    logs.shutdown()
    content = stream.getvalue()
    assert content.count("\n") == 1
    line = json.loads(content)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "error", "room": "sinks", "message": "two\nlines \u2028 3", "thread": "sink-csv_sink",
                    "run_id": "r1", "correlation_id": "c9", "stage": "csv_sink", "edge": "a->b", "frame_index": 0}


@given(st.text(), st.dictionaries(st.sampled_from(["stage", "edge", "run_id"]), st.text() | st.integers()))
def test_any_text_stays_one_line_and_one_object(text, facts):
    record = logging.LogRecord("eegcore.server", logging.INFO, "f", 1, "%s", (text,), None)
    record.__dict__.update(facts)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    parsed = json.loads(line)
    assert parsed["message"] == text
    assert all(parsed[name] == value for name, value in facts.items())
    human = HumanFormatter().format(record)
    assert len(human.splitlines()) == 1
    assert "\x1b" not in human


def test_tracebacks_are_for_debug_and_for_programs():
    def fail(**options):
        stream = io.StringIO()
        logs.setup(stream=stream, **options)
        try:
            raise RuntimeError("wires crossed")
        except RuntimeError:
            logs.get_logger("graph").exception("stage failed")
        logs.shutdown()
        return stream.getvalue()

    assert fail().endswith("ERROR   graph: stage failed  [RuntimeError: wires crossed]\n")
    assert "Traceback (most recent call last)" in fail(level="debug")
    assert "Traceback (most recent call last)" in json.loads(fail(json=True))["traceback"]


def test_level_decides_what_is_written():
    stream = io.StringIO()
    logs.setup(level="WARNING", stream=stream)
    logs.get_logger("a").info("no")
    logs.get_logger("a").warning("yes")
    logs.shutdown()
    assert len(lines_of(stream)) == 1
    with pytest.raises(ValueError, match=r"log level: 'LOUD' is unknown\. Allowed: DEBUG, INFO, WARNING"):
        logs.setup(level="LOUD")


class Gate(io.StringIO):
    """A stream that takes nothing until it is opened, like a terminal nobody reads."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Event()
        self.opened = threading.Event()

    def write(self, text):
        self.entered.set()
        assert self.opened.wait(20)
        return super().write(text)


def test_a_stuck_stream_costs_lines_not_time_and_the_loss_is_told():
    stream = Gate()
    logs.setup(stream=stream, capacity=16)
    log = logs.get_logger("graph")
    log.info("first")
    assert stream.entered.wait(20)                    # the writer holds one line and waits
    for i in range(100):
        log.info("line %d", i)                        # returns although nothing is taken
    assert logs.dropped_lines() == 84
    stream.opened.set()
    assert logs.shutdown(20)
    lines = lines_of(stream)
    assert len(lines) == 1 + 16 + 1
    assert "log: 84 lines dropped, the queue of 16 was full. Raise the log level" in lines[-1]


def test_shutdown_gives_up_on_a_stuck_stream():
    stream = Gate()
    logs.setup(stream=stream)
    logs.get_logger("graph").info("stuck")
    assert stream.entered.wait(20)
    assert logs.shutdown(0.01) is False
    stream.opened.set()


def test_shutdown_writes_everything_and_can_be_repeated():
    stream = io.StringIO()
    logs.setup(stream=stream)
    for i in range(1000):
        logs.get_logger("a").info("%d", i)
    assert logs.shutdown()
    assert [int(line.rsplit(" ", 1)[1]) for line in lines_of(stream)] == list(range(1000))
    assert logs.shutdown()
    assert logging.getLogger("eegcore").handlers == []


def test_a_closed_stream_is_counted_not_raised():
    stream = io.StringIO()
    logs.setup(stream=stream)
    stream.close()
    logs.get_logger("a").info("nobody hears")
    listener = logs._state.listener
    logs.shutdown()
    assert listener.target.refused == 1


def test_arguments_that_do_not_fit_are_counted_not_raised():
    stream = io.StringIO()
    logs.setup(stream=stream)
    logs.get_logger("a").info("%d frames", "many")
    assert logs.dropped_lines() == 1
    logs.shutdown()


def test_arguments_are_fixed_when_logged():
    stream = io.StringIO()
    logs.setup(stream=stream)
    values = [1]
    logs.get_logger("a").info("%s", values)
    values.append(2)
    logs.shutdown()
    assert lines_of(stream)[0].endswith("a: [1]")


async def test_correlation_belongs_to_its_task():
    stream = io.StringIO()
    logs.setup(json=True, stream=stream)

    async def request(name):
        with logs.correlation(name):
            await asyncio.sleep(0)
            logs.get_logger("server").info(name)

    await asyncio.gather(*(request(f"c{i}") for i in range(5)))
    logs.get_logger("server").info("outside")
    logs.shutdown()
    lines = [json.loads(line) for line in lines_of(stream)]
    assert all(line["correlation_id"] == line["message"] for line in lines[:-1])
    assert "correlation_id" not in lines[-1]


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def throttled(caplog):
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    logger = logging.getLogger("throttle-test")
    return logs.ThrottledLogger(logger, clock=clock), clock, caplog


def test_one_line_per_key_and_ten_seconds_with_the_suppressed_count(throttled):
    log, clock, caplog = throttled
    assert log.warning("a->b", "edge a->b: dropped %d frames", 32)
    for _ in range(41):
        clock.now += 0.1
        assert not log.warning("a->b", "edge a->b: dropped %d frames", 32)
    assert log.warning("c->d", "edge c->d: dropped %d frames", 16)
    clock.now = 1009.99
    assert not log.warning("a->b", "edge a->b: dropped %d frames", 32)
    clock.now = 1010.0
    assert log.warning("a->b", "edge a->b: dropped %d frames", 64)
    assert caplog.messages == ["edge a->b: dropped 32 frames", "edge c->d: dropped 16 frames",
                               "edge a->b: dropped 64 frames (42 more like this in the last 10 s)"]


def test_flush_tells_what_was_still_suppressed(throttled):
    log, _, caplog = throttled
    log.error("k", "full %d", 1)
    log.error("k", "full %d", 2)
    log.error("k", "full %d", 3)
    log.error("other", "once")
    log.flush()
    log.flush()
    assert caplog.messages == ["full 1", "once", "full 3 (suppressed 2 times, this was the last)"]


def test_what_was_suppressed_is_told_when_the_period_is_over_though_no_line_follows(throttled):
    log, clock, caplog = throttled
    for number in range(1, 4):
        log.error("k", "full %d", number)
    log.error("once", "once")
    clock.now = 1009.9
    log.write_due()
    assert caplog.messages == ["full 1", "once"]
    clock.now = 1010.0
    log.write_due()
    log.write_due()
    assert caplog.messages[2:] == ["full 3 (suppressed 2 times, this was the last)"]
    clock.now = 1015.0
    assert log.error("once", "once more")
    assert not log.error("k", "full 4"), "one line per period, whoever wrote it"
    clock.now = 1020.0
    log.write_due()
    assert caplog.messages[4:] == ["full 4 (suppressed 1 times, this was the last)"]


def test_keys_are_bounded_and_nothing_is_forgotten_silently(throttled):
    log, _, caplog = throttled
    log.info("first", "first %s", "x")
    log.info("first", "first %s", "y")
    for i in range(MAX_KEYS):
        log.info(i, "key %d", i)
    assert "first y (suppressed 1 times, this was the last)" in caplog.messages
    assert len(log._keys) == MAX_KEYS


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 8)), max_size=60))
def test_written_plus_suppressed_is_everything(calls):
    written = []

    class Sink(logging.Handler):
        def emit(self, record):
            written.append(record.getMessage())

    logger = logging.Logger("model")
    logger.addHandler(Sink())
    clock = Clock()
    log = logs.ThrottledLogger(logger, clock=clock)
    for key, wait in calls:
        clock.now += wait
        log.info(key, "line")
    log.flush()
    told = sum(int(n) for line in written for n in re.findall(r"\((\d+) more", line))
    rest = [int(n) for line in written for n in re.findall(r"suppressed (\d+) times", line)]
    first_lines = len(written) - len(rest)
    assert first_lines + told + sum(rest) == len(calls)


def test_control_characters_cannot_move_the_cursor():
    assert printable("a\x1b[2J\r\nb\u202e") == "a\\x1b[2J\\r\\nb\\u202e"


IMPORT = """
import faulthandler, logging, sys, threading
def state(): return logging.root.handlers[:], sys.excepthook, threading.excepthook, threading.active_count()
before = state()
import eegcore.logs, eegcore.crash, eegcore.sinks.csv_file, eegcore.devices.readers_bytes
assert state() == before
assert not logging.getLogger("eegcore").handlers
assert not faulthandler.is_enabled()
assert "asyncio" not in sys.modules and "scipy" not in sys.modules
"""


def test_import_changes_nothing(repository):
    subprocess.run([sys.executable, "-c", IMPORT], check=True, timeout=60, cwd=repository)

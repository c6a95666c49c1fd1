"""Crashes in a process of their own: one readable block, the place in the data, the traceback where it belongs."""

from __future__ import annotations

import asyncio
import io
import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from eegcore import crash
from eegcore.errors import StageError

REPOSITORY = Path(__file__).resolve().parents[2]
PREPARE = """
import sys, threading
from eegcore import crash
from eegcore.errors import EdgeOverflow, StageError
context = lambda: {"run_id": "r1", "config_rev": 7, "stage": "notch", "edge": "",
                   "frame_index": 81204, "state": "running"}
"""


def run(body, *arguments):
    code = PREPARE + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, cwd=REPOSITORY)
    return done.returncode, done.stderr


def test_main_thread_block_without_traceback():
    status, text = run("""
        crash.install(context)
        def process(): raise ZeroDivisionError("no channels")
        process()""")
    assert status == 1
    assert re.fullmatch(r"""eegcore stopped unexpectedly in main thread:
  what         ZeroDivisionError: no channels
  run id       r1
  config rev   7
  stage        notch
  frame index  81204
  state        running
  at           <string>:\d+ in process
  details      run again with --debug for the traceback
""", text)


def test_debug_shows_the_traceback():
    status, text = run("""
        crash.install(context, debug=True)
        raise ValueError("x")""")
    assert status == 1
    assert "  traceback\n    Traceback (most recent call last):\n" in text
    assert "--debug" not in text


def test_traceback_goes_to_a_private_file_in_the_state_folder(tmp_path):
    status, text = run("""
        crash.install(context, state_dir=sys.argv[1])
        raise ValueError("x")""", tmp_path)
    assert status == 1
    (name,) = os.listdir(tmp_path)
    assert re.fullmatch(r"crash-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-\d+-0\.txt", name)
    assert f"  details      {tmp_path / name}\n" in text
    assert "Traceback" not in text
    content = (tmp_path / name).read_text()
    assert "Traceback (most recent call last):" in content
    assert "frame index  81204" in content
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_thread_crash_names_the_thread_and_the_process_goes_on():
    status, text = run("""
        crash.install(context)
        def work(): raise StageError("csv_sink: it broke", stage="csv_sink", frame_index=9)
        t = threading.Thread(target=work, name="sink-csv_sink"); t.start(); t.join()
        threading.Thread(target=sys.exit).start()
        print("still here", file=sys.stderr)""")
    assert status == 0
    assert text.startswith("eegcore: unexpected failure in thread sink-csv_sink:\n"
                           "  what         StageError: csv_sink: it broke\n")
    assert "  stage        csv_sink\n" in text             # the error knows better than the context
    assert "  frame index  9\n" in text
    assert text.endswith("still here\n")
    assert text.count("eegcore: unexpected") == 1


def test_event_loop_failures_are_reported_and_the_loop_goes_on():
    stream = io.StringIO()
    hook = crash.CrashHook(lambda: {"run_id": "r1"}, stream=stream)

    async def main():
        loop = asyncio.get_running_loop()
        hook.install_asyncio(loop)
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "socket gone"})
        return True

    assert asyncio.run(main())
    assert "eegcore: unexpected failure in event loop, a callback:\n  what     ZeroDivisionError: " in stream.getvalue()
    assert "RuntimeError: socket gone" in stream.getvalue()


def test_clean_up_failures_are_reported():
    status, text = run("""
        crash.install(context)
        class Bad:
            def __del__(self): raise ValueError("in clean-up")
        Bad()""")
    assert status == 0
    assert "ValueError: in clean-up" in text
    assert text.count("eegcore: unexpected failure in ") == 1


def test_hard_faults_show_the_python_stack():
    status, text = run("""
        crash.install(context)
        import faulthandler, ctypes
        ctypes.string_at(0)""")
    assert status < 0
    assert "Fatal Python error: Segmentation fault" in text


def test_interrupt_is_one_line():
    _, text = run("""
        crash.install(context)
        raise KeyboardInterrupt""")
    assert text == "eegcore: interrupted\n"


def test_a_broken_context_or_message_does_not_hide_the_failure():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def broken():
        raise OSError("ring unmapped")

    stream = io.StringIO()
    block = crash.CrashHook(broken, stream=stream).report(Mute(), "thread x")
    assert "  what     Mute: (its message cannot be shown)\n" in block
    assert "  context  not available (OSError: ring unmapped)\n" in block
    assert stream.getvalue() == block


def test_the_hook_never_raises(tmp_path):
    closed = io.StringIO()
    closed.close()
    hook = crash.CrashHook(state_dir=str(tmp_path / "missing"), stream=closed)
    assert "what     ValueError: x\n" in hook.report(ValueError("x"), "main thread")


def test_a_crash_loop_does_not_fill_the_disk(tmp_path):
    hook = crash.CrashHook(state_dir=str(tmp_path), stream=io.StringIO())
    for _ in range(3 * crash.MAX_FILES):
        hook.report(ValueError("x"), "thread x")
    assert len(os.listdir(tmp_path)) == crash.MAX_FILES


def test_messages_of_several_lines_and_control_characters_stay_a_block():
    block = crash.format_block(StageError("one\ntwo \x1b[2J", stage="s"), "thread x", {}, False, None)
    assert "  what     StageError: one\n           two \\x1b[2J\n" in block


def test_uninstall_puts_everything_back():
    before = (sys.excepthook, sys.unraisablehook)
    hook = crash.install(stream=io.StringIO())
    try:
        assert hook.install() is hook
        assert sys.excepthook != before[0]
    finally:
        hook.uninstall()
        hook.uninstall()
    assert (sys.excepthook, sys.unraisablehook) == before


@pytest.mark.parametrize("where", ["main thread", "thread a"])
def test_empty_facts_are_left_out(where):
    block = crash.format_block(ValueError(), where, {"stage": "", "edge": None, "frame_index": 0}, False, "/x")
    assert "stage" not in block
    assert "edge" not in block
    assert "  frame index  0\n" in block
    assert "(no message)" in block

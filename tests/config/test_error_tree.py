"""The error tree: words, builtins, and one row for every status of the core."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eegcore import errors
from eegcore.errors import STATUS_TABLE, ConfigError, EegcoreError, Problem, from_status

_ROW = re.compile(r"X\((\w+),\s*(-?\d+),\s*\"([^\"]*)\"\)")

BUILTINS = {
    "ConfigError": ValueError, "BadArgument": ValueError, "BadStream": ValueError, "StateConflict": RuntimeError,
    "Locked": RuntimeError, "NeedsStop": RuntimeError, "StaleRevision": RuntimeError,
    "NotFound": LookupError, "DeviceError": OSError, "SinkFailed": OSError,
    "SystemFailed": OSError, "FileRefused": FileExistsError, "Closed": BrokenPipeError, "EndOfData": EOFError,
    "Stopped": RuntimeError, "StageError": RuntimeError, "EdgeOverflow": RuntimeError, "OutOfMemory": MemoryError,
    "PoolEmpty": MemoryError, "StaleReference": RuntimeError, "TapTimeout": TimeoutError, "AbiMismatch": ImportError,
}


def test_every_status_of_the_core_has_its_name_and_text_in_python(repository: Path) -> None:
    header = (repository / "csrc" / "base" / "ec_status.h").read_text()
    in_c = {int(value): (name, text) for name, value, text in _ROW.findall(header)}
    assert len(in_c) > 10
    assert {value: (row.name, row.text) for value, row in STATUS_TABLE.items()} == in_c


def test_every_negative_status_has_an_error_and_a_next_step() -> None:
    for status, row in STATUS_TABLE.items():
        if status < 0:
            assert row.error is not None
            assert row.advice
            error = from_status(status, "here")
            assert type(error) is row.error
            assert error.code == (row.code or row.error.code)
            assert error.details["status"] == status
            assert f"[{row.name} {status}]" in str(error)
            assert str(error).startswith("here: ")


@pytest.mark.parametrize("name", sorted(BUILTINS))
def test_every_error_is_also_the_fitting_builtin(name: str) -> None:
    error_class = getattr(errors, name)
    assert issubclass(error_class, EegcoreError)
    assert issubclass(error_class, BUILTINS[name])


def test_no_error_class_is_missing_in_this_test() -> None:
    public = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)
              and issubclass(getattr(errors, name), EegcoreError)}
    assert public - {"EegcoreError"} == set(BUILTINS)


def test_words_are_stable_and_different() -> None:
    words = {name: getattr(errors, name).code for name in BUILTINS}
    assert len(set(words.values())) == len(words)
    assert words["ConfigError"] == "bad_config"
    assert words["StateConflict"] == "conflict"
    assert words["Locked"] == "locked"
    assert words["NotFound"] == "not_found"


def test_a_status_keeps_what_the_kernel_said() -> None:
    error = from_status(-15, "worker-dsp", errno=1)
    assert isinstance(error, OSError)
    assert error.errno == 1
    assert str(error) == ("worker-dsp: a system call failed [SYSTEM -15, EPERM 1]. "
                          "Run 'python -m eegcore doctor' to see what this system allows.")


def test_a_failed_stage_names_stage_frame_and_revision() -> None:
    error = from_status(-14, "notch", frame_index=81_204, config_rev=3)
    assert isinstance(error, errors.StageError)
    assert (error.stage, error.frame_index, error.config_rev) == ("notch", 81_204, 3)
    assert error.details["frame_index"] == 81_204
    assert str(error).startswith("notch: a stage reported a failure of its own at frame 81204 in revision 3 ")


def test_an_overflow_names_its_edge() -> None:
    error = from_status(-7, "bandpass->csv_sink", stage="bandpass", frame_index=7)
    assert isinstance(error, errors.EdgeOverflow)
    assert (error.edge, error.stage, error.frame_index) == ("bandpass->csv_sink", "bandpass", 7)


def test_an_unknown_status_does_not_hide_the_failure() -> None:
    error = from_status(-4711, "somewhere")
    assert type(error) is EegcoreError
    assert error.code == "unknown_status"
    assert "-4711" in str(error)


@pytest.mark.parametrize("status", [0, 1, 64])
def test_a_success_is_no_error(status: int) -> None:
    with pytest.raises(ValueError, match=f"status {status} is a success"):
        from_status(status, "ring")


@pytest.mark.parametrize("status", [status for status in STATUS_TABLE if status < 0])
def test_errors_travel_between_processes(status: int) -> None:
    error = from_status(status, "a->b", errno=5, frame_index=9)
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert (str(twin), twin.code, twin.details) == (str(error), error.code, error.details)


def test_locked_names_its_holders() -> None:
    error = errors.Locked("gain: locked while 'csv_sink' records. Stop the recording first.", holders=["csv_sink"])
    assert error.as_dict() == {"code": "locked", "message": str(error), "details": {"holders": ["csv_sink"]}}
    assert isinstance(error, errors.StateConflict)


def test_a_more_precise_word_may_be_given() -> None:
    assert errors.StateConflict("recordings: no raw source.", code="no_raw_source").code == "no_raw_source"
    assert errors.StateConflict.code == "conflict"


def test_config_error_has_one_problem_a_line() -> None:
    problems = [Problem("a.yaml", 3, 7, "stages[0].notch.hz", "0 is not above 0", "Allowed: above 0", "Raise it"),
                Problem("--set x.y=1", 0, 0, "", "no stage is called 'x'", "", "Did you mean 'z'?")]
    error = ConfigError(problems)
    assert error.problems == problems
    assert str(error).splitlines() == [
        "a.yaml:3:7: stages[0].notch.hz: 0 is not above 0. Allowed: above 0. Raise it.",
        "--set x.y=1: no stage is called 'x'. Did you mean 'z'?"]
    assert error.details["problems"][0]["line"] == 3
    assert pickle.loads(pickle.dumps(error)).problems == problems


def test_config_error_takes_a_sentence() -> None:
    assert str(ConfigError("pipeline: nothing to run")) == "pipeline: nothing to run."


def test_errors_are_cheap_to_import() -> None:
    heavy = ["numpy", "pydantic", "yaml", "scipy", "aiohttp"]
    code = f"import sys, eegcore.errors; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

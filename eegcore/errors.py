"""The error tree: every failure eegcore reports, each also the fitting builtin.

An `EegcoreError` carries a stable word (`code`) for programs, a sentence for
people (``str()``) and the facts behind it (`details`, plain JSON values). The
compiled core answers with the numbers of ``csrc/base/ec_status.h``;
`from_status` is the one place that turns such a number into an exception.
"""

from __future__ import annotations

import errno as errno_names
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

__all__ = [
    "STATUS_TABLE",
    "AbiMismatch",
    "BadArgument",
    "BadStream",
    "Closed",
    "ConfigError",
    "DeviceError",
    "EdgeOverflow",
    "EegcoreError",
    "EndOfData",
    "FileRefused",
    "Locked",
    "NeedsStop",
    "NotFound",
    "OutOfMemory",
    "PoolEmpty",
    "Problem",
    "SinkFailed",
    "StageError",
    "StaleReference",
    "StaleRevision",
    "StateConflict",
    "Status",
    "Stopped",
    "SystemFailed",
    "TapTimeout",
    "from_status",
]


class EegcoreError(Exception):
    """Base of everything eegcore raises on purpose.

    Parameters
    ----------
    message : str
        One or more sentences: ``<place>: <what is wrong>. <allowed>. <what to do>.``
    code : str, optional
        A more precise stable word than that of the class.
    **details
        Facts for programs, JSON values; those that are None are left out.
    """

    code: str = "error"

    def __init__(self, message: str = "", *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.details: dict[str, Any] = {name: value for name, value in details.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return the error as the HTTP and WebSocket answers carry it: code, message, details."""
        return {"code": self.code, "message": str(self), "details": self.details}


def _sentence(text: str) -> str:
    """Return `text` with a full stop, unless it already ends in one, a ``?`` or a ``!``."""
    text = text.strip()
    return text if not text or text[-1] in ".?!" else text + "."


@dataclass(frozen=True)
class Problem:
    """One mistake in a configuration.

    Parameters
    ----------
    file : str
        File name, or ``--set ID.KEY=VALUE`` for an override.
    line, col : int
        Place in the file, counted from 1; 0 where there is none (overrides, Python objects).
    path : str
        Place in the document, ``stages[4].bandpass.high_hz``.
    message, allowed, hint : str
        What is wrong with the value seen; what is allowed, as a sentence or as the bare values;
        what to do.
    """

    file: str = ""
    line: int = 0
    col: int = 0
    path: str = ""
    message: str = ""
    allowed: str = ""
    hint: str = ""

    @property
    def place(self) -> str:
        """``file:line:col``, as far as known."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.col}" if self.file else f"{self.line}:{self.col}"

    def __str__(self) -> str:
        where = [part for part in (self.place, self.path) if part]
        # a sentence begins with one capital letter; RAW_I32 is a value
        bare = self.allowed and not (self.allowed[0].isupper() and not self.allowed[1:2].isupper())
        allowed = f"Allowed: {self.allowed}" if bare else self.allowed
        says = " ".join(_sentence(part) for part in (self.message, allowed, self.hint) if part)
        return ": ".join([*where, says])

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and the whole sentence (``text``) as JSON values."""
        return {**asdict(self), "text": str(self)}


class ConfigError(EegcoreError, ValueError):
    """A configuration was refused; `problems` holds every mistake found, ``str()`` one per line."""

    code = "bad_config"

    def __init__(self, problems: Iterable[Problem] | str = (), *, code: str | None = None,
                 **details: Any) -> None:
        if isinstance(problems, str):
            problems = [Problem(message=problems)]
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), code=code,
                         problems=[problem.as_dict() for problem in self.problems], **details)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,), self.__dict__


class BadArgument(EegcoreError, ValueError):
    """A call got a value out of range."""

    code = "bad_argument"


class BadStream(EegcoreError, ValueError):
    """A stage got an input stream it cannot work on."""

    code = "bad_stream"


class StateConflict(EegcoreError, RuntimeError):
    """The request does not fit the state the run is in."""

    code = "conflict"


class Locked(StateConflict):
    """A stage downstream (an open recorder) forbids the change.

    Parameters
    ----------
    message : str
    holders : iterable of str
        Ids of the stages that hold the lock.
    """

    code = "locked"

    def __init__(self, message: str = "", *, holders: Iterable[str] = (), **details: Any) -> None:
        self.holders: list[str] = list(holders)
        super().__init__(message, holders=self.holders, **details)


class NeedsStop(StateConflict):
    """The change reshapes the running graph: the pipeline has to be stopped for it.

    Parameters
    ----------
    message : str
    reasons : iterable of str
        What would change, each as a sentence.
    """

    code = "needs_stop"

    def __init__(self, message: str = "", *, reasons: Iterable[str] = (), **details: Any) -> None:
        self.reasons: list[str] = list(reasons)
        super().__init__(message, reasons=self.reasons, **details)


class StaleRevision(StateConflict):
    """Somebody else changed the configuration since the revision the request is about.

    Parameters
    ----------
    message : str
    config_rev : int, optional
        The present revision.
    """

    code = "stale_revision"

    def __init__(self, message: str = "", *, config_rev: int | None = None, **details: Any) -> None:
        self.config_rev = config_rev
        super().__init__(message, config_rev=config_rev, **details)


class NotFound(EegcoreError, LookupError):
    """Nothing has this name."""

    code = "not_found"


class _SystemError(EegcoreError, OSError):
    """Common part of the errors that may carry an ``errno``."""

    def __init__(self, message: str = "", *, errno: int | None = None, **details: Any) -> None:
        super().__init__(message, errno=errno, **details)
        if errno is not None:
            self.errno = errno


class DeviceError(_SystemError):
    """A device is absent, silent or answers nonsense."""

    code = "device"


class SinkFailed(_SystemError):
    """A sink could not write what it was given."""

    code = "sink_failed"


class SystemFailed(_SystemError):
    """A system call failed."""

    code = "system"


class FileRefused(EegcoreError, FileExistsError):
    """A file exists already, and files are never overwritten."""

    code = "file_exists"


class Closed(EegcoreError, BrokenPipeError):
    """The other side of a ring or connection is gone."""

    code = "closed"


class EndOfData(EegcoreError, EOFError):
    """The source has no more frames."""

    code = "end_of_data"


class Stopped(EegcoreError, RuntimeError):
    """The run is being stopped; nothing more can be asked of it."""

    code = "stopped"


class StageError(EegcoreError, RuntimeError):
    """A stage failed while it worked.

    Parameters
    ----------
    message : str
    stage : str
        Id of the stage.
    frame_index : int, optional
        First frame of the packet it was given.
    config_rev : int, optional
        Configuration that packet was made under.
    """

    code = "stage_failed"

    def __init__(self, message: str = "", *, stage: str = "", frame_index: int | None = None,
                 config_rev: int | None = None, **details: Any) -> None:
        super().__init__(message, stage=stage, frame_index=frame_index, config_rev=config_rev, **details)
        self.stage = stage
        self.frame_index = frame_index
        self.config_rev = config_rev


class EdgeOverflow(EegcoreError, RuntimeError):
    """An edge with the policy `fail` was full.

    Parameters
    ----------
    message : str
    stage : str
        Id of the stage that could not hand its packet over.
    edge : str
        Name of the edge, ``bandpass->csv_sink``.
    frame_index : int, optional
        First frame of the packet that found no room.
    """

    code = "edge_overflow"

    def __init__(self, message: str = "", *, stage: str = "", edge: str = "",
                 frame_index: int | None = None, **details: Any) -> None:
        super().__init__(message, stage=stage, edge=edge, frame_index=frame_index, **details)
        self.stage = stage
        self.edge = edge
        self.frame_index = frame_index


class OutOfMemory(EegcoreError, MemoryError):
    """Memory could not be allocated."""

    code = "no_memory"


class PoolEmpty(EegcoreError, MemoryError):
    """A pool has no free slot."""

    code = "pool_empty"


class StaleReference(EegcoreError, RuntimeError):
    """A packet was used after its slot was given back."""

    code = "stale_reference"


class TapTimeout(EegcoreError, TimeoutError):
    """The time allowed passed without a packet."""

    code = "timeout"


class AbiMismatch(EegcoreError, ImportError):
    """A compiled part was built for another version of the stage ABI."""

    code = "abi_mismatch"


class Status(NamedTuple):
    """One row of `STATUS_TABLE`: the C name and text, the exception, its word and the next step."""

    name: str
    text: str
    error: type[EegcoreError] | None
    code: str = ""
    advice: str = ""


STATUS_TABLE: dict[int, Status] = {
    0: Status("OK", "done", None),
    -1: Status("NO_MEMORY", "memory could not be allocated", OutOfMemory,
               advice="Use fewer channels or smaller packets, or free memory"),
    -2: Status("BAD_ARGUMENT", "an argument is out of range", BadArgument,
               advice="The ranges are in the docstring of the call"),
    -3: Status("BAD_SETTING", "a setting is not understood", ConfigError, "bad_setting",
               "Run 'python -m eegcore stages NAME' for the settings of a stage"),
    -4: Status("BAD_STREAM", "the input stream does not fit this stage", BadStream,
               advice="Run 'python -m eegcore validate' to see what flows where"),
    -5: Status("POOL_EMPTY", "no free slot in the pool", PoolEmpty,
               advice="Pools are sized for the whole plan, so packets are being kept somewhere: "
                      "copy what you want to keep and release the rest"),
    -6: Status("STALE_REFERENCE", "a packet reference was used after its release", StaleReference,
               advice="Copy the data before the packet is released"),
    -7: Status("EDGE_FULL", "a full edge with policy fail", EdgeOverflow,
               advice="Make the stage behind it faster, raise its queue, or set its overflow to drop_oldest"),
    -8: Status("TIMEOUT", "the time allowed has passed", TapTimeout,
               advice="Check that the run is going and that packets reach this place"),
    -9: Status("CLOSED", "the other side is closed", Closed,
               advice="Start the run again before reading"),
    -10: Status("END_OF_DATA", "the source has no more frames", EndOfData,
                advice="Set loop: true to begin again at the end"),
    -11: Status("BAD_STATUS_WORD", "a status word does not begin with 1100", DeviceError, "bad_status_word",
                "Check the SPI wiring and clock, then run 'python -m eegcore doctor'"),
    -12: Status("DEVICE_IO", "the device did not answer a transfer", DeviceError, "device_io",
                "Check power and the SPI wiring, then run 'python -m eegcore doctor'"),
    -13: Status("NO_DRDY", "the data-ready line is silent", DeviceError, "no_drdy",
                "Check the DRDY wire and its GPIO number, then run 'python -m eegcore doctor'"),
    -14: Status("STAGE_FAILED", "a stage reported a failure of its own", StageError,
                advice="Its own message is in the log, just before this one"),
    -15: Status("SYSTEM", "a system call failed", SystemFailed,
                advice="Run 'python -m eegcore doctor' to see what this system allows"),
    -16: Status("ABI_MISMATCH", "built for another version of the stage ABI", AbiMismatch,
                advice="Build it again with the headers of this eegcore"),
    -17: Status("STOPPED", "the run is being stopped", Stopped,
                advice="Start it again first"),
    -18: Status("BAD_DEVICE", "the device is not the one expected", DeviceError, "bad_device",
                "Compare the board with the chips of this pipeline, then run 'python -m eegcore doctor'"),
    -19: Status("DEVICE_GONE", "the device has vanished", DeviceError, "device_gone",
                "Check the cable and the board's power, then start again"),
    -20: Status("WRONG_RATE", "the data-ready line runs at a wrong rate", DeviceError, "wrong_rate",
                "Check DRDY for noise and the chip's clock, then run 'python -m eegcore doctor'"),
}
"""Every code of ``csrc/base/ec_status.h``, in its order and with its names and texts."""

_MOMENT = {"frame_index": "at frame", "config_rev": "in revision"}
_PLACE_FIELD: dict[type[EegcoreError], str] = {StageError: "stage", EdgeOverflow: "edge"}


def from_status(status: int, where: str, *, errno: int | None = None, **details: Any) -> EegcoreError:
    """Return the exception for a negative status of the compiled core.

    Parameters
    ----------
    status : int
        Negative code of ``ec_status.h``. A code this table does not know gives a plain
        `EegcoreError` that names the number, so that the first failure is never hidden.
    where : str
        The place, as the message shows it: a stage id, an edge, a pool, a device path.
    errno : int, optional
        What the kernel said, if it said something.
    **details
        More facts, such as ``frame_index`` and ``config_rev`` of a `StageError`.

    Raises
    ------
    ValueError
        If `status` is not negative: 0 and above are successes.
    """
    if status >= 0:
        raise ValueError(f"{where}: status {status} is a success. Only negative codes are errors.")
    row = STATUS_TABLE.get(status, Status("UNKNOWN", "an unknown status", EegcoreError, "unknown_status",
                                          "Report it with the log of this run"))
    raw = f"{row.name} {status}"
    if errno:
        raw += f", {errno_names.errorcode.get(errno, 'errno')} {errno}"
        details["errno"] = errno
    when = [f"{word} {details[key]}" for key, word in _MOMENT.items() if details.get(key) is not None]
    text, advice = " ".join([row.text, *when, f"[{raw}]"]), _sentence(row.advice)
    error = row.error or EegcoreError
    details.update(status=status, status_name=row.name)
    if error is ConfigError:
        return ConfigError([Problem(path=where, message=text, hint=advice)], code=row.code, **details)
    field = _PLACE_FIELD.get(error)
    if field is not None:
        details.setdefault(field, where)
    return error(f"{where}: {text}. {advice}", code=row.code or None, **details)

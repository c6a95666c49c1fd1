"""What is to be done with one recording, and what came of it. Both travel between processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """One recording and the pipeline for it.

    Parameters
    ----------
    key : str
        Names the task among those of its pool; part of folder names.
    name : str
        What ``{input}`` becomes in the paths of sinks.
    input : str
        Absolute path of the recording.
    pipeline, label : str
        The pipeline as text, and what messages call it.
    overrides : tuple of str
        ``ID.KEY=VALUE``.
    source : str
        Id of the playback.
    out : str
        Absolute path of the folder for relative paths of sinks.
    work : str
        Name of the folder of this pool, hidden, inside every folder that outputs go to.
    retries : int
        How often a killed worker is forgiven.
    """

    key: str
    name: str
    input: str
    pipeline: str
    label: str
    overrides: tuple[str, ...]
    source: str
    out: str
    work: str
    retries: int


@dataclass(frozen=True)
class Outcome:
    """What came of one recording.

    Parameters
    ----------
    input : str
        Absolute path of the recording.
    outputs : tuple of str
        Files written, each whole, in the order of their names; ``PATH.ledger.json`` lies beside each.
    frames, lost : int
        Of the ledger.
    signal_s : float
        How long the recording is.
    seconds : float
        What it took, reading included.
    attempts : int
        1, and one more for every worker that was killed.
    error : str or None
        Why there is no result; None if all went well.
    stopped : bool
        True if it was not even tried to its end, because the pool was stopped.
    warnings : tuple of str
    ledger : dict or None
        As ``run --json`` prints it.
    """

    input: str
    outputs: tuple[str, ...] = ()
    frames: int = 0
    lost: int = 0
    signal_s: float = 0.0
    seconds: float = 0.0
    attempts: int = 1
    error: str | None = None
    stopped: bool = False
    warnings: tuple[str, ...] = ()
    ledger: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """True if every output is there and whole."""
        return self.error is None

    @property
    def digest(self) -> dict[str, str]:
        """SHA-256 of what each sink was given, by sink id (INTERFACES section 3)."""
        return dict((self.ledger or {}).get("digest") or {})

    @property
    def times_real_time(self) -> float:
        """How many times faster than it was recorded."""
        return self.signal_s / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {**asdict(self), "outputs": list(self.outputs), "warnings": list(self.warnings), "ok": self.ok,
                "digest": self.digest, "times_real_time": round(self.times_real_time, 1)}


def from_dict(values: dict[str, Any]) -> Outcome:
    """Return the outcome that `Outcome.as_dict` wrote."""
    known = {name: values[name] for name in Outcome.__dataclass_fields__}
    return Outcome(**{**known, "outputs": tuple(known["outputs"]), "warnings": tuple(known["warnings"])})


def not_done(task: Task, error: str, *, attempts: int = 1, seconds: float = 0.0, stopped: bool = False) -> Outcome:
    """Return the outcome of a recording that gave no result."""
    return Outcome(task.input, error=error, attempts=attempts, seconds=seconds, stopped=stopped)

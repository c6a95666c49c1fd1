"""Filters as second-order sections or as taps, designed by scipy without importing it here.

Importing `scipy.signal` costs 100 MB, so the serving process never does: a
short-lived child designs what the cache on disk does not know, one child for a
whole plan. A process that already uses `scipy.signal` designs directly.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, Self, cast

from eegcore.stages import design_child

FORMAT = 2                                     # of the cache: raised when a specification gets another meaning
Sos = list[list[float]]                        # n_sections rows of b0 b1 b2 a0 a1 a2, a0 = 1
Form = Literal["sos", "taps"]                  # taps are kept as one row of a file, newest frame first


class DesignError(RuntimeError):
    """A filter could not be designed; the message says why."""


def cache_folder() -> Path:
    """Return where designs are kept: ``$XDG_CACHE_HOME/eegcore/filters``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "eegcore" / "filters"


def sos_to_hex(sos: Sos) -> list[list[str]]:
    """Write coefficients as hexadecimal floats: exact, and the same on every machine."""
    return [[value.hex() for value in section] for section in sos]


def sos_from_hex(rows: list[list[str]]) -> Sos:
    """Read what `sos_to_hex` wrote.

    Raises
    ------
    ValueError
        If a row has not six finite coefficients.
    """
    sos = [[float.fromhex(value) for value in section] for section in rows]
    if not sos or any(len(section) != 6 for section in sos):
        raise ValueError("a section has six coefficients")
    if any(value - value != 0.0 for section in sos for value in section):
        raise ValueError("a coefficient is not finite")
    return sos


def taps_to_hex(taps: list[float]) -> list[str]:
    """Write taps as hexadecimal floats."""
    return [tap.hex() for tap in taps]


def taps_from_hex(row: list[str]) -> list[float]:
    """Read the taps of a finite impulse response.

    Raises
    ------
    ValueError
        If there is none, or one is not finite.
    """
    taps = [float.fromhex(value) for value in row]
    if not taps or any(tap - tap != 0.0 for tap in taps):
        raise ValueError("a filter has at least one tap, and every tap is finite")
    return taps


@functools.cache
def _scipy_version() -> str:
    """Return the version of the scipy that is installed, imported or not."""
    return importlib.metadata.version("scipy")


def _read_rows(form: Form, rows: list[list[str]]) -> Sos:
    return sos_from_hex(rows) if form == "sos" else [taps_from_hex(row) for row in rows[:1]]


class Designer:
    """Designs filters for one plan; use as a context manager, so that the child is gone afterwards.

    Parameters
    ----------
    cache : Path, optional
        Folder of known designs; `cache_folder()` if None.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._known: dict[str, Sos] = {}
        self._child: subprocess.Popen[str] | None = None
        self._complaints: Any = None           # the child's stderr, a temporary file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sos(self, **spec: Any) -> Sos:
        """Return the sections of one specification (see `design_child.design`).

        Raises
        ------
        DesignError
            If scipy refuses the specification or is not there.
        """
        return self._rows("sos", spec)

    def taps(self, **spec: Any) -> list[float]:
        """Return the taps of one specification, newest frame first (see `design_child.taps`).

        Raises
        ------
        DesignError
            If scipy refuses the specification or is not there.
        """
        return self._rows("taps", spec)[0]

    def close(self) -> None:
        """Let the child leave. The object may be used again afterwards."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(OSError):
                cast(Any, child.stdin).close()
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            cast(Any, child.stdout).close()
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def _rows(self, form: Form, spec: dict[str, Any]) -> Sos:
        text = json.dumps(spec, sort_keys=True)
        if text not in self._known:
            self._known[text] = self._read(form, text) or self._make(form, text, spec)
        return [list(row) for row in self._known[text]]

    def _make(self, form: Form, text: str, spec: dict[str, Any]) -> Sos:
        if "scipy.signal" in sys.modules:
            try:
                rows = design_child.design(spec) if form == "sos" else [design_child.taps(spec)]
            except (ValueError, ArithmeticError) as error:
                raise DesignError(f"{type(error).__name__}: {error}") from error
        else:
            rows = self._ask(form, text)
        self._write(form, text, rows)
        return rows

    def _ask(self, form: Form, text: str) -> Sos:
        if self._child is None:
            self._start()
        child = cast("subprocess.Popen[str]", self._child)
        try:
            cast(Any, child.stdin).write(f'{{"{form}": {text}}}\n')
            cast(Any, child.stdin).flush()
            line = cast(Any, child.stdout).readline()
        except OSError:
            line = ""
        if not line:
            self._complaints.seek(0)
            last = self._complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            self.close()
            raise DesignError(f"the process that designs filters ended: {last[0]}")
        answer = json.loads(line)
        if "error" in answer:
            raise DesignError(answer["error"])
        return _read_rows(form, answer[form])

    def _start(self) -> None:
        # -P: the folder of this script holds modules named like the standard library's.
        # One BLAS thread: designing needs none, and each costs memory and start time.
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", design_child.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._complaints, text=True, env=environment, start_new_session=True)
        except OSError as error:
            raise DesignError(f"the process that designs filters did not start: {error}") from error

    def _path(self, text: str) -> Path | None:
        try:
            version = _scipy_version()
            folder = self._cache or cache_folder()
        except (importlib.metadata.PackageNotFoundError, RuntimeError):   # RuntimeError: no home folder
            return None
        return folder / (hashlib.sha256(f"{FORMAT} {version} {text}".encode()).hexdigest() + ".json")

    def _read(self, form: Form, text: str) -> Sos | None:
        path = self._path(text)
        if path is None:
            return None
        try:
            kept = json.loads(path.read_text())
            return _read_rows(form, kept[form]) if kept["spec"] == text else None
        except (OSError, ValueError, KeyError, TypeError):   # absent or damaged: design it again
            return None

    def _write(self, form: Form, text: str, rows: Sos) -> None:
        path = self._path(text)
        if path is None:
            return
        with contextlib.suppress(OSError):     # a cache that cannot be written costs time, nothing else
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump({"spec": text, form: sos_to_hex(rows)}, file)
                os.replace(name, path)
            except OSError:
                os.unlink(name)
                raise

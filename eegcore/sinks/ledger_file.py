"""The ledger as a file: written beside what a sink wrote, read back, checked, shown.

One JSON object, the same everywhere: ``/api/ledger``, ``run --json``,
``PATH.ledger.json``. Every frame must be accounted for::

    source   edges   = delivered + missed + bad_status + late + settling + paused + pool_empty + pending
    edge     in      = out + dropped[reason] + in_flight
    sink     in      = written + refused[reason] + queued
    client   offered = sent + skipped[reason] + queued

A stage that joins streams accounts for every input, in frames of that stream::

    input    in      = used + skipped + held
    input    out     = used + repeated + filled
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eegcore.errors import EegcoreError
from eegcore.sinks.file_operations import (
    CREATE,
    MODE,
    REAL,
    FileOperations,
    again,
    close_once,
    sink_failed,
    sync_folder,
    write_all,
)

SUFFIX = ".ledger.json"
MAX_BYTES = 16 << 20


class LedgerRefused(EegcoreError, ValueError):
    """A ledger file cannot be read: missing, too large, or no ledger."""

    code = "bad_ledger"


@dataclass(frozen=True)
class Identity:
    """``whole = sum of parts``; the `reasons` part is a mapping of its own."""

    section: str
    word: str
    whole: str
    parts: tuple[str, ...]
    reasons: str | None = None
    inner: str | None = None                   # the entries are one level further down, under this key


IDENTITIES = (
    Identity("sources", "source", "edges",
             ("delivered", "missed", "bad_status", "late", "settling", "paused", "pool_empty", "pending")),
    Identity("edges", "edge", "in", ("out", "dropped", "in_flight"), "dropped"),
    Identity("sinks", "sink", "in", ("written", "refused", "queued"), "refused"),
    Identity("clients", "client", "offered", ("sent", "skipped", "queued"), "skipped"),
    Identity("stages", "input", "in", ("used", "skipped", "held"), inner="inputs"),
    Identity("stages", "input", "out", ("used", "repeated", "filled"), inner="inputs"),
)


def ledger_path(path: str | os.PathLike[str]) -> str:
    """Return the name of the ledger file that belongs to `path`."""
    return os.fspath(path) + SUFFIX


def write_ledger(path: str, ledger: dict[str, Any], operations: FileOperations = REAL) -> None:
    """Write a ledger so that a reader sees all of it or no file at all.

    It goes to a temporary name in the same folder, to the disk, and then to
    its own name; the folder is synced last, so the name survives a power cut.

    Raises
    ------
    SinkFailed
        If any step fails; the temporary file is removed if the disk lets us.
    """
    data = (json.dumps(ledger, indent=1, ensure_ascii=False, default=str) + "\n").encode()
    temporary = f"{path}.{os.getpid()}.part"
    doing = "creating the ledger"
    fd = -1
    made = False
    try:
        fd = again(operations.open, temporary, CREATE, MODE)
        made = True
        doing = "writing the ledger"
        _, stopped = write_all(operations, fd, data)
        if stopped is not None:
            raise stopped
        doing = "waiting for the disk to take the ledger"
        again(operations.fsync, fd)
        closing, fd = fd, -1
        close_once(operations, closing)
        doing = "naming the ledger"
        again(operations.rename, temporary, path)
        made = False
        doing = "waiting for the disk to take the name of the ledger"
        sync_folder(os.path.dirname(path), operations)
    except OSError as error:
        if fd >= 0:
            _quietly(operations.close, fd)
        if made:
            _quietly(operations.unlink, temporary)
        raise sink_failed(path, doing, error, "The samples are not concerned") from error


def _quietly(call: Any, argument: Any) -> None:
    with contextlib.suppress(OSError):               # cleaning up after a failure that is already being reported
        call(argument)


def read_ledger(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a ledger file; `path` may also name the recording it lies beside, or a session folder with one ledger.

    Raises
    ------
    LedgerRefused
        Missing, unreadable, larger than 16 MiB, no JSON, or no ledger. The
        content is not checked further: see `check_ledger`.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        name = _only_ledger(name)
    beside = ledger_path(name)
    if not name.endswith(".json"):
        if os.path.exists(name) and not os.path.exists(beside):
            raise LedgerRefused(f"{name}: has no ledger: there is no file {beside}. eegcore writes it when a run has "
                                "ended in order. Give a file that eegcore has recorded, or a .ledger.json file.",
                                code="not_found", path=name)
        name = beside if os.path.exists(beside) else name
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise LedgerRefused(f"{name}: there is no such file [ENOENT 2]. Give a .ledger.json file, or the "
                            "recording it lies beside.", code="not_found", path=name) from None
    except (OSError, ValueError) as error:
        raise LedgerRefused(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}. Give a "
                            ".ledger.json file, or the recording it lies beside.", path=name) from None
    if len(data) > MAX_BYTES:
        raise LedgerRefused(f"{name}: is larger than {MAX_BYTES >> 20} MiB. Give a .ledger.json file.", path=name)
    try:
        ledger = json.loads(data)
    except (ValueError, RecursionError):
        raise LedgerRefused(f"{name}: is no JSON. Give a .ledger.json file, or the recording it lies beside.",
                            path=name) from None
    if not isinstance(ledger, dict) or not {"frames", "sources", "edges", "sinks"} <= ledger.keys():
        raise LedgerRefused(f"{name}: is no ledger: 'frames', 'sources', 'edges' and 'sinks' are expected. "
                            "Give a .ledger.json file.", path=name)
    return ledger


def _only_ledger(folder: str) -> str:
    """Return the ledger of a folder. The files of one run have the same, so the first of a session's will do."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError:
        names = []
    if not names:
        raise LedgerRefused(f"{folder}: is a folder. No *{SUFFIX} is in it. Give the file that eegcore has recorded.",
                            path=folder)
    found = [os.path.join(folder, name) for name in names]
    if len({_bytes_of(path) for path in found}) > 1:
        shown = f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
        raise LedgerRefused(f"{folder}: is a folder. Give one of its ledgers: {shown}.", path=folder)
    return found[0]


def _bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return b""


def check_ledger(ledger: dict[str, Any]) -> list[str]:
    """Verify every identity and return one sentence for each that does not hold.

    Returns
    -------
    list of str
        Empty if every frame is accounted for.
    """
    problems: list[str] = []
    for name in ("frames", "lost"):
        if not _is_count(ledger.get(name)):
            problems.append(f"{name}: {ledger.get(name)!r} is no count of frames")
    for identity in IDENTITIES:
        section = ledger.get(identity.section, {})
        if not isinstance(section, dict):
            problems.append(f"{identity.section}: {section!r:.60} is no mapping")
            continue
        for key, entry in _entries(identity, section):
            problem = _check_entry(identity, entry)
            if problem:
                problems.append(f"{identity.word} {key}: {problem}")
    balanced = not problems
    if "balanced" in ledger and bool(ledger["balanced"]) != balanced:
        problems.append(f"balanced: the ledger says {str(ledger['balanced']).lower()}, "
                        f"its numbers say {str(balanced).lower()}")
    return problems


def _entries(identity: Identity, section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what an identity is about, with the name it has in messages."""
    for key, entry in section.items():
        if identity.inner is None:
            yield key, entry
            continue
        inner = entry.get(identity.inner, {}) if isinstance(entry, dict) else None
        if not isinstance(inner, dict):
            yield key, inner
            continue
        for name, item in inner.items():
            # what a stage does not count is not asked for
            if not isinstance(item, dict) or identity.whole in item:
                yield f"{name}->{key}", item


def _check_entry(identity: Identity, entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return f"{entry!r:.60} is no mapping"
    for name in (identity.whole, *identity.parts):
        value = entry.get(name, {} if name == identity.reasons else None)
        if name == identity.reasons and isinstance(value, dict):
            bad = [reason for reason, n in value.items() if not _is_count(n)]
            if bad:
                return f"{name}[{bad[0]}] is {value[bad[0]]!r}, no count of frames"
        elif not _is_count(value):
            return f"{name} is {value!r}, no count of frames"
    whole, total = entry[identity.whole], sum(_part(identity, entry, name) for name in identity.parts)
    if whole != total:
        equation = _equation(identity, entry, everything=True)
        return f"{equation}, but the parts make {_spaced(total)} ({whole - total:+d})"
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _part(identity: Identity, entry: dict[str, Any], name: str) -> int:
    value = entry.get(name, 0)
    if name == identity.reasons and isinstance(value, dict):
        value = sum(value.values())
    return int(value)


def format_ledger(ledger: dict[str, Any]) -> str:
    """Return the ledger as text for people: one line of result, one line per identity.

    Parts that are 0 are left out, except the first; reasons are shown.
    """
    problems = check_ledger(ledger)
    verdict = "balanced" if not problems else "NOT BALANCED"
    lines = [f"ledger of run {ledger.get('run_id') or '(no id)'}: "
             f"lost {_spaced(ledger.get('lost'))} of {_spaced(ledger.get('frames'))} frames, {verdict}"]
    broken = {problem.partition(": ")[0] for problem in problems}
    for identity in IDENTITIES:
        section = ledger.get(identity.section) or {}
        if not isinstance(section, dict):
            continue
        entries = list(_entries(identity, section))
        width = max((len(str(key)) for key, _ in entries), default=0)
        for key, entry in entries:
            mark = "   <- does not hold" if f"{identity.word} {key}" in broken else ""
            try:
                equation = _equation(identity, entry)
            except (AttributeError, TypeError, ValueError):
                equation = "unreadable"
            lines.append(f"  {identity.word:<7}{key!s:<{width}}  {equation}{mark}")
    for sink, digest in sorted((ledger.get("digest") or {}).items()):
        lines.append(f"  digest {sink}  sha256 {digest}")
    lines.extend(f"  problem: {problem}" for problem in problems)
    return "\n".join(lines)


def _equation(identity: Identity, entry: dict[str, Any], everything: bool = False) -> str:
    terms = []
    for position, name in enumerate(identity.parts):
        value = _part(identity, entry, name)
        if not (everything or value or position == 0):
            continue
        term = f"{name} {_spaced(value)}"
        reasons = entry.get(name)
        if name == identity.reasons and isinstance(reasons, dict) and any(reasons.values()):
            term += f" ({', '.join(f'{why} {_spaced(n)}' for why, n in reasons.items() if n)})"
        terms.append(term)
    return f"{identity.whole} {_spaced(entry[identity.whole])} = {' + '.join(terms)}"


def _spaced(value: Any) -> str:
    """Group thousands by blanks; anything but a number is shown as it is."""
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and not isinstance(value, bool) else str(value)

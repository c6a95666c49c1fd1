"""What was changed live, kept over a restart of the program.

One small file per pipeline file, in the state directory. It is written when `serve` ends in order, and read when it
serves the same file again: a tired researcher finds the notch where it was left yesterday, and one log line says so.
It holds for the file as it was, ``--set`` options included. When the file has changed since, what it says wins, and
the changes that are dropped are named in the log. Loading a preset or sending another pipeline discards the changes.
``serve --fresh`` begins without them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eegcore.control.documents import Document
from eegcore.control.files import write_whole
from eegcore.control.patching import measure
from eegcore.errors import EegcoreError
from eegcore.logs import get_logger

VERSION = 1
MAX_BYTES = 1 << 20
MAX_ASIDE = 100                                        # unreadable files kept beside one that is written again

log = get_logger("control")


@dataclass(frozen=True)
class Saved:
    """Changes of one pipeline file.

    Parameters
    ----------
    digest : str
        Of the file they belong to.
    overrides : dict
        JSON merge patch.
    listed : list of str
        The same for people.
    """

    digest: str
    overrides: Document
    listed: list[str]


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return ``$XDG_STATE_HOME/eegcore``, else ``~/.local/state/eegcore`` (XDG Base Directory Specification 0.8)."""
    given = (os.environ if environment is None else environment).get("XDG_STATE_HOME", "")
    root = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return root / "eegcore"


class StateStore:
    """Files in one folder, which is made when something is kept.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, pipeline: Path) -> Path:
        """Return the file that belongs to a pipeline file; files of one name in two folders are two."""
        whole = hashlib.sha256(os.fsencode(pipeline.resolve())).hexdigest()[:12]
        return self.folder / f"{pipeline.stem[:64]}-{whole}.json"

    def load(self, pipeline: Path) -> Saved | None:
        """Return what was kept for a pipeline file, None if nothing was.

        A file that cannot be understood is put aside with a warning: it is never overwritten, and never a reason not
        to start.
        """
        path = self.path(pipeline)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("state: %s cannot be read (%s). The pipeline starts as its file says.", path, error.strerror)
            return None
        try:
            return _understood(content)
        except (ValueError, RecursionError, EegcoreError) as error:
            log.warning("state: %s is not what it should be (%s). It is kept as %s; the pipeline starts as its file "
                        "says.", path, str(error)[:200], self._put_aside(path))
            return None

    def save(self, pipeline: Path, saved: Saved) -> bool:
        """Keep changes of a pipeline file, or forget them if there are none; False if that failed, which is logged."""
        path = self.path(pipeline)
        document = {"version": VERSION, "pipeline": os.fspath(pipeline.resolve()), "digest": saved.digest,
                    "saved_unix_ns": time.time_ns(), "listed": saved.listed, "overrides": saved.overrides}
        try:
            if not saved.overrides:
                path.unlink(missing_ok=True)
                return True
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps(document, indent=1, allow_nan=False).encode() + b"\n", mode=0o600)
        except OSError as error:
            log.warning("state: changes are not kept, %s cannot be written (%s): %s.", path, error.strerror,
                        ", ".join(saved.listed))
            return False
        return True

    def _put_aside(self, path: Path) -> Path:
        for number in range(1, MAX_ASIDE):
            aside = path.with_suffix(f".unreadable-{number}")
            if not aside.exists():
                break
        try:
            os.rename(path, aside)
        except OSError:
            return path
        return aside


def _understood(content: bytes) -> Saved:
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError(f"version {VERSION} is understood")
    digest, overrides, listed = document.get("digest"), document.get("overrides"), document.get("listed")
    if not isinstance(digest, str) or not isinstance(overrides, dict) or not isinstance(listed, list):
        raise ValueError("digest, listed and overrides are needed")
    measure(overrides, "overrides")
    return Saved(digest, overrides, [str(line) for line in listed])

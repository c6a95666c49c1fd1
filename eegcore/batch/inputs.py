"""Recordings as people name them: files, folders, patterns; and one name for each."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from eegcore.devices.recording_files import looks_like_recording
from eegcore.errors import BadArgument
from eegcore.stages.playback import stem_of

DEEPEST = 8                                            # folders a name may take in front


def _folders(path: str, n: int) -> list[str]:
    return [part for part in Path(path).parts[:-1] if part != os.sep][-n:] if n else []


def _named(n: int, whole: bool) -> Callable[[str], str]:
    def make(path: str) -> str:
        last = stem_of(path + ".x") if whole else stem_of(path)
        return "_".join([*_folders(path, n), last]).translate({ord("{"): "_", ord("}"): "_"})

    return make


NAMES: tuple[Callable[[str], str], ...] = tuple(
    _named(n, whole) for whole in (False, True) for n in range(DEEPEST + 1))
"""Ways to name a recording, the best first: its stem, alone or with folders in front; then its file name likewise."""


def is_name(name: str) -> bool:
    """Tell whether a text can be a part of file names."""
    return bool(name) and not set(name) & set("/{}\0")


def refuse_braces(folder: str) -> None:
    """Refuse a folder whose name would be read as a placeholder."""
    if set(folder) & set("{}"):
        raise BadArgument(f"{folder}: braces in a folder of outputs. They mean {{start}} and {{input}} in the paths of "
                          "sinks. Choose another folder.")


def find_recordings(inputs: Iterable[str]) -> list[str]:
    """Return the absolute paths of recordings, each once, in the order given.

    Parameters
    ----------
    inputs : iterable of str
        A file; a folder, for the recordings directly in it; a pattern (``*``, ``?``, ``[...]``; ``**`` for folders
        in folders) that the shell has left alone.

    Raises
    ------
    BadArgument
        With a line for each input that names no recording.
    """
    found: dict[str, None] = {}
    problems: list[str] = []
    for given in inputs:
        path = os.path.abspath(os.path.expanduser(given))
        if os.path.isdir(path):
            inside = [os.path.join(path, name) for name in sorted(os.listdir(path)) if not name.startswith(".")]
            here = [one for one in inside if os.path.isfile(one) and looks_like_recording(one)]
            if not here:
                problems.append(f"{given}: no recording is in this folder. OpenBCI text, CSV, EDF and BDF are known, "
                                "each also as .xz. For folders in it, quote a pattern: '**/*.bdf'.")
        elif os.path.lexists(path):
            here = [path]
        elif glob.has_magic(given):
            here = [one for one in sorted(glob.glob(path, recursive=True)) if os.path.isfile(one)]
            if not here:
                problems.append(f"{given}: no file fits this pattern. Check it; a relative one starts at the folder "
                                "the command is run in.")
        else:
            here = []
            problems.append(f"{given}: there is no such file [ENOENT 2]. Give recordings, folders or patterns.")
        found.update(dict.fromkeys(here))
    if problems:
        raise BadArgument("\n".join(problems))
    return list(found)


def name_all(paths: Sequence[str]) -> dict[str, str]:
    """Return the name of each recording: the shortest of `NAMES` that no other one shares.

    It does not depend on the order, so the same recordings always give the same files.
    """
    named: dict[str, str] = {}
    left = list(dict.fromkeys(paths))
    for make in NAMES:
        made = {path: make(path) for path in left}
        taken = Counter([*made.values(), *named.values()])
        named.update({path: name for path, name in made.items() if taken[name] == 1})
        left = [path for path in left if path not in named]
    if left:
        raise BadArgument(f"{left[0]}: its name cannot be told from that of another recording. Rename it.")
    return named

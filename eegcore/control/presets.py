"""Pipelines by name: those a user has saved, those beside the work, then those that ship with the package.

Saved ones go into ``$XDG_CONFIG_HOME/eegcore/pipelines`` (else ``~/.config``). A saved one with the name of another
is found in its place, so that takes saying: `shadow`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eegcore.config.nodes import shown
from eegcore.config.problems import did_you_mean, listing
from eegcore.control.documents import written
from eegcore.control.files import write_whole
from eegcore.control.preparing import prepare
from eegcore.errors import BadArgument, NotFound, StateConflict, SystemFailed

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}")
NAME_RULE = "1 to 64 letters, digits, - and _, beginning with a letter or digit"
MAX_SAVED = 1000
MAX_BYTES = 1 << 20


def user_folder() -> Path:
    """Return where saved pipelines are (XDG Base Directory Specification 0.8)."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(given) if given.startswith("/") else Path.home() / ".config"
    return root / "eegcore" / "pipelines"


def preset_folders() -> list[Path]:
    """Return where presets are looked for, in this order."""
    package = Path(__file__).resolve().parent.parent
    return [user_folder(), Path("pipelines"), package / "pipelines", package.parent / "pipelines"]


def presets() -> dict[str, Path]:
    """Return the presets by name."""
    found: dict[str, Path] = {}
    for folder in preset_folders():
        for path in sorted(folder.glob("*.yaml")):
            if NAME.fullmatch(path.stem):
                found.setdefault(path.stem, path)
    return found


def preset_file(name: str) -> Path:
    """Return the file of a preset; NotFound names the known ones."""
    known = presets()
    if name not in known:
        raise NotFound(f"preset: no preset is called {shown(name)}. "
                       f"{did_you_mean(name, known, f'Known: {listing(known)}.')}")
    return known[name]


def listed() -> list[dict[str, Any]]:
    """Return name, first line of the comment and origin of every preset."""
    saved = user_folder()
    return [{"name": name, "about": _about(path), "saved": path.parent == saved} for name, path in presets().items()]


def read(name: str) -> str:
    """Return the text of a preset; NotFound if there is none."""
    try:
        with preset_file(name).open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotFound(f"preset: {name!r} cannot be read ({error.strerror}).") from None


def save(name: str, text: str, *, shadow: bool = False) -> dict[str, Any]:
    """Keep a pipeline under a name; return name, path, and what it stands in place of.

    Parameters
    ----------
    name : str
    text : str
        YAML or JSON. It is checked first, and kept as it is, comments included.
    shadow : bool
        Also under the name of a preset that was not saved but ships or lies beside the work. That stays as it is and
        is not found any more.

    Raises
    ------
    BadArgument
        If the name is none.
    ConfigError
        With every mistake of the pipeline. Nothing is kept then.
    StateConflict
        ``name_taken`` by a preset that was not saved here, or too many are saved.
    SystemFailed
        If the file cannot be written.
    """
    if not NAME.fullmatch(name):
        raise BadArgument(f"preset: {shown(name)} is not a name. Allowed: {NAME_RULE}.", code="bad_name")
    prepare(text, name=name)
    folder = user_folder()
    path = folder / f"{name}.yaml"
    other = presets().get(name)
    if other is not None and other != path and not shadow:
        raise StateConflict(f"preset: {name!r} is one that was not saved here ({other}). Choose another name, or add "
                            "?shadow=true: the saved one is then found in its place.", code="name_taken",
                            path=str(other))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists() and sum(1 for _ in folder.glob("*.yaml")) >= MAX_SAVED:
            raise StateConflict(f"preset: {MAX_SAVED} are saved in {folder}. Remove some of these files first.")
        write_whole(path, text.encode())
    except OSError as error:
        raise SystemFailed(f"preset: {path} cannot be written ({error.strerror}). Nothing was kept.",
                           errno=error.errno) from None
    shadows = str(other) if other is not None and other != path else None
    return {"name": name, "path": str(path), "shadows": shadows}


def as_yaml(config: PipelineConfig) -> str:
    """Return a configuration as a pipeline file, without the defaults it does not write."""
    import yaml

    document = written(config)
    stages = [{stage.pop("type"): {"id": stage_id, **{key: value for key, value in stage.items() if value is not None}}}
              for stage_id, stage in document["stages"].items()]
    for stage in stages:
        settings = next(iter(stage.values()))
        if not settings["inputs"]:
            del settings["inputs"]
    text: str = yaml.safe_dump({**document, "stages": stages}, sort_keys=False, allow_unicode=True, width=110,
                               default_flow_style=None)
    return text


def _about(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline(300)
    except OSError:
        return ""
    return first.lstrip("# ").strip() if first.startswith("#") else ""

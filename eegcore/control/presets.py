"""Pipelines by name: those beside the work, then those that ship with the package."""

from __future__ import annotations

from pathlib import Path

from eegcore.errors import NotFound


def preset_folders() -> list[Path]:
    """Return where presets are looked for: beside the work, then in the package."""
    package = Path(__file__).resolve().parent.parent
    return [Path("pipelines"), package / "pipelines", package.parent / "pipelines"]


def presets() -> dict[str, Path]:
    """Return the presets by name."""
    found: dict[str, Path] = {}
    for folder in preset_folders():
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def preset_file(name: str) -> Path:
    """Return the file of a preset; NotFound names the known ones."""
    known = presets()
    if name not in known:
        raise NotFound(f"preset: no preset is called {name!r}. Known: {', '.join(known)}.")
    return known[name]

"""Where the C header for native stages lies."""

from __future__ import annotations

from pathlib import Path


def get_include() -> str:
    """Return the folder that holds ``eegcore/plugin.h``.

    Raises
    ------
    FileNotFoundError
        If this installation carries no header.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "include", package.parent / "csrc" / "include"):
        if (folder / "eegcore" / "plugin.h").is_file():
            return str(folder)
    raise FileNotFoundError(f"{package}: eegcore/plugin.h is not part of this installation. Install the wheel again.")

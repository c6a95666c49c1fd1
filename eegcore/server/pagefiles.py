"""The files of the page. Only what lies in `eegcore/web` when the server starts is ever opened.

A request names a key of a table, never a path: there is nothing to traverse.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

TYPES = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
    ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json", ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
MAX_FILE_BYTES = 4 * 1024 * 1024


class PageFiles:
    """Regular files of known types below one folder, by their relative name."""

    def __init__(self, folder: Path) -> None:
        self._paths: dict[str, Path] = {}
        for base, folders, names in os.walk(folder, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            for name in names:
                path = Path(base, name)
                if path.suffix in TYPES and not name.startswith(".") and stat.S_ISREG(path.lstat().st_mode):
                    self._paths[path.relative_to(folder).as_posix()] = path

    def names(self) -> list[str]:
        """Return the names that can be read."""
        return sorted(self._paths)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Return content and media type of a file; None if there is none of that name."""
        path = self._paths.get(name)
        if path is None:
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return file.read(MAX_FILE_BYTES), TYPES[path.suffix]

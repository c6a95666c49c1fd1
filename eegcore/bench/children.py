"""Child processes of a benchmark: started, listened to, ended whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ADDRESS = re.compile(r"https?://[\w.\[\]:]+\d")
END_S = 10.0


def environment() -> dict[str, str]:
    """Return the environment in which a child imports this very eegcore."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


class Child:
    """One process; ``with`` ends it, gently first."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def line(self) -> str:
        """Return the next line it prints, without the newline; RuntimeError at its end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench: {' '.join(map(str, self._process.args))} ended early "  # type: ignore[arg-type]
                               f"with status {self._process.wait()}. Run it by hand to see why.")
        return line.rstrip("\n")

    def line_with(self, prefix: str) -> str:
        """Return what follows `prefix` in the next line that begins with it."""
        last: list[str] = []
        while True:
            try:
                line = self.line()
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n" + "\n".join(last[-20:])) from None
            if line.startswith(prefix):
                return line[len(prefix):]
            last.append(line)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def read_address(child: Child) -> str:
    """Return the address a server prints."""
    while True:
        found = ADDRESS.search(child.line())
        if found:
            return found[0]

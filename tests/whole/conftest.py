"""The product as a user starts it: a process, its page and its files."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Served:
    """A running ``eegcore serve``."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._error_path = folder / "serve.err"
        self._error = self._error_path.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eegcore", "serve", *arguments, "--port", "0"], stdout=subprocess.PIPE,
            stderr=self._error, text=True, cwd=Path(__file__).resolve().parents[2])
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found is None:
            self.process.wait(10)
            raise AssertionError(f"serve did not come up: {line!r} {self.log}")
        self.port = int(found[1])
        self.url = found[0]

    def get(self, path: str) -> Any:
        """GET JSON."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any = None) -> Any:
        """POST JSON, return JSON."""
        data = json.dumps(body).encode() if body is not None else b""
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; return exit status and what was printed."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out

    @property
    def log(self) -> str:
        """What went to stderr so far."""
        return self._error_path.read_text()

    def close(self) -> None:
        """Make sure it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._error.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start servers; all are gone after the test."""
    started: list[Served] = []

    def start(*arguments: str) -> Served:
        started.append(Served(list(arguments), tmp_path))
        return started[-1]

    yield start
    for served in started:
        served.close()

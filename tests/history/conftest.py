"""Runs with a history, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eegcore.cli import main
from eegcore.pipeline import Pipeline, Run

Change = tuple[int, str, dict[str, Any]]               # frame, stage, settings


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """Run stages in virtual time behind a history; return its folder."""
    made: list[Path] = []

    def run_it(stages: list[dict[str, Any]], *, seconds: float = 1.2, changes: list[Change] | None = None,
               edit: Callable[[Run], object] | None = None, **settings: Any) -> Path:
        folder = tmp_path / f"history_{len(made)}"
        made.append(folder)
        sink = {"history_sink": {"path": str(folder), "minutes": 5, **settings}}
        run = Pipeline([*stages, sink], clock="virtual").run(seconds=seconds)
        for frame, stage, keys in changes or []:
            run.update(stage, at_frame=frame, **keys)
        if edit is not None:
            edit(run)
        with run:
            assert run.wait(60), "the run did not end"
        ledger = run.ledger()
        assert ledger["balanced"]
        assert ledger["sinks"]["history_sink"]["refused"] == {}
        return folder

    return run_it


@dataclass
class Done:
    """What a command said."""

    status: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process."""

    def run_it(*arguments: object) -> Done:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    return run_it

"""Every preset validates, says what it is, and runs a second on the virtual clock with balanced books."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from source import ROOT

from eegcore.cli import main
from eegcore.control.preparing import prepare
from eegcore.control.presets import presets
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger

PRESETS = sorted((ROOT / "pipelines").glob("*.yaml"))
HARDWARE = {"pieeg16"}                         # presets that need a board
COMMANDS = {"offline": "batch"}                # the others are served


@pytest.fixture
def overrides(tmp_path: Path) -> dict[str, list[str]]:
    """What a preset cannot know by itself."""
    table = tmp_path / "table.csv"
    table.write_text("Fp1,Fp2\n" + "".join(f"{i % 50},{i % 31}\n" for i in range(1000)))
    played = [f"playback.path={table}", "playback.sps=250"]
    return {"replay": played, "offline": [*played, f"csv_sink.path={tmp_path}/{{input}}_filtered.csv"]}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_plans_and_runs(path, overrides):
    given = overrides.get(path.stem, [])
    config, plan = prepare(path, overrides=given)
    assert config.name == plan.name == path.stem
    if path.stem in HARDWARE:
        return                                 # a device has no virtual clock, and none is here
    with Pipeline.from_yaml(path, overrides=given, clock="virtual").run(seconds=1) as run:
        assert run.wait(60)
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["frames"] > 0
    assert ledger["lost"] == 0
    # less than all only where a window is still open: of a spectrum, of an impedance
    per_board = {source["edges"] for source in ledger["sources"].values()}
    for sink in ledger["sinks"].values():
        waits = sink["refused"].get("idle", 0)         # a recorder that nobody has told to record
        assert sink["written"] + waits == sink["in"] <= max(per_board)
    assert any(sink["written"] in per_board for sink in ledger["sinks"].values())


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_says_how_to_start_it(path):
    first, second = path.read_text().splitlines()[:2]
    assert first.startswith("# ")
    assert f"python -m eegcore {COMMANDS.get(path.stem, 'serve')} pipelines/{path.name}" in path.read_text()
    assert second.startswith("#   python -m eegcore")
    assert f"`{path.name}`" in (ROOT / "pipelines/README.md").read_text()


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_holds_no_value_that_nobody_reads(path, overrides):
    written = yaml.safe_load(path.read_text())
    merged = prepare(path, overrides=overrides.get(path.stem, []))[0].merged()["stages"]
    for entry in written["stages"]:
        (name, settings), = entry.items()
        stage = merged[settings.get("id", name)]
        assert set(settings) - {"id"} <= set(stage), f"{path.name}: {name}"


def test_presets_are_found_by_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)                         # away from the checkout: the package has them too
    assert set(presets()) >= {path.stem for path in PRESETS}


def test_validate_accepts_a_preset(capsys):
    assert main(["validate", str(ROOT / "pipelines/default.yaml")]) == 0
    assert "Edges" in capsys.readouterr().out

"""The pages of docs/: their commands exist, their pipelines plan, and the tables say what the pipelines say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from source import ROOT

from eegcore.control.preparing import prepare

PAGES = sorted((ROOT / "docs").glob("*.md"))
WIRING = (ROOT / "docs/wiring.md").read_text(encoding="utf-8")
PIPELINES = re.findall(r"^```yaml\n(.*?)^```$", WIRING, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_commands_of_the_documents_exist(page: Path):
    from eegcore.cli.parser import make_parser

    commands = next(action.choices for action in make_parser()._actions if action.choices)
    for line in re.findall(r"-m eegcore ([^`\n]+)", page.read_text(encoding="utf-8")):
        name, *options = line.split()
        assert name in commands, line
        known = {option for action in commands[name]._actions for option in action.option_strings}
        assert {option for option in options if option.startswith("-")} <= known, line


def header_pins() -> dict[str, str]:
    """Return the header position of every GPIO the tables of the wiring page name."""
    found = re.findall(r"(GPIO\d+)(?:, \w+)? \| (\d+) \|", WIRING) + re.findall(r"(GPIO\d+), pin (\d+)", WIRING)
    pins: dict[str, str] = {}
    for gpio, pin in found:
        assert pins.setdefault(gpio, pin) == pin, gpio
    return pins


def test_positions_on_the_header_are_those_of_every_raspberry_pi():
    known = {"GPIO7": 26, "GPIO8": 24, "GPIO9": 21, "GPIO10": 19, "GPIO11": 23, "GPIO17": 11, "GPIO18": 12,
             "GPIO19": 35, "GPIO20": 38, "GPIO21": 40, "GPIO22": 15, "GPIO23": 16, "GPIO24": 18, "GPIO25": 22}
    assert {gpio: int(pin) for gpio, pin in header_pins().items()} == known


def test_the_wiring_page_has_a_pipeline_for_each_of_its_boards():
    boards = [entry["acquire"]["board"] for text in PIPELINES for entry in yaml.safe_load(text)["stages"]
              if "acquire" in entry]
    assert boards == ["ads1299", "ads1299", "ads1299", "pieeg", "pieeg", "ads1299", "elata"]


@pytest.mark.parametrize("text", PIPELINES, ids=range(len(PIPELINES)))
def test_a_pipeline_of_the_wiring_page_plans(text):
    plan = prepare(text)[1]
    for stage in plan.stages:
        if stage.type == "acquire":
            wires = stage.native["wires"]
            for line in (*wires["drdy"], wires["start"], wires["reset"], wires["pwdn"]):
                assert not line or line in WIRING


def test_four_chips_are_32_channels_on_the_nodes_of_the_table():
    stage = prepare(PIPELINES[1])[1].stages[0]
    assert stage.outputs[0].stream.n_channels == 32
    row = re.search(r"^\| `spi` .*$", WIRING, re.MULTILINE)[0]
    assert stage.native["wires"]["spi"] == re.findall(r"`(/dev/spidev\d\.\d)`", row)
    assert len(stage.native["wires"]["drdy"]) == 1
    assert stage.native["clock_master"] == [1, 0, 0, 0]


def test_the_evaluation_board_is_the_first_table():
    first = prepare(PIPELINES[0])[1].stages[0].native["wires"]
    evm = prepare([{"acquire": {"board": "evm"}}, {"null_sink": {}}])[1].stages[0].native["wires"]
    assert first == evm

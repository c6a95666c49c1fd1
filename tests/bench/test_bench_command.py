"""``eegcore bench``: the table, the JSON document, and an exit status that knows nothing of speed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from eegcore.bench import catalogue
from eegcore.bench.line import Line
from eegcore.cli import bench as command
from eegcore.cli import main


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class MachineShape(Strict):
    cpu: str
    architecture: str
    cores: int
    kernel: str
    python: str
    eegcore: str
    vector_bits: int
    load_before: float


class PacketShape(Strict):
    n_frames: int | None
    n_channels: int | None


class LineShape(Strict):
    bench: str
    what: str
    measured: str
    ok: bool | None
    goal: str
    peer: str
    ratio: float | None
    packet: PacketShape
    values: dict[str, Any]
    note: str


class DocumentShape(Strict):
    version: int
    machine: MachineShape
    quick: bool
    elapsed_s: float
    lines: list[LineShape]
    broken: dict[str, str]


@pytest.fixture
def stand_ins(monkeypatch):
    """Three benchmarks of no duration: one that misses its goal, one without, one that breaks."""
    def use(*names: str) -> None:
        made = {
            "slow": [Line("slow", "a slow thing", "p50 9 us, p99 [10] us", False, "< 1 us", "a rock", 0.1, 16, 8,
                          {"p50_us": 9.0, "p99_us": 10.0}, note="[not a style]")],
            "plain": [Line("plain", "a thing", "3 things")],
        }

        class StandIn(catalogue.Benchmark):
            def run(self, effort):
                if self.name == "breaks":
                    raise RuntimeError("the child said no")
                return made[self.name]

        monkeypatch.setattr(command, "benchmarks", lambda: {name: StandIn(name, "", name) for name in names})
    return use


def test_json_has_the_documented_shape(stand_ins, capsys):
    stand_ins("slow", "plain")
    assert main(["bench", "--json", "--quick"]) == 0
    found = DocumentShape.model_validate_json(capsys.readouterr().out)
    assert [line.bench for line in found.lines] == ["slow", "plain"]
    assert found.quick
    assert found.lines[0].packet.n_frames == 16
    assert found.lines[0].values["p99_us"] == 10.0


def test_a_miss_is_printed_and_is_no_failure(stand_ins, capsys):
    stand_ins("slow", "plain")
    assert main(["bench"]) == 0
    out = capsys.readouterr().out
    for text in ("slow: a slow thing", "p50 9 us, p99 [10] us", "0.1x", "a rock", "< 1 us", "miss", "16 frames, 8 ch",
                 "[not a style]", "bit vectors"):
        assert text in out


def test_a_benchmark_that_breaks_is_named_and_the_others_are_printed(stand_ins, capsys):
    stand_ins("breaks", "plain")
    assert main(["bench", "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["broken"] == {"breaks": "RuntimeError: the child said no"}
    assert [line["bench"] for line in found["lines"]] == ["plain"]
    assert "bench: breaks: did not run to its end" in captured.err


def test_debug_shows_where_it_broke(stand_ins):
    stand_ins("breaks")
    with pytest.raises(RuntimeError, match="said no"):
        main(["bench", "--debug"])


def test_names_choose_and_are_taken_once(stand_ins, capsys):
    stand_ins("slow", "plain")
    assert main(["bench", "plain", "plain", "--json"]) == 0
    assert [line["bench"] for line in json.loads(capsys.readouterr().out)["lines"]] == ["plain"]


def test_an_unknown_name_is_bad_input(capsys):
    assert main(["bench", "filtr", "acuracy"]) == 2
    assert main(["bench", "acuracy"]) == 2
    err = capsys.readouterr().err
    assert "no benchmark is called 'acuracy'" in err
    assert "websocket" in err
    assert "Did you mean accuracy?" in err


def test_a_real_benchmark_through_the_command(capsys):
    assert main(["bench", "decode", "--quick", "--json"]) == 0
    (line,) = DocumentShape.model_validate_json(capsys.readouterr().out).lines
    assert line.values["frame_ns"] > 0

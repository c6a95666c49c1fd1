"""Spectra, bands and the mains on their way out: sizes of the plan, clients, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eegcore.devices.readers_base import RecordingRefused
from eegcore.devices.recording_files import read_recording
from eegcore.graph.plan_text import describe_plan
from eegcore.pipeline import Pipeline
from eegcore.server import protocol

CHAIN: list[dict[str, Any]] = [
    {"acquire": {"board": "emulator", "sps": 250, "channels": 4, "seed": 3}}, {"to_voltage": {}},
    {"fft": {"window_s": 2, "overlap": 0.5, "average": 3, "max_hz": 110}},
    {"bands": {}}, {"mains": {"hz": 50, "inputs": "fft"}}]
FILES = {"powers": ("bands", 5), "lines": ("mains", 2), "spectra": ("fft", 221)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, dict[str, np.ndarray]]:
    """The folder of a run whose bands, mains and spectra were written, the run, and what its taps heard."""
    folder = tmp_path_factory.mktemp("spectra")
    sinks = [{"csv_sink": {"id": name, "path": str(folder / f"{name}.csv"), "inputs": stage, "decimals": 6}}
             for name, (stage, _) in FILES.items()]
    outlets = [{"websocket_sink": {"id": f"ws_{stage}", "inputs": stage}} for stage, _ in FILES.values()]
    run = Pipeline([*CHAIN, *sinks, *outlets], clock="virtual").run(seconds=12)
    taps = {stage: run.tap(stage, timeout_s=30) for stage, _ in FILES.values()}
    with run:
        heard = {stage: np.concatenate([np.array(packet.data) for packet in tap]) for stage, tap in taps.items()}
        assert run.wait(60)
    assert run.ledger()["balanced"]
    return folder, run, heard


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_a_column_for_every_bin_and_channel(written, name: str) -> None:
    folder, run, heard = written
    stage, n_bins = FILES[name]
    stream = run.stream(stage)
    lines = (folder / f"{name}.csv").read_text().splitlines()
    head = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    names = lines[head].split(",")
    bins = (["delta", "theta", "alpha", "beta", "gamma"] if name == "powers"
            else [f"{value:g}Hz" for value in stream.axis_hz])
    assert len(bins) == n_bins
    assert names == ["frame_index", "time_s", *[f"{label}_{each}_{stream.unit}" for each in bins
                                                 for label in stream.labels]]
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[head + 1:]])
    assert rows[:, 0].tolist() == list(range(999, 3000, 250))
    values = heard[stage].reshape(len(rows), -1)
    assert np.abs(rows[:, 2:] - values).max() <= 0.51e-6 + 6e-8 * np.abs(values).max()
    assert f"# unit: {stream.unit}" in lines
    assert any(line.startswith("# axis_hz: [") for line in lines)
    assert any(line.startswith('# bands: {"delta": [1.0, 4.0]') for line in lines) == (name == "powers")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_spectra_is_no_recording(written, name: str) -> None:
    with pytest.raises(RecordingRefused, match="the file holds spectra, not samples"):
        read_recording(str(written[0] / f"{name}.csv"))


def test_clients_are_told_bands_and_lines(written) -> None:
    run = written[1]
    said = {stage: protocol.meta(stage, 1, 1, run.stream(stage), "run", t_ns=0, t_unix_ns=0)
            for stage, _ in FILES.values()}
    assert said["bands"]["bands"]["alpha"] == [8.0, 13.0]
    assert said["bands"]["axis_hz"] == [2.5, 6.0, 10.5, 21.5, 37.5]
    assert said["mains"]["mains_level"] == {"hz": 50.0, "tolerance_hz": 0.25}
    assert said["fft"]["bands"] == {}
    assert "mains_level" not in said["fft"]
    assert {stage: message["unit"] for stage, message in said.items()} == {
        "fft": "uV^2/Hz", "bands": "uV^2", "mains": "uV"}


def test_sizes_of_the_plan_follow_from_the_bins() -> None:
    plan = Pipeline([*CHAIN, {"websocket_sink": {"inputs": "bands"}},
                     {"csv_sink": {"path": "b.csv", "inputs": "bands"}}]).plan
    spectrum, bands = (plan.stage(name).outputs[0].stream for name in ("fft", "bands"))
    assert spectrum.packet_bytes == 221 * 4 * 4
    assert bands.packet_bytes == 5 * 4 * 4
    group = next(group for group in plan.groups for node in group.nodes if node.name == "bands")
    pools = {node.name: node.pools[0] for node in group.nodes if node.pools}
    assert plan.pool(pools["fft"]).slot_bytes == 3584                     # 3536, rounded up to 64
    assert plan.pool(pools["bands"]).slot_bytes == 128
    by_name = {edge.name: edge for edge in plan.edges}
    assert by_name["bands->csv_sink"].capacity == 16                       # 10 s before a recorder: a packet a second
    text = describe_plan(plan)
    assert "SPECTRUM_F32 4 ch x 5 bins uV^2" in text.replace(" | ", " ")

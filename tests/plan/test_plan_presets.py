"""The presets: each one plans, says how to start it, and does what its name says."""

from __future__ import annotations

import re

import pytest

NAMES = ["default", "eeg8_250", "eeg32_4k", "impedance", "offline", "pieeg16", "replay", "two_boards"]


@pytest.fixture
def preset(repository):
    return lambda name: repository / "pipelines" / f"{name}.yaml"


def outputs(plan):
    return {stage.id: stage.outputs[0].stream for stage in plan.stages if stage.outputs}


def topics(plan):
    return {stage.settings["topic"] for stage in plan.stages if stage.type == "websocket_sink"}


def test_there_are_no_others_and_the_readme_knows_them_all(repository):
    folder = repository / "pipelines"
    assert sorted(path.stem for path in folder.glob("*.yaml")) == sorted(NAMES)
    assert sorted(re.findall(r"`(\w+)\.yaml`", (folder / "README.md").read_text())) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_begins_with_what_it_does_and_how_to_start_it(preset, name):
    lines = preset(name).read_text().splitlines()
    assert lines[0].startswith("# ")
    command = "batch" if name == "offline" else "serve"
    assert any(line.startswith(f"#   python -m eegcore {command} pipelines/{name}.yaml") for line in lines[1:4])
    assert f"name: {name}" in lines


def test_default(plan, preset):
    made = plan(preset("default"))
    streams = outputs(made)
    assert (streams["acquire"].n_channels, streams["acquire"].sps) == (8, 4000)
    assert topics(made) == {"eeg_filtered", "spectrum"}
    assert [node.name for node in made.groups[1].nodes] == ["to_voltage+notch+bandpass", "spectrum"]
    assert made.stage("acquire").settings["mains_hz"] == made.stage("notch").settings["hz"]
    assert {edge.policy for edge in made.edges if edge.to_stage != "bdf_sink"} == {"drop_oldest"}
    (recorder,) = (edge for edge in made.edges if edge.to_stage == "bdf_sink")
    assert (recorder.policy, recorder.critical, recorder.seconds >= 10) == ("fail", False, True)
    assert sum(pool.slots * pool.slot_bytes for pool in made.pools) < 8 * 2**20
    assert made.warnings == []


def test_eeg8_250(plan, preset):
    made = plan(preset("eeg8_250"))
    streams = outputs(made)
    assert (streams["acquire"].n_channels, streams["acquire"].sps) == (8, 250)
    assert made.stage("acquire").settings["mains_hz"] == made.stage("notch").settings["hz"] == 50
    assert topics(made) == {"eeg_filtered", "spectrum"}
    assert made.warnings == []


def test_two_boards(plan, preset):
    made = plan(preset("two_boards"))
    stream = outputs(made)["align_and_zip"]
    assert (stream.n_channels, stream.sps, stream.sources) == (16, 250, ("front", "back"))
    assert made.stage("align_and_zip").settings["by"] == "time"
    assert {group.thread for group in made.groups} == {"acquire", "acquire-back", "worker-dsp", "worker-sinks"}
    assert made.warnings == []


def test_impedance(plan, preset):
    made = plan(preset("impedance"))
    streams = outputs(made)
    assert (streams["impedance"].unit, streams["impedance"].sps) == ("kOhm", 1000 / 992)
    assert streams["bandpass"].meta["filters"] == ["lead_off", "notch", "bandpass"]
    assert topics(made) == {"eeg_filtered", "impedance"}


def test_eeg32_4k(plan, preset):
    made = plan(preset("eeg32_4k"))
    streams = outputs(made)
    assert (streams["acquire"].n_channels, streams["acquire"].sps, streams["acquire"].max_frames) == (32, 4000, 16)
    assert made.stage("acquire").native["n_channels"] == [8] * 4
    assert "null_sink" in [stage.id for stage in made.stages]
    assert topics(made) == {"eeg_filtered"}
    assert made.warnings == []


def test_replay_needs_a_path_and_says_how_to_give_it(refused, preset):
    (text,) = refused(preset("replay"))
    assert text == ("stages[0].playback.path: no recording is given |  | "
                    "Add --set playback.path=FILE to the command, or path: FILE here")


def test_offline_writes_a_file_that_is_named_after_the_recording(plan, preset, shared_data):
    made = plan(preset("offline"), [f"playback.path={shared_data / 'biosemi_72ch_1s.bdf'}"])
    assert made.stage("csv_sink").native["path"] == "{input}_filtered.csv"
    assert outputs(made)["bandpass"].meta["input"] == "biosemi_72ch_1s"
    assert made.warnings == []


def test_replay_plays_a_real_recording(plan, preset, shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    made = plan(preset("replay"), [f"playback.path={path}"])
    streams = outputs(made)
    assert (streams["playback"].n_channels, streams["playback"].sps) == (8, 250)
    assert topics(made) == {"eeg_filtered", "spectrum"}
    assert {edge.policy for edge in made.edges if edge.to_group != "loop"} == {"block"}
    assert made.warnings == []


def test_any_setting_can_be_given_on_the_command_line(plan, preset):
    made = plan(preset("default"), ["notch.hz=50", "acquire.sps=250", "acquire.channels=16"])
    assert made.stage("notch").settings["hz"] == 50
    assert outputs(made)["bandpass"].n_channels == 16

"""Every mistake a pipeline can have on its own: exact messages with line and column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eegcore.config import load
from eegcore.errors import ConfigError

Refused = Callable[..., list[str]]

TYPES = ("Known types: acquire, to_voltage, notch, bandpass, fft, align_and_zip, com.mycorp.smooth, websocket_sink, "
         "csv_sink.")
TYPES_ALLOWED = TYPES.replace("Known types", "Allowed")
COMMON = ("id, inputs, group, queue, overflow, on_error, restart, timeout_ms, budget_us, isolation, critical, default.")
ONE_MAPPING = "Allowed: one mapping, stage type -> settings."
ONE_KEY = "Write '- notch: {hz: 60}': a dash, the stage type, a colon, its settings."
NAME = "Allowed: letters a-z, digits and _, a letter first."

TABLE = {
    "unknown type": (
        "- acquire: {}\n- nocth: {hz: 50}\n",
        f"2:3: stages[1].nocth: no stage type is called 'nocth'. {TYPES} Did you mean 'notch'?"),
    "unknown type that resembles none": (
        "- acquire: {}\n- zzz: {}\n",
        f"2:3: stages[1].zzz: no stage type is called 'zzz'. {TYPES} "
        "Run 'python -m eegcore stages' to see the stages and their settings."),
    "unknown key": (
        "- acquire:\n    board: emulator\n    spss: 500\n",
        f"3:5: stages[0].acquire.spss: unknown key 'spss'. Known keys: board, sps, gain, seed, loop, labels, chips, "
        f"{COMMON} "
        "Did you mean 'sps'?"),
    "unknown key that resembles none": (
        "- acquire: {}\n- notch: {hz: 50, zzz: 1}\n",
        f"2:19: stages[1].notch.zzz: unknown key 'zzz'. Known keys: hz, q, {COMMON} "
        "Run 'python -m eegcore stages notch' for its settings."),
    "merge key": (
        "- acquire: {}\n- notch: {hz: 50, <<: {q: 3}}\n",
        f"2:19: stages[1].notch.<<: unknown key '<<'. Known keys: hz, q, {COMMON} "
        "Run 'python -m eegcore stages notch' for its settings."),
    "key that is no text": (
        "- acquire: {}\n- notch: {hz: 50, 1: 2}\n",
        f"2:19: stages[1].notch.1: unknown key '1'. Known keys: hz, q, {COMMON} "
        "Run 'python -m eegcore stages notch' for its settings."),
    "nested unknown key": (
        "- acquire: {chips: [{spi: a}, {spi: b, chanels: 8}]}\n",
        "1:40: stages[0].acquire.chips[1].chanels: unknown key 'chanels'. Known keys: spi, channels. "
        "Did you mean 'channels'?"),
    "missing setting": (
        "- acquire: {}\n- notch: {q: 3}\n",
        "2:3: stages[1].notch.hz: the key 'hz' is missing. Allowed: a number above 0. "
        "Add 'hz: ...' (frequency to remove, Hz)."),
    "nested missing setting": (
        "- acquire: {chips: [{channels: 8}]}\n",
        "1:21: stages[0].acquire.chips[0].spi: the key 'spi' is missing. Allowed: a text. "
        "Add 'spi: ...' (device file of the bus)."),
    "text for a number": (
        "- acquire: {sps: fast}\n",
        "1:18: stages[0].acquire.sps: 'fast' is not a number. Allowed: a number from 1 to 16000. sps: frames per "
        "second."),
    "quoted number": (
        "- acquire: {sps: '250'}\n",
        "1:18: stages[0].acquire.sps: '250' is not a number. Allowed: a number from 1 to 16000. "
        "Write it without quotes: 250."),
    "fraction for a whole number": (
        "- acquire: {gain: 24.9}\n",
        "1:19: stages[0].acquire.gain: 24.9 is not a whole number. Allowed: a whole number from 1 to 1000. "
        "Run 'python -m eegcore stages acquire' for its settings."),
    "whole number with a point": (
        "- acquire: {seed: 1e3}\n",
        "1:19: stages[0].acquire.seed: 1e3 is not a whole number. Allowed: a whole number at least 0. Write 1000."),
    "true for a number": (
        "- acquire: {sps: true}\n",
        "1:18: stages[0].acquire.sps: true is not a number. Allowed: a number from 1 to 16000. sps: frames per "
        "second."),
    "yes for true": (
        "- acquire: {loop: yes}\n",
        "1:19: stages[0].acquire.loop: 'yes' is not true or false. Allowed: true or false. "
        "Write true: YAML 1.2 has no yes, no, on and off."),
    "above the range": (
        "- acquire: {sps: 20000}\n",
        "1:18: stages[0].acquire.sps: 20000 is above 16000. Allowed: a number from 1 to 16000. sps: frames per "
        "second."),
    "below the range": (
        "- acquire: {}\n- notch: {hz: 0}\n",
        "2:15: stages[1].notch.hz: 0 is not above 0. Allowed: a number above 0. hz: frequency to remove, Hz."),
    "nothing for a number": (
        "- acquire: {}\n- notch: {hz: }\n",
        "2:15: stages[1].notch.hz: nothing is not a number. Allowed: a number above 0. hz: frequency to remove, Hz."),
    "word not in the list": (
        "- acquire: {board: emulatr}\n",
        "1:20: stages[0].acquire.board: 'emulatr' is not allowed. Allowed: emulator or ads1299. Did you mean "
        "'emulator'?"),
    "number not in the list": (
        "- acquire: {chips: [{spi: a, channels: 5}]}\n",
        "1:40: stages[0].acquire.chips[0].channels: 5 is not allowed. Allowed: 4, 6 or 8. "
        "Run 'python -m eegcore stages acquire' for its settings."),
    "one value for a list": (
        "- acquire: {labels: Fp1}\n",
        "1:21: stages[0].acquire.labels: 'Fp1' is not a list. Allowed: a list of values, each a text. Write a list: "
        "[Fp1]."),
    "number in a list of texts": (
        "- acquire: {labels: [Fp1, 2]}\n",
        '1:27: stages[0].acquire.labels[1]: 2 is not a text. Allowed: a text. Put it in quotes: "2".'),
    "list too long": (
        "- acquire: {chips: [{spi: a}, {spi: a}, {spi: a}, {spi: a}, {spi: a}]}\n",
        "1:20: stages[0].acquire.chips: 5 values are too many. "
        "Allowed: a list of 0 to 4 values, each a mapping with spi, channels. "
        "Run 'python -m eegcore stages acquire' for its settings."),
    "text too short": (
        "- acquire: {}\n- csv_sink: {path: ''}\n",
        "2:20: stages[1].csv_sink.path: 0 characters are too few. Allowed: a text. path: file to write, {start} is "
        "the time."),
    "text of another form": (
        "- acquire: {}\n- websocket_sink: {topic: EEG}\n",
        "2:27: stages[1].websocket_sink.topic: 'EEG' is not of the right form. "
        "Allowed: a text that matches ^[a-z_]{1,32}$. Run 'python -m eegcore stages websocket_sink' for its settings."),
    "rule of the stage": (
        "- acquire: {}\n- bandpass: {order: 3}\n",
        "2:21: stages[1].bandpass.order: 3: an odd order has no symmetric sections. Allowed: a whole number from 1 "
        "to 12. "
        "Run 'python -m eegcore stages bandpass' for its settings."),
    "settings that are no mapping": (
        "- acquire: 250\n",
        "1:12: stages[0].acquire: 250 is not a mapping of settings. Allowed: 'key: value' pairs, or {}. "
        "Write the settings as {key: value}."),
    "type without a colon": (
        "- acquire: {}\n- to_voltage\n",
        f"2:3: stages[1]: 'to_voltage' has no settings. {ONE_MAPPING} Write '- to_voltage: {{}}'."),
    "number for a stage": ("- acquire: {}\n- 7\n", f"2:3: stages[1]: 7 is not a stage. {ONE_MAPPING} {ONE_KEY}"),
    "empty stage": ("- acquire: {}\n- {}\n", f"2:3: stages[1]: an empty mapping is not a stage. {ONE_MAPPING} "
    f"{ONE_KEY}"),
    "settings not indented": (
        "- acquire: {}\n- notch:\n  hz: 50\n",
        f"3:3: stages[1].hz: 'hz' stands beside 'notch'. {ONE_MAPPING} Indent 'hz' further than 'notch'."),
    "two stages in one entry": (
        "- acquire: {}\n- notch: {hz: 50}\n  bandpass: {}\n",
        f"3:3: stages[1].bandpass: 'bandpass' stands beside 'notch'. {ONE_MAPPING} Begin a new entry: '- bandpass: "
        f"...'."),
    "type as a key in a list": (
        "- acquire: {}\n- {type: notch, hz: 50}\n",
        f"2:4: stages[1].type: the type is written as a key. {ONE_MAPPING} Write '- notch: {{...}}'."),
    "id of another form": (
        "- acquire: {}\n- notch: {id: My-Notch, hz: 50}\n",
        f"2:15: stages[1].notch.id: 'My-Notch' is not of the right form. {NAME} id: name of the stage; its type if "
        f"absent."),
    "id twice": (
        "- acquire: {}\n- notch: {hz: 50}\n- notch: {hz: 60}\n",
        "3:3: stages[2].notch: the id 'notch' is taken by stages[1].notch in line 2. Allowed: every id once. "
        "Give this stage one of its own: 'id: notch_2'."),
    "written id twice": (
        "- acquire: {}\n- notch: {hz: 50, id: acquire}\n",
        "2:23: stages[1].notch.id: the id 'acquire' is taken by stages[0].acquire in line 1. Allowed: every id once. "
        "Give this stage one of its own: 'id: acquire_2'."),
    "dangling input": (
        "- acquire: {}\n- notch: {hz: 50}\n- bandpass: {inputs: ntoch}\n",
        "3:22: stages[2].bandpass.inputs: no stage is called 'ntoch'. Known so far: acquire, notch. Did you mean "
        "'notch'?"),
    "dangling input in a list": (
        "- acquire: {}\n- align_and_zip: {inputs: [acquire, zzz]}\n",
        "2:37: stages[1].align_and_zip.inputs[1]: no stage is called 'zzz'. Known so far: acquire. Give the id of a "
        "stage."),
    "type in place of an id": (
        "- acquire: {}\n- fft: {id: spectrum}\n- websocket_sink: {inputs: fft}\n",
        "3:28: stages[2].websocket_sink.inputs: no stage is called 'fft'. Known so far: acquire, spectrum. "
        "The stage of type 'fft' is called 'spectrum'."),
    "sink as input": (
        "- acquire: {}\n- websocket_sink: {}\n- notch: {hz: 50, inputs: websocket_sink}\n",
        "3:27: stages[2].notch.inputs: 'websocket_sink' is a sink and has no output. Known so far: acquire. "
        "Name the stage that the sink reads."),
    "dot without an output": (
        "- acquire: {}\n- notch: {hz: 50, inputs: acquire.}\n",
        "2:27: stages[1].notch.inputs: 'acquire.' names no output behind the dot. Known so far: acquire. Write "
        "'acquire'."),
    "input twice": (
        "- acquire: {}\n- align_and_zip: {inputs: [acquire, acquire]}\n",
        "2:37: stages[1].align_and_zip.inputs[1]: 'acquire' is given twice. Name every input once."),
    "number as input": (
        "- acquire: {}\n- notch: {hz: 50, inputs: 1}\n",
        '2:27: stages[1].notch.inputs: 1 is not allowed. Allowed: a text, or a list of values, each a text. '
        'Put it in quotes: "1".'),
    "input of a source": (
        "- acquire: {}\n- acquire: {id: second, inputs: acquire}\n",
        "2:33: stages[1].acquire.inputs: acquire is a source and takes no input. Remove inputs."),
    "too few inputs": (
        "- acquire: {}\n- align_and_zip: {inputs: acquire}\n",
        "2:27: stages[1].align_and_zip.inputs: align_and_zip takes 2 to 8 inputs, and 1 are given. "
        "Allowed: 2 to 8 inputs. Change inputs."),
    "too many inputs": (
        "- acquire: {}\n- notch: {hz: 50}\n- bandpass: {inputs: [acquire, notch]}\n",
        "3:22: stages[2].bandpass.inputs: bandpass takes 1 input, and 2 are given. Allowed: 1 input. Change inputs."),
    "several inputs wanted and none given": (
        "- acquire: {}\n- notch: {hz: 50}\n- align_and_zip: {}\n",
        "3:3: stages[2].align_and_zip: align_and_zip needs 2 inputs, and none are given. Known so far: acquire, notch. "
        "Add 'inputs: [acquire, notch]'."),
    "nothing above": (
        "- notch: {hz: 50}\n- acquire: {}\n",
        "1:3: stages[0].notch: notch needs an input, and no stage above has an output. "
        "Put a source above it, or name its inputs."),
    "cycle": (
        "- acquire: {}\n- notch: {hz: 50, inputs: bandpass}\n- bandpass: {inputs: notch}\n",
        "2:27: stages[1].notch.inputs: the stages form a cycle: notch -> bandpass -> notch. "
        "Samples travel one way: take the input of one of them from above."),
    "stage that reads itself": (
        "- acquire: {}\n- notch: {hz: 50, inputs: notch}\n",
        "2:27: stages[1].notch.inputs: the stages form a cycle: notch -> notch. "
        "Samples travel one way: take the input of one of them from above."),
    "overflow": (
        "- acquire: {}\n- notch: {hz: 50, overflow: drop}\n",
        "2:29: stages[1].notch.overflow: 'drop' is not allowed. Allowed: fail, drop_oldest or block. "
        "overflow: what happens when the edge into the stage is full."),
    "queue": (
        "- acquire: {}\n- notch: {hz: 50, queue: 0}\n",
        "2:26: stages[1].notch.queue: 0 is below 1. Allowed: auto or a whole number from 1 to 1048576. "
        "queue: packets the edge into the stage holds."),
    "restart": (
        "- acquire: {}\n- notch: {hz: 50, restart: {base_ms: 5}}\n",
        "2:19: stages[1].notch.restart.strategy: the key 'strategy' is missing. "
        "Allowed: never, immediate, exponential or circuit_breaker, or a mapping with strategy, or a mapping with "
        "strategy, "
        "max_attempts, or a mapping with strategy, base_ms, max_ms, max_attempts, or a mapping with strategy, "
        "failures, "
        "open_ms, trials. Give strategy one of them."),
    "restart strategy": (
        "- acquire: {}\n- notch: {hz: 50, restart: {strategy: often}}\n",
        "2:39: stages[1].notch.restart.strategy: 'often' is not allowed. "
        "Allowed: never, immediate, exponential, circuit_breaker. Give strategy one of them."),
    "number of another strategy": (
        "- acquire: {}\n- notch: {hz: 50, restart: {strategy: immediate, max_ms: 5}}\n",
        "2:50: stages[1].notch.restart.max_ms: unknown key 'max_ms'. Known keys: strategy, max_attempts. "
        "Did you mean 'max_attempts'?"),
    "default missing": (
        "- acquire: {}\n- notch: {hz: 50, on_error: use_default}\n",
        "2:29: stages[1].notch.on_error: use_default needs a default to use. Allowed: a number, or one per channel. "
        "Add 'default: 0'."),
    "unknown top key": (
        "stagse:\n  - acquire: {}\n",
        "1:1: stagse: unknown key 'stagse'. Known keys: version, name, runtime, stages. Did you mean 'stages'?"),
    "no stages key": (
        "version: 1\n",
        "1:1: the key 'stages' is missing. Allowed: version, name, runtime, stages. "
        "Add 'stages:' with a source, stages and sinks under it."),
    "no stages": ("stages: []\n", f"1:9: stages: there are no stages. Allowed: at least one source. {ONE_KEY}"),
    "stages that are no list": (
        "stages: 3\n",
        f"1:9: stages: 3 is not a list of stages. Allowed: a list, or an object keyed by id. {ONE_KEY}"),
    "version": (
        "version: 2\nstages: [acquire: {}]\n",
        "1:10: version: version 2 is not known. Allowed: 1. Write 'version: 1', or update eegcore if a newer one "
        "wrote this."),
    "version as text": (
        "version: '1'\nstages: [acquire: {}]\n",
        "1:10: version: version '1' is not known. Allowed: 1. "
        "Write 'version: 1', or update eegcore if a newer one wrote this."),
    "name": (
        "name: 8\nstages: [acquire: {}]\n",
        '1:7: name: 8 is not a name. Allowed: a text of 1 to 100 printable characters. Put it in quotes: "8".'),
    "clock": (
        "runtime: {clock: fake}\nstages: [acquire: {}]\n",
        "1:18: runtime.clock: 'fake' is not allowed. Allowed: real or virtual. "
        "clock: device time, or as fast as possible."),
    "runtime key": (
        "runtime: {clok: real}\nstages: [acquire: {}]\n",
        "1:11: runtime.clok: unknown key 'clok'. Known keys: clock, realtime, queue, summary_s, groups, fallback. "
        "Did you mean 'clock'?"),
    "runtime as a list": (
        "runtime: []\nstages: [acquire: {}]\n",
        "1:10: runtime: a list is not a mapping. Allowed: clock, realtime, queue, summary_s, groups, fallback. "
        "Write for example 'runtime: {clock: virtual}'."),
    "priority": (
        "runtime: {groups: {dsp: {priority: 100}}}\nstages: [acquire: {}]\n",
        "1:36: runtime.groups.dsp.priority: 100 is above 99. Allowed: a whole number from 1 to 99. "
        "priority: SCHED_FIFO priority, if the system allows it."),
    "core": (
        "runtime: {groups: {dsp: {cores: [-1]}}}\nstages: [acquire: {}]\n",
        "1:34: runtime.groups.dsp.cores[0]: -1 is below 0. Allowed: a whole number from 0 to 1023. "
        "cores: cores it may use; all if empty."),
    "group name": (
        "runtime: {groups: {DSP 1: {}}}\nstages: [acquire: {}]\n",
        f"1:20: runtime.groups.'DSP 1': 'DSP 1' is no name. {NAME} Choose another name."),
    "infinite period": (
        "runtime: {summary_s: .inf}\nstages: [acquire: {}]\n",
        "1:22: runtime.summary_s: .inf is not a finite number. Allowed: finite numbers. "
        "Leave the key out where there is no limit."),
    "no number": (
        "- acquire: {}\n- notch: {hz: .nan}\n",
        "2:15: stages[1].notch.hz: .nan is not a finite number. Allowed: finite numbers. "
        "Leave the key out where there is no limit."),
    "default of nothing": (
        "- acquire: {}\n- notch: {hz: 50, on_error: use_default, default: null}\n",
        "2:29: stages[1].notch.on_error: use_default needs a default to use. Allowed: a number, or one per channel. "
        "Add 'default: 0'."),
    "document of one word": (
        "acquire\n", "1:1: the document is 'acquire', not a mapping. Allowed: a mapping with version, name, "
        "runtime, stages, "
        "or a list of stages. Begin with 'stages:'."),
    "file name in place of a text": (
        "pipelines/default.yaml", "1:1: the document is 'pipelines/default.yaml', not a mapping. "
        "Allowed: a mapping with version, name, runtime, stages, or a list of stages. "
        "To read a file, give its name as a pathlib.Path."),
    "keyed stage without a type": (
        "stages:\n  notch: {hz: 50}\n",
        f"2:3: stages.notch.type: the key 'type' is missing. {TYPES_ALLOWED} Add 'type: notch'."),
    "keyed stage of unknown type": (
        "stages:\n  a: {type: acquire}\n  n: {type: nocth, hz: 50}\n",
        f"3:13: stages.n.type: no stage type is called 'nocth'. {TYPES} Did you mean 'notch'?"),
    "keyed stage with a number as type": (
        "stages:\n  a: {type: 5}\n",
        f"2:13: stages.a.type: 5 is not a stage type. {TYPES_ALLOWED} Give the name of a stage type."),
    "keyed stage with another id": (
        "stages:\n  a: {type: acquire, id: b}\n",
        "2:26: stages.a.id: 'b' is not the key of this stage, 'a'. Remove id."),
    "key that is no id": (
        "stages:\n  A: {type: acquire}\n", f"2:3: stages.A: 'A' is no id. {NAME} Choose another id."),
    "keyed stage that is no mapping": (
        "stages:\n  a: acquire\n",
        "2:6: stages.a: 'acquire' is not a mapping of settings. Allowed: 'key: value' pairs, or {}. "
        "Write the settings as {key: value}."),
}


@pytest.mark.parametrize("name", TABLE)
def test_message(name: str, refused: Refused) -> None:
    text, message = TABLE[name]
    assert refused(text) == [f"my.yaml:{message}"]


def test_ten_mistakes_come_out_together_in_the_order_of_the_file(refused: Refused) -> None:
    found = refused("""\
version: 3
name: ten
runtime: {clock: fast}
stages:
  - acquire: {spss: 250, gain: 24.9}
  - notch: {hz: 50, hz: 60, inputs: acqire}
  - bandpas: {low_hz: 1}
  - fft: {window: hanning}
  - websocket_sink: {inputs: csv_sink}
  - csv_sink: {inputs: bandpas}
  - notch: {hz: 1, inputs: notch}
""")
    assert [text.split(": ")[0].removeprefix("my.yaml:") for text in found] == [
        "1:10", "3:18", "5:15", "5:32", "6:21", "6:37", "7:5", "8:19", "9:30", "10:5", "11:5"]


def test_a_stage_below_a_mistake_is_not_reported_again(read: Callable[..., Any]) -> None:
    config, problems = read("- acquire: {}\n- notch: {}\n- bandpass: {}\n- websocket_sink: {}\n")
    assert [problem.path for problem in problems] == ["stages[1].notch.hz"]
    assert config.left_out == {"notch"}
    assert config.stage("bandpass").inputs == (("notch", None),)


def test_a_stage_of_unknown_type_still_has_readers(read: Callable[..., Any]) -> None:
    config, problems = read("- acquire: {}\n- zzz: {}\n- bandpass: {}\n- notch: {hz: 50, inputs: zzz.left}\n")
    assert len(problems) == 1
    assert config.left_out == {"zzz"}
    assert config.stage("bandpass").inputs == (("zzz", None),)
    assert config.stage("notch").inputs == (("zzz", "left"),)


def test_checking_goes_on_behind_mended_mistakes(read: Callable[..., Any]) -> None:
    config, problems = read("- acquire: {spss: 4000, seed: 1.5}\n- bandpas: {order: 2}\n- notch: {hz: '50', inputs: "
                            "bandpa}\n")
    assert len(problems) == 5
    acquire, bandpass, notch = config.stages
    assert (acquire.settings.sps, acquire.guessed) == (4000, True)          # seed fell back to its default
    assert (bandpass.type, bandpass.settings.order, bandpass.guessed) == ("bandpass", 2, False)
    assert (notch.settings.hz, notch.inputs, notch.guessed) == (50, (("bandpas", None),), False)


def test_an_id_that_is_taken_still_leaves_two_stages(read: Callable[..., Any]) -> None:
    config, _ = read("- acquire: {}\n- notch: {hz: 50}\n- notch: {hz: 60}\n- bandpass: {}\n")
    assert [stage.id for stage in config.stages] == ["acquire", "notch", "notch_2", "bandpass"]
    assert config.stage("bandpass").inputs == (("notch_2", None),)


def test_the_plan_adds_to_the_same_problems(read: Callable[..., Any]) -> None:
    config, problems = read("- acquire: {}\n- bandpass:\n    low_hz: 1\n    high_hz: 140\n")
    path = config.stage("bandpass").path
    problems.add(f"{path}.high_hz", "140 Hz is above half the data rate", "Allowed: below 125 Hz", "Lower high_hz")
    problems.add(f"{path}.order", "too steep", hint="Lower order")                   # a default: not in the file
    problems.add(f"{path}.inputs", "a spectrum", hint="Choose another")
    assert [str(problem) for problem in problems.sorted()] == [
        "my.yaml:2:3: stages[1].bandpass.inputs: a spectrum. Choose another.",
        "my.yaml:2:3: stages[1].bandpass.order: too steep. Lower order.",
        "my.yaml:4:14: stages[1].bandpass.high_hz: 140 Hz is above half the data rate. Allowed: below 125 Hz. Lower "
        "high_hz."]
    with pytest.raises(ConfigError, match="too steep") as caught:
        problems.raise_if_any()
    assert caught.value.problems == problems.sorted()


def test_paths_through_dotted_types_are_found(read: Callable[..., Any]) -> None:
    config, problems = read("- acquire: {}\n- com.mycorp.smooth:\n    group: dsp\n")
    problems.add(f"{config.stage('smooth').path}.group", "full", hint="Choose another")
    assert str(problems.sorted()[0]) == "my.yaml:3:12: stages[1].com.mycorp.smooth.group: full. Choose another."


def test_a_problem_without_advice_gets_some(read: Callable[..., Any]) -> None:
    _, problems = read("- acquire: {}\n")
    problems.add("stages[0].acquire", "it is odd")
    problems.add("stages[0].acquire", "it is bare", "one, two")
    assert str(problems.sorted()[1]).endswith(": it is bare. Allowed: one, two.")
    assert problems.sorted()[0].hint == "Run 'python -m eegcore stages' to see the stages and their settings"


def test_no_problem_is_raised_for_a_good_file(read: Callable[..., Any]) -> None:
    _, problems = read("- acquire: {}\n")
    problems.raise_if_any()
    assert not problems


def test_a_missing_file_names_the_nearest_one(tmp_path: Path, catalogue: dict[str, Any]) -> None:
    (tmp_path / "default.yaml").write_text("- acquire: {}\n")
    config, problems = load(tmp_path / "defalt.yaml", catalogue=catalogue)
    assert config is None
    assert [str(problem) for problem in problems] == [
        f"{tmp_path / 'defalt.yaml'}: the file cannot be read [ENOENT 2]. Did you mean 'default.yaml'?"]


def test_a_folder_is_no_file(tmp_path: Path, catalogue: dict[str, Any]) -> None:
    _, problems = load(tmp_path, catalogue=catalogue)
    said = "this is a folder [EISDIR 21], and a pipeline is a file. Give the path of a file."
    assert str(problems.sorted()[0]) == f"{tmp_path}: {said}"
    (tmp_path / "a.yaml").write_text("")
    _, problems = load(tmp_path, catalogue=catalogue)
    assert "Pipelines in it: a.yaml. Give the path of a file." in str(problems.sorted()[0])


def test_messages_name_the_file(tmp_path: Path, catalogue: dict[str, Any]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("- acquire: {sps: 0}\n")
    _, problems = load(path, catalogue=catalogue)
    assert str(problems.sorted()[0]).startswith(f"{path}:1:18: stages[0].acquire.sps: 0 is below 1. ")


@pytest.mark.parametrize(("data", "message"), [
    ({"stages": {1: {}}}, "<pipeline>: the key 1 is not a text. Allowed: what a YAML file can hold, in its limits. "
     "Give plain dicts, lists, texts and numbers."),
    ([{"acquire": {"sps": object}}], "<pipeline>: a value of type type has no place in a pipeline. "
     "Allowed: what a YAML file can hold, in its limits. Give plain dicts, lists, texts and numbers."),
    ([{"acquire": {"labels": ["\udcff"]}}], "<pipeline>: the text '\\udcff' holds half of a surrogate pair. "
     "Allowed: what a YAML file can hold, in its limits. Give plain dicts, lists, texts and numbers."),
    ([{"acquire": {"sps": 0}}], "<pipeline>: stages[0].acquire.sps: 0 is below 1. Allowed: a number from 1 to 16000. "
     "sps: frames per second."),
])
def test_python_data_has_paths_but_no_lines(data: Any, message: str, catalogue: dict[str, Any]) -> None:
    _, problems = load(data, catalogue=catalogue)
    assert [str(problem) for problem in problems] == [message]

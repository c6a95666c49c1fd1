"""`python -m eegcore run` with `board: ads1299`, unchanged, on device nodes of the shim, in real time.

Every frame that is delivered is the one that `board: emulator` makes in virtual time from the same seed and the same
registers, and the books are those of the chips themselves. How many frames a busy machine loses is not asked.
All programs are started at once: the longest of them decides how long this takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SEED = 11
WORLD = f"seed={SEED} signal=1 sine_uv=50 masters=1,0"
LINES = {"board": "ads1299", "start": "GPIO22", "reset": "GPIO23"}
EMULATED = {"board": "emulator", "signal": "sine", "seed": SEED}
ONE = {"sps": 250, "input": ["normal"] * 4 + ["shorted"] * 4, "gain": [1, 2, 4, 6, 8, 12, 24, 24]}
TWO = {"sps": 500, "clock": "shared"}
ON_ONE = {**LINES, **ONE, "drdy": "GPIO25"}
ON_TWO = {**LINES, **TWO, "chips": [{"spi": "/dev/spidev0.0", "drdy": "GPIO25"}, {"spi": "/dev/spidev0.1"}]}

#: Real chips in the shim: what is behind the nodes, the acquire stage, and seconds.
ON_NODES: dict[str, tuple[str, dict[str, Any]]] = {
    "one": ("", ON_ONE),
    "one faulty": ("fault=drop_edge:0:101:1,bad_status:0:201:3,eio:0:301:1,drop_edge:0:401:5", ON_ONE),
    "two": ("selects=1,1", ON_TWO),
    "two faulty": ("selects=1,1 fault=bad_status:1:201:3,slow:1:501:1:3000000,eio:1:801:1", ON_TWO)}
#: Conversions whose edge was injected to get lost, and those that are to be refused, by frame.
UNSEEN = {"one faulty": [100, *range(400, 405)]}
REFUSED = {"one faulty": [200, 201, 202], "two faulty": [200, 201, 202, 500]}

#: What is missing or wrong at the start: settings of the shim and the one sentence that says so.
NOT_STARTED = {
    "no spidev": ("absent=/dev/spidev0.0", r"/dev/spidev0\.0 cannot be opened: No such file.*Enable SPI \(dtparam=.*"),
    "no right to spidev": ("deny=/dev/spidev0.0", r"/dev/spidev0\.0 cannot be opened: Permission denied.*usermod .*"),
    "no gpiochip": ("absent=/dev/gpiochip0", r"no GPIO chip is labelled pinctrl-rp1 or .*found: none\..*"),
    "no right to gpiochip": ("deny=/dev/gpiochip0", r"no GPIO chip is labelled .*Permission denied.*usermod .*"),
    "another gpiochip": ("label=other", r"no GPIO chip is labelled .*found: gpiochip0 \(other\)\. Set gpiochip to .*"),
    "a line that is taken": ("busy=25:gpio-keys", r"GPIO line 'GPIO25' is taken by 'gpio-keys'\. End that program.*"),
    "another part": ("id=0x92", r"chip 1: the ID register reads 92h, .* has 1Eh in its low five bits\. .*"),
    "a silent bus": ("powered_ns=1 fault=miso_stuck:0:0:0:255", r"chip 1: .* reads FFh .*: the bus is stuck\..*"),
    "registers that do not hold": ("fault=write_lost:0:0:99", r"chip 1: the registers.* holds .* after 3 tries\. .*")}


@dataclass
class Run:
    """What a program left behind."""

    status: int
    printed: str
    said: str
    csv: Path
    truth: dict[str, int]

    @property
    def ledger(self) -> dict[str, Any]:
        """The ledger it printed."""
        return json.loads(self.printed)

    @property
    def frames(self) -> tuple[np.ndarray, np.ndarray]:
        """frame_index [n] and counts [n, channels]."""
        rows = [line for line in self.csv.read_text().splitlines() if line[0].isdigit()]
        table = np.array([row.split(",") for row in rows])
        return table[:, 0].astype(int), table[:, 2:].astype(int)


class Programs:
    """Programs that run side by side, each in a session of its own."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.folder, self.shim = folder, shim
        self.started: dict[str, subprocess.Popen[str]] = {}
        self.finished: dict[str, Run] = {}

    def file(self, name: str) -> Path:
        """Its pipeline file; what it writes is beside it."""
        return self.folder / f"{name.replace(' ', '_')}.yaml"

    def start(self, name: str, acquire: dict[str, Any], words: str | None, *arguments: str) -> None:
        """`words`: what is behind the nodes; None for no shim."""
        file = self.file(name)
        csv = {"path": str(file.with_suffix(".csv")), "inputs": "acquire", "columns": "counts"}
        stages = [{"acquire": acquire}, {"null_sink": {}}, {"csv_sink": csv}]
        file.write_text(json.dumps({"version": 1, "name": "proof", "stages": stages}))       # JSON is YAML
        environment = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "EEGCORE_SHIM")}
        if words is not None:
            truth = f"truth={file.with_suffix('.truth')}"
            environment |= {"LD_PRELOAD": str(self.shim), "EEGCORE_SHIM": f"{WORLD} {words} {truth}"}
        self.started[name] = subprocess.Popen(
            [sys.executable, "-m", "eegcore", "run", str(file), "--json", *arguments], cwd=ROOT, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def __getitem__(self, name: str) -> Run:
        """Wait for one to end; nothing of it may live on."""
        if name not in self.finished:
            program, file = self.started[name], self.file(name)
            printed, said = program.communicate(timeout=60)
            with pytest.raises(ProcessLookupError):
                os.killpg(program.pid, 0)
            truth = file.with_suffix(".truth")
            lines = truth.read_text().split() if truth.exists() else []
            counted = {key: int(value) for key, value in (line.split("=") for line in lines)}
            self.finished[name] = Run(program.returncode, printed, said, file.with_suffix(".csv"), counted)
        return self.finished[name]

    def end(self) -> None:
        """Leave nothing behind."""
        for name, program in self.started.items():
            if name not in self.finished:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                program.communicate()


@pytest.fixture(scope="module")
def programs(shim_library, tmp_path_factory):
    """All of them, running."""
    running = Programs(tmp_path_factory.mktemp("product"), shim_library)
    try:
        running.start("silent", ON_ONE, "fault=drdy:0:1:0:1", "--seconds", "1")
        running.start("reset", ON_TWO, "selects=1,1 fault=reset:1:501:1", "--seconds", "3")
        running.start("gone", ON_ONE, "fault=gone:0:301:1", "--seconds", "3")
        for name, (words, acquire) in ON_NODES.items():
            running.start(name, acquire, words, "--seconds", "3")
        running.start("emulated one", {**EMULATED, **ONE}, None, "--seconds", "3", "--virtual")
        running.start("emulated two", {**EMULATED, **TWO, "chips": [{}, {}]}, None, "--seconds", "3", "--virtual")
        for name, (words, _) in NOT_STARTED.items():
            running.start(name, ON_ONE, words, "--seconds", "1")
        yield running
    finally:
        running.end()


@pytest.fixture(params=ON_NODES)
def name(request):
    """A run on nodes."""
    return request.param


def test_every_frame_is_that_of_the_emulated_board(programs, name):
    run, emulated = programs[name], programs[f"emulated {name[:3]}"]
    assert (run.status, emulated.status) == (0, 0), run.said + emulated.said
    index, counts = run.frames
    wanted_index, wanted = emulated.frames
    assert np.array_equal(wanted_index, np.arange(3 * (250 if name[:3] == "one" else 500)))
    assert len(index) > len(wanted) // 10
    assert (np.diff(index) > 0).all()
    inside = index < len(wanted)                       # a late reader ends a few frames later
    blind = np.isin(index + 1, UNSEEN.get(name, [])) & was_held_up(run)
    compared = inside & ~blind
    differ = index[compared][(counts[compared] != wanted[index[compared]]).any(axis=1)]
    assert differ.tolist() == []
    assert not np.isin([*UNSEEN.get(name, []), *REFUSED.get(name, [])], index).any()


def was_held_up(run):
    """Whether a read ended a period behind its edge.

    Before an edge that nobody sees, such a read takes the next conversion for its own: no host could know.
    """
    source = run.ledger["stats"]["sources"]["acquire"]
    return source["read_max_us"] >= 0.9e6 / source["rate_sps"]


def test_the_ledger_is_the_truth_of_the_chips(programs, name):
    run = programs[name]
    source, truth = run.ledger["sources"]["acquire"], run.truth
    behind = truth["conversions"] - source["edges"]                       # after the last frame asked for, before STOP
    assert behind >= 0
    assert run.ledger["balanced"]
    assert source["edges"] == sum(source[key] for key in ("delivered", "missed", "bad_status", "late", "pending"))
    assert truth["conversions"] == sum(truth[key] for key in ("clean", "spoiled", "torn", "never_read"))
    # A host stamps before and behind its call: an edge in between looks to it as if it had torn the frame. It must
    # refuse that frame, and may have to read again; such rounds are the only difference there is.
    blind = 2 if name in UNSEEN and was_held_up(run) else 0
    doubted = source["late"] - truth["torn"]
    assert doubted >= -blind
    for mine, theirs in (("delivered", "clean"), ("bad_status", "spoiled")):
        assert abs(source[mine] - truth[theirs]) <= abs(doubted) + blind, (mine, source, truth)
    unread = source["missed"] + source["pending"] - (truth["never_read"] - behind)
    assert abs(unread) <= abs(doubted) + blind, (source, truth)
    assert len(run.frames[0]) == run.ledger["sinks"]["csv_sink"]["written"] == source["delivered"]
    assert truth["violations"] == 0


def test_what_was_injected_is_counted(programs):
    one, two = programs["one faulty"], programs["two faulty"]
    assert one.truth["dropped"] == 6
    assert one.ledger["sources"]["acquire"]["missed"] >= 6
    assert two.ledger["stats"]["sources"]["acquire"]["read_max_us"] >= 3000
    for run in (one, two):
        counted = run.ledger["stats"]["sources"]["acquire"]
        assert run.truth["failed_transfers"] == 1
        assert counted["retries"] + counted["io_errors"] == 1             # repeated, if there was time for it
        assert counted["gaps"] >= 2
        assert re.search(r"acquire: \d+ frames? .*", run.said)


def test_a_chip_that_was_reset_is_set_up_again_and_goes_on_with_true_frames(programs):
    run, emulated = programs["reset"], programs["emulated two"]
    assert run.status == 0, run.said
    assert re.search(r"acquire: the chips run again after \d tr", run.said)
    assert run.ledger["balanced"]
    assert run.ledger["stats"]["sources"]["acquire"]["restarts"] == 1
    index, counts = run.frames
    wanted = emulated.frames[1]
    before, behind = index < 500, index > 500
    assert np.array_equal(before | behind, np.ones_like(before))          # nothing of a chip that was reset
    assert np.array_equal(counts[before], wanted[index[before]])
    # the chips count from START: which conversion the first frame behind it is, the frame itself says
    first = np.flatnonzero((wanted == counts[behind][0]).all(axis=1))
    assert len(first) == 1
    since_start = index[behind] - index[behind][0] + first[0]
    assert np.array_equal(counts[behind], wanted[since_start])


def test_a_device_that_vanishes_ends_the_run_with_closed_books(programs):
    run = programs["gone"]
    assert run.status == 1
    assert "Traceback" not in run.said
    assert re.search(r"^acquire: .*vanished", run.said, re.MULTILINE), run.said
    assert run.ledger["balanced"]
    index, counts = run.frames
    assert len(index) == run.ledger["frames"] - run.ledger["lost"]
    assert index[-1] < 300
    assert np.array_equal(counts, programs["emulated one"].frames[1][index])


@pytest.mark.parametrize("name", NOT_STARTED)
def test_what_cannot_start_says_so_in_one_line(programs, name):
    run = programs[name]
    assert run.status == 1
    assert re.fullmatch(f"ads1299: {NOT_STARTED[name][1]}\n", run.said), run.said
    assert run.printed == ""
    assert not run.csv.exists()


def test_a_data_ready_line_that_stays_silent_ends_the_run_with_closed_books(programs):
    run = programs["silent"]
    assert run.status == 1
    assert "Traceback" not in run.said
    assert re.search(r"^acquire: the data-ready line is silent .*Check the DRDY wire", run.said, re.MULTILINE), run.said
    assert run.ledger["balanced"]
    # frames that should have come are missing, by time: 250 SPS for the seconds that were asked for
    source = run.ledger["sources"]["acquire"]
    assert source["delivered"] == 0
    assert 0 < source["missed"] == source["edges"] == run.ledger["lost"]
    assert "silent" in run.ledger["failure"]

"""What the kernels cost in instructions: a figure that no other load on the machine can blur.

Every stage below runs in one child process under callgrind (``python -m eegcore.bench.instructions JOBS``), on random
samples, after its filters were designed here. Only what happens inside `Probe.churn` counts. Valgrind shows programs
an x86-64 processor with AVX2 and no more, so that is what the figures are of, whatever the processor can do.

Record the baseline that a test compares with, after a deliberate change::

    python -m eegcore.bench.instructions --record tests/bench/instructions.json
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eegcore._rt import Probe
from eegcore.bench.line import Effort, Line, missing

SPS = 4000.0
FRAMES, PACKETS = 16, 40
CALLGRIND_S = 300.0

STAGES: dict[str, dict[str, Any]] = {
    "gain": {"gain": {"factor": 2.0}},
    "notch": {"notch": {"hz": 50}},
    "bandpass": {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}},
    "fir": {"fir": {"high_hz": 45, "n_taps": 101}},
    "envelope": {"envelope": {"n_taps": 103}},
    "decimate": {"decimate": {"factor": 16}},
    "fft": {"fft": {"window_s": 0.1, "overlap": 0.5}},
    "select": {"select": {"channels": [1]}},
    "reference": {"reference": {"to": "average"}},
    "detrend": {"detrend": {"kind": "linear", "window_s": 0.1}},
}
CHANNELS = (1, 8, 16, 24, 31, 32)
LEAST_CHANNELS = {"reference": 2}              # one alone has no average


def jobs() -> list[dict[str, Any]]:
    """Return what the child is to run: one entry per stage and number of channels, ready made."""
    from eegcore.bench.hooks import array_plan, recording
    from eegcore.graph.build import stream_dict

    found = []
    for name, stage in STAGES.items():
        for channels in CHANNELS:
            if channels < LEAST_CHANNELS.get(name, 1):
                continue
            plan = array_plan(recording(np.zeros((FRAMES, channels), np.float32), SPS), [stage, {"null_sink": {}}],
                              batch=FRAMES)
            streams = {(item.id, port.name): port.stream for item in plan.stages for port in item.outputs}
            node = next(node for group in plan.groups for node in group.nodes if name in node.members)
            found.append({"name": f"{name}, {channels} ch", "channels": channels, "node": node.params["node"],
                          "params": node.params, "input": stream_dict(streams[node.inputs[0]]),
                          "outputs": [stream_dict(streams[ref]) for ref in node.outputs]})
    return found


def key() -> str:
    """Return what the counts depend on: architecture and compiler."""
    gcc = shutil.which("gcc")
    version = subprocess.run([gcc, "-dumpversion"], capture_output=True, text=True).stdout.strip() if gcc else "none"
    return f"{platform.machine()}, gcc {version}"


def count() -> dict[str, float]:
    """Return instructions per frame and channel of every job.

    Raises
    ------
    RuntimeError
        If valgrind is not there, or fails.
    """
    from eegcore.bench.children import environment

    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is not installed")
    work = jobs()
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "jobs.json", Path(folder) / "out"
        given.write_text(json.dumps(work))
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
                   "--toggle-collect=__pyx_pf*Probe*churn*", "--dump-before=__pyx_pw*Probe*churn*",
                   "--compress-strings=no", sys.executable, "-m", "eegcore.bench.instructions", str(given)]
        same = {**environment(), "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=same, capture_output=True, text=True, timeout=CALLGRIND_S)
        if done.returncode:
            raise RuntimeError(f"callgrind failed: {done.stderr.strip().splitlines()[-1:]}")
        # a dump before each call: the first is empty, and what the last call cost is in the one of the end
        totals = [_total(out.with_name(f"out.{n}")) for n in range(2, len(work) + 1)] + [_total(out)]
    if 0 in totals:
        raise RuntimeError(f"callgrind counted nothing for {work[totals.index(0)]['name']}")
    return {job["name"]: total / (FRAMES * PACKETS * job["channels"])
            for job, total in zip(work, totals, strict=True)}


def _total(dump: Path) -> int:
    try:
        found = re.search(r"^totals: (\d+)", dump.read_text(errors="replace"), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def instructions(effort: Effort) -> list[Line]:
    """Instructions per frame and channel of the kernels, in packets of 16 frames."""
    try:
        counts = count()
    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
        return [missing("instructions", "instructions of the kernels", str(error))]
    return [Line("instructions", name, f"{value:.2f} instructions a frame and channel", n_frames=FRAMES,
                 n_channels=int(name.split()[-2]), values={"instructions_per_sample": value}, note=key())
            for name, value in counts.items()]


def run_jobs(path: Path) -> None:
    """Be the child: run every job once."""
    rng = np.random.default_rng(1)
    for job in json.loads(path.read_text()):
        probe = Probe(job["node"], job["params"], input=job["input"], outputs=job["outputs"])
        values = rng.normal(0.0, 30.0, (FRAMES * PACKETS, job["channels"])).astype(np.float32)
        probe.churn(values, FRAMES)


def main(arguments: list[str]) -> None:
    """Record a baseline, or be the child."""
    if arguments[0] == "--record":
        counts = {name: round(value, 3) for name, value in count().items()}
        Path(arguments[1]).write_text(json.dumps({key(): counts}, indent=1) + "\n")
    else:
        run_jobs(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

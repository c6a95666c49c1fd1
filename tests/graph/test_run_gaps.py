"""A gap is told to whoever stands behind it, however few frames a stage keeps."""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.devices.readers_base import Recording
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline

GAP = 1


def heard(path, stages, gaps, n_frames=4000, listen="decimate"):
    """Packets of one stage behind a recording with frames missing: (frame_index, n_frames, flags) each."""
    rows = "".join(f"{i % 100}\n" for i in range(n_frames))
    path.write_text("a\n" + rows)
    plan = Pipeline([{"playback": {"path": str(path), "sps": 1000, "batch": 4, "speed": "max"}}, *stages,
                     {"null_sink": {}}], clock="virtual").plan
    values = np.ascontiguousarray(np.arange(n_frames, dtype=np.float32).reshape(-1, 1) % 100)
    recording = Recording(values, ("a",), 1000.0, "uV", (), [], "csv", gaps)
    run = GraphRun(plan, recordings={"playback": recording})
    _, tap = run.open_tap(listen)
    run.start()
    found = []
    while (packets := tap.wait(5, 1)) is not None:
        found += [(packet.frame_index, packet.n_frames, packet.flags, packet.device_frames) for packet in packets]
        packets = None
    run.finish()
    return found


@pytest.mark.parametrize("to_sps", [250, 100, 10])
def test_the_first_kept_frame_after_a_gap_says_so(tmp_path, to_sps):
    packets = heard(tmp_path / "x.csv", [{"decimate": {"to_sps": to_sps}}], [(1001, 70), (2502, 1), (2540, 3)])
    flagged = [index for index, _, flags, _ in packets if flags & GAP]
    every = 1000 // to_sps
    # where the recording goes on, in frames of the device
    resumed = [1001 + 70, 2502 + 71, 2540 + 74]
    wanted = sorted({-(-frame // every) * every for frame in resumed})
    assert flagged == wanted


def test_gaps_at_one_place_are_all_counted(tmp_path):
    packets = heard(tmp_path / "x.csv", [{"gain": {"factor": 2}}], [(100, 5), (100, 7), (200, 1)], listen="gain")
    ends = [index + n for index, n, _, _ in packets]
    starts = [index for index, _, _, _ in packets]
    missing = [(end, start - end) for end, start in zip(ends, starts[1:], strict=False) if start != end]
    assert missing == [(100, 12), (212, 1)]


def test_a_listener_who_comes_late_is_not_told_of_everything_before():
    stages = [{"acquire": {"board": "emulator", "sps": 1000, "channels": 8}}, {"to_voltage": {}},
              {"decimate": {"to_sps": 100}}, {"null_sink": {"inputs": ["to_voltage"]}}]
    with Pipeline(stages).run() as run:
        for _ in run.tap("to_voltage", seconds=0.5):
            pass
        first = next(iter(run.tap("decimate")))
        assert first.device_frames <= 20

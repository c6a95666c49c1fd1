"""Arrays through a chain whose settings change at given frames, on the virtual clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from eegcore.devices.readers_base import Recording
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.offline.chain import SOURCE, find_output, plan_chain
from eegcore.sinks.ledger_file import check_ledger

Stages = list[dict[str, Any]]


@dataclass
class Heard:
    """What came out of one stage, frame by frame."""

    values: np.ndarray                 # [n_frames][n_channels]
    frame: np.ndarray                  # device frame of each
    rev: np.ndarray                    # config_rev of each
    flags: np.ndarray                  # of each, without the gap flag
    ledger: dict[str, Any]
    run: GraphRun


def recording(x: np.ndarray, sps: float, gaps: list[tuple[int, int]] | None = None) -> Recording:
    return Recording(values=np.ascontiguousarray(x, np.float32), labels=tuple(f"ch{c}" for c in range(x.shape[1])),
                     sps=float(sps), unit="uV", scale_uv=(), events=[], source_format="array", gaps=gaps or [])


def run_live(x: np.ndarray, sps: float, first: Stages, changes: list[tuple[int, Stages]], *, batch: int = 64,
             output: str | None = None, gaps: list[tuple[int, int]] | None = None, digest: bool = False) -> Heard:
    """Run `x` through `first`; from each frame on through the stages given for it. Nothing may be lost."""
    given = recording(x, sps, gaps)
    plans: dict[str, Plan] = {}

    def plan_of(stages: Stages) -> Plan:
        key = json.dumps(stages)
        if key not in plans:
            plans[key] = plan_chain(given, stages, batch=batch)[1]
        return plans[key]

    run = GraphRun(plan_of(first), digest=digest, recordings={SOURCE: given})
    for frame, stages in changes:
        run.change(plan_of(stages), frame)
    _, tap = run.open_tap(*find_output(run.plan, output))
    parts: list[tuple[np.ndarray, int, float, int, int]] = []
    run.start()
    try:
        while (packets := tap.wait(10.0)) is not None:
            for p in packets:
                parts.append((np.array(p.data), p.frame_index, p.step_num / p.step_den, p.config_rev, p.flags & ~1))
                p.release()
    finally:
        ledger = run.finish()
    assert run.failure() is None
    assert check_ledger(ledger) == []
    assert ledger["lost"] == sum(n for _, n in gaps or [])

    def each(number: int) -> np.ndarray:
        return np.concatenate([np.full(len(part[0]), part[number]) for part in parts])

    frames = np.concatenate([part[1] + np.arange(len(part[0])) * part[2] for part in parts])
    return Heard(np.concatenate([part[0] for part in parts]), frames, each(3), each(4), ledger, run)

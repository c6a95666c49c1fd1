"""Chains of stages over arrays, packet by packet: with gaps, saturated channels and what a source says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from eegcore.config import load
from eegcore.devices.readers_base import Recording
from eegcore.graph.plan import make_plan
from eegcore.graph.run import GraphRun
from eegcore.offline import SOURCE, ArraySource
from eegcore.sinks.ledger_file import check_ledger
from eegcore.stages import catalogue
from eegcore.stages.base import OUT, Description, Port
from eegcore.stages.stream import Stream


class SpeakingSource(ArraySource):
    """An array whose stream carries meta, as that of a board does."""

    meta: dict[str, Any]

    def describe(self, settings: Any, inputs: list[Stream], ctx: Any) -> Description:
        description = super().describe(settings, inputs, ctx)
        stream = description.outputs[0].stream
        return Description([Port(OUT, stream.replace(meta=self.meta))], description.native)


@dataclass
class Outcome:
    """What one stage gave."""

    stream: Stream
    packets: list[dict[str, Any]] = field(default_factory=list)
    ledger: dict[str, Any] = field(default_factory=dict)

    @property
    def samples(self) -> np.ndarray:
        """All frames, shape (n_frames, n_channels)."""
        parts = [packet["data"] for packet in self.packets]
        return np.concatenate(parts) if parts else np.empty((0, self.stream.n_channels), np.float32)

    @property
    def index(self) -> list[int]:
        """Device frame of every frame."""
        step = int(self.stream.step)
        return [packet["frame_index"] + i * step for packet in self.packets for i in range(len(packet["data"]))]


@pytest.fixture
def chain() -> Callable[..., Outcome]:
    """Run stages over uV (float) or counts (int), shape (n_frames, n_channels); listen to the last one."""

    def run_it(x: np.ndarray, sps: float, stages: list[dict[str, Any]], *, gaps: tuple[tuple[int, int], ...] = (),
               batch: int = 64, scale_uv: float | None = None, meta: dict[str, Any] | None = None) -> Outcome:
        raw = np.issubdtype(x.dtype, np.integer)
        n = x.shape[1]
        recording = Recording(
            np.ascontiguousarray(x, np.int32 if raw else np.float32), tuple(f"ch{c + 1}" for c in range(n)), float(sps),
            "counts" if raw else "uV", (scale_uv,) * n if raw and scale_uv else (), [], "array", list(gaps))
        source = SpeakingSource(recording, batch)
        source.meta = meta or {}
        types = {**catalogue(), SOURCE: source}
        config, problems = load([{SOURCE: {}}, *stages, {"null_sink": {"id": "end"}}], catalogue=types, name="test")
        plan = make_plan(config, problems, "virtual", types=types) if config is not None else None
        problems.raise_if_any()
        assert plan is not None
        last = plan.stage("end").inputs[0][0]
        run = GraphRun(plan, digest=False, recordings={SOURCE: recording})
        _, tap = run.open_tap(last)
        outcome = Outcome(run.stream(last))
        run.start()
        try:
            while (packets := tap.wait(1.0)) is not None:
                for packet in packets:
                    names = ("frame_index", "flags", "saturated", "lead_off", "device_frames", "t_ns", "sps")
                    outcome.packets.append({"data": np.array(packet.data),
                                            **{name: getattr(packet, name) for name in names}})
                    packet.release()
        finally:
            run.finish()
        outcome.ledger = run.ledger()
        assert check_ledger(outcome.ledger) == []
        return outcome

    return run_it

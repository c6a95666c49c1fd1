"""Small graphs at the level of `_rt.Graph`, on the virtual clock, whose readers change while they run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eegcore import _rt

SPS = 250.0
CHANNELS = 4
BATCH = 16
VOLTAGE = 2                            # EEGCORE_VOLTAGE_F32
BLOCK = 2                              # EC_POLICY_BLOCK
GAP, SETTLING = 1, 8

Json = dict[str, Any]


def stream(number: int = 0, pool: int | None = 0, *, channels: int = CHANNELS, step: int = 1) -> Json:
    """Describe the output of a port."""
    return {"kind": VOLTAGE, "sps": SPS / step, "n_channels": channels, "n_bins": 0, "max_frames": BATCH,
            "step": (step, 1), "number": number, "pool": pool}


def cascade(*ops: Json, ports: list[Json] | None = None, settling: list[int] | None = None) -> Json:
    """Return parameters of a cascade; without `ports` it has one, behind all operations."""
    ports = ports or [{"after": len(ops), "raw": False}]
    return {"node": "cascade", "input": "uv", "n_channels": CHANNELS, "max_frames": BATCH, "sps": SPS, "kind": VOLTAGE,
            "ops": list(ops), "ports": ports, "settling_frames": settling or [0] * len(ports)}


def gain(factor: float, of: str | None = None) -> Json:
    return {"op": "scale", "factor": [factor] * CHANNELS, **({"of": of} if of else {})}


def lowpass(alpha: float, of: str | None = None) -> Json:
    """One pole: y = alpha x + (1 - alpha) y."""
    row = [float(value).hex() for value in (alpha, 0.0, 0.0, 1.0, alpha - 1.0, 0.0)]
    return {"op": "sos", "sos": [row], **({"of": of} if of else {})}


def noise(n_frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 50, (n_frames, CHANNELS)).astype(np.float32)


@dataclass
class Heard:
    """What one outlet got."""

    values: list[np.ndarray] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    revs: list[np.ndarray] = field(default_factory=list)
    flags: list[np.ndarray] = field(default_factory=list)
    ended: bool = False

    def all(self, name: str) -> np.ndarray:
        parts = getattr(self, name)
        return np.concatenate(parts) if parts else np.empty(0)


class Live:
    """A graph under construction, then a run of it, then what came out.

    Group 0 is that of the first source. Outlets are read by threads of their own from the moment they are made.
    """

    def __init__(self, slots: int = 256) -> None:
        self.graph = _rt.Graph(is_virtual=True)
        self.pool = self.graph.add_pool(slots, BATCH * CHANNELS * 4)[0]
        self.heard: dict[int, Heard] = {}
        self._readers: list[threading.Thread] = []
        self._threads: list[threading.Thread] = []
        self.rev = 1
        self.is_started = False

    def source(self, values: np.ndarray, *, batch: int = BATCH, number: int = 0, loop: bool = False) -> tuple[int, int]:
        """Add a group with a recording as its source; return (group, node)."""
        group = self.graph.add_group()
        return group, _rt.add_playback(self.graph, group, stream(number, self.pool), values, batch=batch, speed=0.0,
                                       loop=loop)

    def node(self, group: int, params: Json | None = None, *, new: bool = False, node_type: str = "cascade",
             number: int = 9, inputs: int = 1, outputs: int | None = None, **more: Any) -> int:
        """Add a stage, or make one for the next revision."""
        params = params if params is not None else cascade(gain(1.0))
        n_out = outputs if outputs is not None else len(params.get("ports", [0]))
        add = self.graph.new_node if new else self.graph.add_node
        return add(group, node_type, params, inputs=[stream()] * inputs,
                   outputs=[stream(number + k, self.pool) for k in range(n_out)], **more)

    def outlet(self, node: int, port: int = 0) -> int:
        """Add a planned reader before the start."""
        return self._listen(*self.graph.add_outlet(node, port, policy=BLOCK, capacity=8, planned=True))

    def new_outlet(self) -> int:
        """Make a planned reader for the next revision."""
        return self._listen(*self.graph.new_outlet(policy=BLOCK, capacity=8))

    def _listen(self, number: int, tap: _rt.Tap) -> int:
        heard = self.heard[number] = Heard()

        def read() -> None:
            while (packets := tap.wait(20.0)) is not None:
                assert packets, "nothing came for 20 s"
                for packet in packets:
                    n, step = packet.n_frames, packet.step_num / packet.step_den
                    heard.values.append(np.array(packet.data))
                    heard.frames.append((packet.frame_index + np.arange(n) * step).astype(int))
                    heard.revs.append(np.full(n, packet.config_rev))
                    heard.flags.append(np.full(n, packet.flags))
                    packet.release()
            heard.ended = True

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()
        return number

    def hand_over(self, changes: list[_rt.Change], at_frame: int = 0, schedules: Any = None) -> int:
        self.rev += 1
        _rt.hand_over(self.graph, changes, self.rev, at_frame, schedules)
        return self.rev

    def routes(self, node: int, *readers: tuple[Any, ...], port: int = 0, **more: Any) -> _rt.Change:
        return _rt.prepare_routes(self.graph, node, routes={port: list(readers)}, **more)

    def retire(self, node: int) -> _rt.Change:
        return _rt.prepare_retire(self.graph, node)

    def start_group(self, group: int) -> None:
        thread = threading.Thread(target=self.graph.run_group, args=(group, f"group-{group}"), daemon=True)
        self._threads.append(thread)
        thread.start()

    def start(self) -> None:
        self.is_started = True
        for group in reversed(range(self.graph.n_groups)):
            self.start_group(group)

    def finish(self) -> None:
        """Wait for the end; nothing may be left, and the books hold."""
        for thread in [*self._threads, *self._readers]:
            thread.join(10.0)
            assert not thread.is_alive(), "a thread waits for ever"
        assert self.graph.failure is None
        assert self.graph.drain_log() == []
        self.graph.finish()
        _rt.collect_changes(self.graph)
        assert all(heard.ended for heard in self.heard.values())

    def run(self) -> None:
        self.start()
        self.finish()

    def free_slots(self) -> int:
        stats = _rt.pool_stats(self.graph, self.pool)
        return stats["size"] - stats["free"]


def contiguous(heard: Heard, first: int, last: int) -> bool:
    """True if every frame from `first` to `last`, that one left out, came once and in order."""
    return np.array_equal(heard.all("frames"), np.arange(first, last))

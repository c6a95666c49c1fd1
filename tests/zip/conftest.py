"""Fixtures of the zip's tests: the library built once, and runs of small pipelines that join streams."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zip_driver import Input, Made, Packet, Zip, load

from eegcore.devices.readers_base import Recording
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Zip and harness as a shared library."""
    found = load(tmp_path_factory.mktemp("zip"))
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def make_zip(library: Any) -> Callable[..., Zip]:
    """Make zips: ``make_zip(inputs, skip=True, ...)``; freed by the caller's ``close``."""
    def make(inputs: Any, **settings: Any) -> Zip:
        return Zip(library, inputs, **settings)
    return make


class Heard:
    """What a run left behind: packets of the stages listened to, and the ledger."""

    def __init__(self, packets: dict[str, list[Packet]], ledger: dict[str, Any]) -> None:
        self.packets = packets
        self.ledger = ledger

    def given(self, name: str, **shape: Any) -> Input:
        """The packets of a stage as what goes into a zip."""
        packets = [replace(packet, data=packet.data.view(np.int32)) for packet in self.packets[name]]
        return Input(packets, packets[0].data.shape[1] if packets else 1, **shape)

    def made(self, name: str = "align_and_zip") -> list[Made]:
        """The packets of a stage as what comes out of a zip."""
        return [Made(packet.t_ns, packet.frame_index, packet.data.view(np.int32), packet.flags, packet.saturated,
                     packet.lead_off, packet.device_frames or 0) for packet in self.packets[name]]

    def samples(self, name: str = "align_and_zip") -> np.ndarray:
        """All frames of a stage."""
        return np.concatenate([packet.data for packet in self.packets[name]])

    def counts(self, name: str = "align_and_zip") -> dict[str, dict[str, int]]:
        """The ledger of the inputs of a stage."""
        return dict(self.ledger["stages"][name]["inputs"])


@pytest.fixture
def heard() -> Callable[..., Heard]:
    """Run stages on the virtual clock, listening to some of them; the ledger is checked on the way."""
    def listen_to(stages: list[Any], *names: str, seconds: float | None = None,
                  recordings: dict[str, Recording] | None = None) -> Heard:
        run = GraphRun(Pipeline(stages, clock="virtual").plan, recordings=recordings, seconds=seconds)
        packets: dict[str, list[Packet]] = {name: [] for name in names}

        def listen(name: str, tap: Any) -> None:
            while (found := tap.wait(60, 16)) is not None:
                packets[name] += [Packet(one.t_ns, one.frame_index, np.array(one.data), one.flags, one.saturated,
                                         one.lead_off, one.device_frames) for one in found]

        threads = [threading.Thread(target=listen, args=(name, run.open_tap(name)[1])) for name in names]
        for thread in threads:
            thread.start()
        run.start()
        for thread in threads:
            thread.join(100)
        assert run.join(100), "the run is stuck"
        run.finish()
        ledger = run.ledger()
        assert check_ledger(ledger) == []
        assert ledger["balanced"]
        return Heard(packets, ledger)
    return listen_to

"""What only the emulated chip can show: other clocks, and comparators whose word is debounced."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from electrodes import KOHM, LEAD_OFF

from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger


def listen(stages, stage, seconds, each):
    """Run on the virtual clock and give every packet of one stage to `each`."""
    running = Pipeline(stages, clock="virtual").run(seconds=seconds)
    heard = running.tap(stage, timeout_s=30)
    reader = threading.Thread(target=lambda: [each(packet) for packet in heard])
    reader.start()
    with running:
        assert running.wait(60)
        reader.join()
    assert check_ledger(running.ledger()) == []


def board(mode, **more):
    return {"acquire": {"board": "emulator", "channels": 8, "electrode_kohm": KOHM.tolist(), "seed": 5,
                        "lead_off": {"mode": mode, "hz": 31.25, "current_na": 24}, **more}}


@pytest.mark.parametrize("settings", [{"sps": 976.5625, "clock": "external", "clock_hz": 2e6}, {"sps": 20_000}])
def test_another_clock_changes_the_tone_as_it_changes_the_rate(settings):
    kohm = []
    listen([board("ac", **settings), {"to_voltage": {}}, {"impedance": {"window_s": 6}}, {"null_sink": {}}],
           "impedance", 7, lambda packet: kohm.append(np.array(packet.data)))
    assert np.abs(kohm[0][0] / KOHM - 1).max() < 0.1


def changes(stage):
    """Return where the lead-off mask of a stage's packets changes, and to what."""
    found = [(0, 0)]

    def look(packet):
        assert bool(packet.flags & LEAD_OFF) == bool(packet.lead_off)
        if packet.lead_off != found[-1][1]:
            found.append((packet.frame_index, packet.lead_off))

    source = board("dc", sps=250, batch=5, faults=[
        {"kind": "electrode_off", "at": 301, "n": 10, "value": 2},        # conversions count from 1
        {"kind": "electrode_off", "at": 501, "n": 200, "value": 4}])
    listen([source, {"to_voltage": {}}, {"lead_off": {"debounce_s": 0.2}}, {"null_sink": {}}], stage, 4, look)
    return found


def test_what_the_comparators_say_is_debounced():
    assert changes("to_voltage") == [(0, 0), (300, 4), (310, 0), (500, 16), (700, 0)]
    # with the 50th frame in succession, wherever in a packet it is
    assert changes("lead_off") == [(0, 0), (549, 16), (749, 0)]

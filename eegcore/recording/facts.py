"""What a session says about the machine that made it: everything needed to read its counts again."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import eegcore
from eegcore.devices.registers import NAMES

if TYPE_CHECKING:
    from eegcore.graph.run import GraphRun
    from eegcore.graph.sink_thread import SinkThread
    from eegcore.stages.stream import Stream

LIBRARIES = ("numpy", "scipy")                         # what the samples and the designed filters went through


def first_facts(run: GraphRun, sink: SinkThread) -> dict[str, Any]:
    """Return what is known when a recording begins and does not change until its end."""
    stream = sink.stream
    return {
        "run_id": run.run_id, "pipeline": run.plan.name, "sink": sink.sink_id, "clock": run.plan.clock,
        "input": {"stage": sink.input[0], "port": sink.input[1]},
        "run_start": {"unix_ns": run.start_unix_ns, "t_ns": run.start_t_ns},
        "stream": stream_facts(stream), "filters": list(stream.meta.get("filters", ())),
        "versions": versions(),
    }


def last_facts(run: GraphRun, sink: SinkThread) -> dict[str, Any]:
    """Return what is only known, or known better, once samples have flowed: rate, clocks, registers."""
    stream = sink.stream
    stats = run.stats()["sources"]
    return {
        "utc": run.utc.as_dict() if run.utc is not None else None,
        "sources": {source: source_facts(run, source, stats.get(source, {})) for source in stream.sources},
    }


def stream_facts(stream: Stream) -> dict[str, Any]:
    """Return the description of the recorded channels.

    `scale_uv` is uV per count: 1 count = VREF / gain / 2^23 (SBAS499C section 9.5.1);
    as decimals that read back to the very same doubles, and once more in hexadecimal.
    """
    return {
        "labels": list(stream.labels), "sps": stream.sps, "kind": stream.kind.name, "reference": stream.reference,
        "scale_uv": list(stream.scale_uv), "scale_uv_hex": [value.hex() for value in map(float, stream.scale_uv)],
        "step": str(stream.step), "meta": stream.meta,
    }


def source_facts(run: GraphRun, source: str, stats: dict[str, Any]) -> dict[str, Any]:
    """Return settings, true rate and registers of one source; registers as they were read back from the chips."""
    stage = run.plan.stage(source)
    stream = stage.outputs[0].stream
    return {
        "type": stage.type, "board": stage.settings.get("board"), "sps": stream.sps,
        "sps_true": stats.get("rate_sps"), "residual_us": stats.get("residual_us"),
        "registers": [register_words(chip) for chip in run.registers(source)],
    }


def register_words(image: bytes) -> dict[str, str]:
    """Return the registers of one chip by name, as in SBAS499C section 9.6: ``{"CONFIG1": "0xD6", ...}``."""
    return {name: f"0x{value:02X}" for name, value in zip(NAMES, image, strict=False)}


def versions() -> dict[str, str]:
    """Return what software and system this is."""
    found = {"eegcore": eegcore.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:                   # a build without metadata
            continue
    system = os.uname()
    return {**found, "system": f"{system.sysname} {system.release}", "machine": system.machine}

"""What a new graph keeps of the sensor: labels, gain and wiring belong to the head and the board, not to the graph.

The rule. When a preset is loaded, an `acquire` stage of it takes over from the one that is held, if that has the same
id and board: every setting of `KEPT` that was written or set there and that the preset leaves open. What the preset
writes wins. Rate and packet size are the graph's. Inputs, test signal and lead-off current are never taken over: they
are modes of a measurement, and a preset that says nothing of a current must not inherit one. If the preset does not
work with what it would take over (a stage of it names a channel that is not there), it is loaded as it is written.
A pipeline that is sent, and a file that is read again, mean what they say: nothing is added to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eegcore.control.documents import written
from eegcore.control.preparing import prepare
from eegcore.errors import ConfigError
from eegcore.logs import get_logger

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan

KEPT = ("labels", "channels", "chips", "gain", "reference", "srb2", "bias", "vref_v", "clock", "clock_hz", "spi_hz",
        "gpiochip", "drdy", "start", "reset", "pwdn")

log = get_logger("control")


def prepare_preset(path: Path, held: PipelineConfig | None) -> tuple[PipelineConfig, Plan]:
    """Read, check and plan a preset, with the sensor settings of what is held.

    Raises
    ------
    ConfigError
        If the preset has mistakes of its own.
    """
    config, plan = prepare(path)
    if held is None:
        return config, plan
    document, taken = written(config), []
    before = written(held)["stages"]
    for stage_id, stage in document["stages"].items():
        other = before.get(stage_id, {})
        if stage["type"] != "acquire" or other.get("type") != "acquire" or _board(stage) != _board(other):
            continue
        for key in KEPT:
            if key in other and key not in stage:
                stage[key] = other[key]
                taken.append(f"{stage_id}.{key}")
    if not taken:
        return config, plan
    try:
        prepared = prepare(document, name=str(path))
    except ConfigError as error:
        log.warning("preset %s: it does not work with %s of the pipeline before (%s). It is loaded as it is written.",
                    path.stem, ", ".join(taken), error.problems[0] if error.problems else error)
        return config, plan
    log.info("preset %s: %s taken over from the pipeline before", path.stem, ", ".join(taken))
    return prepared


def _board(stage: dict[str, object]) -> object:
    return stage.get("board", "emulator")

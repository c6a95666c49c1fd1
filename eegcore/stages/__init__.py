"""The stage catalogue: every type a pipeline file may name.

`catalogue()` answers without hardware and without the compiled module, so
that `validate`, `stages` and `schema` work anywhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore.stages.base import StageType

# The modules that register stage types, in the order in which people meet them.
ROOMS = ("acquire", "playback", "scaling", "select", "reference", "detrend", "notch", "filters", "fir", "envelope",
         "decimate", "resample", "moving_stats", "hampel", "spectrum", "bands", "mains", "lead_off", "impedance",
         "quality", "artefacts", "marker_in", "align_and_zip", "sinks", "bdf_sink", "history_sink")


def catalogue() -> dict[str, StageType]:
    """Return all stage types by name: sources first, then transforms, then sinks."""
    from eegcore.stages.base import registered

    # not by registration: somebody may have imported one of them before
    place = {import_module(f"eegcore.stages.{room}").__name__: number for number, room in enumerate(ROOMS)}
    order = {"source": 0, "stage": 1, "sink": 2}
    return dict(sorted(registered().items(), key=lambda item: (
        order[item[1].role], place.get(type(item[1]).__module__, len(ROOMS)))))

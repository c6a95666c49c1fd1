"""The stage catalogue: every type a pipeline file may name.

`catalogue()` answers without hardware and without the compiled module, so
that `validate`, `stages` and `schema` work anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore.stages.base import StageType


def catalogue() -> dict[str, StageType]:
    """Return all stage types by name: sources first, then transforms, then sinks."""
    from eegcore.stages import (  # noqa: I001
        acquire,
        playback,
        scaling,
        select,
        reference,
        detrend,
        notch,
        filters,
        fir,
        envelope,
        decimate,
        resample,
        moving_stats,
        hampel,
        spectrum,
        bands,
        mains,
        lead_off,
        impedance,
        quality,
        artefacts,
        align_and_zip,
        sinks,
    )
    from eegcore.stages.base import registered

    order = {"source": 0, "stage": 1, "sink": 2}
    modules = [                                # somebody may have imported one of them before
        acquire, playback, scaling, select, reference, detrend, notch, filters, fir, envelope, decimate, resample,
        moving_stats, hampel, spectrum, bands, mains, lead_off, impedance, quality, artefacts, align_and_zip, sinks]
    place = {module.__name__: n for n, module in enumerate(modules)}

    def key(item: tuple[str, StageType]) -> tuple[int, int]:
        return order[item[1].role], place.get(type(item[1]).__module__, len(place))

    return dict(sorted(registered().items(), key=key))

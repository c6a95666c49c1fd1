"""Live changes over a restart of the program: taken up after a start, kept at an end in order.

What becomes of them is said in one log line each time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eegcore.control.documents import merged_with
from eegcore.control.preparing import prepare
from eegcore.control.state_store import Saved, StateStore
from eegcore.errors import EegcoreError
from eegcore.logs import get_logger

if TYPE_CHECKING:
    from eegcore.control.controller import Controller

log = get_logger("control")


def take_up(controller: Controller, store: StateStore, pipeline: Path, *, fresh: bool = False) -> bool:
    """Put the changes kept for a pipeline file onto it, before it starts; return whether there were any that held.

    `undo` leads back to the file alone.

    Parameters
    ----------
    controller : Controller
        Holds the pipeline of that file.
    store : StateStore
    pipeline : Path
    fresh : bool
        Leave them out, as ``serve --fresh`` does.
    """
    saved = store.load(pipeline)
    if saved is None:
        return False
    named = ", ".join(saved.listed)
    if fresh:
        log.info("state: %s starts as its file says (--fresh). Not taken up: %s", pipeline, named)
        return False
    if saved.digest != controller.held().base.digest:
        log.warning("state: %s or its --set options changed since, and count. Discarded changes of last time: %s",
                    pipeline, named)
        return False
    try:
        controller.edit(lambda held: prepare(merged_with(held.base.document, saved.overrides), name="<state>"))
    except EegcoreError as error:
        log.warning("state: %s starts as its file says, the changes of last time do not fit any more (%s). "
                    "Discarded: %s", pipeline, error, named)
        return False
    log.info("state: %s starts with what was changed live last time: %s. To start as the file says: --fresh", pipeline,
             named)
    return True


def keep(controller: Controller, store: StateStore, pipeline: Path) -> None:
    """Keep what was changed live; what another pipeline was loaded over is forgotten."""
    held = controller.held()
    while held.base.instead_of is not None:            # a fallback ran: what was wanted is kept
        held = held.base.instead_of
    base = held.base
    if base.origin != "file" or Path(base.name) != pipeline:
        store.save(pipeline, Saved("", {}, []))
        return
    if store.save(pipeline, Saved(base.digest, held.overrides, held.overrides_listed)) and held.overrides:
        log.info("state: kept for the next start of %s: %s", pipeline, ", ".join(held.overrides_listed))

"""The way back: configurations that were held before, the newest last."""

from __future__ import annotations

from collections import deque

from eegcore.control.held import Held
from eegcore.errors import StateConflict

MAX_STEPS = 50


class History:
    """A bounded stack; guarded by whoever edits."""

    def __init__(self) -> None:
        self._steps: deque[Held] = deque(maxlen=MAX_STEPS)

    def __len__(self) -> int:
        return len(self._steps)

    def remember(self, held: Held) -> None:
        """Put what is about to be replaced on top; the oldest is forgotten beyond `MAX_STEPS`."""
        self._steps.append(held)

    def newest(self) -> Held:
        """Return what was held before.

        Raises
        ------
        StateConflict
            ``nothing_to_undo``.
        """
        if not self._steps:
            raise StateConflict("undo: the configuration was not changed since the start, or every change was taken "
                                f"back. The last {MAX_STEPS} are kept.", code="nothing_to_undo")
        return self._steps[-1]

    def forget_newest(self) -> None:
        """Take the top off: it is held again."""
        self._steps.pop()

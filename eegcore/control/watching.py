"""A pipeline file that is edited while it runs: looked at twice a second, taken up when it is good.

Live if the graph allows it, else drained and started again, as after SIGHUP. With mistakes in it, and while something
is recorded, what runs goes on and an alarm says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eegcore.control.held import base_of, file_digest
from eegcore.control.preparing import prepare
from eegcore.errors import ConfigError, EegcoreError, Locked, NeedsStop
from eegcore.logs import get_logger

if TYPE_CHECKING:
    from eegcore.control.controller import Controller

PERIOD_S = 0.5
MAX_LISTED = 20

log = get_logger("control")


class FileWatch:
    """Notices that a file has another content and is not being written any more.

    Parameters
    ----------
    path : Path
    overrides : sequence of str
        ``--set`` options that go with it.
    """

    def __init__(self, path: Path, overrides: Sequence[str] = ()) -> None:
        self.path, self.overrides = path, overrides
        self._seen = self._sign()
        self._digest = file_digest(path, overrides)
        self._settled = True

    def has_changed(self) -> bool:
        """Look again; True once per change, when two looks in a row have found the same.

        Editors write in pieces or rename; a file that is gone for a moment is no change.
        """
        sign = self._sign()
        if sign != self._seen:
            self._seen, self._settled = sign, False
            return False
        if self._settled or sign is None:
            return False
        self._settled = True
        digest = file_digest(self.path, self.overrides)
        changed = bool(digest) and digest != self._digest
        self._digest = digest or self._digest
        return changed

    def _sign(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def take_up_file(controller: Controller, path: Path, overrides: Sequence[str] = ()) -> str:
    """Put a changed pipeline file in place of what is held, live if possible.

    Returns
    -------
    str
        ``same``, ``live``, ``restarted``, ``replaced`` (nothing ran) or ``refused``; the last with an alarm.
    """
    held = controller.held()
    if held.base.origin == "file" and held.base.digest == file_digest(path, overrides):
        return "same"
    dropped = f" Discarded changes of before: {', '.join(held.overrides_listed)}." if held.overrides else ""
    try:
        prepared = prepare(path, overrides=overrides)
        if controller.recording.is_recording:
            raise Locked(f"{path}: has changed, and something is recorded. What runs goes on. Save the file again when "
                         "the recording has ended.")
        if controller.state not in ("running", "paused"):
            controller.reload(path, overrides=overrides)
            log.info("watch: %s replaced what was held, revision %d", path, controller.config_rev)
            return "replaced"
        base = base_of("file", str(path), prepared[0], digest=file_digest(path, overrides))
        try:
            config_rev = controller.edit(lambda _: prepared, base=base)
            log.info("watch: %s was taken up live as revision %d.%s", path, config_rev, dropped)
            return "live"
        except NeedsStop as reason:
            return _restart(controller, path, overrides, reason)
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
        for problem in problems[:MAX_LISTED]:
            log.error("watch: %s", problem)
        controller.alarm("error", "watch", f"{path}: has changed and has {len(problems)} mistakes. What runs goes on. "
                         f"{' '.join(problems[:3])}", problems=problems[:MAX_LISTED])
    except (EegcoreError, OSError, MemoryError) as error:
        log.error("watch: %s: refused. %s", path, error)
        controller.alarm("error", "watch", f"{path}: has changed and is refused. {error}")
    return "refused"


def _restart(controller: Controller, path: Path, overrides: Sequence[str], reason: NeedsStop) -> str:
    """Drain what runs and start the file; not while anything is recorded, wherever that is in the graph."""
    holders = controller.holders()
    if holders:
        raise Locked(f"{path}: needs a new start ({' '.join(reason.reasons[:3])}), which would break off what "
                     f"{' and '.join(holders)} record{'s' * (len(holders) == 1)}. What runs goes on. Save the file "
                     "again when the recording has ended.", holders=holders)
    log.info("watch: %s cannot be taken up live: %s", path, " ".join(reason.reasons))
    controller.reload(path, overrides=overrides)
    log.info("watch: %s was started anew, revision %d", path, controller.config_rev)
    return "restarted"

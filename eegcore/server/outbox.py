"""What waits for one client, and what became of every frame offered to it.

Pure: no socket, and time only as an argument. Nobody ever waits for an
outbox: when it is full the oldest data goes, and the client is told how much
before it gets the next packet of that topic.

Invariants (tests/server/test_outbox.py checks each by its number)
  O1  at most `max_messages` messages and `max_bytes` bytes wait, except that
      one single message may be larger
  O2  offered = sent + sum(skipped) + queued, in device frames, at any time
  O3  a gap message carries exactly the frames dropped since the last packet
      of its topic that was sent, and comes before the next one
  O4  what is not data (hello, meta, errors, answers) is never dropped; an
      outbox that holds nothing else and is full is `overfull`
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_MESSAGES = 256
MAX_BYTES = 2 * 1024 * 1024
HALF_FULL_S = 5.0
STUCK_S = 10.0


@dataclass(slots=True, eq=False)
class Waiting:
    """One WebSocket frame in the queue."""

    frame: bytes
    topic_id: int = 0
    device_frames: int = 0
    t_ns: int = 0
    is_data: bool = False
    droppable: bool = False
    on_drop: Callable[[], None] | None = None


class Outbox:
    """A bounded queue of WebSocket frames with a ledger.

    Parameters
    ----------
    gap_frame : callable
        ``gap_frame(topic_id, frames) -> bytes``: the WebSocket frame that tells of a gap.
    """

    def __init__(self, gap_frame: Callable[[int, int], bytes], *,
                 max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.offered = 0
        self.sent = 0
        self.skipped: dict[str, int] = {}
        self.queued = 0                          # device frames in `_queue`
        self.queued_bytes = 0
        self.newest_t_ns = 0                     # t_ns of the newest packet that was sent
        self.overfull = False
        self.high_water = 0
        self._queue: deque[Waiting] = deque()
        self._gaps: dict[int, int] = {}          # topic_id -> device frames dropped and not yet told
        self._gap_frame = gap_frame
        self._over_half_since: float | None = None

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_empty(self) -> bool:
        """True if neither a message nor the news of a gap waits."""
        return not self._queue and not self._gaps

    # -- in --------------------------------------------------------------------------------------------

    def count_sent(self, device_frames: int, t_ns: int) -> None:
        """Account for a packet that went to the socket without waiting here."""
        self.newest_t_ns = t_ns
        self.offered += device_frames
        self.sent += device_frames

    def skip(self, device_frames: int, reason: str) -> None:
        """Account for a packet that was offered and deliberately not queued."""
        self.offered += device_frames
        self.skipped[reason] = self.skipped.get(reason, 0) + device_frames

    def push_data(self, frame: bytes, topic_id: int, device_frames: int, t_ns: int) -> None:
        """Queue a packet; drops the oldest data if there is no room (O1, O3)."""
        self.offered += device_frames
        self._append(Waiting(frame, topic_id, device_frames, t_ns, is_data=True, droppable=True))

    def push_message(self, frame: bytes, *, droppable: bool = False,
                     on_drop: Callable[[], None] | None = None) -> None:
        """Queue a message that is not data; `on_drop` is called if it had to go (only if `droppable`)."""
        self._append(Waiting(frame, droppable=droppable, on_drop=on_drop))

    def _append(self, item: Waiting) -> None:
        self._queue.append(item)
        self.queued += item.device_frames
        self.queued_bytes += len(item.frame)
        while len(self._queue) > 1 and (len(self._queue) > self.max_messages or self.queued_bytes > self.max_bytes):
            if not self._drop_oldest():
                self.overfull = True                                             # O4
                break
        self.high_water = max(self.high_water, len(self._queue))

    def _drop_oldest(self) -> bool:
        item = next((item for item in self._queue if item.droppable), None)
        if item is None:
            return False
        self._queue.remove(item)
        self.queued_bytes -= len(item.frame)
        if item.is_data:
            self.queued -= item.device_frames
            self.skipped["client_slow"] = self.skipped.get("client_slow", 0) + item.device_frames
            self._gaps[item.topic_id] = self._gaps.get(item.topic_id, 0) + item.device_frames
        if item.on_drop is not None:
            item.on_drop()
        return True

    # -- out -------------------------------------------------------------------------------------------

    def pop(self) -> bytes | None:
        """Return the next frame for the socket, None if there is none; it counts as sent."""
        if self._gaps:
            told = next(iter(self._gaps)) if not self._queue else self._queue[0].topic_id
            frames = self._gaps.pop(told, 0)
            if frames:
                return self._gap_frame(told, frames)                             # O3
        if not self._queue:
            return None
        item = self._queue.popleft()
        self.queued_bytes -= len(item.frame)
        self.queued -= item.device_frames
        self.sent += item.device_frames
        if item.is_data:
            self.newest_t_ns = item.t_ns
        return item.frame

    def discard(self, reason: str) -> None:
        """Throw away what waits: the client is gone."""
        if self.queued:
            self.skipped[reason] = self.skipped.get(reason, 0) + self.queued
        self._queue.clear()
        self._gaps.clear()
        self.queued = 0
        self.queued_bytes = 0

    # -- judgement -------------------------------------------------------------------------------------

    def half_full_for(self, now: float) -> float:
        """Return for how many seconds more than half of either limit has been in use, as seen at `now`.

        Call it regularly: the time counts from the first call that found it over half full.
        """
        if 2 * len(self._queue) <= self.max_messages and 2 * self.queued_bytes <= self.max_bytes:
            self._over_half_since = None
            return 0.0
        if self._over_half_since is None:
            self._over_half_since = now
        return now - self._over_half_since

    def ledger(self) -> dict[str, object]:
        """Return the identity of this client, in device frames."""
        return {"offered": self.offered, "sent": self.sent, "skipped": dict(self.skipped), "queued": self.queued}

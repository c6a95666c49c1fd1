"""One topic: its number, its present outlet, its description and who listens.  [loop]"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eegcore.server import protocol
from eegcore.server.protocol import text_frame
from eegcore.server.subscriptions import Subscription

if TYPE_CHECKING:
    from eegcore.server.broker import DataClient

META_REFRESH_S = 60.0           # a newcomer gets a clock mapping no older than this
CLOCK_SLACK_NS = 60_000_000_000


class Topic:
    """A name with subscribers; `topic_id` is 0 until there was an outlet of that name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic_id = 0
        self.outlet: Any = None
        self.members: dict[DataClient, Subscription] = {}
        self.labels: tuple[str, ...] = ()
        self.meta_frame = b""
        self.meta_serial = 0                     # grows with every new description; 0: nothing to tell yet
        self.meta_rev = -1
        self.last_t_ns: int | None = None
        self._meta_at = 0.0

    def describe(self, meta_rev: int, sps_true: float | None, now: float) -> None:
        """Make the meta message of the present outlet; every subscriber needs it before the next packet."""
        self.meta_serial += 1
        self.meta_rev = meta_rev
        self.labels = tuple(self.outlet.stream.labels)
        self._write_meta(sps_true, now)

    def refresh_clock(self, sps_true: float | None, now: float) -> None:
        """Renew clock mapping and rate for newcomers if they are old; nobody else needs to be told."""
        if now - self._meta_at > META_REFRESH_S:
            self._write_meta(sps_true, now)

    def _write_meta(self, sps_true: float | None, now: float) -> None:
        self._meta_at = now
        t_ns, t_unix_ns = clock_pair(self.last_t_ns)
        self.meta_frame = text_frame(protocol.meta(
            self.name, self.topic_id, self.meta_rev, self.outlet.stream, self.outlet.run_id,
            t_ns=t_ns, t_unix_ns=t_unix_ns, sps_true=sps_true))

    def tell(self, client: DataClient, subscription: Subscription) -> None:
        """Send the description to one subscriber; with it, no channel is lead-off or saturated."""
        subscription.meta_serial = self.meta_serial
        subscription.masks = (0, 0)
        client.send_message(self.meta_frame)


def clock_pair(last_t_ns: int | None) -> tuple[int, int]:
    """Return one instant on the clock of the packets and on the wall clock.

    Packets of a run in real time carry CLOCK_MONOTONIC. On the virtual clock `last_t_ns`, the time of a
    packet, is far from it; then "now" is that packet.
    """
    t_ns, t_unix_ns = time.monotonic_ns(), time.time_ns()
    if last_t_ns is not None and abs(t_ns - last_t_ns) > CLOCK_SLACK_NS:
        return last_t_ns, t_unix_ns
    return t_ns, t_unix_ns

"""One topic: its number, its present outlet, its description and who listens.  [loop]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eegcore.server import protocol
from eegcore.server.protocol import text_frame
from eegcore.server.subscriptions import Subscription

if TYPE_CHECKING:
    from eegcore.server.broker import DataClient

META_REFRESH_S = 60.0           # a newcomer gets a true rate no older than this


class Topic:
    """A name with subscribers; `topic_id` is 0 until there was an outlet of that name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic_id = 0
        self.outlet: Any = None
        self.stream: Any = None                  # what the outlet's packets of `meta_rev` are
        self.members: dict[DataClient, Subscription] = {}
        self.labels: tuple[str, ...] = ()
        self.meta_frame = b""
        self.meta_serial = 0                     # grows with every new description; 0: nothing to tell yet
        self.meta_rev = -1
        self._meta_at = 0.0

    def describe(self, meta_rev: int, sps_true: float | None, now: float) -> None:
        """Make the meta message of the present outlet; every subscriber needs it before the next packet."""
        self.meta_serial += 1
        self.meta_rev = meta_rev
        self.stream = self.outlet.stream_of(meta_rev)
        self.labels = tuple(self.stream.labels)
        self._write_meta(sps_true, now)

    def refresh_rate(self, sps_true: float | None, now: float) -> None:
        """Renew the true rate for newcomers if it is old; nobody else needs to be told.

        The clock mapping stays that of the start of the run: a wall clock that is set meanwhile moves no sample.
        """
        if now - self._meta_at > META_REFRESH_S:
            self._write_meta(sps_true, now)

    def _write_meta(self, sps_true: float | None, now: float) -> None:
        self._meta_at = now
        self.meta_frame = text_frame(protocol.meta(
            self.name, self.topic_id, self.meta_rev, self.stream, self.outlet.run_id,
            t_ns=self.outlet.start_t_ns, t_unix_ns=self.outlet.start_unix_ns, sps_true=sps_true))

    def tell(self, client: DataClient, subscription: Subscription) -> None:
        """Send the description to one subscriber; with it, no channel is lead-off, saturated or an artefact."""
        subscription.meta_serial = self.meta_serial
        subscription.masks = protocol.NO_MARKS
        client.send_message(self.meta_frame)

"""What one client has subscribed to. Pure.

A subscription is kept until the client takes it back or goes: it outlives
stop and start of the pipeline, and waits for a topic that does not exist yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from eegcore.server import protocol
from eegcore.server.protocol import ProtocolError, Subscribe, Unsubscribe

MAX_SUBSCRIPTIONS = 64
MAX_TOPIC_ID = 65535


@dataclass(slots=True, eq=False)
class Subscription:
    """One topic for one client, and what this client has been told about it."""

    topic: str
    format: str
    interval_s: float = 0.0                      # shortest time between two messages; 0: every packet
    next_due: float = 0.0
    meta_serial: int = 0                         # the topic's meta message this client has; 0: none
    masks: tuple[int, ...] = protocol.NO_MARKS   # that this client knows

    def forget_masks(self) -> None:
        """The news of the masks was dropped: tell it again before the next packet."""
        self.masks = ()


@dataclass
class Change:
    """What one client message asks for."""

    subscribed: Subscription | None = None
    unsubscribed: Subscription | None = None
    replies: list[dict[str, Any]] = field(default_factory=list)


class Subscriptions:
    """The subscription state machine of one client."""

    def __init__(self) -> None:
        self.by_topic: dict[str, Subscription] = {}

    def take(self, text: str, running: Collection[str]) -> Change:
        """Carry out one client message; never raises, whatever `text` is.

        Parameters
        ----------
        text : str
        running : collection of str
            Topics there are at the moment; empty while the pipeline is stopped.
        """
        try:
            message = protocol.parse_client(text)
            if isinstance(message, Unsubscribe):
                return self._unsubscribe(message)
            return self.subscribe(message, running)
        except ProtocolError as exc:
            return Change(replies=[protocol.error(exc.code, str(exc), exc.details)])

    def subscribe(self, wish: Subscribe, running: Collection[str]) -> Change:
        """Subscribe, or change format and rate of what is subscribed already."""
        before = self.by_topic.get(wish.topic)
        if before is None and len(self.by_topic) >= MAX_SUBSCRIPTIONS:
            return Change(replies=[protocol.error(
                "too_many_subscriptions", f"topic: {len(self.by_topic)} are subscribed already, the most one client "
                "may have. Unsubscribe one first.")])
        subscription = Subscription(wish.topic, wish.format, 1.0 / wish.max_hz if wish.max_hz else 0.0)
        if before is not None:
            subscription.meta_serial = before.meta_serial
            subscription.masks = before.masks
        self.by_topic[wish.topic] = subscription
        change = Change(subscribed=subscription, unsubscribed=before)
        if running and wish.topic not in running:
            known = sorted(running)
            change.replies.append(protocol.error(
                "unknown_topic", f"topic: nothing is called {wish.topic!r} now. Known: {', '.join(known)}. "
                "The subscription waits for it.", {"topic": wish.topic, "known": known}))
        return change

    def _unsubscribe(self, message: Unsubscribe) -> Change:
        subscription = self.by_topic.pop(message.topic, None)
        if subscription is None:
            known = sorted(self.by_topic)
            raise ProtocolError("not_subscribed", f"topic: {message.topic!r} is not subscribed. "
                                                  f"Subscribed: {', '.join(known) or 'nothing'}.", known=known)
        return Change(unsubscribed=subscription)


class TopicIds:
    """Numbers for topic names. A name keeps its number, and no number is used for two names."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def of(self, topic: str) -> int:
        """Return the number of `topic`, 1..65535; OverflowError if all have been used."""
        if topic not in self._ids:
            if len(self._ids) >= MAX_TOPIC_ID:
                raise OverflowError(f"topic {topic}: all {MAX_TOPIC_ID} topic ids have been used. "
                                    "Restart the server.")
            self._ids[topic] = len(self._ids) + 1
        return self._ids[topic]

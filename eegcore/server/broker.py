"""From outlets to clients.  [loop]

Each outlet wakes the loop by its eventfd. A packet is encoded once per format,
whatever the number of clients, and the same bytes go to everybody. Nobody
waits for anybody: a client without room gets a gap message later.

Topics belong to the server, not to the run: a name keeps its number and its
subscribers while pipelines come and go.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from eegcore.server import protocol
from eegcore.server.peer import Peer
from eegcore.server.protocol import OP_BINARY, OP_TEXT, text_frame, ws_frame
from eegcore.server.subscriptions import Change, Subscriptions, TopicIds
from eegcore.server.topics import Topic

log = logging.getLogger(__name__)

TAKE_PACKETS = 32               # per wake-up: other callbacks of the loop get their turn in between
WATCH_S = 0.25
KEPT_LEDGERS = 64
LEDGER_WAIT_S = 1.0


class DataClient(Peer):
    """A client of /ws/data."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.subscriptions = Subscriptions()


class Broker:
    """Hands the packets of all outlets to all subscribers.

    Parameters
    ----------
    clock : callable
        Steady seconds, for max_hz and evictions; tests inject their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.topics: dict[str, Topic] = {}
        self.clients: dict[str, DataClient] = {}
        self.encoded = 0                         # encodings made, of any format
        self.evicted = 0
        self.failed = 0                          # packets that could not be encoded
        self._ids = TopicIds()
        self._clock = clock
        self._rates: dict[str, float] = {}       # measured rate of each source, frames per second
        self._outlets: dict[tuple[Any, ...], Any] = {}
        self._gone: deque[tuple[str, dict[str, Any]]] = deque(maxlen=KEPT_LEDGERS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._watcher: asyncio.Task[None] | None = None

    # -- life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch clients; call it on the loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._watcher = self._loop.create_task(self._watch(), name="broker-watch")

    def stop(self) -> None:
        """Let go of all outlets; what waits in them is delivered first."""
        if self._watcher is not None:
            self._watcher.cancel()
        self.adopt([])
        self._loop = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self.check_clients()

    def check_clients(self) -> None:
        """Evict every client whose time is up."""
        now = self._clock()
        for client in list(self.clients.values()):
            reason = client.verdict(now)
            if reason is not None and client.closed_because is None:
                self.evicted += 1
                log.warning("client %s (%s): evicted, %s. %d frames waited for it and were skipped.",
                            client.client_id, client.address, reason, client.outbox.queued)
                client.evict(reason)

    # -- outlets ---------------------------------------------------------------------------------------

    @property
    def running_topics(self) -> list[str]:
        """Names of the topics that have an outlet now."""
        return [name for name, topic in self.topics.items() if topic.outlet is not None]

    def adopt(self, outlets: Iterable[Any]) -> None:
        """Make `outlets` the present set: listen to the new ones, empty and close those that are gone.

        Several may have one topic, when sinks were made anew while the graph runs. They stand newest first; the
        oldest is listened to until it is gone, so that packets do not overtake each other.
        """
        if self._loop is None:
            return
        wanted = {(outlet.run_id, outlet.topic): outlet for outlet in outlets}
        gone = [key for key, outlet in self._outlets.items() if wanted.get(key) is not outlet]
        new = [outlet for key, outlet in wanted.items()
               if self._outlets.get(key) is not outlet and outlet.fileno() >= 0]
        if not gone and not new:
            return
        for key in gone:
            self._let_go(self._outlets.pop(key))
        topics = [self._describe(outlet) for outlet in new]
        frame = text_frame({"type": "topics", "topics": self.running_topics})
        for client in self.clients.values():
            client.send_message(frame)
        for topic, outlet in zip(topics, new, strict=True):
            self._outlets[outlet.run_id, outlet.topic] = outlet
            for client, subscription in topic.members.items():
                topic.tell(client, subscription)
            self._loop.add_reader(outlet.fileno(), self._on_ready, topic, outlet)

    def _describe(self, outlet: Any) -> Topic:
        topic = self.topics.setdefault(outlet.topic, Topic(outlet.topic))
        topic.topic_id = self._ids.of(outlet.topic)
        topic.outlet = outlet
        topic.describe(outlet.meta_rev, self._true_rate(topic), self._clock())
        return topic

    def _let_go(self, outlet: Any) -> None:
        assert self._loop is not None
        self._loop.remove_reader(outlet.fileno())
        topic = self.topics[outlet.topic]
        while self._on_ready(topic, outlet):     # the end of a run is delivered too
            pass
        if topic.outlet is outlet:
            topic.outlet = None
        outlet.close()

    # -- packets ---------------------------------------------------------------------------------------

    def _on_ready(self, topic: Topic, outlet: Any) -> int:
        packets = outlet.take(TAKE_PACKETS)
        for packet in packets:
            try:
                if topic.members:
                    self._publish(topic, packet)
            except Exception:
                self.failed += 1
                if self.failed & (self.failed - 1) == 0:         # 1, 2, 4, 8...: told, not repeated
                    log.exception("topic %s: packet at frame %s could not be sent (%d so far).",
                                  topic.name, packet.frame_index, self.failed)
            finally:
                packet.release()
        return len(packets)

    def _publish(self, topic: Topic, packet: Any) -> None:
        t_ns = packet.t_ns
        if packet.meta_rev != topic.meta_rev:
            topic.describe(packet.meta_rev, self._true_rate(topic), self._clock())
        masks = protocol.masks_of(packet)
        frames = packet.device_frames
        binary = text = news = b""
        for client, subscription in topic.members.items():
            if subscription.interval_s:
                now = self._clock()
                if now < subscription.next_due:
                    client.outbox.skip(frames, "max_hz")
                    continue
                subscription.next_due = now + subscription.interval_s
            if subscription.meta_serial != topic.meta_serial:
                topic.tell(client, subscription)
            if subscription.masks != masks:
                subscription.masks = masks
                news = news or text_frame(protocol.flags(topic.topic_id, packet.frame_index, topic.labels, masks))
                client.send_message(news, droppable=True, on_drop=subscription.forget_masks)
            if subscription.format == "binary":
                if not binary:
                    binary = ws_frame(OP_BINARY, packet.encode(topic.topic_id))
                    self.encoded += 1
                client.send_data(binary, topic.topic_id, frames, t_ns)
            else:
                if not text:
                    text = ws_frame(OP_TEXT, protocol.data(topic.name, topic.topic_id, packet))
                    self.encoded += 1
                client.send_data(text, topic.topic_id, frames, t_ns)

    def _true_rate(self, topic: Topic) -> float | None:
        stream = topic.outlet.stream
        for source in stream.sources:
            if source in self._rates:
                return float(self._rates[source] / stream.step)
        return None

    def note_rates(self, stats: dict[str, Any]) -> None:
        """Remember the measured rates of a stats event for the next meta message."""
        for source, figures in (stats.get("sources") or {}).items():
            if isinstance(figures, dict) and figures.get("rate_sps"):
                self._rates[source] = float(figures["rate_sps"])

    # -- clients ---------------------------------------------------------------------------------------

    def join(self, client: DataClient) -> None:
        """A client has connected: say hello."""
        self.clients[client.client_id] = client
        client.send_message(protocol.hello(self.running_topics))

    def leave(self, client: DataClient) -> None:
        """A client is gone; its ledger is kept for a while."""
        for name in client.subscriptions.by_topic:
            self._part(name, client)
        client.left()
        if self.clients.pop(client.client_id, None) is not None:
            self._gone.append((client.client_id, {**client.outbox.ledger(), "closed": client.closed_because}))

    def on_text(self, client: DataClient, text: str) -> None:
        """Carry out one message of a client."""
        self._apply(client, client.subscriptions.take(text, self.running_topics))

    def subscribe(self, client: DataClient, topic: str, format_: str, max_hz: str | None) -> None:
        """Carry out the subscription in the address of a connection (``?topic=...&format=...&max_hz=...``)."""
        wish: dict[str, object] = {"type": "subscribe", "topic": topic, "format": format_}
        if max_hz is not None:
            try:
                wish["max_hz"] = json.loads(max_hz)
            except ValueError:
                wish["max_hz"] = max_hz          # refused by the parser, with its text
        self.on_text(client, json.dumps(wish))

    def _apply(self, client: DataClient, change: Change) -> None:
        if change.unsubscribed is not None:
            self._part(change.unsubscribed.topic, client)
        if change.subscribed is not None:
            topic = self.topics.setdefault(change.subscribed.topic, Topic(change.subscribed.topic))
            topic.members[client] = change.subscribed
            if topic.outlet is not None and change.subscribed.meta_serial != topic.meta_serial:
                topic.refresh_rate(self._true_rate(topic), self._clock())
                topic.tell(client, change.subscribed)
        for reply in change.replies:
            client.send_message(reply)

    def _part(self, name: str, client: DataClient) -> None:
        topic = self.topics[name]
        topic.members.pop(client, None)
        if not topic.members and not topic.topic_id:
            del self.topics[name]                # nobody waits for a name that never had an outlet

    # -- figures ---------------------------------------------------------------------------------------

    def ledger(self) -> dict[str, Any]:
        """Return the identities of all clients, the last `KEPT_LEDGERS` that left included.  [any-thread]

        From another thread the loop is asked, so that all figures are of one instant.
        """
        loop = self._loop
        if loop is None or not loop.is_running() or threading.get_ident() == self._thread_id:
            return self._ledger_now()
        answer: Future[dict[str, Any]] = Future()
        try:
            loop.call_soon_threadsafe(lambda: answer.set_result(self._ledger_now()))
            return answer.result(LEDGER_WAIT_S)
        except (TimeoutError, RuntimeError):     # the loop is busy or has just ended
            return self._ledger_now()

    def _ledger_now(self) -> dict[str, Any]:
        ledgers = dict(list(self._gone))
        ledgers.update((name, client.outbox.ledger()) for name, client in list(self.clients.items()))
        return ledgers

    def client_stats(self) -> list[dict[str, Any]]:
        """Return the figures of the connected clients."""
        now_ns = time.monotonic_ns()
        return [client.stats(now_ns) for client in list(self.clients.values())]

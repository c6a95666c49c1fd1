"""The threads behind `marker_in`: one per stage, waiting for datagrams and edges, off the real-time cores.

A marker belongs to the moment at which it came, not to the one at which Python
had time for it: datagrams and edges carry the kernel's stamp.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from eegcore.devices.gpio_edges import EdgeLine, GpioKernel
from eegcore.errors import BadArgument, EegcoreError
from eegcore.graph.marker_datagrams import (
    MAX_DATAGRAM,
    arrival_ns,
    lost_before,
    lost_by_now,
    open_udp,
    parse_datagram,
)
from eegcore.logs import get_logger

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan, StagePlan
    from eegcore.graph.run import GraphRun

DATAGRAMS_AT_ONCE = 64
JOIN_S = 2.0
LOOK_S = 0.5                                           # between two looks at what the socket had no room for

log = get_logger("markers")


class RateLimit:
    """At most so many in any second, bursts included (a bucket that holds one second's worth)."""

    def __init__(self, per_s: int) -> None:
        self._per_ns = per_s * 1e-9
        self._most = self._left = float(per_s)
        self._at_ns = 0

    def takes(self, t_ns: int) -> bool:
        """Return whether one more is allowed at this time."""
        self._left = min(self._most, self._left + max(0, t_ns - self._at_ns) * self._per_ns)
        self._at_ns = max(self._at_ns, t_ns)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class MarkerInput:
    """One `marker_in`: its socket, its lines, its thread.

    Parameters
    ----------
    run : GraphRun
    stage : StagePlan
    alarm : callable
        ``alarm(level, place, message, frame_index)``.
    kernel : GpioKernel, optional

    Raises
    ------
    EegcoreError
        If the port or a line cannot be had; nothing is kept then.
    """

    def __init__(self, run: GraphRun, stage: StagePlan, alarm: Callable[[str, str, str, int | None], None],
                 kernel: GpioKernel | None = None) -> None:
        self.id = stage.id
        self.markers = self.refused = self.over_rate = self.bounces = self.lost_edges = self.lost_datagrams = 0
        self._run, self._alarm = run, alarm
        self._limit = RateLimit(stage.native["max_per_s"])
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._udp: socket.socket | None = None
        self._lines: list[EdgeLine] = []
        self._thread = threading.Thread(target=self._loop, name=f"marker-{self.id}"[:15], daemon=True)
        try:
            if stage.native["udp"] is not None:
                self._udp = open_udp(self.id, **stage.native["udp"])
                self._selector.register(self._udp, selectors.EVENT_READ, self._take_datagrams)
            for wanted in stage.native["gpio"]:
                line = EdgeLine(wanted["line"], wanted["edge"], wanted["pull"], stage.native["gpiochip"], kernel)
                self._lines.append(line)
                self._selector.register(line, selectors.EVENT_READ, LineReader(self, line, wanted).take)
        except BaseException:
            self._release()
            raise

    @property
    def address(self) -> tuple[str, int] | None:
        """Where datagrams are taken; None if nowhere."""
        return self._udp.getsockname()[:2] if self._udp is not None and self._udp.fileno() >= 0 else None

    def start(self) -> None:
        """Begin to listen."""
        if self.address is not None:
            log.info("%s: takes markers on UDP %s port %d", self.id, *self.address)
        self._thread.start()

    def close(self) -> None:
        """End the thread, then give socket and lines back."""
        os.eventfd_write(self._wake, 1)
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)
        if not self._thread.is_alive():
            self._release()

    def counters(self) -> dict[str, int]:
        """Return what came in and what became of it."""
        return {"markers": self.markers, "refused": self.refused, "over_rate": self.over_rate,
                "bounces": self.bounces, "lost_edges": self.lost_edges, "lost_datagrams": self.lost_datagrams}

    def place(self, text: Any, arrived_ns: int, origin: str, t_ns: Any = None, **more: Any) -> None:
        """Put one marker into the journal, or count it and say why not."""
        if not self._limit.takes(arrived_ns):
            self.over_rate += 1
            self._alarm("warning", f"{self.id} rate", f"{self.id}: more markers than max_per_s allows, "
                        f"{self.over_rate} left out since start. Raise max_per_s, or find out who sends them.", None)
            return
        try:
            self._run.mark(text, t_ns, origin=origin, arrived_ns=arrived_ns, **more)
            self.markers += 1
        except EegcoreError as error:
            self.refuse(str(error))

    def refuse(self, why: str) -> None:
        """Count something that is no marker, and say so."""
        self.refused += 1
        self._alarm("warning", f"{self.id} refused", f"{self.id}: a marker was refused, {self.refused} since start. "
                    f"{why}", None)

    def warn_lost(self, n: int, line: str) -> None:
        """Count edges that the kernel's queue had no room for."""
        self.lost_edges += n
        self._alarm("warning", f"{self.id} lost", f"{self.id}: {n} edges of {line} were lost, {self.lost_edges} since "
                    "start: the queue of the kernel was full. Look for a contact that bounces or a floating pin.", None)

    def _loop(self) -> None:
        next_look = time.monotonic() + LOOK_S
        while True:
            ready = self._selector.select(None if self._udp is None else max(0.0, next_look - time.monotonic()))
            for key, _ in ready:
                if key.data is None:
                    return
                try:
                    key.data()
                except OSError as error:
                    self._selector.unregister(key.fileobj)       # it would be readable for ever
                    self._alarm("error", self.id, f"{self.id}: {error.strerror or error}. No more markers come from "
                                "there. Start the pipeline anew.", None)
            if self._udp is not None and time.monotonic() >= next_look:
                next_look = time.monotonic() + LOOK_S
                self._note_lost(lost_by_now(self._udp))  # the last of a burst are lost with none behind them

    def _take_datagrams(self) -> None:
        assert self._udp is not None
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                data, ancillary, _, sender = self._udp.recvmsg(MAX_DATAGRAM + 1, 128)
            except BlockingIOError:
                return
            arrived_ns = arrival_ns(ancillary)
            self._note_lost(lost_before(ancillary))
            if len(data) > MAX_DATAGRAM:
                self.refuse(f"A datagram from {sender[0]} has more than {MAX_DATAGRAM} bytes.")
                continue
            try:
                fields = parse_datagram(data)
            except BadArgument as error:
                self.refuse(str(error))
                continue
            self.place(fields.pop("text"), arrived_ns, "udp", **fields)

    def _note_lost(self, lost: int) -> None:
        if lost > self.lost_datagrams:
            self.lost_datagrams = lost
            self._alarm("warning", f"{self.id} lost", f"{self.id}: datagrams came faster than they could be taken, "
                        f"{lost} lost since start. Send fewer in one burst.", None)

    def _release(self) -> None:
        for line in self._lines:
            line.close()
        if self._udp is not None:
            self._udp.close()
        self._selector.close()
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1


class LineReader:
    """The markers of one GPIO line."""

    def __init__(self, owner: MarkerInput, line: EdgeLine, wanted: dict[str, Any]) -> None:
        self._owner, self._line = owner, line
        self._text, self._both = wanted["text"], wanted["edge"] == "both"
        self._quiet_ns = round(wanted["debounce_ms"] * 1e6)
        self._last_ns: int | None = None
        self._last_seqno = 0

    def take(self) -> None:
        """Place the edges that wait; a released button of ``edge: both`` is ``TEXT/end``."""
        for edge in self._line.read():
            missing = (edge.line_seqno - self._last_seqno - 1) % 2**32
            self._last_seqno = edge.line_seqno
            if missing:
                self._owner.warn_lost(missing, self._line.name)
            if self._last_ns is not None and edge.t_ns - self._last_ns < self._quiet_ns:
                self._owner.bounces += 1
                continue
            self._last_ns = edge.t_ns
            ends = self._both and not edge.is_rising
            self._owner.place(f"{self._text}/end" if ends else self._text, edge.t_ns, "gpio")


class MarkerInputs:
    """Every `marker_in` of a run."""

    def __init__(self, run: GraphRun, alarm: Callable[[str, str, str, int | None], None]) -> None:
        self._run, self._alarm = run, alarm
        self._lock = threading.Lock()
        self.open_ones: dict[str, MarkerInput] = {}

    @contextlib.contextmanager
    def following(self, plan: Plan) -> Iterator[None]:
        """Open what is new in a plan, let the block put it in force, then close what it has no more.

        If one cannot be opened, or the block raises, everything is as before.
        """
        with self._lock:
            wanted = {stage.id: stage for stage in plan.stages if stage.type == "marker_in"}
            new: dict[str, MarkerInput] = {}
            try:
                for stage_id, stage in wanted.items():
                    if stage_id not in self.open_ones:
                        new[stage_id] = MarkerInput(self._run, stage, self._alarm)
                yield
            except BaseException:
                for found in new.values():
                    found.close()
                raise
            for stage_id in [stage_id for stage_id in self.open_ones if stage_id not in wanted]:
                self.open_ones.pop(stage_id).close()
            for stage_id, found in new.items():
                self.open_ones[stage_id] = found
                found.start()

    def close(self) -> None:
        """End all of them. Safe to call again."""
        with self._lock:
            for found in self.open_ones.values():
                found.close()
            self.open_ones = {}

    def counters(self) -> dict[str, dict[str, int]]:
        """Return the counters of each, by stage id."""
        return {stage_id: found.counters() for stage_id, found in list(self.open_ones.items())}

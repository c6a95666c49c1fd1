"""A stretch of a recorded run once more, through the same graph or an edited one."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eegcore.errors import BadArgument, EegcoreError, NeedsStop, Stopped
from eegcore.graph.feeding import feed, feed_end, wait_idle
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.offline.replay_compare import Comparator, Difference, PortRef, Window
from eegcore.offline.replay_packets import Played
from eegcore.offline.replay_report import ReplayReport, all_stages, first_cause, stages_above
from eegcore.offline.replay_source import Stretch
from eegcore.sinks.history_format import PacketRecord
from eegcore.sinks.history_read import ENDLESS, HeldStream, History
from eegcore.stages.stream import Stream

# A stage says when a thousandth of a step is left. Two states that differ by as much as the offset of an electrode,
# 187.5 mV, around a signal of 10 uV are the same in double precision when 2^-53 of the signal is left of that:
# (53 ln 2 + ln 2e4) / ln 1e3 = 6.8 times as long; some more for poles that come twice.
SETTLINGS = 8.0
BATCH_BYTES = 1 << 18
STEP_S = 60.0                                          # longest time for one packet
NS = 1_000_000_000

Pipeline = Path | str | dict[str, Any] | list[Any]


@dataclass(frozen=True)
class Step:
    """What one packet of a source brought about.

    Parameters
    ----------
    source : str
    packet : PacketRecord
    outputs : list of (output, Played)
        Every packet that the graph put out, the source's own included.
    different : list of Difference
        Those that were found to differ by now.
    """

    source: str
    packet: PacketRecord
    outputs: list[tuple[PortRef, Played]]
    different: list[Difference]


class Replay:
    """One replay. Use `run`, or iterate over `steps`; then look at `report`.

    Parameters
    ----------
    path : str or Path
        Folder of a history.
    start, stop : int or float, optional
        The stretch to compare: a frame of the first source (int), or s since the start of the run (float).
    overrides : sequence of str
        ``ID.KEY=VALUE``.
    pipeline : Path, dict or list, optional
        In place of the recorded configuration and its changes.

    Raises
    ------
    EegcoreError
        If there is no history, or the edited pipeline cannot work.
    """

    def __init__(self, path: str | Path, start: float | None = None, stop: float | None = None, *,
                 overrides: Sequence[str] = (), pipeline: Pipeline | None = None) -> None:
        self.history = history = History(path)
        self._stretch = stretch = Stretch(history, overrides, pipeline)
        self._zero_ns = int(history.run.get("start_t_ns", 0))
        begin = min(stream.first_t_ns for stream in history.sources)
        end = max(stream.end_t_ns for stream in history.sources)
        start_ns = begin if start is None else self._time(start, "start")
        stop_ns = end if stop is None else self._time(stop, "stop")
        if not start_ns < stop_ns or stop_ns <= begin or start_ns >= end:
            raise BadArgument(f"replay: {self._s(start_ns):g} s to {self._s(stop_ns):g} s holds no packet. "
                              f"{history.folder} has {self._s(begin):g} s to {self._s(end):g} s. Choose a stretch of "
                              "it.")
        self.report = ReplayReport(str(path), self._s(max(start_ns, begin)), self._s(min(stop_ns, end)), self._zero_ns)
        windows, settled = self._windows(start_ns if start is not None else -ENDLESS,
                                         stop_ns if stop is not None else ENDLESS, end)
        self._comparator = Comparator(history, windows)
        self._start_ns = start_ns
        self._settled = settled
        self._fed_until = ENDLESS if stop is None else stop_ns + max(
            (round(2 * NS * (port.stream.settling_s + port.stream.delay_s)) for plan in stretch.plans.values()
             for stage in plan.stages for port in stage.outputs), default=0) + 2 * NS
        self._numbers = {stream.number: stream.stage for stream in history.sources}

    def run(self) -> ReplayReport:
        """Run all of it.

        Raises
        ------
        EegcoreError
            If the graph fails.
        """
        with _Graph(self._stretch, self._comparator) as graph:
            waiting: list[bytes] = []
            n_bytes, source = 0, ""
            for item in self._items():
                if isinstance(item, int):
                    graph.feed(source, waiting)
                    graph.change(self._stretch.plans[item], item)
                    continue
                if n_bytes >= BATCH_BYTES or self._numbers[item.stream] != source:
                    graph.feed(source, waiting)
                    n_bytes, source = 0, self._numbers[item.stream]
                waiting.append(item.fed())
                n_bytes += len(waiting[-1])
            graph.feed(source, waiting)
        return self._finish()

    def steps(self) -> Generator[Step, None, None]:
        """Feed one packet of a source after the other, and tell what each of the stretch brought about."""
        log: list[tuple[PortRef, Played]] = []
        with _Graph(self._stretch, self._comparator) as graph:
            for item in self._items():
                if isinstance(item, int):
                    graph.change(self._stretch.plans[item], item)
                    continue
                source = self._numbers[item.stream]
                if item.t_ns < self._start_ns:
                    graph.feed(source, [item.fed()])
                    continue
                if self._comparator.step_log is None:
                    graph.wait()                       # what was fed before belongs to no step
                    self._comparator.step_log = log
                graph.feed(source, [item.fed()])
                graph.wait()
                yield Step(source, item, list(log), list(self._comparator.step_different))
                log.clear()
                self._comparator.step_different.clear()
        self._finish()

    # ---- what is fed ----

    def _items(self) -> Iterator[PacketRecord | int]:
        """Yield the packets of all sources in order of time, and every revision where it begins.

        In order of time, so that a stage that joins two sources never waits for one that is not fed yet.
        """
        readers = {stream.number: self.history.records({stream.number}) for stream in self.history.sources}
        following = [found for reader in readers.values() if (found := next(reader, None)) is not None]
        changes = sorted(rev for rev in self._stretch.plans if rev > self._stretch.first_rev)
        while following:
            ready = [found for found in following if not changes or found.config_rev < changes[0]]
            if not ready:
                yield changes.pop(0)
                continue
            packet = min(ready, key=lambda found: found.t_ns)
            following.remove(packet)
            if packet.t_ns < self._fed_until:
                yield packet
                found = next(readers[packet.stream], None)
                following += [] if found is None else [found]

    # ---- what is compared ----

    def _windows(self, start_ns: int, stop_ns: int, end_ns: int) \
            -> tuple[dict[PortRef, list[Window]], dict[PortRef, int | None]]:
        """Return for every output the times in which its state is that of the recorded run."""
        held = {stream.stage: stream for stream in self.history.sources}
        windows: dict[PortRef, list[Window]] = {}
        settled: dict[PortRef, int | None] = {}
        for ref, streams in _streams(self._stretch.plans.values()).items():
            above = [held[source] for source in {source: None for stream in streams for source in stream.sources}
                     if source in held]
            needs_ns = ahead_ns = 0
            if ref[0] not in held:                     # of all that it is in the stretch, the longest
                needs_ns = round(SETTLINGS * max(stream.settling_s for stream in streams) * NS)
                ahead_ns = round(max(2 * stream.delay_s + stream.max_frames / stream.sps for stream in streams) * NS)
            sound = self._sound(above, needs_ns, ahead_ns)
            windows[ref] = [(max(begin, start_ns), min(end, stop_ns)) for begin, end in sound
                            if max(begin, start_ns) < min(end, stop_ns, end_ns)]
            begin = windows[ref][0][0] if windows[ref] else None
            is_late = begin is not None and sound and sound[0][0] > -ENDLESS and begin > start_ns
            settled[ref] = begin if is_late else None
            if not windows[ref]:
                self.report.notes.append(f"{'.'.join(ref).removesuffix('.out')}: not compared. It needs "
                                         f"{needs_ns / NS:.3g} s to settle, and the stretch has no more.")
        self._say_why(held)
        return windows, settled

    def _sound(self, sources: list[HeldStream], needs_ns: int, ahead_ns: int) -> list[Window]:
        begin = -ENDLESS if self.history.has_begin else max(
            (source.first_t_ns for source in sources), default=0) + needs_ns
        end = ENDLESS if self.history.has_end else min((source.end_t_ns for source in sources), default=0) - ahead_ns
        sound = [(begin, end)]
        for hole in sorted((hole for source in sources for hole in source.holes), key=lambda hole: hole.from_ns):
            bad = (hole.from_ns - ahead_ns, min(ENDLESS, hole.to_ns + needs_ns))
            sound = [(low, high) for one in sound
                     for low, high in ((one[0], min(one[1], bad[0])), (max(one[0], bad[1]), one[1])) if low < high]
        return sound

    def _say_why(self, held: dict[str, HeldStream]) -> None:
        notes = self.report.notes
        if not self.history.has_begin:
            notes.insert(0, "the run's first packets are no longer held. The replay begins with the oldest packet "
                         f"there is, and an output is compared {SETTLINGS:g} times its settling later: what was before "
                         "is less than double precision shows then.")
        if not self.history.has_end:
            notes.insert(0, "the history ends in the middle of the run.")
        holes = sum(len(stream.holes) for stream in held.values())
        if holes:
            notes.insert(0, f"packets of sources are missing in {holes} places. Outputs are compared again when they "
                         "have settled.")
        if self.history.torn:
            notes.insert(0, f"{', '.join(self.history.torn)}: the end cannot be read.")
        self.report.exact = self.history.has_begin and not holes

    def _finish(self) -> ReplayReport:
        report, comparator = self.report, self._comparator
        stages = all_stages(self._stretch.plans.values())
        order = {(stage.id, port.name): number for number, (stage, port) in enumerate(
            (stage, port) for stage in stages for port in stage.outputs)}
        report.streams = sorted(comparator.reports, key=lambda one: order.get((one.stage, one.port), len(order)))
        for stream in report.streams:
            stream.settled_ns = self._settled.get((stream.stage, stream.port))
        report.units = {".".join((stage.id, port.name)).removesuffix(".out"): port.stream.unit
                        for stage in stages for port in stage.outputs}
        report.new = [".".join(ref).removesuffix(".out") for ref in comparator.new]
        report.gone = [".".join(ref).removesuffix(".out") for ref in comparator.gone]
        if not report.exact:
            self._set_apart()
        report.first = first_cause(report.streams, self._stretch.plans.values())
        return report

    def _set_apart(self) -> None:
        """Take out what counts windows from its first frame: in a replay that begins later they lie elsewhere."""
        above = stages_above(self._stretch.plans.values())
        for stream in self.report.streams:
            unpaired = stream.compared == stream.missing + stream.extra > 0
            if unpaired and not self._stretch.edited & {stream.stage, *above.get(stream.stage, ())}:
                stream.left_out += stream.missing
                stream.compared = stream.different = stream.missing = stream.extra = 0
                stream.first = None
                self.report.notes.append(f"{stream.stage}: not compared. Its packets begin at other frames than those "
                                         "of the run: it counts from the first frame it sees.")

    def _time(self, value: float, what: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
            raise BadArgument(f"{what}: {value!r} is no place in a run. A frame (int), or s since its start (float).")
        return self.history.time_of(value) if isinstance(value, int) else self._zero_ns + round(value * NS)

    def _s(self, t_ns: int) -> float:
        return (t_ns - self._zero_ns) / NS


def _streams(plans: Iterable[Plan]) -> dict[PortRef, list[Stream]]:
    """Return all that each output is in any of these plans."""
    found: dict[PortRef, list[Stream]] = {}
    for plan in plans:
        for stage in plan.stages:
            for port in stage.outputs:
                found.setdefault((stage.id, port.name), []).append(port.stream)
    return found


class _Graph:
    """The graph of a replay, while it runs."""

    def __init__(self, stretch: Stretch, comparator: Comparator) -> None:
        plan = stretch.plans[stretch.first_rev]
        self._sources = [stage.id for stage in plan.stages if stage.role == "source"]
        self._run = GraphRun(plan, digest=False, config_rev=stretch.first_rev,
                             packet_sinks={stretch.compare_id: comparator})

    def __enter__(self) -> _Graph:
        self._run.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._run.abort()
        for source in self._sources:
            feed_end(self._run, source)
        self._run.join()
        self._run.finish()
        if kind is None:
            self._raise_failure()

    def feed(self, source: str, packets: list[bytes]) -> None:
        """Hand packets to a source and forget them; wait until the graph has them."""
        if packets and not feed(self._run, source, b"".join(packets)):
            self._raise_failure()
            raise Stopped("replay: the graph was stopped.")
        packets.clear()

    def wait(self) -> None:
        """Wait until the graph has done with what it was fed."""
        if not wait_idle(self._run, STEP_S):
            self._raise_failure()
            raise EegcoreError(f"replay: the graph was not done with a packet within {STEP_S:g} s.")

    def change(self, plan: Plan, config_rev: int) -> None:
        """Go on with another plan from the next packets on."""
        try:
            self._run.change(plan, None, config_rev)
        except NeedsStop as error:
            raise BadArgument(f"replay: revision {config_rev} of the recorded run cannot be made here. "
                              f"{error}") from None

    def _raise_failure(self) -> None:
        failures = [self._run.failure(), *self._run.sink_failures().values()]
        for failure in failures:
            if failure is not None:
                raise failure


def replay(path: str | Path, start: float | None = None, stop: float | None = None,
           settings: dict[str, dict[str, Any]] | None = None,
           pipeline: Pipeline | None = None) -> ReplayReport:
    """Run a stretch of a recorded run again and compare every packet with what the run put out.

    Parameters
    ----------
    path : str or Path
        The folder that a `history_sink` wrote.
    start, stop : int or float, optional
        The stretch: a frame of the first source (int), or s since the start of the run (float). Default: all there is.
    settings : dict, optional
        Settings that are changed for the replay: ``{"notch": {"hz": 50}}``. They hold over every recorded change.
    pipeline : Path, dict or list, optional
        Another pipeline in place of the recorded one and its changes; its sources have the ids of the recorded ones.

    Returns
    -------
    ReplayReport
        ``report.equal``, ``report.first`` and, per output, ``report.streams``.

    Raises
    ------
    EegcoreError
        If there is no history, or the edited pipeline cannot work.
    """
    overrides = [f"{stage}.{key}={json.dumps(value)}" for stage, entries in (settings or {}).items()
                 for key, value in entries.items()]
    return Replay(path, start, stop, overrides=overrides, pipeline=pipeline).run()

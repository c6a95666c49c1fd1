"""What a replay found, for programs and for people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

from eegcore.graph.plan_types import Plan, StagePlan
from eegcore.offline.replay_compare import Difference, StreamReport


@dataclass
class ReplayReport:
    """What a replay found.

    Parameters
    ----------
    path : str
        The history.
    start_s, stop_s : float
        The stretch, s since the start of the run.
    streams : list of StreamReport
        One for every output that the run and the replay have, sources first.
    first : Difference or None
        The first packet that differs and no other difference explains.
    exact : bool
        True if the replay began with the first packet of the run, and no source packet is missing.
    notes : list of str
        What could not be compared, and why.
    new, gone : list of str
        Outputs that only the replay, or only the run, has.
    """

    path: str
    start_s: float
    stop_s: float
    zero_ns: int
    units: dict[str, str] = field(default_factory=dict)
    streams: list[StreamReport] = field(default_factory=list)
    first: Difference | None = None
    exact: bool = True
    notes: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """True if every packet that was compared is the recorded one."""
        return self.different == 0

    @property
    def compared(self) -> int:
        """Packets compared."""
        return sum(stream.compared for stream in self.streams)

    @property
    def different(self) -> int:
        """Packets that differ."""
        return sum(stream.different for stream in self.streams)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {"path": self.path, "start_s": self.start_s, "stop_s": self.stop_s, "exact": self.exact,
                "equal": self.equal, "compared": self.compared, "different": self.different,
                "first": None if self.first is None else {**asdict(self.first), "output": self.first.output,
                                                          "time_s": self.seconds(self.first.t_ns)},
                "streams": [asdict(stream) for stream in self.streams], "new": self.new, "gone": self.gone,
                "notes": self.notes}

    def seconds(self, t_ns: int) -> float:
        """Return a time on the clock of the run as s since its start."""
        return round((t_ns - self.zero_ns) * 1e-9, 9)

    def __str__(self) -> str:
        rows = [("output", "compared", "equal", "different", "from")]
        for stream in self.streams:
            name = stream.stage if stream.port == "out" else f"{stream.stage}.{stream.port}"
            begin = "start" if stream.settled_ns is None else f"{self.seconds(stream.settled_ns):.3f} s"
            rows.append((name, str(stream.compared), str(stream.equal), str(stream.different), begin))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [f"{self.path}: {self.start_s:.3f} s to {self.stop_s:.3f} s of the run"]
        lines += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                  for row in rows]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"only in the replay: {', '.join(self.new)}"] if self.new else []
        lines += [f"only in the recorded run: {', '.join(self.gone)}"] if self.gone else []
        return "\n".join([*lines, self.verdict()])

    def verdict(self) -> str:
        """Say in a sentence what came of it."""
        if self.first is None:
            return (f"All {self.compared} packets compared are equal." if self.compared
                    else "Nothing could be compared.")
        first = self.first
        by = "" if first.largest is None else (
            f" Largest difference in it: {first.largest:.6g} {self.units.get(first.output, '')}".rstrip() + ".")
        return (f"The first packet that differs is of {first.output}: frame {first.frame_index}, "
                f"{self.seconds(first.t_ns):.6f} s, config_rev {first.config_rev} ({first.what}).{by}")


def all_stages(plans: Collection[Plan]) -> list[StagePlan]:
    """Return every stage that any of these plans has, inputs first; one that changed as it was first."""
    found: dict[str, StagePlan] = {}
    for plan in plans:
        for stage in plan.stages:
            found.setdefault(stage.id, stage)
    return list(found.values())


def first_cause(streams: list[StreamReport], plans: Collection[Plan]) -> Difference | None:
    """Return the earliest difference that no difference above its stage explains.

    A packet may differ because one that went into it does: one that began before this packet ended, on any way above.
    """
    above = stages_above(plans)
    found = [stream.first for stream in streams if stream.first is not None]
    roots = [one for one in found if not any(
        other.stage in above.get(one.stage, set()) and other.t_ns < one.end_ns for other in found)]
    # of two that begin together the one with less above it comes first
    return min(roots, key=lambda one: (one.t_ns, len(above.get(one.stage, ()))), default=None)


def stages_above(plans: Collection[Plan]) -> dict[str, set[str]]:
    """Return, for every stage, all stages its samples come through in any of these plans."""
    above: dict[str, set[str]] = {}
    for plan in plans:
        for stage in plan.stages:
            above.setdefault(stage.id, set()).update(source for source, _ in stage.inputs)
    for _ in above:                                    # a way has no more steps than there are stages
        before = sum(map(len, above.values()))
        for sources in above.values():
            sources |= set().union(*(above[source] for source in sources))
        if sum(map(len, above.values())) == before:
            break
    return above

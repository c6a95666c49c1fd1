"""A recorded run as a pipeline that can run again: its sources play what they sent, everything behind them is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

from eegcore.config import PipelineConfig, Problems, load
from eegcore.config.model import COMMON_KEYS
from eegcore.errors import BadArgument
from eegcore.graph.plan import make_plan
from eegcore.graph.plan_types import Plan
from eegcore.sinks.history_read import HeldStream, History
from eegcore.stages import catalogue
from eegcore.stages.base import OUT, Context, Description, Port, StageSettings, StageType
from eegcore.stages.stream import Kind, Stream

RECORDED, COMPARE = "recorded", "comparison"
KEPT_OF_SOURCE = ("group",)                    # keys of a source's entry that its place in the graph is made of


class NoSettings(StageSettings):
    """What was sent has nothing to set."""


class RecordedSource(StageType):
    """A source of the recorded run; known to one replay only, never in the catalogue."""

    name = RECORDED
    role: ClassVar[Literal["source"]] = "source"
    doc = "Packets of another run, as they were."
    Settings = NoSettings
    default_group = "acquire"
    inputs_allowed = (0, 0)

    def __init__(self, streams: dict[str, Stream]) -> None:
        self.streams = streams

    def describe(self, settings: NoSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the stream as it was."""
        return Description([Port(OUT, self.streams[ctx.stage_id])], {"node": "recorded"})


class Comparison(StageType):
    """Every output of the replay, handed to who compares; known to one replay only."""

    name = COMPARE
    role: ClassVar[Literal["sink"]] = "sink"
    doc = "Compare packets with those of another run."
    Settings = NoSettings
    default_group = None
    inputs_allowed = (1, 4096)
    reads_all = True

    def describe(self, settings: NoSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept any streams."""
        return Description([], {"node": "history_sink"})


class Stretch:
    """The plans of one replay: of the first revision that is held, and of every later one.

    Parameters
    ----------
    history : History
    overrides : sequence of str
        ``ID.KEY=VALUE``, over every revision.
    pipeline : Path, dict or list, optional
        In place of the recorded configuration and all its changes; its sources have the recorded ids.

    Raises
    ------
    ConfigError
        If an edited setting cannot work.
    BadArgument
        If the history holds no configuration, or `pipeline` has other sources.
    """

    def __init__(self, history: History, overrides: Sequence[str] = (),
                 pipeline: Path | str | dict[str, Any] | list[Any] | None = None) -> None:
        self._types: dict[str, Any] = {}
        self._sources = {stream.stage: stream_of(stream) for stream in history.sources}
        self._types = {**catalogue(), RECORDED: RecordedSource(self._sources), COMPARE: Comparison()}
        self.compare_id = COMPARE
        revs = sorted(history.configs)
        begin = min(history.first_frames)              # the oldest revision of a packet that is held
        first = max((rev for rev in revs if rev <= begin), default=revs[0])
        if history.has_begin:                          # what was changed before the first packet came in gradually too
            first = revs[0]
        recorded = documents = {rev: history.configs[rev].get("config") or {} for rev in revs if rev >= first}
        if pipeline is not None:
            documents = {first: self._given(pipeline)}
        if not all(documents.values()):
            raise BadArgument(f"{history.folder}: holds no configuration, because a plan file was run. Give the "
                              "pipeline it was made from with --pipeline FILE.")
        self.plans = {rev: self._plan(document, [text for text in overrides if self._says_something(
            text, document, documents.values())]) for rev, document in documents.items()}
        self.first_rev = first
        self.edited = {stage_id for rev, plan in self.plans.items() for stage_id, entry in plan.config["stages"].items()
                       if stage_id not in self._sources and stage_id != self.compare_id
                       and entry != (recorded[rev].get("stages") or {}).get(stage_id)}

    def _says_something(self, override: str, document: dict[str, Any], documents: Iterable[dict[str, Any]]) -> bool:
        """Whether an edit is of this revision; no, if its stage is of another type here, or missing, and was not ever.

        A stage that comes, goes or becomes another one is edited where it has the setting.
        """
        stage_id, _, rest = override.partition("=")[0].partition(".")
        key = rest.split(".")[0].strip()

        def has_it(one: dict[str, Any]) -> bool:
            found = self._types.get(one["stages"].get(stage_id.strip(), {}).get("type"))
            return found is not None and key in (*found.Settings.model_fields, *COMMON_KEYS)

        return has_it(document) or not any(map(has_it, documents))

    def _given(self, pipeline: Path | str | dict[str, Any] | list[Any]) -> dict[str, Any]:
        config, problems = load(pipeline, catalogue=catalogue())
        problems.raise_if_any()
        assert config is not None                      # it is missing only with a problem
        known = catalogue()
        sources = {stage.id for stage in config.stages if known[stage.type].role == "source"}
        if sources != set(self._sources):
            raise BadArgument(f"pipeline: its sources are {', '.join(sorted(sources)) or 'none'}, and the history "
                              f"holds packets of {', '.join(sorted(self._sources))}. Give a pipeline with the same "
                              "sources.")
        return config.merged()

    def _plan(self, document: dict[str, Any], overrides: Sequence[str]) -> Plan:
        stages: dict[str, Any] = {}
        for stage_id, entry in document["stages"].items():
            stage_type = self._types.get(entry.get("type"))
            if stage_id in self._sources:
                stages[stage_id] = {"type": RECORDED,
                                    **{key: entry[key] for key in KEPT_OF_SOURCE if key in entry}}
            elif stage_type is None or stage_type.role != "sink":
                stages[stage_id] = entry
        while self.compare_id in stages:
            self.compare_id += "_"
        runtime = {**document.get("runtime", {}), "clock": "virtual", "realtime": "never", "fallback": None}
        stages[self.compare_id] = {"type": COMPARE}
        config, problems = load({"version": 1, "name": str(document.get("name") or "replay"), "runtime": runtime,
                                 "stages": stages}, catalogue=self._types, overrides=overrides, name="replay")
        return self._made(config, problems)

    def _made(self, config: PipelineConfig | None, problems: Problems) -> Plan:
        plan = make_plan(config, problems, "virtual", types=self._types) if config is not None else None
        problems.raise_if_any()
        assert plan is not None                        # it is missing only with a problem
        return plan


def stream_of(held: HeldStream) -> Stream:
    """Return the stream of a source as the plan of its run described it; it can wait now.

    Raises
    ------
    BadArgument
        If the description is not whole.
    """
    item = held.description
    try:
        return Stream(
            kind=Kind[item["kind"]], labels=tuple(map(str, item["labels"])), sps=float(item["sps"]),
            max_frames=int(item["max_frames"]), unit=str(item["unit"]), step=Fraction(*item["step"]),
            scale_uv=tuple(map(float, item["scale_uv"])), reference=str(item["reference"]), can_wait=True,
            sources=(held.stage,), meta=dict(item["meta"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadArgument(f"{held.name}: the history does not say what its stream is ({error!r:.80}). Use the history "
                          "as it was written.") from None

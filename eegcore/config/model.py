"""What a pipeline file says once it is checked: settings of the run, and stages with ids and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
MAX_STAGES = 1024
MAX_INPUTS = 256
ID_PATTERN = r"^[a-z][a-z0-9_]*$"
INPUT_PATTERN = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"

Name = Annotated[str, Field(pattern=ID_PATTERN, max_length=64)]
Queue = Literal["auto"] | Annotated[int, Field(ge=1, le=1 << 20)]
Core = Annotated[int, Field(ge=0, le=1023)]


class StageTypeLike(Protocol):
    """What is asked of an entry of the catalogue; `eegcore.stages.StageType` is one."""

    name: Any
    role: Any
    doc: Any
    Settings: Any
    inputs_allowed: Any


Catalogue = Mapping[str, Any]
"""Stage types by name, each as `StageTypeLike`."""


class _Checked(BaseModel):
    """Nothing unknown, nothing converted, no infinities."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class GroupConfig(_Checked):
    """Where the thread of a group runs."""

    cores: list[Core] = Field(default_factory=list, max_length=1024, description="cores it may use; all if empty")
    priority: int | None = Field(None, ge=1, le=99, description="SCHED_FIFO priority, if the system allows it")


class RuntimeConfig(_Checked):
    """The `runtime` part of a pipeline file."""

    clock: Literal["real", "virtual"] = Field("real", description="device time, or as fast as possible")
    realtime: Literal["auto", "require", "never"] = Field("auto", description=(
        "ask for real-time threads: auto reports what was refused, require stops on it"))
    queue: Queue = Field("auto", description="packets an edge between groups holds; auto follows from the rates")
    summary_s: float = Field(10.0, gt=0, le=86_400, description="period of the summary log line, s")
    groups: dict[Name, GroupConfig] = Field(default_factory=dict, description="threads by name")
    fallback: str | None = Field(None, min_length=1, description="preset that runs when this one cannot start")


class RestartNever(_Checked):
    """Do not restart."""

    strategy: Literal["never"]


class RestartImmediate(_Checked):
    """Restart at once, so often."""

    strategy: Literal["immediate"]
    max_attempts: int = Field(5, ge=1, le=1000, description="restarts within 60 s before giving up")


class RestartExponential(_Checked):
    """Restart after a pause that doubles."""

    strategy: Literal["exponential"]
    base_ms: float = Field(100.0, gt=0, le=3.6e6, description="first pause, ms")
    max_ms: float = Field(30_000.0, gt=0, le=3.6e6, description="longest pause, ms")
    max_attempts: int = Field(5, ge=1, le=1000, description="restarts within 60 s before giving up")


class RestartBreaker(_Checked):
    """Bypass the stage for a while after failures in a row, then try again."""

    strategy: Literal["circuit_breaker"]
    failures: int = Field(5, ge=1, le=1000, description="failures in a row that open the breaker")
    open_ms: float = Field(60_000.0, gt=0, le=3.6e6, description="time it stays open, ms")
    trials: int = Field(10, ge=1, le=10_000, description="packets tried before it closes")


Restart = Annotated[RestartNever | RestartImmediate | RestartExponential | RestartBreaker,
                    Field(discriminator="strategy")]


class CommonKeys(_Checked):
    """Keys every stage understands beside its own settings. None: as the stage type or the plan says."""

    id: Name | None = Field(None, description="name of the stage; its type if absent")
    inputs: str | list[str] | None = Field(None, description=(
        "a stage id, id.port or a list; the nearest stage above that has an output if absent"))
    group: Name | None = Field(None, description="thread the stage runs on")
    queue: Queue | None = Field(None, description="packets the edge into the stage holds")
    overflow: Literal["fail", "drop_oldest", "block"] | None = Field(None, description=(
        "what happens when the edge into the stage is full"))
    on_error: Literal["fatal", "drain_then_stop", "skip_packet", "use_default"] | None = Field(None, description=(
        "what happens when the stage fails"))
    restart: Literal["never", "immediate", "exponential", "circuit_breaker"] | Restart | None = Field(
        None, description="how a failed stage is started again")
    timeout_ms: float | None = Field(None, gt=0, le=3.6e6, description="longest time for one packet, ms")
    budget_us: float | None = Field(None, gt=0, le=3.6e9, description="time for one packet before a warning, us")
    isolation: Literal["inline", "thread", "process", "wasm"] | None = Field(None, description=(
        "where the stage runs"))
    critical: bool | None = Field(None, description="stop the run rather than lose frames on the way here")
    default: float | list[float] | None = Field(None, description=(
        "what on_error: use_default puts in place of samples: one value, or one per channel"))


COMMON_KEYS = tuple(CommonKeys.model_fields)
RESERVED_KEYS = (*COMMON_KEYS, "type")
"""Names that no setting of a stage may have."""

InputRef = tuple[str, str | None]


@dataclass(frozen=True)
class StageConfig:
    """One stage of a pipeline, checked on its own.

    Parameters
    ----------
    id, type : str
    settings : pydantic model
        The `Settings` of the stage type.
    common : CommonKeys
    inputs : tuple of (stage id, port or None)
        Written or found; empty for sources.
    path : str
        Where it is declared, ``stages[4].bandpass``.
    guessed : bool
        A refused value was replaced by its default so that checking can go on. The document is
        refused in any case; what is found wrong below such a stage may only be a consequence.
    reads_all : bool
        It was given no inputs and reads every output there is: those of stages that are added later too.
    """

    id: str
    type: str
    settings: BaseModel
    common: CommonKeys
    inputs: tuple[InputRef, ...]
    path: str
    guessed: bool = False
    reads_all: bool = False

    def merged(self, *, defaults: bool = True) -> dict[str, Any]:
        """Return the stage as the merged configuration shows it: inputs explicit, defaults unless told otherwise.

        A stage that reads whatever there is stays one: its inputs are an empty list.
        """
        common = self.common.model_dump(mode="json", exclude={"id", "inputs"}, exclude_none=True, round_trip=True)
        refs = () if self.reads_all else self.inputs
        inputs = [name if port is None else f"{name}.{port}" for name, port in refs]
        settings = self.settings.model_dump(mode="json", by_alias=True, round_trip=True,
                                            exclude_unset=not defaults)
        return {"type": self.type, "inputs": inputs, **settings, **common}


@dataclass(frozen=True)
class PipelineConfig:
    """A checked pipeline, as far as it could be built.

    Parameters
    ----------
    name : str
    runtime : RuntimeConfig
    stages : tuple of StageConfig
        In the order of the file.
    left_out : frozenset of str
        Ids of stages that could not be built; their mistakes are in the problems. Inputs of other
        stages may name them: such stages cannot be judged further.
    version : int
    """

    name: str
    runtime: RuntimeConfig
    stages: tuple[StageConfig, ...]
    left_out: frozenset[str] = frozenset()
    version: int = VERSION

    def stage(self, stage_id: str) -> StageConfig:
        """Return the stage called `stage_id`; KeyError if there is none."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    def merged(self, *, defaults: bool = True) -> dict[str, Any]:
        """Return the configuration as JSON values; loading it gives the same configuration again.

        Without `defaults` a setting that nobody has set is left out: a real board refuses what only an emulated one
        has, even if it is the default.
        """
        return {"version": self.version, "name": self.name, "runtime": self.runtime.model_dump(mode="json"),
                "stages": {stage.id: stage.merged(defaults=defaults) for stage in self.stages}}

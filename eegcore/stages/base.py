"""What a stage type is, and the registry that knows them all.

A stage type is words and policy only: a name, typed settings and a pure
`describe` that says what comes out for what goes in. The packets themselves
are handled by the compiled core, which is created from `Description.native`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from eegcore.stages.stream import MAX_FRAMES, Kind, Stream

if TYPE_CHECKING:
    from eegcore.stages.design import Designer

Role = Literal["source", "stage", "sink"]
About = Literal["setting", "kind", "rate", "channels"]
OUT = "out"                                    # the port of a stage that has only one


class SettingProblem(ValueError):
    """A setting that cannot work with these inputs.

    Parameters
    ----------
    key : str
        The setting at fault, ``"inputs"`` if it is the connection, ``""`` if it is the stage as a whole.
    message : str
        What is wrong, with the value seen; no full stop.
    allowed : str
        What would be accepted.
    hint : str
        What to do.
    about : {"setting", "kind", "rate", "channels"}
        What of the input it depends on: nothing, or its kind, rate or channels. If that is in
        doubt because of a mistake further up, the problem may only be a consequence.
    """

    def __init__(self, key: str, message: str, hint: str = "", allowed: str = "", about: About = "setting") -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.allowed = allowed
        self.hint = hint
        self.about: About = about


@dataclass(frozen=True)
class Port:
    """One output of a stage."""

    name: str
    stream: Stream


@dataclass(frozen=True)
class Description:
    """What `describe` answers.

    Parameters
    ----------
    outputs : list of Port
        Empty for sinks.
    native : dict
        What the compiled core is created from; ``native["node"]`` names the kind of node.
    resolved : dict
        Settings whose default depends on other settings or on the inputs, with the values in use.
    held_s : tuple of float
        How long a frame may be kept back for another input: as a rule, and at most.
    warnings : tuple of str
        What works, and may not be what was meant: whole sentences, shown with the plan behind the place of the stage.
    """

    outputs: list[Port]
    native: dict[str, Any]
    resolved: dict[str, Any] = field(default_factory=dict)
    held_s: tuple[float, float] = (0.0, 0.0)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """What `describe` may know beside settings and inputs."""

    stage_id: str
    clock: Literal["real", "virtual"]
    designer: Designer
    inputs: tuple[str, ...] = ()               # who the inputs are, as a pipeline file writes them


class StageSettings(BaseModel):
    """Settings of a stage: typed, documented, nothing unknown, nothing guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @field_validator("path", check_fields=False)
    @classmethod
    def _home(cls, path: str | None) -> str | None:
        """Put the home folder in place of a leading ``~``, as a shell would."""
        return path if path is None else os.path.expanduser(path)


def _whole(value: Any) -> Any:
    """Accept 1e3 and 4.0 where a whole number is meant; leave the rest to the type."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Whole = Annotated[int, BeforeValidator(_whole)]


class StageType:
    """One type a pipeline file may name. Subclasses are stateless; `describe` is pure."""

    name: ClassVar[str]
    role: ClassVar[Role]
    doc: ClassVar[str]
    Settings: ClassVar[type[StageSettings]]
    default_group: ClassVar[str | None]        # None: a thread of its own, sink-<id>
    inputs_allowed: ClassVar[tuple[int, int]] = (1, 1)
    records: ClassVar[bool] = False            # keeps data: edges above it fail rather than drop
    reads_all: ClassVar[bool] = False          # a sink that reads every output of the pipeline if no inputs are given

    def describe(self, settings: Any, inputs: list[Stream], ctx: Context) -> Description:
        """Say what comes out for what goes in.

        Raises
        ------
        SettingProblem
            If this stage cannot work with these settings on these inputs.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<stage type {self.name}>"


_registry: dict[str, StageType] = {}


def register(stage_class: type[StageType]) -> type[StageType]:
    """Put a stage type into the catalogue; a class decorator.

    Raises
    ------
    ValueError
        If the name is taken.
    """
    if stage_class.name in _registry:
        raise ValueError(f"stage type {stage_class.name!r} is registered already")
    _registry[stage_class.name] = stage_class()
    return stage_class


def registered() -> dict[str, StageType]:
    """Return a copy of the catalogue as it is now, in order of registration."""
    return dict(_registry)


def need_voltage(stage: str, stream: Stream) -> None:
    """Refuse an input that does not carry uV.

    Raises
    ------
    SettingProblem
    """
    if stream.kind is Kind.RAW_I32:
        raise SettingProblem("inputs", f"{stage} needs uV, and its input carries counts (RAW_I32)",
                             hint="Put a to_voltage in between", about="kind")
    if stream.kind is Kind.SPECTRUM_F32:
        raise SettingProblem("inputs", f"{stage} needs uV over time, and its input is a spectrum (SPECTRUM_F32)",
                             hint="Take its input from before the fft", about="kind")
    if stream.unit != "uV":
        raise SettingProblem("inputs", f"{stage} needs uV, and its input carries {stream.unit}",
                             hint="Take its input from before the stage that makes them", about="kind")


def default_batch(sps: float) -> int:
    """Return the frames per packet when `batch` is not given: about 4 ms, at least one frame."""
    return min(MAX_FRAMES, max(1, round(sps / 250)))


def hz(value: float) -> str:
    """Write a frequency or rate for a message, without trailing zeros."""
    return f"{value:.10g}"

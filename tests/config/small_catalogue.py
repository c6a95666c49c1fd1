"""A small catalogue, so that configuration is tested without the real stages, and good pipelines of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def whole(value: Any) -> Any:
    """Accept 4.0 for 4."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(whole)]


class Settings(BaseModel):
    """As the settings of real stages are: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Chip(Settings):
    """One converter."""

    spi: str = Field(description="device file of the bus")
    channels: Literal[4, 6, 8] = 8


class Acquire(Settings):
    """Settings of `acquire`."""

    board: Literal["emulator", "ads1299"] = Field("emulator", description="the device")
    sps: float = Field(250.0, ge=1, le=16_000, description="frames per second")
    gain: Whole = Field(24, ge=1, le=1000)
    seed: int = Field(1, ge=0)
    loop: bool = False
    labels: list[str] | None = Field(None, description="channel names")
    chips: list[Chip] = Field(default_factory=list, max_length=4)


class Notch(Settings):
    """Settings of `notch`."""

    hz: float = Field(gt=0, description="frequency to remove, Hz")
    q: float = Field(30.0, gt=0)


class Bandpass(Settings):
    """Settings of `bandpass`."""

    low_hz: float = Field(0.5, gt=0)
    high_hz: float = Field(45.0, gt=0)
    order: int = Field(4, ge=1, le=12)

    @field_validator("order")
    @classmethod
    def even(cls, order: int) -> int:
        """Refuse odd orders, as an example of a rule of its own."""
        if order % 2:
            raise ValueError("an odd order has no symmetric sections")
        return order


class Fft(Settings):
    """Settings of `fft`."""

    window_s: float = Field(2.0, gt=0)
    window: Literal["hann", "hamming", "blackman"] = "hann"


class Websocket(Settings):
    """Settings of `websocket_sink`."""

    topic: str | None = Field(None, pattern=r"^[a-z_]{1,32}$")


class Csv(Settings):
    """Settings of `csv_sink`."""

    path: str = Field(min_length=1, description="file to write, {start} is the time")


class Empty(Settings):
    """No settings."""


def stage_type(name: str, role: str, settings: type[BaseModel], inputs: tuple[int, int]) -> SimpleNamespace:
    """Return what configuration asks of a stage type."""
    return SimpleNamespace(name=name, role=role, doc=f"The {name} of the tests.", Settings=settings,
                           inputs_allowed=inputs, default_group="dsp")


CATALOGUE: dict[str, Any] = {made.name: made for made in (
    stage_type("acquire", "source", Acquire, (0, 0)),
    stage_type("to_voltage", "stage", Empty, (1, 1)),
    stage_type("notch", "stage", Notch, (1, 1)),
    stage_type("bandpass", "stage", Bandpass, (1, 1)),
    stage_type("fft", "stage", Fft, (1, 1)),
    stage_type("align_and_zip", "stage", Empty, (2, 8)),
    stage_type("com.mycorp.smooth", "stage", Empty, (1, 1)),
    stage_type("websocket_sink", "sink", Websocket, (1, 1)),
    stage_type("csv_sink", "sink", Csv, (1, 1)),
)}

_LABELS = st.lists(st.sampled_from(["Fp1", "Fp2", "Cz", "O1", "on", "1e3", "nä", "null"]), max_size=4)
_HZ = st.floats(0.5, 100) | st.integers(1, 100)
SETTINGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "acquire": st.fixed_dictionaries({}, optional={
        "board": st.sampled_from(["emulator", "ads1299"]), "sps": st.sampled_from([250, 1000.0, 16_000]),
        "gain": st.sampled_from([1, 24, 12.0]), "seed": st.integers(0, 2**62), "loop": st.booleans(), "labels": _LABELS,
        "chips": st.lists(st.fixed_dictionaries({"spi": st.just("/dev/spidev0.0")}, optional={
            "channels": st.sampled_from([4, 6, 8])}), max_size=4)}),
    "to_voltage": st.just({}),
    "notch": st.fixed_dictionaries({"hz": _HZ}, optional={"q": st.floats(1, 100)}),
    "bandpass": st.fixed_dictionaries({}, optional={
        "low_hz": _HZ, "high_hz": _HZ, "order": st.sampled_from([2, 4, 12])}),
    "fft": st.fixed_dictionaries({}, optional={"window": st.sampled_from(["hann", "hamming"])}),
    "com.mycorp.smooth": st.just({}),
    "align_and_zip": st.just({}),
    "websocket_sink": st.fixed_dictionaries({}, optional={"topic": st.sampled_from(["eeg", "a_b"]) | st.none()}),
    "csv_sink": st.fixed_dictionaries({"path": st.sampled_from(["a.csv", "filtered_{start}.csv", "1e3", "~", "- x"])}),
}
SINKS = ("websocket_sink", "csv_sink")
COMMON = st.fixed_dictionaries({}, optional={
    "group": st.sampled_from(["dsp", "other_one"]), "queue": st.just("auto") | st.integers(1, 1024),
    "overflow": st.sampled_from(["fail", "drop_oldest", "block"]), "critical": st.booleans(),
    "on_error": st.sampled_from(["fatal", "skip_packet"]), "timeout_ms": st.floats(0.1, 1e4),
    "restart": st.sampled_from(["never", {"strategy": "exponential", "base_ms": 5}, {"strategy": "immediate"}]),
    "isolation": st.sampled_from(["inline", "process"])})
RUNTIME = st.fixed_dictionaries({}, optional={
    "clock": st.sampled_from(["real", "virtual"]), "queue": st.just("auto") | st.integers(1, 4096),
    "summary_s": st.floats(0.5, 100), "groups": st.dictionaries(
        st.sampled_from(["acquire", "dsp", "sinks"]),
        st.fixed_dictionaries({}, optional={"cores": st.lists(st.integers(0, 7), max_size=3),
                                            "priority": st.integers(1, 99)}))})


@st.composite
def pipelines(draw: st.DrawFn) -> Any:
    """Return a good pipeline: a bare list, a document with a list, or one with stages keyed by id."""
    kinds = ["acquire", *draw(st.lists(st.sampled_from([name for name in SETTINGS if name != "acquire"]), max_size=7))]
    stages: list[tuple[str, str, dict[str, Any]]] = []
    with_output: list[str] = []
    for number, kind in enumerate(kinds):
        stage_id = f"{kind.rsplit('.', 1)[-1]}_{number}"
        settings = {**draw(SETTINGS[kind]), **draw(COMMON)}
        if kind == "align_and_zip":
            if len(with_output) < 2:
                continue
            settings["inputs"] = draw(st.lists(st.sampled_from(with_output), min_size=2, max_size=8, unique=True))
        elif kind != "acquire" and draw(st.booleans()):
            source = draw(st.sampled_from(with_output))
            settings["inputs"] = draw(st.sampled_from([source, [source], f"{source}.out", None]))
        if kind not in SINKS:
            with_output.append(stage_id)
        stages.append((stage_id, kind, settings))
    form = draw(st.sampled_from(["bare", "list", "keyed"]))
    if form == "keyed":
        written: Any = {stage_id: {"type": kind, **settings} for stage_id, kind, settings in stages}
    else:
        written = [{kind: {"id": stage_id, **settings}} for stage_id, kind, settings in stages]
    if form == "bare":
        return written
    document = {"version": 1, "name": "generated", "runtime": draw(RUNTIME), "stages": written}
    return {key: document[key] for key in document if key == "stages" or draw(st.booleans())}

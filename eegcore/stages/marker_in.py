"""`marker_in`: markers from programs on the network and from buttons, each at its exact frame."""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageSettings,
    StageType,
    Whole,
    register,
)
from eegcore.stages.stream import Stream

MOST_LINES = 16
MOST_TEXT = 256                                # of a marker, as in eegcore/graph/marking.py


class GpioMarker(StageSettings):
    """One line whose edges are markers."""

    line: str = Field(min_length=1, max_length=31, description="name of the line, such as GPIO17")
    edge: Literal["rising", "falling", "both"] = Field("falling", description=(
        "which edges; falling is a button to ground, both makes TEXT and TEXT/end"))
    text: str = Field("button", min_length=1, max_length=MOST_TEXT - 4, description="what the marker says")
    pull: Literal["up", "down", "none"] = Field("none", description="resistor on the pin; none leaves it as it is")
    debounce_ms: float = Field(0.0, ge=0, le=10_000, description=(
        "edges within this time after a marker of the line are the bounce of a contact, and none; the marker keeps "
        "the time of the first"))


class MarkerInSettings(StageSettings):
    """Settings of `marker_in`."""

    udp_port: Whole | None = Field(None, ge=0, le=65535, description=(
        "UDP port on which a datagram is a marker: its text, or JSON {\"text\", \"t_ns\", \"duration_s\"}; 0: any free "
        "one, which the log names"))
    host: str = Field("127.0.0.1", min_length=1, max_length=64, description=(
        "address on which datagrams are taken; 0.0.0.0 takes them from the network, where anybody may send one"))
    max_per_s: Whole = Field(1000, ge=1, le=100_000, description="more markers in a second are counted and left out")
    gpio: list[GpioMarker] = Field([], max_length=MOST_LINES, description="lines whose edges are markers")
    gpiochip: str | None = Field(None, min_length=1, max_length=31, description=(
        "label of the GPIO chip; that of a Raspberry Pi's header if absent"))


@register
class MarkerIn(StageType):
    """Say where markers come from while the run goes on; packets pass untouched."""

    name = "marker_in"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Take markers from UDP datagrams and from edges of GPIO lines; packets pass untouched."
    Settings = MarkerInSettings
    default_group = "dsp"

    def describe(self, settings: MarkerInSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream."""
        if settings.udp_port is None and not settings.gpio:
            raise SettingProblem("", "no marker can come in", allowed="udp_port, gpio, or both",
                                 hint="Set for example udp_port: 5005")
        try:
            address = ipaddress.ip_address(settings.host)
        except ValueError:
            raise SettingProblem("host", f"{settings.host!r} is no address", allowed="An IP address of this machine",
                                 hint="Use 127.0.0.1, or 0.0.0.0 for every one") from None
        lines = [line.line for line in settings.gpio]
        twice = next((line for line in lines if lines.count(line) > 1), None)
        if twice is not None:
            raise SettingProblem("gpio", f"{twice!r} is there twice", hint="Use edge: both for both of its edges")
        warnings = () if address.is_loopback or settings.udp_port is None else (
            f"datagrams are taken on {settings.host}: whoever reaches this machine can place markers.",)
        native: dict[str, Any] = {
            "node": "marker_in", "gpio": [line.model_dump() for line in settings.gpio], "gpiochip": settings.gpiochip,
            "udp": None if settings.udp_port is None else {"host": settings.host, "port": settings.udp_port},
            "max_per_s": settings.max_per_s}
        return Description([Port(OUT, inputs[0])], native, warnings=warnings)

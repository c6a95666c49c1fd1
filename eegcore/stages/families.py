"""What IIR filters have in common: families and their settings, design, description.

Order is scipy's: ``order: 4`` of a band-pass is ``butter(4, ..., "bandpass")``, four sections.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import Field

from eegcore.stages.base import OUT, Context, Description, Port, SettingProblem, hz
from eegcore.stages.design import DesignError, Sos, sos_to_hex
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.sos import group_delay_s, largest_pole, settling_s, steady_state
from eegcore.stages.stream import Stream

Family = Literal["butterworth", "chebyshev1", "chebyshev2", "elliptic", "bessel"]
Start = Literal["rest", "steady"]

SCIPYS: dict[str, str] = {"butterworth": "butter", "chebyshev1": "cheby1", "chebyshev2": "cheby2",
                          "elliptic": "ellip", "bessel": "bessel"}
WITH_RIPPLE = ("chebyshev1", "elliptic")
WITH_STOP = ("chebyshev2", "elliptic")
DEFAULT_RIPPLE_DB, DEFAULT_STOP_DB = 0.5, 40.0

FAMILY: Any = Field("butterworth", description=(
    "butterworth: flat, -3 dB at the edges; bessel: keeps shapes, -3 dB at the edges; chebyshev1 and elliptic: "
    "steeper, ripple_db down at the edges; chebyshev2: flat, stop_db down at the edges and beyond"))
ORDER = Field(4, ge=1, le=12, description="order of the prototype, as scipy.signal.butter counts it")
RIPPLE_DB = Field(None, ge=0.001, le=6, description=(
    f"chebyshev1, elliptic: how much the gain may vary in what passes, dB; {DEFAULT_RIPPLE_DB} if absent"))
STOP_DB = Field(None, ge=10, le=150, description=(
    f"chebyshev2, elliptic: how far down everything is that does not pass, dB; {DEFAULT_STOP_DB:g} if absent"))
START: Any = Field("rest", description=(
    "rest: as if zeros came before; steady: as if the first frame had always been there, so that an electrode's "
    "offset does not ring"))


class FamilySettings(Protocol):
    """What the settings of every IIR filter hold."""

    @property
    def family(self) -> Family:
        """Which polynomials."""

    @property
    def order(self) -> int:
        """Order of the prototype."""

    @property
    def ripple_db(self) -> float | None:
        """Ripple of what passes; None: not given."""

    @property
    def stop_db(self) -> float | None:
        """Attenuation of what does not pass; None: not given."""


def below_nyquist(key: str, value_hz: float, stream: Stream) -> None:
    """Refuse an edge that is not below half the data rate.

    Raises
    ------
    SettingProblem
    """
    half = stream.sps / 2
    if value_hz >= half:
        relation = "at" if value_hz == half else "above"
        raise SettingProblem(key, f"{hz(value_hz)} Hz is {relation} half the data rate ({hz(half)} Hz at "
                             f"{hz(stream.sps)} SPS)", hint=f"Lower {key} or raise the data rate of the source",
                             about="rate")


def designed(ctx: Context, key: str, stream: Stream, **spec: Any) -> Sos:
    """Return the sections of a design, refusing one that cannot work in double precision.

    Raises
    ------
    SettingProblem
    """
    try:
        sos = ctx.designer.sos(**spec)
    except DesignError as error:
        raise SettingProblem(key, f"the filter could not be designed: {error}", about="rate") from None
    if not largest_pole(sos) < 1.0:
        raise SettingProblem(key, f"the filter is not stable at {hz(stream.sps)} SPS",
                             hint="Raise the lowest edge or lower the order, or decimate first", about="rate")
    return sos


def sections(ctx: Context, key: str, stream: Stream, settings: FamilySettings, btype: str,
             edges_hz: list[float]) -> tuple[Sos, dict[str, Any]]:
    """Design a filter of a family; return its sections and the settings that were filled in.

    Edges are `scipy.signal`'s: -3 dB for `butter` and for `bessel` with ``norm="mag"``, -ripple_db for
    `cheby1` and `ellip`, -stop_db for `cheby2`.

    Raises
    ------
    SettingProblem
        If a setting means nothing for this family, or the filter cannot work; `key` is the edge to change.
    """
    resolved: dict[str, Any] = {}
    for name, value, default, families in (("ripple_db", settings.ripple_db, DEFAULT_RIPPLE_DB, WITH_RIPPLE),
                                           ("stop_db", settings.stop_db, DEFAULT_STOP_DB, WITH_STOP)):
        if settings.family in families:
            resolved[name] = default if value is None else value
        elif value is not None:
            raise SettingProblem(name, f"{hz(value)} dB means nothing to a {settings.family} filter",
                                 allowed=f"With family: {' or '.join(families)}",
                                 hint=f"Remove {name} or change family")
    sos = designed(ctx, key, stream, design=SCIPYS[settings.family], order=settings.order, edges_hz=edges_hz,
                   btype=btype, sps=stream.sps, **resolved)
    return sos, resolved


def filtered(ctx: Context, stream: Stream, sos: Sos, middle_hz: float, start: Start, resolved: dict[str, Any],
             **op: Any) -> Description:
    """Describe the output of a filter that keeps rate and shape.

    Parameters
    ----------
    middle_hz : float
        Where the group delay is stated: the middle of what passes.
    start : {"rest", "steady"}
        State before the first frame.
    **op
        More for the operation of the cascade; its kind, if that is not ``sos``.
    """
    out = voltage_only(stream).after_filter(ctx.stage_id).replace(
        delay_s=stream.delay_s + group_delay_s(sos, middle_hz, stream.sps),
        settling_s=stream.settling_s + settling_s(sos, stream.sps))
    op = {"op": "sos", "sos": sos_to_hex(sos), **op}
    if start == "steady":
        op["steady"] = [value.hex() for pair in steady_state(sos) for value in pair]
    return Description([Port(OUT, out)], linear([op]), resolved)

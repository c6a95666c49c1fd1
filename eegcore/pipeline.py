"""The Python API: the same graph in a notebook, offline on arrays and live.

    pipe = Pipeline.from_yaml("pipelines/default.yaml")
    with pipe.run() as run:
        for packet in run.tap("bandpass", seconds=10):
            ...
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from eegcore.control.changing import change_settings
from eegcore.control.preparing import prepare
from eegcore.control.stage_edits import Present, stage_added, stage_removed, stage_replaced
from eegcore.errors import BadArgument, EegcoreError, StateConflict, TapTimeout
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.recording.keeper import Keeper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eegcore import _rt
    from eegcore.config import PipelineConfig
    from eegcore.graph.listeners import Listener
    from eegcore.offline import Given, Processed
    from eegcore.stages.stream import Stream

Clock = Literal["real", "virtual"]


class Pipeline:
    """A checked pipeline, ready to run as often as wanted.

    Raises
    ------
    ConfigError
        With all mistakes at once, each with file, line, column and hint.
    """

    def __init__(self, document: str | dict[str, Any] | list[Any] | Path, *, overrides: Sequence[str] = (),
                 clock: Clock | None = None) -> None:
        self.config: PipelineConfig | None
        self.plan: Plan
        self.config, self.plan = prepare(document, overrides=overrides, clock=clock)

    @classmethod
    def from_yaml(cls, path: str | Path, *, overrides: Sequence[str] = (), clock: Clock | None = None) -> Pipeline:
        """Read a pipeline file."""
        return cls(Path(path), overrides=overrides, clock=clock)

    @classmethod
    def from_plan(cls, plan: Plan) -> Pipeline:
        """Take a plan as it is: designed filters run with the very same coefficients."""
        self = cls.__new__(cls)
        self.config, self.plan = None, plan
        return self

    def run(self, *, seconds: float | None = None) -> Run:
        """Return a run; ``with`` starts it and leaves it drained.

        Parameters
        ----------
        seconds : float, optional
            Sources end after so much of their own time.
        """
        return Run(self.plan, seconds=seconds, config=self.config)


class Run:
    """One run of a pipeline, used as a context manager."""

    def __init__(self, plan: Plan, *, seconds: float | None = None, config: PipelineConfig | None = None) -> None:
        self._config = config
        self._editing = threading.Lock()
        self.alarms: list[dict[str, Any]] = []
        self._graph = GraphRun(plan, seconds=seconds, on_alarm=self._on_alarm,
                               keeper=Keeper(document=self._document))
        self._supervisor = Supervisor(self._graph, self._on_event, self._on_end)
        self._ended = threading.Event()
        self._failure: EegcoreError | None = None
        self._started = False

    def _document(self) -> tuple[int, dict[str, Any]]:
        """Revision and merged configuration, for what a recorder writes down."""
        return self._graph.live.config_rev, self._config.merged() if self._config is not None else {}

    def __enter__(self) -> Run:
        """Start the threads."""
        self._graph.start()
        self._started = True
        self._supervisor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop the sources, drain, finalise; raise what stopped the run, if nothing else is being raised."""
        self.stop()
        if error is None and self._failure is not None:
            raise self._failure

    def stop(self) -> dict[str, Any]:
        """Stop, drain and return the final ledger."""
        self._graph.request_stop()
        self._supervisor.wake()
        self._supervisor.join()
        return self._graph.ledger()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the sources have ended by themselves and everything is drained."""
        return self._ended.wait(timeout_s)

    def pause(self) -> None:
        """Count frames as `paused` instead of handing them on."""
        self._graph.pause(True)

    def resume(self) -> None:
        """Hand frames on again; the first packet carries the gap flag."""
        self._graph.pause(False)

    def update(self, stage_id: str, /, *, at_frame: int | None = None, **settings: Any) -> int:
        """Change settings of a stage while the run goes on; return the config_rev of packets that have them.

            run.update("notch", hz=50, q=20)

        All take effect at one frame, without a frame lost and without a step that rings longer than the filter.

        Parameters
        ----------
        stage_id : str
        at_frame : int, optional
            First frame of the new settings. Default: the next one. A run in virtual time that gets its changes
            before it is entered, with their frames, gives the same samples each time.
        **settings
            As in a pipeline file.

        Raises
        ------
        ConfigError
            With every mistake: unknown stage or setting, a value that does not fit.
        NeedsStop
            If the graph would be another one: other rates, channels, edges.
        StateConflict
            If the run has ended, or was made from a plan, which has no settings.
        """
        return self._edit("update", lambda now: change_settings(now.config, {stage_id: settings}, now.plan.clock),
                          at_frame)

    def add(self, stage_id: str, stage: dict[str, Any] | None = None, *, after: str | None = None,
            splice: bool = False, at_frame: int | None = None) -> int:
        """Add a stage while the run goes on; return the config_rev of packets that have passed it.

            run.add("fft", after="notch")                                  # a branch: listen with run.tap("fft")
            run.add("slow", {"lowpass": {"hz": 3}}, after="notch", splice=True)

        Parameters
        ----------
        stage_id : str
            Of the new stage; without `stage` also its type, with defaults.
        stage : dict, optional
            As in a pipeline file, or with its type inside: ``{"type": "lowpass", "hz": 3}``.
        after : str, optional
            Stage, or ``stage.port``, that it reads.
        splice : bool
            Put it into the path: what read `after` reads the new stage.
        at_frame : int, optional
            See `update`.

        Raises
        ------
        ConfigError, NotFound, NeedsStop, StateConflict
            As `update`; if the id is taken, or there is no stage `after`.
        """
        return self._edit("add", lambda now: prepare(
            stage_added(now, stage_id, stage, after=after, splice=splice, topic=False), clock=now.plan.clock,
            name="<add>"), at_frame)

    def remove(self, stage_id: str, *, at_frame: int | None = None) -> int:
        """Remove a stage while the run goes on. What reads it takes its input, if that is the same kind of samples.

        Raises
        ------
        ConfigError, NotFound, NeedsStop, StateConflict
            As `update`; if something reads it that cannot go on without it.
        """
        return self._edit("remove", lambda now: prepare(stage_removed(now, stage_id), clock=now.plan.clock,
                                                        name="<remove>"), at_frame)

    def replace(self, stage_id: str, stage: dict[str, Any], *, at_frame: int | None = None) -> int:
        """Give a stage other settings, or another type, while the run goes on; its inputs stay unless given.

            run.replace("notch", {"bandstop": {"low_hz": 48, "high_hz": 52}})

        Raises
        ------
        ConfigError, NotFound, NeedsStop, StateConflict
            As `update`.
        """
        return self._edit("replace", lambda now: prepare(stage_replaced(now, stage_id, stage), clock=now.plan.clock,
                                                         name="<replace>"), at_frame)

    def _edit(self, what: str, make: Callable[[Present], tuple[PipelineConfig, Plan]], at_frame: int | None) -> int:
        with self._editing:
            if self._config is None:
                raise StateConflict(f"{what}: this run was made from a plan, which has no settings. Make it from a "
                                    "pipeline.")
            changed, plan = make(Present(self._config, self._graph.plan))
            config_rev, _ = self._graph.change(plan, at_frame)
            self._config = changed
            return config_rev

    def ledger(self) -> dict[str, Any]:
        """Return the ledger: live while the run goes on, final and exact afterwards."""
        return self._graph.ledger()

    def stats(self) -> dict[str, Any]:
        """Return counters, depths and latencies of everything."""
        return self._graph.stats()

    def truth(self, source: str) -> dict[str, int] | None:
        """Return what an emulated device counted itself; None for a recording."""
        return self._graph.truth(source)

    def stream(self, stage_id: str) -> Stream:
        """Return labels, unit and rate of a stage's output."""
        return self._graph.stream(stage_id)

    def tap(self, stage_id: str, port: str | None = None, *, seconds: float | None = None,
            timeout_s: float = 5.0) -> Iterator[_rt.Packet]:
        """Yield packets of an output, oldest first.

        Bounded, drop-oldest: a slow loop misses packets (`frame_index` shows it), the run does not wait; in virtual
        time the run waits. Listening begins at the call, not at the first `next`.

        Parameters
        ----------
        stage_id : str
        port : str, optional
            Default: the first.
        seconds : float, optional
            End after so much signal.
        timeout_s : float
            TapTimeout after so long without a packet.
        """
        number, tap = self._graph.open_tap(stage_id, port)
        return self._listen(number, tap, stage_id, seconds, timeout_s)

    def _listen(self, number: int, tap: Listener, stage_id: str, seconds: float | None,
                timeout_s: float) -> Iterator[_rt.Packet]:
        heard_s = 0.0
        try:
            while seconds is None or heard_s < seconds:
                packets = tap.wait(timeout_s, 1)
                if packets is None:
                    return
                if not packets:
                    raise TapTimeout(f"tap {stage_id}: no packet for {timeout_s:g} s. "
                                     "Is the run paused, or the stage waiting for a window to fill?")
                heard_s += packets[0].n_frames / packets[0].sps
                yield packets[0]
        finally:
            self._graph.close_tap(number)

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "alarm":
            self.alarms.append(event)

    def _on_alarm(self, level: str, place: str, message: str, frame_index: int | None) -> None:
        self._supervisor.alarm(level, place, message, frame_index)

    def _on_end(self, ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        self._failure = failure
        self._ended.set()


@overload
def process(x: Given, *, stages: Sequence[dict[str, Any]], sps: float | None = None,
            labels: Sequence[str] | None = None, scale_uv: float | None = None, raw: bool = False, batch: int = 256,
            output: str | None = None, zero_phase: bool = False, full: Literal[False] = False) -> NDArray[np.float32]:
    """Return the samples."""


@overload
def process(x: Given, *, stages: Sequence[dict[str, Any]], sps: float | None = None,
            labels: Sequence[str] | None = None, scale_uv: float | None = None, raw: bool = False, batch: int = 256,
            output: str | None = None, zero_phase: bool = False, full: Literal[True]) -> Processed:
    """Return the samples and what they are."""


def process(x: Given, *, stages: Sequence[dict[str, Any]], sps: float | None = None,
            labels: Sequence[str] | None = None, scale_uv: float | None = None, raw: bool = False, batch: int = 256,
            output: str | None = None, zero_phase: bool = False,
            full: bool = False) -> NDArray[np.float32] | Processed:
    """Run stages over an array or a recording, with the kernels and in the order of a live run.

    Parameters
    ----------
    x : array_like, path-like or Recording
        An array, shape (n_frames, n_channels): float uV, or integer counts (then `scale_uv` per count is needed
        unless the first stage takes counts). Or a file `playback` can read (OpenBCI text, CSV, EDF, BDF, each also as
        ``.xz``), a session folder, or what `eegcore.read` returns.
    stages : sequence of dict
        As in a pipeline file, ``[{"notch": {"hz": 60}}, ...]``. Branches are made by ``id`` and ``inputs``, where
        ``array`` is `x` itself. Sources are not allowed.
    sps : float, optional
        Frames per second. Needed for an array, and for a file that does not tell.
    labels : sequence of str, optional
        Of an array; ``ch1``, ``ch2``... if absent.
    scale_uv : float, optional
        uV per count of an array.
    raw : bool
        Read the counts of a file instead of uV.
    batch : int
        Frames per packet; the samples do not depend on it.
    output : str, optional
        ``"stage"`` or ``"stage.port"`` whose samples are wanted. Default: the last stage that has an output, its
        first port.
    zero_phase : bool
        Run the filters forward and then backward in time: no delay, no settling, and the square of their magnitude
        response (an edge at -3 dB comes to lie at -6 dB). Not what a live run gives. Equal to
        `scipy.signal.sosfiltfilt` over the sections of all filters, with its default odd extension, but for rounding
        to float32 between the two passes. For linear filters of constant rate, and stages without memory.
    full : bool
        Return a `Processed`, which knows rate, labels, axes and delay of the samples.

    Returns
    -------
    ndarray of float32, or Processed
        Shape (n_frames, n_channels), or (n_spectra, n_bins, n_channels); int32 where the output carries counts.

    Raises
    ------
    ConfigError
        If a stage does not fit.
    BadArgument
        If `x` has not two dimensions or nothing in it, or an argument does not go with it.
    RecordingRefused
        If the file cannot be read.

    Notes
    -----
    In memory at once: `x` (a file: its bytes and its samples), and the result. `zero_phase` adds three arrays of the
    size of the result while it works.

    Examples
    --------
    >>> import numpy as np, eegcore as ec
    >>> x = 20 * np.sin(2 * np.pi * 10 * np.arange(1000) / 250)[:, None]
    >>> y = ec.process(x, sps=250, stages=[{"notch": {"hz": 50}}, {"decimate": {"factor": 2}}])
    >>> y.shape, y.dtype
    ((500, 1), dtype('float32'))

    Rate, axes and delay of the samples:

    >>> found = ec.process(x, sps=250, stages=[{"lowpass": {"hz": 30}}, {"fft": {"window_s": 2}}], full=True)
    >>> found.data.shape, found.labels, found.unit
    ((3, 251, 1), ('ch1',), 'uV^2/Hz')
    >>> float(found.axis_hz[found.data[-1, :, 0].argmax()])
    10.0

    Two branches, and the output wanted:

    >>> stages = [{"highpass": {"hz": 1}}, {"lowpass": {"id": "slow", "hz": 3}},
    ...           {"bandpass": {"id": "alpha", "low_hz": 8, "high_hz": 12, "inputs": "highpass"}}]
    >>> slow, alpha = (ec.process(x, sps=250, stages=stages, output=name) for name in ("slow", "alpha"))
    >>> bool(abs(alpha).max() > 10 * abs(slow[500:]).max())
    True

    Without delay:

    >>> z = ec.process(x, sps=250, stages=[{"lowpass": {"hz": 30}}], zero_phase=True)
    >>> bool(abs(z - x)[50:-50].max() < 0.1)
    True
    """
    from eegcore.offline import process_recording, recording_of

    recording = recording_of(x, sps=sps, labels=labels, scale_uv=scale_uv, raw=raw)
    found = process_recording(recording, stages, batch=batch, output=output, zero_phase=zero_phase)
    return found if full else found.data


__all__ = ["BadArgument", "Pipeline", "Run", "process"]

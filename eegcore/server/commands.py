"""The commands of /ws/control: who may give them, what they must say, and what is called for them.

A row checks its request and returns a function; that runs on the command thread, since it may block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from eegcore.recording.info import session_info
from eegcore.server.answers import Refusal
from eegcore.server.marker_words import checked_marker
from eegcore.server.security import Role

Request = Mapping[str, Any]
Call = Callable[[], dict[str, Any]]

MOST = 2**63
ARRIVED = "arrived_ns"                           # of a request: CLOCK_MONOTONIC when its bytes came, never the client's


class Command(NamedTuple):
    """One command.

    Parameters
    ----------
    role : str
        The least role that may give it.
    prepare : callable
        ``prepare(controller, request)`` returns the call; its answer goes beside ``id`` and ``ok``.
    only_looks : bool
        It changes nothing and need not wait its turn.
    """

    role: Role
    prepare: Callable[[Any, Request], Call]
    only_looks: bool = False


def get_config(controller: Any, request: Request) -> Call:
    """``GetConfig``: revision, merged configuration and state, of one moment."""
    def call() -> dict[str, Any]:
        state = controller.status()
        config_rev, config = controller.revision()
        return {"config_rev": config_rev, "config": config, "state": {**state, "config_rev": config_rev}}

    return call


def update_param(controller: Any, request: Request) -> Call:
    """``UpdateParam``: one setting of one stage."""
    stage_id = text_in(request, "stage_id", '{"cmd": "UpdateParam", "stage_id": "notch", "key": "hz", "value": 50}')
    key = text_in(request, "key", '{"cmd": "UpdateParam", "stage_id": "notch", "key": "hz", "value": 50}')
    if "value" not in request:
        raise Refusal(400, "bad_request", "value: missing. Send the new value; null is the default of the setting.")
    value, if_rev, at_frame = request["value"], number_in(request, "if_rev"), number_in(request, "at_frame")
    return lambda: {"config_rev": controller.update(stage_id, key, value, if_rev, at_frame)}


def patch(controller: Any, request: Request) -> Call:
    """``Patch``: a JSON-Patch on the merged configuration."""
    if "patch" not in request:
        raise Refusal(400, "bad_request", 'patch: missing. Send for example {"cmd": "Patch", "patch": [{"op": '
                      '"replace", "path": "/stages/notch/hz", "value": 50}]}.')
    operations, if_rev, at_frame = request["patch"], number_in(request, "if_rev"), number_in(request, "at_frame")
    return lambda: {"config_rev": controller.patch(operations, if_rev, at_frame)}


def undo(controller: Any, request: Request) -> Call:
    """``Undo``: the previous configuration, as a new revision."""
    if_rev, at_frame = number_in(request, "if_rev"), number_in(request, "at_frame")
    return lambda: {"config_rev": controller.undo(if_rev, at_frame)}


def add_stage(controller: Any, request: Request) -> Call:
    """``AddStage``: a branch behind ``after``, or with ``splice`` a stage in the path."""
    stage_id = text_in(request, "stage_id", '{"cmd": "AddStage", "stage_id": "fft", "after": "notch"}')
    after, topic = request.get("after"), request.get("topic")
    if after is not None:
        after = text_in(request, "after", '"after": "notch"')
    if not isinstance(topic, str | bool | None):
        raise Refusal(400, "bad_request", f"topic: {str(topic)[:60]!r} is no name. Send a text, or false for none.")
    splice = request.get("splice", False)
    if not isinstance(splice, bool):
        raise Refusal(400, "bad_request", f"splice: {str(splice)[:60]!r} is not true or false.")
    when = times_in(request)
    return lambda: {"config_rev": controller.add_stage(stage_id, request.get("stage"), after=after, splice=splice,
                                                       topic=topic, **when)}


def remove_stage(controller: Any, request: Request) -> Call:
    """``RemoveStage``."""
    stage_id = text_in(request, "stage_id", '{"cmd": "RemoveStage", "stage_id": "fft"}')
    when = times_in(request)
    return lambda: {"config_rev": controller.remove_stage(stage_id, **when)}


def replace_stage(controller: Any, request: Request) -> Call:
    """``ReplaceStage``: other settings, or another type, under the same id."""
    stage_id = text_in(request, "stage_id", '{"cmd": "ReplaceStage", "stage_id": "notch", "stage": {"type": "notch"}}')
    when = times_in(request)
    return lambda: {"config_rev": controller.replace_stage(stage_id, request.get("stage"), **when)}


def start(controller: Any, request: Request) -> Call:
    """``Start``: what is held, a preset, or a pipeline."""
    document, preset = request.get("pipeline"), request.get("preset")
    if preset is not None and not isinstance(preset, str):
        raise Refusal(400, "bad_request", f"preset: {str(preset)[:60]!r} is not a name.")
    if document is not None and not isinstance(document, dict | list | str):
        raise Refusal(400, "bad_request", "pipeline: not one. Give an object, a list of stages, or YAML.")

    def call() -> dict[str, Any]:
        state = controller.start(document, preset)
        return {"config_rev": controller.config_rev, "state": state}

    return call


def shutdown(controller: Any, request: Request) -> Call:
    """``Shutdown``: drain and stop."""
    def call() -> dict[str, Any]:
        ledger = controller.shutdown()
        return {"config_rev": controller.config_rev, "ledger": ledger}

    return call


def pause(controller: Any, request: Request) -> Call:
    """``Pause``."""
    def call() -> dict[str, Any]:
        controller.pause()
        return {"config_rev": controller.config_rev}

    return call


def resume(controller: Any, request: Request) -> Call:
    """``Resume``."""
    def call() -> dict[str, Any]:
        controller.resume()
        return {"config_rev": controller.config_rev}

    return call


def start_recording(controller: Any, request: Request) -> Call:
    """``StartRecording``: participant, notes, task, session, pre_roll_s, csv, bids; all may be absent."""
    given = {name: value for name, value in request.items() if name not in ("id", "cmd", ARRIVED)}
    session_info(given)                                  # before it becomes arguments of a call

    def call() -> dict[str, Any]:
        recording = controller.start_recording(**given)
        return {"config_rev": controller.config_rev, "recording": recording}

    return call


def stop_recording(controller: Any, request: Request) -> Call:
    """``StopRecording``: answers what became of it."""
    def call() -> dict[str, Any]:
        recording = controller.stop_recording()
        return {"config_rev": controller.config_rev, "recording": recording}

    return call


def marker(controller: Any, request: Request) -> Call:
    """``Marker``: an event at the exact frame of the moment at which the message came, or of the time it gives."""
    arrived_ns = request[ARRIVED]
    fields = checked_marker({name: value for name, value in request.items() if name not in ("id", "cmd", ARRIVED)})
    return lambda: {"config_rev": controller.config_rev, "marker": controller.mark(**fields, origin="socket",
                                                                                   arrived_ns=arrived_ns)}


COMMANDS: dict[str, Command] = {
    "GetConfig": Command("viewer", get_config, only_looks=True),
    "UpdateParam": Command("operator", update_param), "Patch": Command("operator", patch),
    "Undo": Command("operator", undo),
    "AddStage": Command("operator", add_stage), "RemoveStage": Command("operator", remove_stage),
    "ReplaceStage": Command("operator", replace_stage),
    "Start": Command("operator", start), "Shutdown": Command("operator", shutdown),
    "Pause": Command("operator", pause), "Resume": Command("operator", resume),
    "StartRecording": Command("operator", start_recording), "StopRecording": Command("operator", stop_recording),
    # not in the line of commands: a shutdown that drains must not outlast the run the marker belongs to
    "Marker": Command("operator", marker, only_looks=True),
}


def text_in(request: Request, name: str, example: str) -> str:
    """Return a text a request must have; Refusal without."""
    text = request.get(name)
    if not isinstance(text, str):
        raise Refusal(400, "bad_request", f"{name}: {str(text)[:60]!r} is not a name. Send for example {example}.")
    return text


def number_in(request: Request, name: str) -> int | None:
    """Return a whole number a request may have; Refusal if it is something else."""
    number = request.get(name)
    if number is not None and (type(number) is not int or not 0 <= number < MOST):
        raise Refusal(400, "bad_request", f"{name}: {str(number)[:60]!r} is not a whole number from 0 on.")
    return number


def times_in(request: Request) -> dict[str, int | None]:
    """Return if_rev and at_frame of a request."""
    return {"if_rev": number_in(request, "if_rev"), "at_frame": number_in(request, "at_frame")}

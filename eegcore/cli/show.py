"""Commands that only look: ``validate``, ``stages``, ``schema``, ``ledger``. No compiled module needed."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from eegcore.errors import NotFound

OF_INPUTS = ("inputs", "queue", "overflow")            # common keys that a source, without inputs, has no use for


def validate(arguments: argparse.Namespace) -> int:
    """Check a pipeline and show its plan."""
    from eegcore.control.preparing import prepare
    from eegcore.graph.plan_json import plan_json
    from eegcore.graph.plan_text import describe_plan

    _, plan = prepare(Path(arguments.file), overrides=arguments.overrides,
                      clock="virtual" if arguments.virtual else None)
    print(json.dumps(plan_json(plan), indent=2) if arguments.json else describe_plan(plan))
    return 0


def stages(arguments: argparse.Namespace) -> int:
    """List stage types, or describe one."""
    from eegcore.config.model import CommonKeys
    from eegcore.stages import catalogue

    known = catalogue()
    if arguments.name is None:
        if arguments.json:
            print(json.dumps({name: stage.Settings.model_json_schema() for name, stage in known.items()}, indent=2))
            return 0
        width = max(map(len, known))
        for name, stage in known.items():
            print(f"{name:{width}}  {stage.role:6}  {stage.doc}")
        return 0
    if arguments.name not in known:
        raise NotFound(f"stages: no stage type is called {arguments.name!r}. Known: {', '.join(known)}.")
    stage = known[arguments.name]
    schema = stage.Settings.model_json_schema()
    if arguments.json:
        print(json.dumps(schema, indent=2))
        return 0
    print(f"{stage.name} ({stage.role}): {stage.doc}")
    for key, setting in schema.get("properties", {}).items():
        default = "required" if key in schema.get("required", []) else f"default {_shown(setting.get('default'))}"
        print(f"  {key}: {setting.get('description', '')} ({default})")
    print("and, as every stage:")
    for key, setting in CommonKeys.model_json_schema()["properties"].items():
        if stage.role != "source" or key not in OF_INPUTS:
            words = next((kind["enum"] for kind in setting["anyOf"] if "enum" in kind), ())
            print(f"  {key}: {setting['description']}{': ' if words else ''}{', '.join(words)}")
    return 0


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def schema(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of pipeline files."""
    from eegcore.config.schema import pipeline_schema
    from eegcore.stages import catalogue

    print(json.dumps(pipeline_schema(catalogue()), indent=2))
    return 0


def ledger(arguments: argparse.Namespace) -> int:
    """Print and check the ledger of a finished file; status 1 if it does not balance."""
    from eegcore.sinks.ledger_file import LedgerRefused, check_ledger, format_ledger, read_ledger

    try:
        found = read_ledger(arguments.path)
    except LedgerRefused as error:
        raise _without_ledger(arguments.path) or error from None
    print(json.dumps(found, indent=2) if arguments.json else format_ledger(found))
    return 1 if check_ledger(found) else 0


def _without_ledger(path: str) -> NotFound | None:
    """Return why a session has no ledger, if it is one and nobody ended it."""
    from eegcore.recording.listing import read_meta
    from eegcore.sinks.ledger_file import SUFFIX

    if not os.path.exists(path) or path.endswith(SUFFIX):
        return None
    folder = os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path))
    try:
        meta = read_meta(os.path.dirname(folder), os.path.basename(folder))
    except NotFound:
        return None
    recovered = meta.get("recovered")
    has_one = os.path.exists(path + SUFFIX) or any(name.endswith(SUFFIX) for name in os.listdir(folder))
    if not meta or has_one or (meta.get("state") == "finished" and not recovered):
        return None
    rest = ("'recover' has finished it from its files, which say what was recorded, not what was lost before them"
            if recovered else f"If it is not being recorded now: python -m eegcore recover {path}")
    return NotFound(f"{path}: this recording was never ended in order, so it has no ledger. {rest}.", path=path)

"""From a file, a text or Python data to a checked pipeline, with all its mistakes at once."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from eegcore.config.entries import Entry, read_entries
from eegcore.config.model import (
    COMMON_KEYS,
    ID_PATTERN,
    VERSION,
    Catalogue,
    CommonKeys,
    PipelineConfig,
    RuntimeConfig,
    StageConfig,
)
from eegcore.config.nodes import Node, TooBig, from_data, shown
from eegcore.config.overrides import apply_overrides
from eegcore.config.problems import SEE_STAGES, Problems, closest, did_you_mean, listing
from eegcore.config.schema_words import NAME_RULE
from eegcore.config.wiring import Draft, wire
from eegcore.config.wording import check
from eegcore.config.yaml_nodes import MAX_BYTES, parse

TOP_KEYS = ("version", "name", "runtime", "stages")
MAX_NAME = 100


def load(source: FilePath | str | dict[str, Any] | list[Any], *, catalogue: Catalogue,
         overrides: Sequence[str] = (), name: str | None = None) -> tuple[PipelineConfig | None, Problems]:
    """Read and check a pipeline.

    Parameters
    ----------
    source : Path, str, dict or list
        A file; YAML or JSON text; or the document as Python data.
    catalogue : mapping
        Stage types by name.
    overrides : sequence of str
        ``ID.KEY=VALUE``, each in place of what the document says.
    name : str, optional
        What messages call a source that is no file, and the pipeline if it has no name of its own.

    Returns
    -------
    config : PipelineConfig or None
        As far as it could be built; None if nothing could.
    problems : Problems
        Every mistake so far. Whoever goes on checking adds to it, and then calls `raise_if_any`.
    """
    label = str(source) if isinstance(source, FilePath) else name or (
        "<text>" if isinstance(source, str) else "<pipeline>")
    problems = Problems(label)
    types = list(catalogue)
    root = _document(source, problems)
    if root is None:
        return None, problems
    if isinstance(root.value, list):                     # a bare list is the list of stages
        bare, root = root, Node({}, root.line, root.col)
        root.put("stages", bare, bare.place)
    if not isinstance(root.value, dict):
        path_like = isinstance(root.value, str) and re.fullmatch(r"\S+\.(ya?ml|json)", root.value)
        problems.add((), f"the document is {shown(root)}, not a mapping",
                     f"Allowed: a mapping with {listing(TOP_KEYS)}, or a list of stages",
                     "To read a file, give its name as a pathlib.Path" if path_like
                     else "Begin with 'stages:'", at=root.place)
        return None, problems
    root = apply_overrides(root, overrides, problems, types)
    problems.root = root
    _check_top(root, problems)
    runtime = _runtime(root, problems)
    fallback_name = source.stem if isinstance(source, FilePath) else name or "pipeline"
    title = _name(root, problems) or fallback_name
    entries = read_entries(root, problems, types)
    if not entries:
        return None, problems
    drafts = _drafts(entries, catalogue, problems)
    wire(drafts, problems)
    stages = tuple(
        StageConfig(draft.id, draft.stage_type.name, draft.settings, draft.common, tuple(draft.inputs),
                    draft.entry.label, draft.guessed, draft.reads_all)
        for draft in drafts if not draft.left_out and draft.settings is not None and draft.stage_type is not None)
    built = {stage.id for stage in stages}
    return PipelineConfig(title, runtime, stages, frozenset(d.id for d in drafts if d.id not in built)), problems


def _document(source: FilePath | str | dict[str, Any] | list[Any], problems: Problems) -> Node | None:
    """Return the tree of the source."""
    if isinstance(source, FilePath):
        try:
            with source.open("rb") as file:
                return parse(file.read(MAX_BYTES + 1), problems)
        except OSError as error:
            code = f"[{errno.errorcode.get(error.errno or 0, 'OSError')} {error.errno}]"
            if error.errno == errno.EISDIR:
                held = _pipelines_in(source)
                problems.add((), f"this is a folder {code}, and a pipeline is a file",
                             f"Pipelines in it: {listing(held)}" if held else "", "Give the path of a file",
                             at=(None, 0, 0))
                return None
            problems.add((), f"the file cannot be read {code}", hint=_other_file(source), at=(None, 0, 0))
            return None
    if isinstance(source, str):
        return parse(source, problems)
    try:
        return from_data(source)
    except (TooBig, TypeError) as error:
        problems.add((), f"the document has {error}" if isinstance(error, TooBig) else str(error),
                     "Allowed: what a YAML file can hold, in its limits", "Give plain dicts, lists, texts and numbers",
                     at=(None, 0, 0))
        return None


def _other_file(path: FilePath) -> str:
    """Return which file beside a missing one was probably meant."""
    return did_you_mean(path.name, _pipelines_in(path.parent),
                        "Check the name; a relative one starts at the folder the command is run in")


def _pipelines_in(folder: FilePath) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))
    except OSError:
        return []


def _check_top(root: Node, problems: Problems) -> None:
    """Report unknown keys beside the four, and a version this program does not read."""
    for key in root.value if isinstance(root.value, dict) else ():
        if key not in TOP_KEYS and not problems.full:
            problems.add((key,), f"unknown key {shown(key)}", f"Known keys: {listing(TOP_KEYS)}",
                         did_you_mean(key, TOP_KEYS, "Stages stand under 'stages:'"), on_key=True)
    version = root.get("version")
    if version is not None and (type(version.value) is not int or version.value != VERSION):
        problems.add(("version",), f"version {shown(version)} is not known", f"Allowed: {VERSION}",
                     f"Write 'version: {VERSION}', or update eegcore if a newer one wrote this")


def _name(root: Node, problems: Problems) -> str | None:
    node = root.get("name")
    if node is None:
        return None
    if isinstance(node.value, str) and 0 < len(node.value) <= MAX_NAME and node.value.isprintable():
        return node.value
    problems.add(("name",), f"{shown(node)} is not a name",
                 f"Allowed: a text of 1 to {MAX_NAME} printable characters",
                 f'Put it in quotes: "{shown(node)}"' if isinstance(node.value, int | float)
                 else "Shorten or remove it")
    return None


def _runtime(root: Node, problems: Problems) -> RuntimeConfig:
    node = root.get("runtime")
    if node is None or node.is_empty:
        return RuntimeConfig()
    known = list(RuntimeConfig.model_fields)
    if not isinstance(node.value, dict):
        problems.add(("runtime",), f"{shown(node)} is not a mapping", f"Allowed: {listing(known)}",
                     "Write for example 'runtime: {clock: virtual}'")
        return RuntimeConfig()
    checked = check(RuntimeConfig, node, list(node.value), ("runtime",), problems, known=known,
                    see="Settings of stages stand under 'stages:'")
    return checked.model if isinstance(checked.model, RuntimeConfig) else RuntimeConfig()


def _drafts(entries: list[Entry], catalogue: Catalogue, problems: Problems) -> list[Draft]:
    """Check every stage on its own."""
    drafts: list[Draft] = []
    taken: dict[str, Entry] = {}
    for number, entry in enumerate(entries):
        draft = _draft(entry, catalogue, problems)
        if not draft.id:
            draft.id = f"#{number}"                      # no id that a file could name
        elif draft.id in taken:
            draft.id = _another_id(draft, taken, entries, problems)
        taken[draft.id] = entry
        drafts.append(draft)
    return drafts


def _draft(entry: Entry, catalogue: Catalogue, problems: Problems) -> Draft:
    stage_type = catalogue.get(entry.type)
    quiet = False
    if stage_type is None:
        meant = closest(entry.type, catalogue) if entry.type else None
        if not entry.spoilt:
            problems.add(entry.type_path, f"no stage type is called {shown(entry.type)}",
                         f"Known types: {listing(catalogue)}",
                         f"Did you mean {meant!r}?" if meant else SEE_STAGES, on_key=not entry.keyed)
        # Its own mistakes would rest on a guess; what reads it can still be checked if the guess fits.
        stage_type, quiet = (catalogue[meant] if meant else None), True
    keys = list(entry.node.keys or ())
    own = [key for key in keys if key not in COMMON_KEYS and not (entry.keyed and key == "type")]
    settings_keys = _setting_keys(stage_type)
    known = [*settings_keys, *COMMON_KEYS]
    see = SEE_STAGES if quiet else f"Run 'python -m eegcore stages {entry.type}' for its settings"
    checked = check(CommonKeys, entry.node, [key for key in keys if key in COMMON_KEYS], entry.path, problems,
                    known=known, see=see)
    common = checked.model if isinstance(checked.model, CommonKeys) else CommonKeys()
    written = entry.node.get("inputs")
    draft = Draft(entry, entry.id, stage_type, common, left_out=entry.spoilt,
                  inputs_refused=checked.refused and written is not None and not _sound_inputs(written))
    default = entry.node.get("default")
    if common.on_error == "use_default" and (default is None or default.is_empty):
        problems.add((*entry.path, "on_error"), "use_default needs a default to use",
                     "Allowed: a number, or one per channel", "Add 'default: 0'")
    if stage_type is None or entry.spoilt:
        draft.left_out = True
        return draft
    result = check(stage_type.Settings, entry.node, own, entry.path, problems, known=known, see=see, quiet=quiet)
    draft.settings, draft.guessed = result.model, result.guessed
    draft.left_out = result.model is None or (quiet and result.refused)
    if not re.fullmatch(ID_PATTERN, entry.id) and entry.node.get("id") is None and not quiet:
        problems.add(entry.path, f"{shown(entry.id)}, the default id, is no id",
                     f"Allowed: {NAME_RULE}", "Add 'id: NAME'", on_key=True)
    return draft


def _setting_keys(stage_type: Any | None) -> list[str]:
    """Return the settings of a stage type as a file spells them."""
    if stage_type is None:
        return []
    return [field.alias or name for name, field in stage_type.Settings.model_fields.items()]


def _sound_inputs(written: Node) -> bool:
    if isinstance(written.value, list):
        return all(isinstance(item.value, str) for item in written.value)
    return written.value is None or isinstance(written.value, str)


def _another_id(draft: Draft, taken: dict[str, Entry], entries: list[Entry], problems: Problems) -> str:
    """Report an id that is taken, and return one that is free, so that the stage can be checked as well."""
    first = taken[draft.id]
    used = {entry.id for entry in entries} | set(taken)
    free = next(f"{draft.id}_{n}" for n in range(2, len(used) + 3) if f"{draft.id}_{n}" not in used)
    line = f" in line {first.node.line}" if first.node.line and not first.node.origin else ""
    problems.add(draft.entry.id_path, f"the id {shown(draft.id)} is taken by {first.label}{line}",
                 "Allowed: every id once", f"Give this stage one of its own: 'id: {free[:64]}'",
                 on_key=draft.entry.id_path == draft.entry.path)
    return free

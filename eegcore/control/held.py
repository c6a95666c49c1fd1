"""What the program holds: one checked configuration, its plan, its revision and where it came from, together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eegcore.control.documents import Document, difference, listed, written

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan

Origin = Literal["file", "preset", "request", "fallback"]


@dataclass(frozen=True)
class Base:
    """What live changes are counted from: a pipeline as it was loaded.

    Parameters
    ----------
    origin : {"file", "preset", "request", "fallback"}
    name : str
        The file, or the name of the preset or pipeline.
    document : dict
        Without defaults that it does not write.
    digest : str
        Of a file and its ``--set`` options; empty otherwise.
    instead_of : Held, optional
        Of a fallback: what could not start.
    """

    origin: Origin
    name: str
    document: Document
    digest: str = ""
    instead_of: Held | None = None


@dataclass(frozen=True)
class Held:
    """One revision. It is replaced as a whole, so that whoever reads it never sees half of two.

    Parameters
    ----------
    config : PipelineConfig
    plan : Plan
        Made from `config`.
    config_rev : int
        Rises with every change; packets of the run carry it.
    base : Base
    """

    config: PipelineConfig
    plan: Plan
    config_rev: int
    base: Base

    @cached_property
    def overrides(self) -> Document:
        """What was changed live: the difference from the base, a JSON merge patch."""
        changed: Document = difference(self.base.document, written(self.config))
        return changed

    @cached_property
    def overrides_listed(self) -> list[str]:
        """The same as people read it: ``notch.hz=50``."""
        return listed(self.overrides, self.base.document)


def base_of(origin: Origin, name: str, config: PipelineConfig, **more: Any) -> Base:
    """Return the base a freshly loaded configuration is."""
    return Base(origin, name, written(config), **more)


def file_digest(path: Path, overrides: Sequence[str]) -> str:
    """Return what changes when a pipeline file or its ``--set`` options change; empty if it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(json.dumps(list(overrides)).encode() + b"\n" + content).hexdigest()

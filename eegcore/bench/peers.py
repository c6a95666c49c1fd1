"""Other programs that can be measured beside ours, where they are installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A package that may be there: its name with version, and the module, or None and why."""

    name: str
    module: Any | None
    why: str = "not installed"


def _find(package: str, module: str) -> Peer:
    level = logging.getLogger().level
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name is not None and module.split(".")[0] == error.name
        return Peer(package, None, "not installed" if missing else f"cannot be imported: {error}")
    except Exception as error:                         # a broken installation is as good as none
        return Peer(package, None, f"cannot be imported: {error}")
    finally:
        logging.getLogger().setLevel(level)
    return Peer(f"{package} {getattr(found, '__version__', '')}".strip(), found)


def pieeg_core() -> Peer:
    """The Rust accelerator of the PiEEG server."""
    return _find("pieeg-core", "pieeg_core")


def brainflow() -> Peer:
    """The filters of BrainFlow."""
    return _find("brainflow", "brainflow.data_filter")


def mne() -> Peer:
    """The filters of MNE."""
    return _find("mne", "mne")


def picows() -> Peer:
    """The quickest WebSocket client for Python known to us."""
    return _find("picows", "picows")


def websockets() -> Peer:
    """The usual WebSocket client."""
    return _find("websockets", "websockets")


def pylsl() -> Peer:
    """Lab Streaming Layer with a liblsl it can load: its own, the system's, or the one inside mne-lsl."""
    import os

    peer = _find("pylsl", "pylsl")
    if peer.module is None and "PYLSL_LIB" not in os.environ:
        library = _liblsl_of_mne_lsl()
        if library is not None:
            os.environ["PYLSL_LIB"] = library          # children of the benchmark need it too
            peer = _find("pylsl", "pylsl")
    if peer.module is None:
        return peer
    version = importlib.metadata.version("pylsl")
    return Peer(f"pylsl {version}, liblsl {peer.module.library_version() // 100}."
                f"{peer.module.library_version() % 100}", peer.module)


def _liblsl_of_mne_lsl() -> str | None:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("mne_lsl")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("lsl/lib/liblsl*.so*"))
    return str(found[0]) if found else None

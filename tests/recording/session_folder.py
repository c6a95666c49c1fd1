"""What several tests of sessions need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPS = 250


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))

"""What a client may say of a marker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eegcore.server.answers import Refusal

FIELDS = ("text", "t_ns", "t_unix_ns", "duration_s")


def checked_marker(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a marker; Refusal if one is unknown or the text is missing. What they hold is checked later.

    What is null is left out.
    """
    unknown = [str(name) for name in said if name not in FIELDS]
    if unknown:
        raise Refusal(400, "bad_request", f"marker: {unknown[0][:60]!r} is not known. Known: {', '.join(FIELDS)}.")
    if "text" not in said:
        raise Refusal(400, "bad_request", 'text: missing. Send for example {"text": "stimulus"}.')
    return {name: value for name, value in said.items() if value is not None or name == "text"}

"""What runs in the guest: the parts named on the command line, a line `RESULT {json}` for each."""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

sys.path.insert(0, "/vm")


def part(name: str) -> dict[str, Any]:
    """Run one part and say how it went."""
    if name == "module":
        import module_check

        return module_check.check(seconds=0.25)
    if name == "product":
        import product_check

        return product_check.check()
    if name == "doctor":
        import doctor_check

        return doctor_check.check()
    raise ValueError(f"{name} is no part")


def main(names: list[str]) -> int:
    """Run the parts; 1 if one of them failed."""
    failed = 0
    for name in names:
        started = time.monotonic()
        try:
            result: dict[str, Any] = {"part": name, "ok": True, **part(name)}
        except Exception as error:
            traceback.print_exc()
            result = {"part": name, "ok": False, "error": f"{type(error).__name__}: {error}"}
            failed = 1
        result["guest_s"] = round(time.monotonic() - started, 2)
        print("RESULT " + json.dumps(result), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

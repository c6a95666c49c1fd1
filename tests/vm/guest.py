"""What runs in the guest: the parts named on the command line; a line for each step, `RESULT {json}` for each part."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, "/vm")


def steps(name: str) -> Iterator[tuple[str, Any]]:
    """Run the steps of a part, one after the other, each with what it found."""
    if name == "module":
        import module_check

        return module_check.check()
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
            for step, found in steps(name):
                print(f"DONE {name}: {step}: {json.dumps(found)}", flush=True)
            result: dict[str, Any] = {"part": name, "ok": True}
        except Exception as error:
            traceback.print_exc()
            result = {"part": name, "ok": False, "error": f"{type(error).__name__}: {error}"}
            failed = 1
        result["guest_s"] = round(time.monotonic() - started, 2)
        print("RESULT " + json.dumps(result), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

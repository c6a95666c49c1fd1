"""Whether runs of one plan on several machines were the same run.

    python wheels/same_run.py FIRST OTHER...

Each file is what ``eegcore run --json`` printed: one ledger. All must balance, hold frames and digests, and agree in
everything but the name of the run, how long it took and what was measured meanwhile. Exit status 1 with one line for
each difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OF_THIS_RUN = ("run_id", "elapsed_s", "stats")


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """A tree of JSON objects as one: the path of every leaf, and the leaf."""
    if not isinstance(value, dict) or not value:
        return {place: value}
    return {path: leaf for key, below in value.items()
            for path, leaf in flat(below, f"{place}.{key}" if place else key).items()}


def differences(ledgers: dict[str, dict[str, Any]]) -> list[str]:
    """What keeps these ledgers, by name, from being those of one run; empty if nothing."""
    found = []
    for name, ledger in ledgers.items():
        if not ledger["balanced"]:
            found.append(f"{name}: the ledger does not balance")
        if not ledger["frames"] or not ledger["digest"]:
            found.append(f"{name}: {ledger['frames']} frames and {len(ledger['digest'])} digests prove nothing")
    (first, reference), *others = ((name, flat({k: v for k, v in ledger.items() if k not in OF_THIS_RUN}))
                                   for name, ledger in ledgers.items())
    for name, leaves in others:
        found += [f"{name}: {path} is {leaves.get(path)!r}, in {first} {reference.get(path)!r}"
                  for path in sorted(reference.keys() | leaves.keys()) if leaves.get(path) != reference.get(path)]
    return found


def main(paths: list[str]) -> int:
    """Compare the ledgers in these files."""
    ledgers = {Path(path).name: json.loads(Path(path).read_text()) for path in paths}
    found = differences(ledgers)
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        ledger = next(iter(ledgers.values()))
        print(f"{', '.join(ledgers)}: {ledger['frames']} frames, lost {ledger['lost']}, balanced, "
              f"the same {len(ledger['digest'])} digests")
        for sink, digest in ledger["digest"].items():
            print(f"    {sink} {digest}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

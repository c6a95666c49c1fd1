"""``bench``: measure speed as ratios to peers and bare baselines, goals beside them."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time

from eegcore.bench.catalogue import Benchmark, benchmarks
from eegcore.bench.line import FULL, QUICK, Line
from eegcore.bench.measure import machine
from eegcore.bench.report import print_table, to_json
from eegcore.errors import BadArgument


def bench(arguments: argparse.Namespace) -> int:
    """Run the benchmarks asked for; status 1 if one broke, never because one was slow."""
    chosen = _choose(arguments.name)
    found = machine()                                  # before anything runs: the load of others belongs to the table
    effort, began = QUICK if arguments.quick else FULL, time.monotonic()
    lines: list[Line] = []
    broken: dict[str, str] = {}
    for benchmark in chosen:
        print(f"bench: {benchmark.name}: {benchmark.doc}", file=sys.stderr, flush=True)
        try:
            lines += benchmark.run(effort)
        except Exception as error:
            if arguments.debug:
                raise
            broken[benchmark.name] = f"{type(error).__name__}: {error}"
    if arguments.json:
        print(json.dumps(to_json(found, lines, quick=arguments.quick, elapsed_s=time.monotonic() - began,
                                 broken=broken), indent=2))
    else:
        print_table(found, lines, quick=arguments.quick)
    for name, why in broken.items():
        print(f"bench: {name}: did not run to its end [{why}]. See where with --debug.", file=sys.stderr)
    return 1 if broken else 0


def _choose(names: list[str]) -> list[Benchmark]:
    known = benchmarks()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise BadArgument(f"bench: no benchmark is called {name!r}. Known: {', '.join(known)}.{hint}")
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())

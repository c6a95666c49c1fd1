"""Too slow a sink behind too fast a board: how much is dropped, and that every frame of it is in the books.

    python tests/stress/overload.py [--sps 16000] [--stall-ms 20] [--seconds 10]

Prints what was said and the ledger; exit status 1 if it does not balance.
"""

from __future__ import annotations

import argparse

from eegcore import Pipeline
from eegcore.sinks.ledger_file import check_ledger, format_ledger


def main() -> int:
    """Run once and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sps", type=int, default=16000)
    parser.add_argument("--stall-ms", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    pipeline = Pipeline([
        {"acquire": {"board": "emulator", "sps": options.sps, "channels": 32}}, {"to_voltage": {}}, {"bandpass": {}},
        {"null_sink": {"id": "slow", "stall_ms": options.stall_ms, "queue": 32}},
        {"null_sink": {"id": "quick", "inputs": "bandpass", "group": "quick"}},
    ])
    with pipeline.run(seconds=options.seconds) as run:
        run.wait()
    for alarm in run.alarms:
        print(alarm["message"])
    print(format_ledger(run.ledger()))
    return 1 if check_ledger(run.ledger()) else 0


if __name__ == "__main__":
    raise SystemExit(main())

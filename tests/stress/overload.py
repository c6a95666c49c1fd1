"""Overload on purpose: a sink that stalls behind a full ring, once where frames may be dropped, once where not.

    python tests/stress/overload.py [--seconds 10] [--sps 4000] [--stall-ms 20]

First run: the edge into the slow sink drops its oldest packets; you see how many, by the second, that the other
branch loses nothing, and one warning per 10 s. Second run: the same edge is critical (`overflow: fail`), so the run
stops loudly with stage, edge and frame. Both ledgers must balance; exit status 1 if one does not.
"""

from __future__ import annotations

import argparse

from eegcore import EdgeOverflow, Pipeline
from eegcore.sinks.ledger_file import check_ledger, format_ledger

EDGE = "to_voltage->slow"


def stages(sps: int, **slow: object) -> list[dict]:
    """A fast source, a slow sink, and a quick one beside it."""
    return [{"acquire": {"board": "emulator", "sps": sps, "channels": 32}}, {"to_voltage": {}},
            {"null_sink": {"id": "slow", "queue": 16, **slow}},
            {"null_sink": {"id": "quick", "inputs": "to_voltage", "group": "elsewhere"}}]


def drop(sps: int, seconds: float, stall_ms: float) -> list[str]:
    """Let the edge drop; return what does not add up."""
    with Pipeline(stages(sps, stall_ms=stall_ms)).run(seconds=seconds) as run:
        before = 0
        while not run.wait(1.0):
            stats = run.stats()
            edge = stats["edges"][EDGE]
            dropped = edge["dropped"].get("overflow", 0)
            print(f"{stats['frames']:>10} frames, dropped {dropped - before:>6} in this second, "
                  f"depth {edge['depth']}/{edge['capacity']}")
            before = dropped
    ledger = run.ledger()
    print(format_ledger(ledger))
    for alarm in run.alarms:
        print(f"{alarm['level']}: {alarm['message']}")
    wrong = check_ledger(ledger)
    if ledger["sinks"]["quick"]["written"] != ledger["sources"]["acquire"]["delivered"]:
        wrong.append("the quick branch lost frames because of the slow one")
    return wrong


def fail(sps: int, stall_ms: float) -> list[str]:
    """Let the edge stop the run; return what does not add up."""
    run = Pipeline(stages(sps, stall_ms=stall_ms, overflow="fail", critical=True)).run()
    try:
        with run:
            run.wait(60)
    except EdgeOverflow as error:
        print(error)
    else:
        return ["the full critical edge did not stop the run"]
    print(format_ledger(run.ledger()))
    return check_ledger(run.ledger())


def main() -> int:
    """Run both and say whether the books balance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sps", type=int, default=4000)
    parser.add_argument("--stall-ms", type=float, default=20)
    arguments = parser.parse_args()
    print("== drop_oldest")
    wrong = drop(arguments.sps, arguments.seconds, arguments.stall_ms)
    print("\n== fail, critical")
    wrong += fail(arguments.sps, arguments.stall_ms)
    print("\n" + ("\n".join(wrong) or "both ledgers balance"))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

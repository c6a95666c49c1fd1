"""Hours of 32 channels at 16 kSPS on the virtual clock, or minutes on the real one; memory and books at the end.

    python tests/stress/long_run.py [--hours 24] [--real]

Prints progress every ten seconds; exit status 1 if a frame is missing from the books or memory has grown by half.
"""

from __future__ import annotations

import argparse
import resource

from eegcore import Pipeline
from eegcore.sinks.ledger_file import check_ledger, format_ledger

PROGRESS_S = 10.0


def main() -> int:
    """Run to the end and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    pipeline = Pipeline([
        {"acquire": {"board": "emulator", "sps": 16000, "channels": 32, "batch": 64}}, {"to_voltage": {}},
        {"notch": {"hz": 50}}, {"bandpass": {}}, {"decimate": {"to_sps": 250}}, {"null_sink": {}},
    ], clock="real" if options.real else "virtual")
    begun = 0
    with pipeline.run(seconds=options.hours * 3600) as run:
        while not run.wait(PROGRESS_S):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begun = begun or peak
            print(f"{run.ledger()['frames'] / 16000 / 3600:.3f} h of signal, peak memory {peak >> 10} MiB", flush=True)
    ledger = run.ledger()
    print(format_ledger(ledger))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1 if check_ledger(ledger) or ledger["lost"] or (begun and peak > 1.5 * begun) else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""A long run: hours of signal on the virtual clock, or of real time, with memory and books watched all the way.

    python tests/stress/long_run.py [--hours 24] [--sps 16000] [--channels 32]          as fast as it goes
    python tests/stress/long_run.py --real --hours 8 --sps 4000                         in real time

Prints a line every few seconds: signal so far, speed, loss, memory. Memory must not grow after the first minute, time
must be exact (the last frame of the virtual clock is where the rate says), and the ledger must balance; exit status 1
otherwise. 24 h of 32 channels at 16 kSPS are a quarter of an hour's work for two cores.
"""

from __future__ import annotations

import argparse
import time

from eegcore import Pipeline
from eegcore.sinks.ledger_file import check_ledger, format_ledger

GROWTH_MIB = 16.0


def memory_mib() -> float:
    """Resident memory of this process."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def main() -> int:
    """Run, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--sps", type=int, default=16000)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--real", action="store_true", help="in real time")
    parser.add_argument("--every", type=float, default=10, help="seconds between lines")
    arguments = parser.parse_args()
    stages = [{"acquire": {"board": "emulator", "sps": arguments.sps, "channels": arguments.channels}},
              {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}, {"null_sink": {}}]
    seconds = arguments.hours * 3600
    started, first = time.monotonic(), 0.0
    highest = 0.0
    with Pipeline(stages, clock="real" if arguments.real else "virtual").run(seconds=seconds) as run:
        while not run.wait(arguments.every):
            stats, passed = run.stats(), time.monotonic() - started
            signal_s = stats["frames"] / arguments.sps
            now = memory_mib()
            first = now if first == 0 or passed < 60 else first
            highest = max(highest, now)
            print(f"{signal_s / 3600:8.3f} h of signal in {passed:8.0f} s ({signal_s / passed:7.1f} x), "
                  f"lost {stats['lost']}, {now:.1f} MiB", flush=True)
    ledger = run.ledger()
    print(format_ledger(ledger))
    wrong = check_ledger(ledger)
    expected = round(seconds * arguments.sps)
    if not arguments.real and (ledger["frames"], ledger["lost"]) != (expected, 0):
        wrong.append(f"{ledger['frames']} frames, lost {ledger['lost']}: {expected} were to come")
    if highest - first > GROWTH_MIB:
        wrong.append(f"memory grew from {first:.1f} to {highest:.1f} MiB")
    print("\n".join(wrong) or "nothing was lost, memory stayed, the books balance")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

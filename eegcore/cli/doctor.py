"""``doctor`` and ``boards``: what this machine has, what it lacks, and what could be attached."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from eegcore.cli.checks import check_port
from eegcore.doctor import System, Wanted, examine, wanted_by
from eegcore.doctor.found import found_json, found_text, wiring_text
from eegcore.doctor.text import print_report


def doctor(arguments: argparse.Namespace) -> int:
    """Examine this machine; status 1 if something that is needed is missing or fails."""
    port, recordings = check_port(arguments.port), arguments.recordings
    if arguments.pipeline is None:
        wanted = Wanted(recordings=recordings, port=port)
    else:
        wanted = wanted_by(Path(arguments.pipeline), overrides=arguments.overrides,
                           recordings=recordings, port=port)
    report = examine(System(), wanted)
    if arguments.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print_report(report)
    return 0 if report.ok else 1


def boards(arguments: argparse.Namespace) -> int:
    """List the boards that `acquire` knows, and what is found on this machine."""
    from eegcore.devices.boards import boards as known

    system = System()
    if arguments.json:
        found = found_json(system)
        print(json.dumps([{"name": board.name, "doc": board.doc, "sps": list(board.sps), "hardware": board.hardware,
                           "wiring": asdict(board.wiring) if board.hardware else None,
                           "found": found if board.hardware else None} for board in known().values()], indent=2))
        return 0
    for board in known().values():
        print(f"{board.name}: {board.doc}")
        print(f"  sps {' '.join(map(str, board.sps))}{' and others' if board.any_sps else ''}; "
              f"gain {' '.join(map(str, board.gains))}; {' '.join(map(str, board.chip_channels))} channels per chip")
        if board.hardware and (wired := wiring_text(board.wiring)):
            print(f"  {wired}")
    print("\nfound on this machine:")
    for line in found_text(system):
        print(f"  {line}")
    return 0

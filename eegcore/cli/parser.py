"""The commands and their options. Handlers are imported when their command runs."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from typing import Any

import eegcore

Arguments = argparse.Namespace


def _late(module: str, function: str) -> Callable[[Arguments], int]:
    def call(arguments: Arguments) -> int:
        handler: Callable[[Arguments], int] = getattr(importlib.import_module(f"eegcore.cli.{module}"), function)
        return handler(arguments)

    return call


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="eegcore", description="EEG acquisition: chips, graph, recorder, live page.",
        epilog="Begin with: eegcore serve pipelines/default.yaml")
    parser.add_argument("--version", action="version", version=f"eegcore {eegcore.__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _serve(commands)
    _run(commands)
    _record(commands)
    _batch(commands)
    _export(commands)
    _replay(commands)
    _show(commands)
    _mend(commands)
    _doctor(commands)
    _bench(commands)
    return parser


def _command(commands: Any, name: str, module: str, function: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=_late(module, function))
    parser.add_argument("--debug", action="store_true", help="show tracebacks and debug lines")
    return parser


def _pipeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=os.path.expanduser, help="pipeline file (YAML or JSON)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ID.KEY=VALUE",
                        help="override one setting, e.g. acquire.sps=250; may be repeated")


def _logging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log-json", action="store_true", help="log one JSON object a line")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"],
                        help="lowest level logged (INFO)")


def _serve(commands: Any) -> None:
    parser = _command(commands, "serve", "serve", "serve", "run a pipeline and serve page, streams and control")
    _pipeline(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=9000, help="port to listen on (9000); 0 takes a free one")
    parser.add_argument("--token", help="operator token, or set EEGCORE_TOKEN; needed beyond loopback, made and "
                        "printed if absent")
    parser.add_argument("--viewer-token", help="token of viewers, who may look and not touch")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME",
                        help="further host name under which browsers may reach this server")
    parser.add_argument("--no-start", action="store_true", help="serve, but start nothing yet")
    parser.add_argument("--recordings", default="recordings", metavar="DIR", type=os.path.expanduser,
                        help="folder of recordings (recordings)")
    parser.add_argument("--watch", action="store_true", help="take the file up again whenever it is saved, live if "
                        "possible; one with mistakes is reported and changes nothing")
    parser.add_argument("--state-dir", metavar="DIR", type=os.path.expanduser, help="where changes made live are kept "
                        "at the end, for the next start of the same file ($XDG_STATE_HOME/eegcore)")
    parser.add_argument("--fresh", action="store_true", help="start as the file says, without changes kept from last "
                        "time")
    _logging(parser)


def _run(commands: Any) -> None:
    parser = _command(commands, "run", "run", "run", "run a pipeline without a server and print its ledger")
    parser.add_argument("file", metavar="FILE", nargs="?", type=os.path.expanduser, help="pipeline file (YAML or JSON)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ID.KEY=VALUE",
                        help="override one setting, e.g. acquire.sps=250; may be repeated")
    parser.add_argument("--plan", metavar="PLAN.json", type=os.path.expanduser,
                        help="run a plan of `validate --json` as it is, bit for bit")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so much signal")
    parser.add_argument("--virtual", action="store_true", help="virtual clock: as fast as possible, reproducible")
    parser.add_argument("--json", action="store_true", help="print the ledger as JSON")
    _logging(parser)


def _record(commands: Any) -> None:
    parser = _command(commands, "record", "record", "record", "record a pipeline without a server, as a session folder")
    _pipeline(parser)
    parser.add_argument("--out", default="recordings", metavar="DIR", type=os.path.expanduser,
                        help="folder of recordings, made if it is not there (recordings)")
    parser.add_argument("--participant", metavar="CODE", help="code of the participant")
    parser.add_argument("--task", metavar="TEXT", help="what the participant does")
    parser.add_argument("--session", metavar="TEXT", help="which visit it is")
    parser.add_argument("--notes", metavar="TEXT", help="anything else")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so much signal")
    parser.add_argument("--csv", action="store_true", help="write the counts as text too")
    parser.add_argument("--bids", action="store_true", help="put the recording into the BIDS dataset DIR/bids")
    parser.add_argument("--virtual", action="store_true", help="virtual clock: as fast as possible, reproducible")
    parser.add_argument("--json", action="store_true", help="print the ledger and the folders as JSON")
    _logging(parser)


def _batch(commands: Any) -> None:
    parser = _command(commands, "batch", "batch", "batch", "run a pipeline over many recordings, several at a time")
    _pipeline(parser)
    parser.add_argument("inputs", metavar="INPUTS", nargs="+", help="recordings, folders of recordings, patterns")
    parser.add_argument("--out", default=".", metavar="DIR", type=os.path.expanduser,
                        help="folder of the outputs, made if it is not there (the current one)")
    parser.add_argument("--jobs", type=int, metavar="N", help="recordings at once (one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="let a dask cluster do it: tcp://host:8786 (pip install 'eegcore[batch]')")
    parser.add_argument("--retries", type=int, default=2, metavar="N",
                        help="how often a recording is tried again when its process was killed (2)")
    parser.add_argument("--json", action="store_true", help="print what came of each as JSON")


def _export(commands: Any) -> None:
    parser = _command(commands, "export", "export", "export", "write a recording in a format other programs read")
    parser.add_argument("path", metavar="PATH", type=os.path.expanduser,
                        help="a session folder, or a file: BDF, EDF, CSV, OpenBCI text, XDF, BrainVision")
    parser.add_argument("--format", required=True, choices=["edf", "xdf", "csv"],
                        help="edf: EDF+, 16 bits; xdf: every stream; csv: text, as csv_sink writes it")
    parser.add_argument("--out", required=True, metavar="FILE", type=os.path.expanduser,
                        help="the new file; one that exists is never overwritten")
    parser.add_argument("--sps", type=float, metavar="N", help="frames per second of a text file that does not tell")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def _replay(commands: Any) -> None:
    parser = _command(commands, "replay", "replay", "replay",
                      "run a stretch of a recorded run again, as it was or edited, and say which packets differ")
    parser.add_argument("path", metavar="PATH", type=os.path.expanduser, help="the folder that a history_sink wrote")
    parser.add_argument("--from", dest="start", metavar="FRAME|TIME",
                        help="begin to compare there: a frame of the first source, or 12.5s or 0:12.5 of the run")
    parser.add_argument("--to", dest="stop", metavar="FRAME|TIME", help="compare up to there")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ID.KEY=VALUE",
                        help="change one setting for the replay; may be repeated")
    parser.add_argument("--pipeline", metavar="FILE", type=os.path.expanduser,
                        help="run this pipeline on the recorded sources, in place of the recorded one and its changes")
    parser.add_argument("--step", action="store_true",
                        help="one packet of a source per Enter, with what every stage puts out; q ends")
    parser.add_argument("--count", type=int, metavar="N", help="with --step: so many packets, without Enter")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _show(commands: Any) -> None:
    parser = _command(commands, "validate", "show", "validate", "check a pipeline file and show its plan")
    _pipeline(parser)
    parser.add_argument("--virtual", action="store_true", help="plan for the virtual clock")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser = _command(commands, "stages", "show", "stages", "list the stage types, or the settings of one")
    parser.add_argument("name", metavar="NAME", nargs="?", help="a stage type")
    parser.add_argument("--json", action="store_true", help="print settings as JSON Schema")
    _command(commands, "schema", "show", "schema", "print the JSON Schema of pipeline files, for editors")
    parser = _command(commands, "ledger", "show", "ledger", "print and check the ledger of a finished file")
    parser.add_argument("path", metavar="PATH", type=os.path.expanduser,
                        help="a recorded file, its .ledger.json, or a session folder")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def _mend(commands: Any) -> None:
    for name, text in (("recover", "mend a recording that a crash or a power cut has left unfinished"),
                       ("verify", "prove that a recording is whole, or say what is wrong with it")):
        parser = _command(commands, name, "mend", name, text)
        parser.add_argument("path", metavar="PATH", type=os.path.expanduser,
                            help="a .bdf file, or a folder with some")
        parser.add_argument("--json", action="store_true", help="print as JSON")


def _doctor(commands: Any) -> None:
    parser = _command(commands, "boards", "doctor", "boards", "list the boards `acquire` can read, and what is found")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser = _command(commands, "doctor", "doctor", "doctor", "examine this machine: what is missing, how to get it")
    parser.add_argument("--pipeline", metavar="FILE", type=os.path.expanduser,
                        help="look for what this pipeline needs, not for any board")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ID.KEY=VALUE",
                        help="override one setting of the pipeline; may be repeated")
    parser.add_argument("--recordings", default="recordings", metavar="DIR", type=os.path.expanduser,
                        help="folder of recordings (recordings)")
    parser.add_argument("--port", type=int, default=9000, help="port of `serve` (9000)")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def _bench(commands: Any) -> None:
    parser = _command(commands, "bench", "bench", "bench", "measure speed as ratios to peers, goals beside them")
    parser.add_argument("name", metavar="NAME", nargs="*", help="benchmarks to run; all if absent")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: a first impression")

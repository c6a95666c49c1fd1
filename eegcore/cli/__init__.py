"""The command line: ``python -m eegcore COMMAND`` and the ``eegcore`` script.

Exit status: 0 good, 1 a run that failed or lost frames inside eegcore on a
critical path, 2 bad input. Errors go to stderr as one readable block; a
traceback only with ``--debug``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from eegcore.cli.parser import make_parser
from eegcore.errors import BadArgument, ConfigError, EegcoreError, FileRefused, NotFound

BAD_INPUT = (ConfigError, BadArgument, FileRefused, NotFound)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except ConfigError as error:
        if arguments.debug:
            raise
        n = len(error.problems)
        print(error, file=sys.stderr)
        if n > 1:
            print(f"{n} problems. Nothing was started.", file=sys.stderr)
        return 2
    except EegcoreError as error:
        if arguments.debug:
            raise
        print(error, file=sys.stderr)
        return 2 if isinstance(error, (*BAD_INPUT, ValueError)) else 1
    except BrokenPipeError:
        sys.stderr.close()                             # `eegcore stages | head`: not our failure
        return 0
    except KeyboardInterrupt:
        return 130


__all__ = ["main"]

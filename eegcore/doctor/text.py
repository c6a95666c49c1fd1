"""The report for people: one line a check, the remedy indented below it, 80 columns."""

from __future__ import annotations

import textwrap

from eegcore.doctor.examine import Report
from eegcore.doctor.result import Result

WIDTH = 80
STATE_WIDTH = 8
COLOURS = {"ok": "green", "warn": "yellow", "missing": "red", "fail": "red", "skipped": "dim"}


def lines_of(result: Result, name_width: int) -> list[str]:
    """Return the lines of one check; those of the remedy begin with an indent of their own."""
    head = f"{result.state:<{STATE_WIDTH}}{result.name:<{name_width}}  "
    seen = result.seen + (f" (wanted: {result.wanted})" if result.wanted else "")
    lines = textwrap.wrap(seen, WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
                          break_long_words=False, break_on_hyphens=False)
    indent = " " * (STATE_WIDTH + 2)
    for row in result.fix.splitlines():
        if row.startswith(("$ ", "  ")):                 # a command, or a line to copy: never broken
            lines.append(indent + row)
        else:
            lines += textwrap.wrap(row, WIDTH, initial_indent=indent, subsequent_indent=indent,
                                   break_long_words=False, break_on_hyphens=False)
    return lines


def report_text(report: Report) -> str:
    """Return the whole report as plain text."""
    name_width = max(len(result.name) for result in report.results)
    lines = [line for result in report.results for line in lines_of(result, name_width)]
    return "\n".join([*lines, "", *textwrap.wrap(report.summary, WIDTH, break_long_words=False,
                                                 break_on_hyphens=False)])


def print_report(report: Report) -> None:
    """Print the report, with colours on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for row in report_text(report).splitlines():
        text = Text(row)
        state = row.split(" ", 1)[0]
        if state in COLOURS:
            text.stylize(COLOURS[state], 0, len(state))
        elif row.startswith(" " * STATE_WIDTH):
            text.stylize("dim")
        console.print(text)

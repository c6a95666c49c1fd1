"""All checks in their order, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from eegcore.devices.gpio import chips
from eegcore.doctor import checks_chip, checks_gpio, checks_machine, checks_program, checks_realtime, checks_spi
from eegcore.doctor.found import spi_nodes
from eegcore.doctor.result import BAD, Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Wanted

Check = Callable[[System, Wanted], Result]

PROGRAM: tuple[Check, ...] = (checks_program.versions, checks_program.compiled_core)
MACHINE: tuple[Check, ...] = (checks_machine.machine, checks_machine.kernel, checks_machine.pages,
                              checks_machine.cores)
LIMITS: tuple[Check, ...] = (
    checks_realtime.priority, checks_realtime.locked_memory, checks_realtime.governor, checks_realtime.isolated_cores,
    checks_realtime.idle_states, checks_machine.core_clock, checks_machine.power)
PLACES: tuple[Check, ...] = (checks_program.disk, checks_program.port, checks_machine.wall_clock)


@dataclass(frozen=True)
class Report:
    """What the doctor found."""

    wanted: Wanted
    results: tuple[Result, ...]
    attached: bool                                     # some SPI node or GPIO chip is here

    @property
    def ok(self) -> bool:
        """True if nothing that is needed is missing or fails."""
        return not any(result.state in BAD for result in self.results)

    @property
    def summary(self) -> str:
        """The last line of the report."""
        bad = [result.name for result in self.results if result.state in BAD]
        warned = sum(result.state == "warn" for result in self.results)
        also = f" {warned} warning{'s' if warned != 1 else ''}." if warned else ""
        if not bad:
            return f"Ready for {self.wanted.what}.{also}"
        said = f"Not ready for {self.wanted.what}: {', '.join(bad)}.{also}"
        if self.wanted.hardware and not self.attached:
            return ("Nothing is attached to this machine: it has no SPI node and no GPIO chip. The emulated board and "
                    f"recordings run here without. {said}")
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {"ok": self.ok, "summary": self.summary, "for": self.wanted.what, "attached": self.attached,
                "checks": [result.as_dict() for result in self.results]}


def hardware_checks(wanted: Wanted) -> list[Check]:
    """Return the checks of bus and lines that a board needs; none if it is no device."""
    if not wanted.hardware:
        return []
    nodes: list[Check] = [partial(_node, path=path) for path in wanted.spi] or [checks_spi.any_node]
    lines: list[Check] = [partial(_line, line=line) for line in wanted.lines]
    clock: list[Check] = [checks_spi.clock] if wanted.boards else []
    return [*nodes, checks_spi.buffer, *clock, checks_gpio.header_chip, *lines]


def _node(system: System, wanted: Wanted, *, path: str) -> Result:
    return checks_spi.node(system, path)


def _line(system: System, wanted: Wanted, *, line: Any) -> Result:
    return checks_gpio.line(system, line)


def examine(system: System, wanted: Wanted) -> Report:
    """Run every check that applies and return what they found; only chips of a pipeline are reset and run."""
    results = [_guarded(check, system, wanted) for check in (*PROGRAM, *MACHINE, *hardware_checks(wanted))]
    results += try_boards(system, wanted, results)
    results += [_guarded(check, system, wanted) for check in (*LIMITS, *PLACES)]
    return Report(wanted, tuple(results), bool(spi_nodes(system) or chips(system)))


def try_boards(system: System, wanted: Wanted, before: Sequence[Result]) -> list[Result]:
    """Bring the chips up and run them, if bus and lines are there and nobody else has them."""
    if not wanted.hardware:
        return []
    needed = {result.name for result in before if result.state in BAD} & {
        "compiled core", "spi", "gpio", *(path.removeprefix("/dev/") for path in wanted.spi),
        *(checks_gpio.name_of(line) for line in wanted.lines)}
    if needed:
        return []
    if not wanted.boards:
        return [Result("chips", "skipped", "give --pipeline FILE to try the chips it names")]
    if any(result.state == "warn" for result in before if result.name in map(checks_gpio.name_of, wanted.lines)):
        return [Result("chips", "skipped", "a running eegcore has them")]
    found: list[Result] = []
    for board in wanted.boards:
        try:
            found += checks_chip.chip_results(system, board)
        except Exception as error:
            found.append(broken(f"chips {board.id}", error))
    return found


def _guarded(check: Check, system: System, wanted: Wanted) -> Result:
    """Run one check; one that breaks on a machine nobody foresaw is a line like any other, and the rest go on."""
    try:
        return check(system, wanted)
    except Exception as error:
        return broken(getattr(check, "func", check).__name__.strip("_").replace("_", " "), error)


def broken(name: str, error: Exception) -> Result:
    """Return the line of a check that could not be made."""
    return Result(name, "fail", f"could not be examined: {type(error).__name__}: {error}", "an answer",
                  "Report it together with 'python -m eegcore doctor --json'.")

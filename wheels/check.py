"""What must be true of a wheel of eegcore before anyone installs it.

    python wheels/check.py [--glibc 2.28] [--without TEXT] WHEEL...

Reads the wheel only, so any machine can check any architecture. Needs pyelftools. Prints one line per wheel that
holds and one line per broken rule; exit status 1 if a rule is broken.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

MODULE = "eegcore/_rt.abi3.so"
EXPORTED = "PyInit__rt"
FILE_NAME = re.compile(r"eegcore-[\d.]+-cp311-abi3-(?P<platforms>(manylinux_2_(?P<minor>\d+)_|manylinux2014_)"
                       r"(?P<arch>x86_64|aarch64)(\.\w+)*)\.whl")
# Debian, Raspberry Pi OS and every glibc system have these; nothing else may be asked of one.
LIBRARIES = re.compile(r"lib(c|m|pthread)\.so\.\d+|ld-linux-.*\.so\.\d+")
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}
# Kernels of the Raspberry Pi 5 have pages of 16 KiB, other arm64 kernels up to 64: a segment must start on a page.
SEGMENT_ALIGNMENT = {"x86_64": 0x1000, "aarch64": 0x10000}
CARRIED = ("eegcore/py.typed", "eegcore/_rt.pyi", "eegcore/web/index.html", "eegcore/pipelines/default.yaml",
           "eegcore/include/eegcore/plugin.h")
NOT_CARRIED = re.compile(r".*\.(c|pyx|pxd|pxi|o|a)|(.*/)?(tests|csrc|pyx)/.*|.*\.libs/.*")


@dataclass(frozen=True)
class Wanted:
    """What the caller allows: the newest glibc, and texts that may not occur in the module (build folders)."""

    glibc: tuple[int, int] = (2, 28)
    without: tuple[str, ...] = ()


def broken_rules(wheel: Path, wanted: Wanted = Wanted()) -> list[str]:
    """Every rule the wheel breaks, as sentences; empty for a good one."""
    name = FILE_NAME.fullmatch(wheel.name)
    if name is None:
        return [f"the file name {wheel.name} is no cp311-abi3 manylinux wheel of eegcore"]
    with zipfile.ZipFile(wheel) as archive:
        found = [*_of_the_archive(archive, name["platforms"])]
        if MODULE in archive.namelist():
            elf = ELFFile(io.BytesIO(archive.read(MODULE)))
            found += _of_the_module(elf, name["arch"], wanted)
            found += [f"{MODULE} contains {text!r}, a path of the machine that built it"
                      for text in wanted.without if text.encode() in archive.read(MODULE)]
    return found


def _of_the_archive(archive: zipfile.ZipFile, platforms: str) -> Iterator[str]:
    names = archive.namelist()
    modules = [name for name in names if re.search(r"\.so(\.\d+)*$", name)]
    if modules != [MODULE]:
        yield f"its shared objects are {', '.join(modules) or 'none'}; {MODULE} alone belongs there"
    for name in CARRIED:
        if name not in names:
            yield f"{name} is missing"
    for name in names:
        if NOT_CARRIED.fullmatch(name):
            yield f"{name} does not belong in it"
    metadata = next((name for name in names if name.endswith(".dist-info/WHEEL")), None)
    lines = archive.read(metadata).decode().splitlines() if metadata else []
    tags = {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")}
    if tags != {f"cp311-abi3-{platform}" for platform in platforms.split(".")}:
        yield f"the tags inside ({', '.join(sorted(tags)) or 'none'}) are not those of the file name"
    if "Root-Is-Purelib: false" not in lines:
        yield "it does not say Root-Is-Purelib: false"


def _of_the_module(elf: ELFFile, arch: str, wanted: Wanted) -> Iterator[str]:
    if elf["e_machine"] != MACHINES[arch]:
        yield f"{MODULE} is for {elf['e_machine']}, the file name says {arch}"
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_align"] % SEGMENT_ALIGNMENT[arch]:
            yield (f"a segment is aligned to {segment['p_align']:#x}; "
                   f"{SEGMENT_ALIGNMENT[arch]:#x} is needed to load with every page size")
    if any(segment["p_flags"] & 1 for segment in elf.iter_segments("PT_GNU_STACK")):
        yield "it asks for an executable stack"
    if not any(True for _ in elf.iter_segments("PT_GNU_RELRO")):
        yield "its relocations stay writable (no RELRO segment)"
    yield from _of_the_symbols(elf)
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            yield from _of_the_dynamic_section(section)
        elif isinstance(section, GNUVerNeedSection):
            yield from _of_the_versions(section, wanted.glibc)


def _of_the_symbols(elf: ELFFile) -> Iterator[str]:
    table = elf.get_section_by_name(".dynsym")
    assert isinstance(table, SymbolTableSection)
    exported = sorted({symbol.name for symbol in table.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"})
    if exported != [EXPORTED]:
        yield f"it exports {', '.join(exported) or 'nothing'}; {EXPORTED} alone is wanted"


def _of_the_dynamic_section(section: DynamicSection) -> Iterator[str]:
    tags = list(section.iter_tags())
    for tag in tags:
        if tag.entry.d_tag == "DT_NEEDED" and not LIBRARIES.fullmatch(tag.needed):
            yield f"it needs {tag.needed}, which is no part of the C library"
        if tag.entry.d_tag in {"DT_RPATH", "DT_RUNPATH", "DT_TEXTREL"}:
            yield f"it has {tag.entry.d_tag}"
    bits = {"DT_FLAGS": 8, "DT_FLAGS_1": 1}                 # DF_BIND_NOW, DF_1_NOW
    if not any(bits.get(tag.entry.d_tag, 0) & tag.entry.d_val or tag.entry.d_tag == "DT_BIND_NOW" for tag in tags):
        yield "its symbols are bound by the first call (no BIND_NOW): the linker would run in a real-time section"


def _of_the_versions(section: GNUVerNeedSection, newest: tuple[int, int]) -> Iterator[str]:
    for library, versions in section.iter_versions():
        for version in versions:
            numbers = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", version.name)
            if numbers is None:
                yield f"it needs {version.name} of {library.name}, which is no version of glibc"
            elif (int(numbers[1]), int(numbers[2])) > newest:
                yield f"it needs {version.name} of {library.name}; {newest[0]}.{newest[1]} is the newest allowed"


def main(arguments: list[str] | None = None) -> int:
    """Check the wheels named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--glibc", default="2.28", help="newest glibc it may need (%(default)s)")
    parser.add_argument("--without", action="append", default=[], metavar="TEXT",
                        help="a text the module may not contain, such as the build folder; may be repeated")
    options = parser.parse_args(arguments)
    major, minor = (int(part) for part in options.glibc.split("."))
    wanted = Wanted(glibc=(major, minor), without=tuple(options.without))
    broken = 0
    for wheel in options.wheels:
        rules = broken_rules(wheel, wanted)
        for rule in rules:
            print(f"{wheel.name}: {rule}.", file=sys.stderr)
        if not rules:
            print(f"{wheel.name}: {wheel.stat().st_size // 1024} KiB, every rule holds")
        broken += len(rules)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())

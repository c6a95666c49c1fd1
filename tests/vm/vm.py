"""Boot a Pi-like arm64 kernel with simulated ADS1299 chips behind real spidev and GPIO devices, and test in it.

    python tests/vm/vm.py [--wheel eegcore-...-aarch64.whl | --build] [--work DIR] [--install] [PART...]

From nothing: packages are fetched, the wheel is built (--build) by wheels/build.sh, the kernel module compiled.
The guest's clock counts instructions (-icount), so rates are exact however busy this machine is, and its latencies
are those of one 1 GHz core, not of any board. One core: with two, the emulator runs them by turns, each up to the next
timer, and a frame of 62 us is lost to the other's turn.

Exit status: 0 all parts passed, 1 one failed, 77 skipped with a reason.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from packages import HERE, Apt, Unavailable, archive, build_wheel, guest_root, install_tools, kernel, module, site

SKIPPED = 77
PARTS = ("module", "product", "doctor")
GUEST_FILES = ("guest.py", "module_check.py", "client.py", "sim.py", "product.py", "product_check.py",
               "doctor_check.py")
QEMU = ("qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a76", "-smp", "1", "-m", "1024", "-nic",
        "none", "-nographic", "-no-reboot", "-icount", "shift=0,sleep=off")
T = TypeVar("T")


class Steps:
    """Says how long each step took."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        started = time.monotonic()
        result = work()
        told = f" ({result})" if isinstance(result, str) else ""
        print(f"{time.monotonic() - self.started:6.1f} s  {name}: {time.monotonic() - started:.1f} s{told}", flush=True)
        return result


def overlay(module_file: Path, parts: list[str], work: Path) -> Path:
    """Return the archive of what changes from run to run: the module, the scripts, init."""
    root = work / "overlay"
    shutil.rmtree(root, ignore_errors=True)
    (root / "vm").mkdir(parents=True)
    for name in GUEST_FILES:
        shutil.copy2(HERE / name, root / "vm" / name)
    (root / "vm/parts").write_text(" ".join(parts))
    shutil.copy2(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    shutil.copy2(module_file, root / "ads1299_sim.ko")
    return archive(root, work / "overlay.cpio")


def boot(image: Path, archives: list[Path], work: Path, limit_s: float) -> str:
    """Run the guest until it switches itself off, show what it says of its progress, return all it printed."""
    initial = work / "initramfs.cpio"
    with initial.open("wb") as out:
        for path in archives:
            with path.open("rb") as part:
                shutil.copyfileobj(part, out)
    command = [*QEMU, "-kernel", str(image), "-initrd", str(initial), "-append",
               "console=ttyAMA0 quiet panic=-1 rdinit=/init"]
    printed: list[str] = []
    started = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as guest:
        watchdog = threading.Timer(limit_s, guest.kill)
        watchdog.start()
        for line in guest.stdout or ():
            printed.append(line.replace("\r", ""))
            if line.startswith("DONE "):
                print(f"        {time.monotonic() - started:6.1f} s  {line[5:].rstrip()}", flush=True)
        watchdog.cancel()
    (work / "console.txt").write_text("".join(printed))
    if time.monotonic() - started >= limit_s:
        printed.append(f"the guest did not switch off within {limit_s:g} s and was ended\n")
    return "".join(printed)


def judge(printed: str, parts: list[str]) -> int:
    """Say how each part went and return 1 unless every part passed."""
    results: dict[str, dict[str, Any]] = {}
    for line in printed.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line.removeprefix("RESULT "))
            results[result["part"]] = result
    for name, result in results.items():
        print(f"{name}: {'ok' if result['ok'] else 'FAILED'} in {result['guest_s']} s of the guest's time")
    wrong = [name for name in parts if not results.get(name, {}).get("ok")]
    if wrong or "GUEST-RC=0" not in printed or "WARNING:" in printed or "BUG:" in printed:
        print("--- console of the guest ---", printed[-6000:], sep="\n")
        print(f"FAILED: {', '.join(wrong) or 'the guest'}")
        return 1
    return 0


def test(arguments: argparse.Namespace, work: Path) -> int:
    """Fetch, build, boot, judge."""
    step = Steps()
    step("tools", lambda: install_tools(arguments.install))
    apt = Apt(work)
    step("package lists", apt.update)
    image, headers = step("kernel", lambda: kernel(apt, work))
    module_file = step("module", lambda: module(headers, work))
    wheel = step("wheel", lambda: build_wheel(work)) if arguments.build else arguments.wheel
    parts = arguments.parts or [name for name in PARTS if name == "module" or wheel]
    root = step("guest's Python", lambda: guest_root(apt, work))
    packages = step("guest's packages", lambda: site(wheel, work))
    change = step("guest's scripts", lambda: overlay(module_file, parts, work))
    printed = step("guest", lambda: [boot(image, [root, packages, change], work, arguments.limit)])[0]
    return judge(printed, parts)


def main() -> int:
    """Parse the command line, and keep nothing unless told where."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--wheel", type=lambda text: Path(text).resolve(), help="aarch64 wheel to test")
    parser.add_argument("--build", action="store_true", help="build that wheel")
    parser.add_argument("--work", type=lambda text: Path(text).resolve(), help="folder to keep packages in")
    parser.add_argument("--install", action="store_true", help="as root: install qemu and the cross compiler")
    parser.add_argument("--limit", type=float, default=300, help="seconds the guest may take")
    arguments = parser.parse_args()
    try:
        if arguments.work:
            arguments.work.mkdir(parents=True, exist_ok=True)
            return test(arguments, arguments.work)
        with tempfile.TemporaryDirectory(prefix="eegcore-vm.") as work:
            return test(arguments, Path(work))
    except Unavailable as reason:
        print(f"SKIP: {reason}")
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main())

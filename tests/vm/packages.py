"""What the virtual machine is made of: Debian's arm64 kernel and Python, the cross-compiled module, the wheel.

apt works in a folder of its own, with arm64 as the architecture and nothing installed, so the machine it runs on is
not changed and no root is needed. Nothing is kept in the repository, and no version is pinned: old ones leave the
archive.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
META = "linux-image-6.12-arm64-16k"                 # 16 KiB pages, as on a Raspberry Pi 5
GUEST_PACKAGES = ("python3", "libstdc++6", "busybox-static")
SITE_PACKAGES = ("numpy", "pyyaml", "pydantic")     # what a pipeline without filters imports
PLATFORMS = tuple(f"manylinux_2_{minor}_aarch64" for minor in range(17, 37))    # glibc 2.36 is Debian 12's
USELESS = ("usr/share", "usr/lib/aarch64-linux-gnu/gconv", "usr/lib/python3.11/lib2to3",
           "usr/lib/python3.11/test", "usr/lib/python3.11/pydoc_data", "usr/lib/python3.11/distutils", "var", "etc")
TOOLS = {"qemu-system-aarch64": "qemu-system-arm", "aarch64-linux-gnu-gcc-12": "gcc-12-aarch64-linux-gnu",
         "make": "make", "cpio": "cpio"}


class Unavailable(Exception):
    """Something that must be fetched cannot be: the test is skipped, with this reason."""


def run(command: list[str | Path], **more: object) -> str:
    """Run a command and return what it prints; its output is shown if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{' '.join(str(word) for word in command)}: status {done.returncode}\n"
                           f"{(done.stdout + done.stderr)[-3000:]}")
    return str(done.stdout)


def install_tools(may_install: bool) -> str:
    """Make sure that qemu, the cross compiler, make and cpio are there."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if not missing:
        return "all there"
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{', '.join(missing)}: not installed, and there is no apt-get. Install them.")
    if not may_install or os.geteuid() != 0:
        raise Unavailable(f"{', '.join(missing)}: not installed. Run as root with --install, or: apt-get install "
                          f"--no-install-recommends {' '.join(missing)}")
    try:
        run(["apt-get", "-qq", "update"])
        run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    except RuntimeError as error:
        raise Unavailable(f"apt could not install {', '.join(missing)}: {error}") from None
    return f"installed {', '.join(missing)}"


class Apt:
    """apt-get with its own lists and cache, for arm64."""

    def __init__(self, work: Path) -> None:
        self.home = work / "apt"
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (self.home / "status").touch()
        self.host = run(["dpkg", "--print-architecture"]).strip()
        settings = {"APT::Architecture": "arm64", "APT::Architectures::": "arm64", "Dir::State": self.home / "state",
                    "Dir::State::status": self.home / "status", "Dir::Cache": self.home / "cache",
                    "Dir::Log": self.home, "APT::Sandbox::User": "root", "Debug::NoLocking": "1"}
        self.options: list[str | Path] = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        self.options += ["-o", f"APT::Architectures::={self.host}"]

    def update(self) -> None:
        """Fetch the lists of packages."""
        self.get("update")

    def get(self, *words: str, cwd: Path | None = None) -> str:
        """Run apt-get; what cannot be fetched is a reason to skip."""
        try:
            return run(["apt-get", "-qq", *self.options, *words], cwd=cwd)
        except RuntimeError as error:
            raise Unavailable(f"packages cannot be fetched: {error}") from None

    def kernel_version(self) -> str:
        """Return the newest 6.12 in the archive, such as 6.12.117+deb12."""
        text = run(["apt-cache", *self.options, "depends", META])
        found = re.search(r"Depends: linux-image-(\S+)-arm64-16k", text)
        if found is None:
            raise Unavailable(f"{META}: not in this machine's archive. Debian 12 and its security archive have it.")
        return found[1]

    def download(self, packages: list[str], folder: Path) -> list[Path]:
        """Fetch packages, without those they depend on."""
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            self.get("download", *packages, cwd=partial)
            partial.rename(folder)
        return sorted(folder.glob("*.deb"))

    def download_with_dependencies(self, packages: tuple[str, ...]) -> list[Path]:
        """Fetch packages and all they need, as for an empty machine."""
        self.get("clean")
        self.get("install", "-y", "--no-install-recommends", "--download-only", *packages)
        return sorted((self.home / "cache/archives").glob("*.deb"))


def kernel(apt: Apt, work: Path) -> tuple[Path, Path]:
    """Return the kernel image and the folder of its headers."""
    version = apt.kernel_version()
    place = work / f"kernel-{version}"
    headers = place / f"usr/src/linux-headers-{version}-arm64-16k"
    if not (place / "complete").exists():
        debs = apt.download([f"linux-image-{version}-arm64-16k", f"linux-headers-{version}-arm64-16k",
                             f"linux-headers-{version}-common", f"linux-kbuild-{version}:{apt.host}"],
                            work / f"debs-{version}")
        for deb in debs:
            if "linux-image" in deb.name:
                place.mkdir(exist_ok=True)
                run(["sh", "-c", f"dpkg --fsys-tarfile '{deb}' | tar -C '{place}' -xf - --wildcards './boot/vmlinuz*'"])
            else:
                run(["dpkg", "-x", deb, place])
        makefile = headers / "Makefile"              # names the place the headers would be installed at
        makefile.write_text(makefile.read_text().replace("include /usr/src", f"include {place}/usr/src"))
        (place / "complete").touch()
    return place / f"boot/vmlinuz-{version}-arm64-16k", headers


def module(headers: Path, work: Path) -> Path:
    """Build the simulated chip for that kernel; the empty setting spares the debug types of the whole kernel."""
    build = work / "module"
    shutil.rmtree(build, ignore_errors=True)
    shutil.copytree(HERE / "module", build)
    run(["make", "-C", headers, f"M={build}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "KCFLAGS=-Werror", "modules"])
    return build / "ads1299_sim.ko"


def _compile(folder: Path) -> None:
    """Byte-compile for the guest, where it would take ten times as long. Python 3.11 only, as in the guest."""
    if sys.version_info[:2] == (3, 11):
        compileall.compile_dir(folder, quiet=2, stripdir=str(folder.parents[1]), maxlevels=30,
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def archive(folder: Path, target: Path) -> Path:
    """Pack a folder for the kernel; not compressed, which boots faster."""
    with target.open("wb") as out:
        names = subprocess.run(["find", ".", "-print0"], cwd=folder, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "--null", "--create", "--format=newc", "--owner=0:0", "--quiet"], cwd=folder,
                       input=names, stdout=out, check=True)
    return target


def guest_root(apt: Apt, work: Path) -> Path:
    """Return the archive of Debian 12's arm64 Python, unpacked without running any of its scripts."""
    debs = apt.download_with_dependencies(GUEST_PACKAGES)
    key = hashlib.sha256("\n".join(deb.name for deb in debs).encode()).hexdigest()[:12]
    target = work / f"root-{key}.cpio"
    if not target.exists():
        root = work / "root"
        shutil.rmtree(root, ignore_errors=True)
        for name in ("bin", "sbin", "lib"):          # merged, as Debian installs itself
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
        for deb in debs:
            run(["sh", "-c", f"dpkg --fsys-tarfile '{deb}' | tar -C '{root}' --keep-directory-symlink -xf -"])
        for name in USELESS:
            shutil.rmtree(root / name, ignore_errors=True)
        _compile(root / "usr/lib/python3.11")
        archive(root, target.with_suffix(".partial")).rename(target)
    return target


def build_wheel(work: Path) -> Path:
    """Build the aarch64 wheel as people get it."""
    shutil.rmtree(work / "wheel", ignore_errors=True)
    run(["bash", HERE.parents[1] / "wheels/build.sh", "--arch", "aarch64", "--out", work / "wheel"],
        env={**os.environ, "PYTHON": sys.executable})
    return next((work / "wheel").glob("eegcore-*_aarch64.whl"))


def site(wheel: Path | None, work: Path) -> Path:
    """Return the archive of the packages the guest's Python imports, the wheel among them."""
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                             "--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:"]
    pip += [f"--platform={name}" for name in PLATFORMS]
    place = work / "site"
    others = work / "site-others"
    if not (others / "complete").exists():
        shutil.rmtree(others, ignore_errors=True)
        try:
            run([*pip, "--target", others, *SITE_PACKAGES])
        except RuntimeError as error:
            raise Unavailable(f"wheels cannot be fetched: {error}") from None
        for folder in [*others.glob("numpy/**/tests"), *others.glob("numpy/f2py"), others / "bin"]:
            shutil.rmtree(folder, ignore_errors=True)
        _compile(others)
        (others / "complete").touch()
    shutil.rmtree(place, ignore_errors=True)
    (place / "opt").mkdir(parents=True)
    if wheel is not None:
        shutil.copytree(others, place / "opt/site")
        run([*pip, "--no-deps", "--no-index", "--target", place / "opt/site", "--upgrade", wheel])
        _compile(place / "opt/site/eegcore")
    return archive(place, work / "site.cpio")

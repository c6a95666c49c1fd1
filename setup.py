"""Builds the one extension module, eegcore._rt.

EEGCORE_BUILD chooses the kind of build:
    (unset)   release: abi3, -O3
    debug     -O0 -g with assertions
    asan      AddressSanitizer and UndefinedBehaviorSanitizer
    tsan      ThreadSanitizer
"""

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
BUILD = os.environ.get("EEGCORE_BUILD", "release")
KINDS = {
    "release": ["-O3", "-g1"],
    "debug": ["-O0", "-g", "-DEC_NO_CLONES"],
    "asan": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
             "-DEC_NO_CLONES"],
    "tsan": ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=thread", "-DEC_NO_CLONES"],
}
if BUILD not in KINDS:
    raise SystemExit(f"EEGCORE_BUILD: {BUILD!r} is no kind of build. Allowed: {', '.join(KINDS)}. "
                     "Unset it for a release.")

# Reproducible arithmetic: no fused multiply-add, no reassociation, on any architecture. Nobody asks errno after a
# square root, and a compiler that knows it can take several at once.
COMPILE = ["-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-fno-strict-aliasing",
           "-Wno-unused-function", *KINDS[BUILD]]
# -z now: symbols are bound when the module is loaded, not by the first call inside a real-time section.
LINK = ["-Wl,--version-script=pyx/exports.map", "-Wl,-z,now",
        *(flag for flag in KINDS[BUILD] if flag.startswith("-fsanitize"))]
LIMITED = BUILD == "release"
MACROS = [("Py_LIMITED_API", "0x030B0000")] if LIMITED else []

extension = Extension(
    "eegcore._rt",
    sources=["pyx/_rt.pyx", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*.c"))],
    depends=[str(path.relative_to(ROOT)) for room in ("csrc", "pyx") for path in (ROOT / room).rglob("*.[hp]*")],
    include_dirs=["csrc", "csrc/include"],
    define_macros=MACROS,
    extra_compile_args=COMPILE,
    extra_link_args=LINK,
    py_limited_api=LIMITED,
)


class WithSharedFiles(build_py):
    """Put the public C header and the presets inside the package, so that a wheel carries them."""

    def run(self) -> None:
        super().run()
        for pattern, place in (("csrc/include/eegcore/*.h", "include/eegcore"), ("pipelines/*.yaml", "pipelines")):
            target = Path(self.build_lib) / "eegcore" / place
            target.mkdir(parents=True, exist_ok=True)
            for path in ROOT.glob(pattern):
                shutil.copy2(path, target / path.name)


setup(
    ext_modules=cythonize([extension], include_path=["pyx"], language_level=3),
    cmdclass={"build_py": WithSharedFiles},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)

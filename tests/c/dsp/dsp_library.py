"""Compile csrc/dsp and its base once, and call it from Python through ctypes."""

from __future__ import annotations

import ctypes
import subprocess
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_double, c_float, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
CSRC = HERE.parents[2] / "csrc"
SOURCES = [*sorted((CSRC / "dsp").glob("*.c")), CSRC / "base" / "ec_sha256.c"]
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}"]

BASE, AVX2, AVX512 = range(3)          # EC_SIMD_... of csrc/base/ec_simd.h
SCRATCH_DOUBLES = 2048                 # EC_SOS_SCRATCH_DOUBLES
WINDOWS = ("hann", "hamming", "blackman", "rectangular", "blackmanharris", "flattop", "kaiser")
BETA = 8.6                             # of the Kaiser window


def compile_c(compiler: list[str], output: Path, sources: list[Path], *flags: str) -> Path:
    """Run the compiler and return `output`; a failure shows the compiler's own words."""
    command = [*compiler, *FLAGS, *flags, *map(str, sources), "-o", str(output), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[:4000]}"
    return output


def compile_shared(compiler: list[str], output: Path, sources: list[Path], *flags: str) -> None:
    """Make a shared library, two sources at a time: the largest take seconds, and somebody waits for them."""
    def compile_one(source: Path) -> Path:
        return compile_c(compiler, output.with_name(f"{output.name}.{source.stem}.o"), [source], "-c", *flags)

    with ThreadPoolExecutor(2) as threads:
        objects = list(threads.map(compile_one, sorted(sources, key=lambda source: -source.stat().st_size)))
    compile_c(compiler, output, objects, "-shared")


def aligned(shape: int | tuple[int, ...]) -> np.ndarray:
    """Zeros, float64, on a 64-byte boundary."""
    n = int(np.prod(shape))
    raw = np.zeros(n * 8 + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start:start + n * 8].view(np.float64).reshape(shape)


def at(array: np.ndarray | None) -> int | None:
    """Address of the first element."""
    if array is None:
        return None
    assert array.flags.c_contiguous
    return array.ctypes.data


class SosStruct(ctypes.Structure):
    """struct ec_sos"""

    _fields_ = [("n_sections", c_uint32), ("n_channels", c_uint32), ("n_padded", c_uint32), ("simd", c_uint32),
                ("coefs", c_void_p), ("state", c_void_p)]


class FirStruct(ctypes.Structure):
    """struct ec_fir"""

    _fields_ = [*((name, c_uint32) for name in ("n_taps", "spacing", "reach", "n_channels", "n_padded", "n_rows",
                                                "next", "mirror", "simd")),
                ("after_gap", ctypes.c_bool), ("taps", c_void_p), ("past", c_void_p)]


class Sha256Struct(ctypes.Structure):
    """struct ec_sha256"""

    _fields_ = [("state", c_uint32 * 8), ("n_bytes", c_uint64), ("block", c_uint8 * 64), ("fast", c_uint32)]


SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "probe_sincos": (None, [c_double, c_void_p]),
    "probe_decibel": (c_double, [c_double]),
    "probe_sizes": (None, [c_void_p]),
    "probe_flush": (c_double, [c_double]),
    "ec_sos_init": (c_int32, [c_void_p, c_void_p, c_uint32, c_uint32]),
    "ec_sos_reset": (None, [c_void_p]),
    "ec_sos_destroy": (None, [c_void_p]),
    "ec_sos_run": (None, [c_void_p, c_void_p, c_uint32]),
    "ec_sos_filter_f32": (None, [c_void_p, c_void_p, c_void_p, c_uint32, c_void_p]),
    "ec_fir_init": (c_int32, [c_void_p, c_void_p, c_uint32, c_uint32, c_uint32]),
    "ec_fir_destroy": (None, [c_void_p]),
    "ec_fir_gap": (None, [c_void_p]),
    "ec_fir_run": (None, [c_void_p, c_void_p, c_uint32]),
    "ec_fir_take_over": (c_uint32, [c_void_p, c_void_p]),
    "ec_analytic_run": (None, [c_void_p, c_void_p, c_uint32]),
    "ec_rectify_f64": (None, [c_void_p, c_uint32, c_uint32]),
    "ec_widen_f32": (None, [c_void_p, c_void_p, c_uint32, c_uint32]),
    "ec_widen_i32": (None, [c_void_p, c_void_p, c_void_p, c_uint32, c_uint32]),
    "ec_scale_f64": (None, [c_void_p, c_void_p, c_uint32, c_uint32]),
    "ec_narrow_f32": (None, [c_void_p, c_void_p, c_uint32, c_uint32]),
    "ec_decode_frame": (c_int32, [c_void_p, c_uint32, c_void_p, c_void_p]),
    "ec_decode_frames": (c_uint32, [c_void_p, c_size_t, c_uint32, c_uint32, c_void_p, c_size_t, c_void_p, c_void_p]),
    "ec_encode24": (None, [c_void_p, c_uint32, c_void_p, c_uint32]),
    "ec_saturated_mask": (c_uint32, [c_void_p, c_uint32, c_uint32, c_void_p]),
    "ec_rfft_init": (c_int32, [c_void_p, c_uint32]),
    "ec_rfft_destroy": (None, [c_void_p]),
    "ec_rfft_scratch_doubles": (c_size_t, [c_void_p, c_uint32]),
    "ec_rfft_run": (None, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "ec_window_number": (c_int32, [ctypes.c_char_p]),
    "ec_detrend_number": (c_int32, [ctypes.c_char_p]),
    "ec_window_fill": (c_int32, [c_void_p, c_uint32, c_uint32, c_double]),
    "ec_psd_init": (c_int32, [c_void_p, c_void_p]),
    "ec_psd_destroy": (None, [c_void_p]),
    "ec_psd_run": (None, [c_void_p, c_void_p, c_uint32, c_void_p, c_uint32, c_void_p]),
    "ec_average_init": (c_int32, [c_void_p, c_uint32, ctypes.c_bool, ctypes.c_bool, c_size_t]),
    "ec_average_destroy": (None, [c_void_p]),
    "ec_average_place": (c_void_p, [c_void_p]),
    "ec_average_add": (None, [c_void_p]),
    "ec_average_read": (None, [c_void_p, c_void_p]),
    "ec_format_u64": (c_size_t, [c_void_p, c_uint64]),
    "ec_format_i32": (c_size_t, [c_void_p, c_int32]),
    "ec_format_seconds": (c_size_t, [c_void_p, c_int64]),
    "ec_format_f32": (c_size_t, [c_void_p, c_float, c_uint32]),
    "ec_format_row": (c_size_t, [c_void_p, c_size_t, c_uint64, c_int64, c_void_p, c_uint32, c_void_p, c_uint32,
                                 c_uint32]),
    "ec_format_rows": (c_size_t, [c_void_p, c_size_t, c_uint32, c_uint64, c_uint32, c_uint32, c_int64, c_double,
                                  c_void_p, c_uint32, c_void_p, c_uint32, c_uint32, c_void_p]),
    "ec_sha256_init": (None, [c_void_p]),
    "ec_sha256_update": (None, [c_void_p, c_void_p, c_size_t]),
    "ec_sha256_final": (None, [c_void_p, c_void_p]),
}


def load(path: Path) -> ctypes.CDLL:
    """Open the library and declare its functions."""
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Sos:
    """An ec_sos with its scratch; frames are frame-major, shape (n_frames, n_channels)."""

    def __init__(self, library: ctypes.CDLL, sos: np.ndarray, n_channels: int, simd: int | None = None) -> None:
        self.library = library
        self.struct = SosStruct()
        self.sos = np.ascontiguousarray(sos, np.float64)
        self.scratch = aligned(SCRATCH_DOUBLES)
        status = library.ec_sos_init(ctypes.byref(self.struct), at(self.sos), len(self.sos), n_channels)
        assert status == 0
        if simd is not None:
            self.struct.simd = simd

    def __del__(self) -> None:
        self.library.ec_sos_destroy(ctypes.byref(self.struct))

    def reset(self) -> None:
        self.library.ec_sos_reset(ctypes.byref(self.struct))

    def run(self, x: np.ndarray) -> np.ndarray:
        """Filter float64 frames by ec_sos_run."""
        work = aligned((len(x), self.struct.n_padded))
        work[:, :x.shape[1]] = x
        self.library.ec_sos_run(ctypes.byref(self.struct), at(work), len(x))
        return work[:, :x.shape[1]].copy()

    def filter(self, x: np.ndarray) -> np.ndarray:
        """Filter float32 frames by ec_sos_filter_f32."""
        out = np.full_like(x, 7)
        self.library.ec_sos_filter_f32(ctypes.byref(self.struct), at(out), at(x), len(x), at(self.scratch))
        return out


class Fir:
    """An ec_fir; frames are frame-major, shape (n_frames, n_channels)."""

    def __init__(self, library: ctypes.CDLL, taps: np.ndarray, n_channels: int, simd: int | None = None,
                 spacing: int = 1) -> None:
        self.library = library
        self.struct = FirStruct()
        self.taps = np.ascontiguousarray(taps, np.float64)
        status = library.ec_fir_init(ctypes.byref(self.struct), at(self.taps), len(self.taps), spacing, n_channels)
        assert status == 0
        if simd is not None:
            self.struct.simd = simd

    def __del__(self) -> None:
        self.library.ec_fir_destroy(ctypes.byref(self.struct))

    def gap(self) -> None:
        self.library.ec_fir_gap(ctypes.byref(self.struct))

    def take_over(self, old: Fir) -> int:
        return self.library.ec_fir_take_over(ctypes.byref(self.struct), ctypes.byref(old.struct))

    def run(self, x: np.ndarray, kernel: str = "ec_fir_run") -> np.ndarray:
        """Filter float64 frames by ec_fir_run, or by ec_analytic_run."""
        work = aligned((len(x), self.struct.n_padded))
        work[:, :x.shape[1]] = x
        getattr(self.library, kernel)(ctypes.byref(self.struct), at(work), len(x))
        return work[:, :x.shape[1]].copy()


class Rfft:
    """An ec_rfft with its scratch."""

    def __init__(self, library: ctypes.CDLL, n: int) -> None:
        self.library, self.n = library, n
        self.plan = aligned(200)                       # more than sizeof(ec_rfft), see test_headers
        assert library.ec_rfft_init(at(self.plan), n) == 0
        self.scratch = aligned(library.ec_rfft_scratch_doubles(at(self.plan), 1))

    def __del__(self) -> None:
        self.library.ec_rfft_destroy(at(self.plan))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = np.zeros(self.n // 2 + 1, np.complex128)
        self.library.ec_rfft_run(at(self.plan), at(x), at(out), at(self.scratch))
        return out


class PsdConfig(ctypes.Structure):
    """struct ec_psd_config"""

    _fields_ = [("n", c_uint32), ("n_channels", c_uint32), ("sps", c_double), ("window", c_uint32),
                ("detrend", c_uint32), ("beta", c_double), ("is_spectrum", ctypes.c_bool), ("bin_from", c_uint32),
                ("n_bins", c_uint32)]


class Psd:
    """An ec_psd."""

    def __init__(self, library: ctypes.CDLL, n: int, sps: float, n_channels: int, window: str = "hann",
                 detrend: str = "constant", bin_from: int = 0, n_bins: int | None = None,
                 is_spectrum: bool = False) -> None:
        self.library, self.n, self.n_channels = library, n, n_channels
        self.n_bins = n // 2 + 1 - bin_from if n_bins is None else n_bins
        self.struct = aligned(200)                     # more than sizeof(ec_psd), see test_headers
        config = PsdConfig(n, n_channels, sps, library.ec_window_number(window.encode()),
                           library.ec_detrend_number(detrend.encode()), BETA, is_spectrum, bin_from, self.n_bins)
        assert library.ec_psd_init(at(self.struct), ctypes.byref(config)) == 0

    def __del__(self) -> None:
        self.library.ec_psd_destroy(at(self.struct))

    def __call__(self, frames: np.ndarray, wrap: int | None = None) -> np.ndarray:
        """Spectrum, shape (n_bins, n_channels); with `wrap`, the window lies in two parts."""
        out = np.full((self.n_bins, self.n_channels), -1.0)
        wrap = len(frames) if wrap is None else wrap
        part1, part2 = frames[:wrap].copy(), frames[wrap:].copy()
        self.library.ec_psd_run(at(self.struct), at(part1) if wrap else None, wrap,
                                at(part2) if len(part2) else None, len(part2), at(out))
        return out

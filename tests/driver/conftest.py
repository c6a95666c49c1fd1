"""Fixtures of the driver's tests: the C compiled once, a driver on a bus of scripted chips."""

from __future__ import annotations

import ctypes

import driver_structs as ds
import pytest
from fake_chips import FakeBus
from made_once import made_once


@pytest.fixture(scope="session")
def cc():
    """The C compiler; skip where there is none."""
    found = ds.compiler()
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def library(cc, tmp_path_factory):
    """The driver as a shared library."""
    sources = [*sorted(ds.DEVICE.glob("ec_ads1299*.c")), *sorted(ds.DEVICE.glob("ec_linux*.c")),
               ds.Path(__file__).with_name("layout.c")]
    made = made_once(tmp_path_factory, "libdriver.so", lambda output: ds.compile_c(cc, output, sources))
    return ds.declare(ctypes.CDLL(str(made)))


@pytest.fixture(scope="session")
def emulated_library(cc, tmp_path_factory):
    """Driver, emulator and the words that wire them, as a shared library."""
    shim = ds.REPOSITORY / "tests" / "shim"
    sources = [*sorted(ds.DEVICE.glob("ec_ads1299*.c")), *sorted((ds.REPOSITORY / "csrc/emulator").glob("*.c")),
               shim / "shim_config.c", shim / "wiring.c", ds.Path(__file__).with_name("emulated.c")]
    made = made_once(tmp_path_factory, "libemulated.so",
                     lambda output: ds.compile_c(cc, output, sources, f"-I{shim}"))
    library = ds.declare(ctypes.CDLL(str(made)))
    library.emulated_open.restype = ctypes.c_void_p
    library.emulated_open.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
    for name, more in (("close", []), ("run_begin", []), ("bus", [ctypes.POINTER(ds.Bus)]),
                       ("config", [ctypes.POINTER(ds.Config)]), ("truth", [ctypes.POINTER(ds.Truth)])):
        function = getattr(library, f"emulated_{name}")
        function.restype, function.argtypes = None, [ctypes.c_void_p, *more]
    library.emulated_collect.restype = ctypes.c_int64
    library.emulated_collect.argtypes = [ctypes.POINTER(ds.Ads1299), ctypes.c_uint32, *[ctypes.c_void_p] * 4]
    return library


@pytest.fixture
def fake(library):
    """Make a driver on scripted chips: ``bus, driver = fake((1, 1), gap_bits=0, n_drdy=2)``."""
    def make(chains=(1,), *, config=None, gap_bits=0, start_wired=True, reset_wired=True, **changes):
        config = config or ds.config_of(chains, **changes)
        bus = FakeBus(config, gap_bits=gap_bits, start_wired=start_wired, reset_wired=reset_wired)
        return bus, ds.Driver(library, bus.bus, config)
    return make

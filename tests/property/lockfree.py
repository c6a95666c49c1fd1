"""The lock-free headers of the core as Python objects, compiled here and loaded with ctypes.

Independent of the extension module: a mistake in the Cython faces cannot hide one in the headers.
"""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine

HERE = Path(__file__).resolve().parent
CSRC = HERE.parent.parent / "csrc"
U32, U64, I32, I64, PTR, INT = (ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p,
                                ctypes.c_int)
P64, P32 = ctypes.POINTER(U64), ctypes.POINTER(U32)
RECORD_WORDS = 7
STALE = -6                                # EC_STATUS_STALE_REFERENCE

SIGNATURES = {
    "ring_new": (PTR, U32, U32), "ring_free": (None, PTR), "ring_push": (INT, PTR, U64), "ring_pop": (INT, PTR, P64),
    "ring_count": (U32, PTR), "ring_head": (U32, PTR), "ring_tail": (U32, PTR), "ring_word": (U64, PTR, U32),
    "drop_new": (PTR, U32, U32), "drop_free": (None, PTR), "drop_push": (INT, PTR, U64, P64),
    "drop_pop": (INT, PTR, P64), "drop_count": (U32, PTR), "drop_head": (U32, PTR), "drop_tail": (U32, PTR),
    "mpsc_new": (PTR, U32, U32), "mpsc_free": (None, PTR), "mpsc_push": (INT, PTR, P64), "mpsc_pop": (INT, PTR, P64),
    "mpsc_refused": (U32, PTR),
    "bell_new": (PTR, INT), "bell_free": (None, PTR), "bell_look": (U32, PTR), "bell_ring": (None, PTR),
    "bell_arm": (INT, PTR, U32), "bell_disarm": (None, PTR), "bell_wait": (None, PTR, U32, I64),
    "bell_waiting": (U32, PTR), "bell_fd": (INT, PTR),
    "pool_new": (PTR, U32, U32, U32, U32, U32), "pool_free": (None, PTR), "pool_try_acquire": (U64, PTR),
    "pool_acquire": (U64, PTR, I64), "pool_retain": (I32, PTR, U64), "pool_release": (I32, PTR, U64),
    "pool_is_sole": (INT, PTR, U64), "pool_grow": (I32, PTR), "pool_size": (U32, PTR), "pool_free_count": (U32, PTR),
    "pool_stale": (U32, PTR), "pool_exhausted": (U32, PTR), "pool_high_water": (U32, PTR), "pool_waiting": (U32, PTR),
    "pool_payload": (P64, PTR, U32), "pool_free_list": (I32, PTR, P32),
}


@functools.cache
def library() -> ctypes.CDLL:
    """Compile lockfree.c once per process and load it; skip where there is no gcc."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to compile the lock-free headers")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lockfree.so"
        command = ["gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", output,
                   HERE / "lockfree.c", CSRC / "packet/ec_pool.c", CSRC / "ring/ec_doorbell.c"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        lib = ctypes.CDLL(str(output))
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Native:
    """One C object, freed with the Python one; methods are the C functions with its prefix."""

    prefix = ""

    def __init__(self, *arguments: int) -> None:
        self.lib = library()
        self.p = getattr(self.lib, f"{self.prefix}_new")(*arguments)
        if not self.p:
            raise ValueError(f"{self.prefix}{arguments}: refused")

    def call(self, name: str, *arguments):
        """Call <prefix>_<name>(object, ...)."""
        return getattr(self.lib, f"{self.prefix}_{name}")(self.p, *arguments)

    def close(self) -> None:
        """Free the C object, once."""
        if self.p:
            self.call("free")
            self.p = None


class Ring(Native):
    """ec_ring."""

    prefix = "ring"

    def push(self, slot: int) -> bool:
        """True if there was room."""
        return bool(self.call("push", slot))

    def pop(self) -> int | None:
        """The oldest reference, None if empty."""
        slot = U64(0xDEAD)
        if self.call("pop", ctypes.byref(slot)):
            return slot.value
        assert slot.value == 0xDEAD, "an empty ring leaves *slot alone"
        return None


class DropRing(Native):
    """ec_drop_ring."""

    prefix = "drop"

    def push(self, slot: int) -> int | None:
        """The reference that had to go, None if there was room."""
        evicted = U64(0)
        return evicted.value if self.call("push", slot, ctypes.byref(evicted)) else None

    def pop(self) -> int | None:
        """The oldest reference, None if empty."""
        slot = U64(0)
        return slot.value if self.call("pop", ctypes.byref(slot)) else None


class Mpsc(Native):
    """ec_mpsc."""

    prefix = "mpsc"

    def push(self, words: tuple[int, ...]) -> bool:
        """True if there was room for the record."""
        return bool(self.call("push", (U64 * RECORD_WORDS)(*words)))

    def pop(self) -> tuple[int, ...] | None:
        """The oldest record, None if empty."""
        words = (U64 * RECORD_WORDS)()
        return tuple(words) if self.call("pop", words) else None


class Bell(Native):
    """ec_doorbell."""

    prefix = "bell"


class Pool(Native):
    """ec_pool."""

    prefix = "pool"

    def free_list(self) -> list[int]:
        """Slots on the free list, first to be taken first."""
        slots = (U32 * self.call("size"))()
        n = self.call("free_list", slots)
        assert n >= 0, "P1: the free list ends"
        return list(slots[:n])


def deep(machine: type[RuleBasedStateMachine]) -> type:
    """The test of a state machine with 10 000 sequences, for `-m deep`."""
    test = type(f"Test{machine.__name__}Deep", (machine.TestCase,), {
        "settings": settings(max_examples=10_000, deadline=None, database=None)})
    return pytest.mark.deep(pytest.mark.timeout(1800)(test))


def slot_of(ref: int) -> int:
    """The slot a packet reference names."""
    return ref >> 32 & 0xFFFFFF


def generation_of(ref: int) -> int:
    """The life of the slot a packet reference names."""
    return ref & 0xFFFFFFFF

"""SHA-256 against hashlib, with and without the processor's own instructions."""

import ctypes
import hashlib

import pytest
from dsp_library import Sha256Struct
from hypothesis import given
from hypothesis import strategies as st


def digest(dsp, parts: list[bytes], fast: bool) -> bytes:
    state, out = Sha256Struct(), ctypes.create_string_buffer(32)
    dsp.ec_sha256_init(ctypes.byref(state))
    state.fast = state.fast and fast
    for part in parts:
        dsp.ec_sha256_update(ctypes.byref(state), part, len(part))
    dsp.ec_sha256_final(ctypes.byref(state), out)
    return out.raw


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("n", [0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129, 1000, 100_000])
def test_every_length_equals_hashlib(dsp, n, fast):
    data = bytes((i * 7 + n) % 256 for i in range(n))
    assert digest(dsp, [data], fast) == hashlib.sha256(data).digest()


@given(parts=st.lists(st.binary(max_size=200)), fast=st.booleans())
def test_any_split_gives_the_same_digest(dsp, parts, fast):
    assert digest(dsp, parts, fast) == hashlib.sha256(b"".join(parts)).digest()


def test_fips_180_4_one_block_message(dsp):
    assert digest(dsp, [b"abc"], True).hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

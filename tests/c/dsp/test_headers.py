"""What the headers promise by themselves."""

import ctypes

import numpy as np
from dsp_library import SCRATCH_DOUBLES, FirStruct, Sha256Struct, SosStruct, at


def sizes(dsp: ctypes.CDLL) -> list[int]:
    out = np.zeros(14, np.uint64)
    dsp.probe_sizes(at(out))
    return [int(v) for v in out]


def test_structures_are_as_large_as_these_tests_believe(dsp):
    sos, sha256, rfft, psd, scratch, *_ = sizes(dsp)
    assert (sos, sha256, scratch) == (ctypes.sizeof(SosStruct), ctypes.sizeof(Sha256Struct), SCRATCH_DOUBLES)
    assert max(rfft, psd) <= 200 * 8
    assert sizes(dsp)[13] == ctypes.sizeof(FirStruct)


def test_a_work_row_is_padded_to_eight_channels(dsp):
    assert sizes(dsp)[5:8] == [8, 8, 16]


def test_9_4_4_2_the_status_word_is_1100_then_statp_statn_gpio(dsp):
    assert sizes(dsp)[8:12] == [27, 0xAB, 0xCD, 0xE]


def test_denormals_are_zero_for_the_thread_that_asked(dsp):
    smallest = float(np.finfo(np.float64).tiny)
    assert dsp.probe_flush(smallest) == 0.0                   # a denormal result
    assert dsp.probe_flush(smallest / 2) == 0.0               # a denormal operand
    assert dsp.probe_flush(4 * smallest) == 2 * smallest

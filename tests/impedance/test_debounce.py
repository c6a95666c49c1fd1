"""The debounced lead-off mask against a model of one channel in ten lines."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory, repository):
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile csrc/dsp with")
    out = tmp_path_factory.mktemp("debounce") / "libdebounce.so"
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", f"-I{repository / 'csrc'}",
               str(HERE / "debounce.c"), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(out))


class Model:
    """One channel."""

    def __init__(self, n_frames):
        self.n_frames, self.off, self.since = n_frames, False, 0

    def run(self, given_off, n_frames):
        self.since = self.since + n_frames if given_off != self.off else 0
        if given_off != self.off and self.since >= self.n_frames:
            self.off, self.since = given_off, 0
        return self.off


def run(library, mask, n_frames):
    words = np.array(mask, np.uint64)
    library.run(words.ctypes.data_as(ctypes.c_void_p), n_frames)
    return words.tolist()


@given(n_frames=st.integers(0, 40), channel=st.integers(0, 255),
       steps=st.lists(st.tuples(st.booleans(), st.integers(1, 20), st.booleans()), max_size=40))
def test_a_channel_turns_over_after_so_many_frames_and_a_gap_begins_the_count_again(library, n_frames, channel, steps):
    library.start(n_frames)
    model = Model(n_frames)
    for off, n, gap in steps:
        if gap:
            library.gap()
            model.since = 0
        mask = [0, 0, 0, 0]
        mask[channel // 64] = int(off) << channel % 64
        found = run(library, mask, n)
        expected = [0, 0, 0, 0]
        expected[channel // 64] = int(model.run(off, n)) << channel % 64
        assert found == expected


def test_channels_do_not_meet(library):
    library.start(10)
    assert run(library, [3, 0, 0, 1], 6) == [0, 0, 0, 0]
    assert run(library, [1, 0, 0, 1], 6) == [1, 0, 0, 1]
    assert run(library, [2, 0, 0, 1], 9) == [1, 0, 0, 1]
    assert run(library, [2, 0, 0, 1], 1) == [2, 0, 0, 1]

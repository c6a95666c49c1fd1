"""What a worker loop sets for its thread, it takes back: a thread may be lent."""

from __future__ import annotations

import numpy as np

from eegcore import _rt


def test_a_lent_thread_keeps_its_denormal_numbers():
    tiny = np.array([5e-324])
    graph = _rt.Graph(is_virtual=True)
    group = graph.add_group()
    graph.run_group(group, "pytest")                     # nothing to do: returns at once
    assert (tiny * 1.0)[0] == 5e-324

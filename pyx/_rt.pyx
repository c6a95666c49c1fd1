# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled core of eegcore: pools, rings, sources, workers and the built-in stages.

One module made of parts. Data enters in `source.pxi` (`acquire.pxi`, `playback.pxi`), travels through `node.pxi`
and `worker.pxi`, and leaves through `tap.pxi` and the sinks of `stage_sinks.pxi`. Only the graph runtime of the
Python side imports this module.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.errno cimport EACCES, ENODATA, ENOENT
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove, memset
from posix.stdlib cimport posix_memalign
from posix.time cimport CLOCK_MONOTONIC, clock_nanosleep, timespec
from posix.unistd cimport read

from c.bench cimport *
from c.core cimport *
from c.device cimport *
from c.dsp cimport *
from c.resample cimport *
from c.reference cimport *
from c.spectral cimport *
from c.fir cimport *
from c.flags cimport *

from hashlib import blake2b
from json import dumps as json_dumps, loads as json_loads

import numpy

from eegcore import errors

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    pthread_t pthread_self()
    int pthread_setname_np(pthread_t thread, const char *name)

cdef enum:
    MAX_OUTPUTS = 32               # ports of one node
    MAX_GROUPS = 64
    MAX_NODES = 1100               # 1024 stages and their sources
    MAX_EDGES_TOTAL = 4096
    MAX_COUNTERS = 64              # of one stage

cdef uint32_t NO_EDGE = 0xFFFFFFFF
cdef uint32_t NO_INPUT = 0xFFFFFFFF    # EEGCORE_NO_INPUT
cdef int64_t WAIT_NS = 100000000   # longest sleep of a thread: heartbeat and second look at the run's flags

include "parts/status.pxi"
include "parts/blocks.pxi"
include "parts/stage_settings.pxi"
include "parts/linear_ops.pxi"
include "parts/linear_sos.pxi"
include "parts/linear_reference.pxi"
include "parts/stage_linear.pxi"
include "parts/linear_change.pxi"
include "parts/stage_select.pxi"
include "parts/stage_spectrum.pxi"
include "parts/stage_bands.pxi"
include "parts/stage_impedance.pxi"
include "parts/stage_mark.pxi"
include "parts/stage_zip.pxi"
include "parts/frame_window.pxi"
include "parts/stage_resample.pxi"
include "parts/stage_moving.pxi"
include "parts/stage_hampel.pxi"
include "parts/stage_sinks.pxi"
include "parts/stage_pass.pxi"
include "parts/stage_fault.pxi"
include "parts/failing.pxi"
include "parts/node.pxi"
include "parts/ending.pxi"
include "parts/worker.pxi"
include "parts/source.pxi"
include "parts/chips.pxi"
include "parts/chips_linux.pxi"
include "parts/acquire.pxi"
include "parts/acquire_care.pxi"
include "parts/playback.pxi"
include "parts/recorded_head.pxi"
include "parts/recorded.pxi"
include "parts/packet.pxi"
include "parts/tap.pxi"
include "parts/graph_settings.pxi"
include "parts/graph.pxi"
include "parts/graph_devices.pxi"
include "parts/graph_sources.pxi"
include "parts/change.pxi"
include "parts/rewire.pxi"
include "parts/revisions.pxi"
include "parts/stats.pxi"
include "parts/probe.pxi"
include "parts/bench.pxi"
include "parts/bench_hop.pxi"

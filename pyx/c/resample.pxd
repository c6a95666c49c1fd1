"""Extern declarations of the kernels that change rates or look at a sliding window."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from c.core cimport cbool, ec_counter, eegcore_block


cdef extern from "base/ec_grid.h" nogil:
    uint64_t ec_grid_number(uint64_t frame_index, uint32_t num, uint32_t den)
    uint64_t ec_grid_index(uint64_t number, uint32_t num, uint32_t den)
    uint64_t ec_grid_frame(uint64_t frame_index, uint64_t i, uint32_t num, uint32_t den)


cdef extern from "dsp/ec_marks.h" nogil:
    ctypedef struct ec_marks:
        uint64_t window
        uint32_t flags
    void ec_marks_init(ec_marks *m, uint64_t window)
    void ec_marks_clear(ec_marks *m)
    void ec_marks_take(ec_marks *m, const eegcore_block *block, uint64_t first)
    void ec_marks_settle(ec_marks *m, uint64_t first)
    uint64_t ec_marks_until(ec_marks *m, uint64_t newest)
    void ec_marks_take_over(ec_marks *m, const ec_marks *old)
    void ec_marks_write(const ec_marks *m, eegcore_block *out)


cdef extern from "dsp/ec_resample.h" nogil:
    ctypedef struct ec_resample:
        uint32_t up, down, n_window, n_channels
        uint64_t next_in, next_out
    int32_t ec_resample_init(ec_resample *r, uint32_t up, uint32_t down, const double *h, uint32_t n_taps,
                             uint32_t n_channels)
    void ec_resample_destroy(ec_resample *r)
    void ec_resample_restart(ec_resample *r, uint64_t next_in)
    uint32_t ec_resample_count(const ec_resample *r, uint32_t n)
    uint32_t ec_resample_run(ec_resample *r, const float *frames, uint32_t n, float *out)
    int32_t ec_resample_take_over(ec_resample *r, const ec_resample *old)


cdef extern from "dsp/ec_moving.h" nogil:
    enum: EC_MOVING_STATS
    ctypedef struct ec_moving:
        uint32_t n_window
        uint64_t position
    int32_t ec_moving_init(ec_moving *m, uint32_t n_window, uint32_t n_channels)
    void ec_moving_destroy(ec_moving *m)
    void ec_moving_restart(ec_moving *m)
    void ec_moving_want(ec_moving *m, uint32_t stat, cbool wanted)
    uint64_t ec_moving_seen(const ec_moving *m, uint32_t stat)
    uint32_t ec_moving_run(ec_moving *m, const float *frames, uint32_t n, uint64_t number, uint32_t hop, float **out)
    void ec_moving_take_over(ec_moving *m, const ec_moving *old)


cdef extern from "dsp/ec_hampel.h" nogil:
    enum: EC_HAMPEL_MAX_FRAMES
    ctypedef struct ec_hampel:
        uint32_t n_window
        ec_counter replaced
    int32_t ec_hampel_init(ec_hampel *h, uint32_t n_window, double limit, uint32_t n_channels)
    void ec_hampel_destroy(ec_hampel *h)
    void ec_hampel_restart(ec_hampel *h)
    void ec_hampel_run(ec_hampel *h, const float *frames, uint32_t n, float *out)
    void ec_hampel_take_over(ec_hampel *h, ec_hampel *old)

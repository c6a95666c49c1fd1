"""Extern declarations of re-referencing and detrending."""

from libc.stdint cimport int32_t, uint32_t, uint64_t


cdef extern from "dsp/ec_mix.h" nogil:
    enum:
        EC_MIX_MASK_WORDS
    ctypedef struct ec_mix:
        uint32_t n_in, n_out, in_place, in_padded, n_references
        uint32_t *pick
        uint32_t *use
        uint32_t *first
        uint32_t *members
        double *last
        double *seen
    int32_t ec_mix_init(ec_mix *m, uint32_t n_in, uint32_t n_out, const uint32_t *pick, const uint32_t *use,
                        uint32_t n_references, const uint32_t *first, const uint32_t *members)
    void ec_mix_destroy(ec_mix *m)
    void ec_mix_hold(ec_mix *m, const uint64_t *saturated, const uint64_t *lead_off)
    void ec_mix_mask(const ec_mix *m, const uint64_t *given, const uint64_t *bad, uint64_t *out)
    void ec_mix_run(ec_mix *m, double *out, const double *data, uint32_t n_frames)
    void ec_mix_take_over(ec_mix *m, const ec_mix *old)


cdef extern from "dsp/ec_sliding_trend.h" nogil:
    ctypedef struct ec_sliding_trend:
        uint32_t n_window, linear
    int32_t ec_sliding_trend_init(ec_sliding_trend *d, uint32_t n_window, uint32_t linear, uint32_t n_channels)
    void ec_sliding_trend_destroy(ec_sliding_trend *d)
    void ec_sliding_trend_gap(ec_sliding_trend *d)
    void ec_sliding_trend_run(ec_sliding_trend *d, double *work, uint32_t n_frames)
    void ec_sliding_trend_take_over(ec_sliding_trend *d, const ec_sliding_trend *old)

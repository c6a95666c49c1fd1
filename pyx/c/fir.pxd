"""Extern declarations of finite impulse responses and envelopes."""

from libc.stdint cimport int32_t, uint32_t

from c.core cimport cbool


cdef extern from "dsp/ec_fir.h" nogil:
    ctypedef struct ec_fir:
        uint32_t n_taps, reach, n_padded, n_rows
        double *taps
        double *past
    int32_t ec_fir_init(ec_fir *f, const double *taps, uint32_t n_taps, uint32_t spacing, uint32_t n_channels)
    void ec_fir_destroy(ec_fir *f)
    void ec_fir_gap(ec_fir *f)
    void ec_fir_run(ec_fir *f, double *work, uint32_t n_frames)
    uint32_t ec_fir_take_over(ec_fir *f, const ec_fir *old)


cdef extern from "dsp/ec_analytic.h" nogil:
    void ec_analytic_run(ec_fir *hilbert, double *work, uint32_t n_frames)
    void ec_rectify_f64(double *work, uint32_t n_frames, uint32_t n_padded)

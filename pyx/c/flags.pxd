"""Extern declarations of the detectors of artefacts."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from c.core cimport cbool


cdef extern from "dsp/ec_detector.h" nogil:
    ctypedef struct ec_mask:
        uint64_t words[4]


cdef extern from "dsp/ec_saturation.h" nogil:
    ctypedef struct ec_saturation:
        uint32_t n_hold
    int32_t ec_saturation_init(ec_saturation *s, const double *low, const double *high, uint32_t n_channels,
                               uint32_t n_hold)
    void ec_saturation_destroy(ec_saturation *s)
    void ec_saturation_gap(ec_saturation *s)
    void ec_saturation_run(ec_saturation *s, const int32_t *counts, const float *values, uint32_t n_frames,
                           ec_mask *masks)
    void ec_saturation_take_over(ec_saturation *s, const ec_saturation *old)


cdef extern from "dsp/ec_flatline.h" nogil:
    ctypedef struct ec_flatline:
        uint32_t n_window
    int32_t ec_flatline_init(ec_flatline *s, uint32_t n_window, double below, uint32_t n_channels)
    void ec_flatline_destroy(ec_flatline *s)
    void ec_flatline_gap(ec_flatline *s)
    void ec_flatline_run(ec_flatline *s, const float *values, uint32_t n_frames, ec_mask *masks)
    void ec_flatline_take_over(ec_flatline *s, const ec_flatline *old)


cdef extern from "dsp/ec_blink.h" nogil:
    ctypedef struct ec_blink_rule:
        double threshold, factor, slow, least
        uint32_t n_min, n_max, n_learn
    ctypedef struct ec_blink:
        pass
    int32_t ec_blink_init(ec_blink *b, const ec_blink_rule *rule, const double *sos, uint32_t n_sections,
                          const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind)
    void ec_blink_destroy(ec_blink *b)
    void ec_blink_gap(ec_blink *b)
    void ec_blink_run(ec_blink *b, const float *values, uint32_t n_frames, ec_mask *masks)
    void ec_blink_take_over(ec_blink *b, const ec_blink *old)


cdef extern from "dsp/ec_muscle.h" nogil:
    ctypedef struct ec_muscle_rule:
        double threshold, factor, slow, least, smooth
        uint32_t n_hold, n_learn
    ctypedef struct ec_muscle:
        pass
    int32_t ec_muscle_init(ec_muscle *m, const ec_muscle_rule *rule, const double *sos, uint32_t n_sections,
                           const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind)
    void ec_muscle_destroy(ec_muscle *m)
    void ec_muscle_gap(ec_muscle *m)
    void ec_muscle_run(ec_muscle *m, const float *values, uint32_t n_frames, ec_mask *masks)
    void ec_muscle_take_over(ec_muscle *m, const ec_muscle *old)

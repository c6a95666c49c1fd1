"""Extern declarations of the DSP kernels."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from c.core cimport cbool, ec_counter, eegcore_block


cdef extern from "dsp/ec_sos.h" nogil:
    ctypedef struct ec_sos:
        uint32_t n_sections, n_channels, n_padded
        double *coefs
    enum: EC_LANES
    uint32_t ec_padded(uint32_t n_channels)
    int32_t ec_sos_init(ec_sos *f, const double *sos, uint32_t n_sections, uint32_t n_channels)
    void ec_sos_reset(ec_sos *f)
    void ec_sos_revive(ec_sos *f)
    void ec_sos_destroy(ec_sos *f)
    void ec_sos_run(ec_sos *f, double *work, uint32_t n_frames)
    void ec_widen_f32(double *work, const float *data, uint32_t n_frames, uint32_t n_channels)
    void ec_widen_i32(double *work, const int32_t *data, const double *scale, uint32_t n_frames, uint32_t n_channels)
    void ec_scale_f64(double *work, const double *factor, uint32_t n_frames, uint32_t n_padded)
    void ec_narrow_f32(float *out, const double *work, uint32_t n_frames, uint32_t n_channels)
    void ec_sos_filter_f32(ec_sos *f, float *out, const float *data, uint32_t n_frames, double *scratch)


cdef extern from "dsp/ec_sos_steady.h" nogil:
    ctypedef struct ec_sos_steady:
        double *unit
        uint64_t waiting[4]
    int32_t ec_sos_steady_init(ec_sos_steady *s, const ec_sos *f, const double *unit)
    void ec_sos_steady_destroy(ec_sos_steady *s)
    void ec_sos_steady_gap(ec_sos_steady *s, ec_sos *f)
    void ec_sos_steady_run(ec_sos_steady *s, ec_sos *f, double *work, uint32_t n_frames)


cdef extern from "dsp/ec_sos_live.h" nogil:
    enum: EC_SOS_MAX_CHANNELS
    ctypedef struct ec_sos_live:
        double *recent
    ctypedef struct ec_shift:
        cbool is_none
        double gain[256]
        double add[256]
    int32_t ec_sos_live_init(ec_sos_live *v, const ec_sos *f, const double *level)
    void ec_sos_live_destroy(ec_sos_live *v)
    void ec_sos_live_note(ec_sos_live *v, const double *work, uint32_t n_frames, uint32_t n_padded)
    cbool ec_sos_live_take_over(ec_sos_live *v, ec_sos *f, const ec_sos_live *was, const ec_sos *old, ec_shift *shift)
    void ec_shift_none(ec_shift *shift)


cdef extern from "dsp/ec_mains.h" nogil:
    ctypedef struct ec_mains_config:
        uint32_t n_block
        double cos_hz, sin_hz, cos_block, sin_block, cos_window, sin_window, limit
    ctypedef struct ec_mains:
        cbool found
        double angle
    int32_t ec_mains_init(ec_mains *m, const ec_mains_config *config, uint32_t n_channels)
    void ec_mains_destroy(ec_mains *m)
    void ec_mains_gap(ec_mains *m)
    uint32_t ec_mains_watch(ec_mains *m, const double *work, uint32_t n_frames)
    void ec_mains_apply(const ec_mains *m, ec_sos *f)
    cbool ec_mains_tune(ec_mains *m, ec_sos *f)
    cbool ec_mains_take_over(ec_mains *m, const ec_mains *old)


cdef extern from "dsp/ec_comb.h" nogil:
    ctypedef struct ec_comb:
        uint32_t n_half, n_channels, n_padded, n_neighbours
        uint64_t next_index
        uint32_t *n_learnt
        double *tone
        double *before
    int32_t ec_comb_init(ec_comb *c, uint32_t n_half, double rate, uint32_t n_channels)
    void ec_comb_destroy(ec_comb *c)
    void ec_comb_hold(ec_comb *c, const uint64_t *mask)
    void ec_comb_gap(ec_comb *c)
    void ec_comb_run(ec_comb *c, double *work, uint32_t n_frames, uint64_t index)


cdef extern from "dsp/ec_debounce.h" nogil:
    ctypedef struct ec_debounce:
        uint32_t n_frames
        uint64_t state[4]
        uint32_t since[256]
    void ec_debounce_init(ec_debounce *d, uint32_t n_frames)
    void ec_debounce_gap(ec_debounce *d)
    uint32_t ec_debounce_until(const ec_debounce *d, const uint64_t *mask)
    void ec_debounce_run(ec_debounce *d, uint64_t *mask, uint32_t n_frames)


cdef extern from "dsp/ec_lock_in.h" nogil:
    ctypedef struct ec_lock_in:
        uint32_t n_window, n_cycle, n_channels
    int32_t ec_lock_in_init(ec_lock_in *l, uint32_t n_window, uint32_t n_cycle, double alias, uint32_t n_channels)
    void ec_lock_in_destroy(ec_lock_in *l)
    void ec_lock_in_clear(ec_lock_in *l)
    void ec_lock_in_add(ec_lock_in *l, const float *frames, uint32_t n_frames, uint32_t at)
    void ec_lock_in_read(const ec_lock_in *l, double *out)


cdef extern from "dsp/ec_format_csv.h" nogil:
    size_t ec_format_row_bytes(uint32_t n_counts, uint32_t n_values)
    size_t ec_format_rows(char *buf, size_t cap, uint32_t n_frames, uint64_t frame_index, uint32_t step_num,
                          uint32_t step_den, int64_t t_ns, double sps, const int32_t *counts, uint32_t n_counts,
                          const float *values, uint32_t n_values, uint32_t decimals, uint32_t *n_done)


cdef extern from "dsp/ec_zip.h" nogil:
    enum: EC_ZIP_MAX_INPUTS, EC_ZIP_FILL, EC_ZIP_SKIP
    ctypedef int ec_zip_on_missing
    ctypedef struct ec_zip_input_config:
        uint32_t n_channels, burst_frames, wait_frames, step_num, step_den
        double sps
    ctypedef struct ec_zip_input:
        ec_counter in_ "in"
        ec_counter used, repeated, skipped, filled, held
    ctypedef struct ec_zip_config:
        uint32_t n_inputs, max_frames
        cbool by_time, is_float, waits
        ec_zip_on_missing on_missing
        int64_t tolerance
        ec_zip_input_config input[8]
    ctypedef struct ec_zip:
        ec_zip_config config
        uint32_t n_channels
        ec_zip_input input[8]
        ec_counter out
    int32_t ec_zip_init(ec_zip *z, const ec_zip_config *config)
    void ec_zip_destroy(ec_zip *z)
    cbool ec_zip_has_room(ec_zip *z, uint32_t input)
    void ec_zip_take(ec_zip *z, uint32_t input, const eegcore_block *block)
    void ec_zip_end_input(ec_zip *z, uint32_t input)
    cbool ec_zip_next(ec_zip *z, eegcore_block *out)

"""Extern declarations of the kernels behind spectra."""

from libc.stdint cimport int32_t, uint32_t

from c.core cimport cbool, eegcore_block


cdef extern from "dsp/ec_psd.h" nogil:
    ctypedef struct ec_psd_config:
        uint32_t n, n_channels, window, detrend, bin_from, n_bins
        double sps, beta
        cbool is_spectrum
    int32_t ec_window_number(const char *name)
    int32_t ec_detrend_number(const char *name)


cdef extern from "dsp/ec_welch.h" nogil:
    ctypedef struct ec_welch_config:
        ec_psd_config psd
        uint32_t hop, average, max_frames, step_num, step_den
        cbool is_median, is_db
    ctypedef struct ec_welch:
        ec_welch_config config
    int32_t ec_welch_init(ec_welch *w, const ec_welch_config *config)
    void ec_welch_destroy(ec_welch *w)
    cbool ec_welch_run(ec_welch *w, const eegcore_block *in_, eegcore_block *out)
    void ec_welch_take_over(ec_welch *w, ec_welch *old)


cdef extern from "dsp/ec_bands.h" nogil:
    enum: EC_BANDS_MAX_ROWS, EC_BANDS_POWER, EC_BANDS_SHARE, EC_BANDS_AMPLITUDE
    ctypedef struct ec_bands_piece:
        uint32_t row
        double low, high, factor
    ctypedef struct ec_bands:
        uint32_t n_bins, n_channels, n_rows
    int32_t ec_bands_init(ec_bands *b, uint32_t n_bins, uint32_t n_channels, uint32_t n_rows, uint32_t finish,
                          const ec_bands_piece *pieces, uint32_t n_pieces)
    void ec_bands_destroy(ec_bands *b)
    uint32_t ec_bands_rows(const ec_bands *b)
    void ec_bands_run(ec_bands *b, const float *spectrum, float *out)

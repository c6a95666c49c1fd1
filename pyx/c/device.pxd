"""Extern declarations of the device side: bus, emulator, decoder, source counters."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from c.core cimport ec_counter, ec_histogram


cdef extern from "device/ec_bus.h" nogil:
    ctypedef struct ec_drdy:
        uint64_t seqno
        int64_t t_ns
    ctypedef struct ec_bus:
        void *self
        uint32_t n_chips, patient
        int32_t (*start)(void *self) noexcept nogil
        int32_t (*wait)(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *edges, uint32_t max) noexcept nogil
        int32_t (*read)(void *self, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                        int64_t *t_begin_ns, int64_t *t_end_ns) noexcept nogil
        int32_t (*stop)(void *self, uint64_t *last_seqno) noexcept nogil


cdef extern from "dsp/ec_decode24.h" nogil:
    int32_t ec_decode_frame(const uint8_t *frame, uint32_t n_channels, int32_t *out, uint32_t *status_word)


cdef extern from "device/ec_source.h" nogil:
    ctypedef struct ec_source_counters:
        ec_counter edges, delivered, missed, bad_status, late, settling, paused, pool_empty, pending, gaps
        ec_counter first_edge_ns, last_edge_ns, last_seqno
        ec_histogram wake_ns
    ctypedef struct ec_recording:
        const void *values
        uint64_t n_frames
        const uint64_t *gap_at
        const uint64_t *gap_frames
        uint64_t n_gaps


cdef extern from "device/ec_signal.h" nogil:
    enum: EC_SIGNAL_EEG, EC_SIGNAL_SINE, EC_SIGNAL_TEST, EC_SIGNAL_FILE


cdef extern from "device/ec_emulator.h" nogil:
    enum: EC_EMULATOR_MAX_CHIPS, EC_EMULATOR_MAX_CHANNELS, EC_LATE_BUFFER, EC_LATE_LOSE
    ctypedef struct ec_emulator:
        pass
    ctypedef struct ec_emulator_config:
        uint32_t n_chips
        uint8_t channels_per_chip[64]
        double sps, vref_v
        uint8_t gain[256]
        int32_t signal, late
        uint32_t virtual_clock, loop
        uint64_t seed, n_frames_max
        double drift_ppm, jitter_us, spi_hz, mains_hz, mains_uv, sine_hz, sine_uv
        double alpha_weight[256]
        double blink_weight[256]
        const uint8_t *spi_frames
        uint64_t spi_bytes
        const int32_t *counts
        uint64_t counts_n_frames
    ctypedef struct ec_emulator_truth:
        uint64_t edges, reported, overflowed, clean, torn, never_read
    void ec_emulator_config_default(ec_emulator_config *config)
    const char *ec_emulator_check(const ec_emulator_config *config)
    ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status)
    ec_bus ec_emulator_bus(ec_emulator *emulator)
    void ec_emulator_destroy(ec_emulator *emulator)
    void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth)

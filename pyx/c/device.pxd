"""Extern declarations of the device side: bus, driver, sample clock, emulator, decoder, source counters."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from c.core cimport ec_counter, ec_histogram


cdef extern from "device/ec_bus.h" nogil:
    enum: EC_BUS_MAX_CHIPS, EC_BUS_MAX_SELECTS
    ctypedef struct ec_drdy:
        int64_t t_ns
        uint32_t line, line_seqno
    ctypedef struct ec_bus:
        void *self
        int32_t (*wait)(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max) noexcept nogil
        int64_t (*now)(void *self) noexcept nogil
        void (*sleep)(void *self, int64_t ns) noexcept nogil


cdef extern from "device/ec_ads1299.h" nogil:
    enum: EC_FRAME_BYTES_MAX, EC_N_REGISTERS
    enum: EC_STEP_NONE, EC_STEP_RULES, EC_STEP_ID, EC_STEP_CHAIN, EC_STEP_SYNC
    ctypedef struct ec_ads1299_config:
        uint32_t n_selects
        uint8_t chips_in[64]
        uint8_t n_channels[64]
        uint8_t registers[64][24]
        uint8_t clock_master[64]
        uint32_t spi_hz, n_drdy, trailer
        double clock_hz, rate_scale
    ctypedef struct ec_ads1299_report:
        int32_t step
        uint32_t chip, address, expected, seen, attempts
        int32_t error
    ctypedef struct ec_ads1299:
        ec_bus bus
        ec_ads1299_config config
        uint32_t n_chips
        uint8_t seen[64][24]
        double sps
        ec_ads1299_report report
        uint32_t seqno_at_start[64]
        ec_counter retries, io_errors, slips, start_toggles
    void ec_ads1299_init(ec_ads1299 *d, const ec_bus *bus, const ec_ads1299_config *config)
    int32_t ec_ads1299_bring_up(ec_ads1299 *d)
    int32_t ec_ads1299_start(ec_ads1299 *d, int64_t *t_start_ns)
    int32_t ec_ads1299_wait(ec_ads1299 *d, uint32_t want, int64_t deadline_ns, ec_drdy *events,
                            uint32_t max)
    int32_t ec_ads1299_read(ec_ads1299 *d, int64_t deadline_ns, uint8_t (*frames)[27], int64_t *t_begin_ns,
                            int64_t *t_end_ns)
    int32_t ec_ads1299_check(ec_ads1299 *d)
    int64_t ec_ads1299_check_ns(const ec_ads1299 *d)
    int64_t ec_ads1299_wire_ns(const ec_ads1299_config *config)
    void ec_ads1299_stop(ec_ads1299 *d)


cdef extern from "device/ec_linux_bus.h" nogil:
    enum: EC_LINUX_COUNT, EC_LINUX_SPI_FORBIDDEN, EC_LINUX_SPI_OPEN, EC_LINUX_SPI_MODE, EC_LINUX_SPI_BITS
    enum: EC_LINUX_GPIO_CHIP, EC_LINUX_LINE_UNKNOWN, EC_LINUX_LINE_FORBIDDEN, EC_LINUX_LINE_TWICE, EC_LINUX_LINE_REQUEST
    ctypedef struct ec_linux_config:
        uint32_t n_selects
        char spi[64][64]
        char cs[64][32]
        uint32_t n_drdy
        char drdy[64][32]
        char start[32]
        char reset[32]
        char pwdn[32]
        uint32_t n_labels
        char labels[8][32]
    ctypedef struct ec_linux_error:
        int32_t step, error
        uint32_t seen
        char place[64]
        char holder[32]
        char found[256]
    ctypedef struct ec_linux_bus:
        pass
    int32_t ec_linux_bus_open(ec_linux_bus *b, const ec_linux_config *config, ec_linux_error *error)
    void ec_linux_bus_close(ec_linux_bus *b)
    ec_bus ec_linux_bus_bus(ec_linux_bus *b)


cdef extern from "device/ec_sample_clock.h" nogil:
    ctypedef struct ec_sample_clock_results:
        double sps_true, sps_seen, sd_ns, late_ns, error_ns
        uint64_t conversions, gaps, missed, vanished, silent, spurious, refused, anchors
        int64_t last_anchor_ns
        int32_t state
    ctypedef struct ec_sample_clock:
        int64_t out_whole_ns
        double out_part_ns, out_period_ns
    void ec_sample_clock_init(ec_sample_clock *c, double nominal_sps, int64_t first_due_ns)
    int64_t ec_sample_clock_edge(ec_sample_clock *c, uint32_t line_seqno, int64_t stamp_ns, uint64_t *conversion)
    int64_t ec_sample_clock_time(ec_sample_clock *c, uint64_t conversion)
    int64_t ec_sample_clock_forecast(const ec_sample_clock *c, int64_t ahead)
    double ec_sample_clock_phase(const ec_sample_clock *c, int64_t stamp_ns)
    void ec_sample_clock_restart(ec_sample_clock *c)
    void ec_sample_clock_read(const ec_sample_clock *c, ec_sample_clock_results *results)


cdef extern from "dsp/ec_decode24.h" nogil:
    int32_t ec_decode_frame(const uint8_t *frame, uint32_t n_channels, int32_t *out, uint32_t *status_word)


cdef extern from "device/ec_time_points.h" nogil:
    ctypedef struct ec_time_point:
        uint64_t frame
        int64_t t_ns
        double period_ns
        bint jump
    ctypedef struct ec_time_points:
        pass
    void ec_time_points_note(ec_time_points *p, uint64_t frame, int64_t t_ns, double period_ns, bint jump)
    uint64_t ec_time_points_count(ec_time_points *p)
    bint ec_time_points_read(ec_time_points *p, uint64_t number, ec_time_point *point)


cdef extern from "device/ec_source.h" nogil:
    ctypedef struct ec_source_counters:
        ec_counter edges, delivered, missed, bad_status, late, settling, paused, pool_empty, pending, gaps
        ec_counter first_edge_ns, last_edge_ns
        ec_counter spurious, vanished, restarts, checks, rate_uhz, residual_ns
        ec_histogram wake_ns, read_ns
    ctypedef struct ec_recording:
        const void *values
        uint64_t n_frames
        const uint64_t *gap_at
        const uint64_t *gap_frames
        uint64_t n_gaps


cdef extern from "emulator/ec_signal.h" nogil:
    enum: EC_SIGNAL_EEG, EC_SIGNAL_SINE, EC_SIGNAL_TEST, EC_SIGNAL_FILE


cdef extern from "emulator/ec_emulator.h" nogil:
    enum: EC_EMULATOR_MAX_CHANNELS, EC_EMULATOR_MAX_FAULTS
    enum: EC_TIME_VIRTUAL, EC_TIME_PATIENT, EC_TIME_REAL, EC_JITTER_LATE, EC_JITTER_BOTH
    ctypedef struct ec_emulator:
        pass
    ctypedef struct ec_fault:
        int32_t kind
        uint32_t chip
        uint64_t at, n
        int64_t value
    ctypedef struct ec_emulator_config:
        uint32_t n_selects
        uint8_t chips_in[64]
        uint8_t n_channels[64]
        uint8_t id[64]
        uint8_t clock_master[64]
        uint8_t gap_bits
        uint32_t n_drdy
        uint8_t start_wired, reset_wired, pwdn_wired, miso_idle, strict
        int32_t time, stamp_jitter, signal
        double rate_scale, clock_hz
        double drift_ppm[64]
        double drift_ppm_per_s, jitter_us, stamp_jitter_us
        uint64_t seed, n_frames_max
        int64_t powered_ns
        double vref_v, noise_scale, offset_scale, mains_hz, mains_uv, sine_hz, sine_uv
        double alpha_weight[256]
        double blink_weight[256]
        double electrode_kohm[256]
        double reference_kohm[64]
        const uint8_t *spi_frames
        uint64_t spi_bytes
        const int32_t *counts
        uint64_t counts_n_frames
        uint8_t loop
        const ec_fault *faults
        uint32_t n_faults
    ctypedef struct ec_emulator_truth:
        uint64_t conversions, events, overflowed, dropped, spurious, clean, spoiled, torn, never_read, repeated
        uint64_t failed_transfers, resets, violations
        uint32_t last_violation
    void ec_emulator_config_default(ec_emulator_config *config)
    const char *ec_emulator_check(const ec_emulator_config *config)
    ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status)
    ec_bus ec_emulator_bus(ec_emulator *emulator)
    void ec_emulator_destroy(ec_emulator *emulator)
    void ec_emulator_run_begin(ec_emulator *emulator)
    void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth)

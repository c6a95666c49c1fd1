/* Defaults and the check of a configuration: nothing here runs after create. */
#include <string.h>

#include "ec_emulator.h"
#include "ec_signal.h"
#include "ec_spi_frame.h"

void ec_emulator_config_default(ec_emulator_config *config)
{
    /* Fp1 Fp2 C3 C4 P7 P8 O1 O2: alpha is a thing of the back of the head, blinks of the front. */
    static const double alpha[8] = { 0.15, 0.15, 0.4, 0.4, 0.8, 0.8, 1.0, 1.0 };
    static const double blink[8] = { 1.0, 1.0, 0.25, 0.25, 0.1, 0.1, 0.05, 0.05 };

    memset(config, 0, sizeof *config);
    config->n_selects = 1;
    config->n_drdy = 1;
    config->start_wired = 1;
    config->reset_wired = 1;
    config->spi_mode = 1;
    config->dvdd_v = 3.3;
    config->select_high_ns = 2000;
    memset(config->chips_in, 1, sizeof config->chips_in);
    memset(config->n_channels, 8, sizeof config->n_channels);
    memset(config->clock_master, 1, sizeof config->clock_master);

    config->time = EC_TIME_VIRTUAL;
    config->rate_scale = 1.0;
    config->clock_hz = 2.048e6;
    config->seed = 1;
    config->powered_ns = INT64_C(1000000000);

    config->signal = EC_SIGNAL_EEG;
    config->vref_v = 4.5;
    config->noise_scale = 1.0;
    config->offset_scale = 1.0;
    config->mains_hz = 50.0;
    config->mains_uv = 40.0;
    config->sine_hz = 10.0;
    config->sine_uv = 100.0;
    for (uint32_t c = 0; c < EC_EMULATOR_MAX_CHANNELS; c++) {
        config->alpha_weight[c] = alpha[c % 8];
        config->blink_weight[c] = blink[c % 8];
        config->lead_off_scale[c] = 1.0;
    }
}

/* NaN is in no range. */
static int32_t within(double value, double low, double high)
{
    return value >= low && value <= high;
}

static uint32_t chips_of(const ec_emulator_config *config)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < config->n_selects && s < EC_BUS_MAX_SELECTS; s++) {
        n += config->chips_in[s];
    }
    return n;
}

static const char *check_chips(const ec_emulator_config *config)
{
    const uint32_t n_chips = chips_of(config);
    uint32_t n_channels = 0;

    if (config->n_selects < 1 || config->n_selects > EC_BUS_MAX_SELECTS) {
        return "n_selects: must be 1 to 64.";
    }
    for (uint32_t s = 0; s < config->n_selects; s++) {
        if (config->chips_in[s] < 1) {
            return "chips_in: a select needs a chip behind it.";
        }
    }
    if (n_chips > EC_BUS_MAX_CHIPS) {
        return "chips_in: at most 64 chips together.";
    }
    for (uint32_t i = 0; i < n_chips; i++) {
        const uint32_t n = config->n_channels[i];
        if (n != 4 && n != 6 && n != 8) {
            return "n_channels: an ADS1299 has 4, 6 or 8 channels.";
        }
        n_channels += n;
        if (!within(config->drift_ppm[i], -1e5, 1e5)) {
            return "drift_ppm: must be -100 000 to 100 000.";
        }
        if (!within(config->reference_kohm[i], 0.0, 1e9)) {
            return "reference_kohm: must be finite and not negative.";
        }
    }
    if (n_channels > EC_EMULATOR_MAX_CHANNELS) {
        return "n_channels: at most 256 channels together.";
    }
    for (uint32_t c = 0; c < n_channels; c++) {
        if (!within(config->alpha_weight[c], -1e6, 1e6) || !within(config->blink_weight[c], -1e6, 1e6)) {
            return "alpha_weight, blink_weight: must be finite and at most 1e6.";
        }
        if (!within(config->electrode_kohm[c], 0.0, 1e9) || !within(config->lead_off_scale[c], 0.0, 100.0)) {
            return "electrode_kohm, lead_off_scale: must be finite and not negative.";
        }
    }
    return NULL;
}

static const char *check_wiring(const ec_emulator_config *config)
{
    if (!config->clock_master[0]) {
        return "clock_master: chip 0 has no master before it; set clock_master[0] to 1.";
    }
    if (config->n_drdy != 1 && config->n_drdy != chips_of(config)) {
        return "n_drdy: must be 1 (line 0 is chip 0's) or one line per chip.";
    }
    if (config->gap_bits > 1) {
        return "gap_bits: must be 0 or 1.";
    }
    if (config->spi_mode > 3) {
        return "spi_mode: must be 0 to 3.";
    }
    if (!within(config->dvdd_v, 1.8, 3.6)) {
        return "dvdd_v: must be 1.8 to 3.6 V.";
    }
    return NULL;
}

static const char *check_time(const ec_emulator_config *config)
{
    if (config->time < EC_TIME_VIRTUAL || config->time > EC_TIME_REAL) {
        return "time: must be virtual, patient or real.";
    }
    if (!within(config->rate_scale, 0.001, 100.0)) {
        return "rate_scale: must be 0.001 to 100.";
    }
    if (!within(config->clock_hz, 1e5, 2e7)) {
        return "clock_hz: must be 100 kHz to 20 MHz.";
    }
    if (!within(config->drift_ppm_per_s, -1e5, 1e5)) {
        return "drift_ppm_per_s: must be -100 000 to 100 000.";
    }
    if (!within(config->jitter_us, 0.0, 1e9)) {
        return "jitter_us: must be finite and not negative (it is kept below the time between two edges).";
    }
    if (!within(config->stamp_jitter_us, 0.0, 1e9)) {
        return "stamp_jitter_us: must be finite and not negative.";
    }
    if (config->stamp_jitter != EC_JITTER_LATE && config->stamp_jitter != EC_JITTER_BOTH) {
        return "stamp_jitter: must be late or both.";
    }
    if (config->powered_ns < 0) {
        return "powered_ns: must not be negative.";
    }
    return NULL;
}

static const char *check_signal(const ec_emulator_config *config)
{
    if (!within(config->vref_v, 1e-3, 10.0)) {
        return "vref_v: must be 0.001 to 10 V.";
    }
    if (!within(config->noise_scale, 0.0, 1e6) || !within(config->offset_scale, -1e6, 1e6)) {
        return "noise_scale, offset_scale: must be finite and at most 1e6.";
    }
    switch (config->signal) {
    case EC_SIGNAL_EEG:
        if (!within(config->mains_hz, 0.0, 1e6) || !within(config->mains_uv, 0.0, 1e9)) {
            return "mains_hz, mains_uv: must be finite and not negative.";
        }
        return NULL;
    case EC_SIGNAL_SINE:
        if (!within(config->sine_hz, 1e-9, 1e6)) {
            return "sine_hz: must be above 0.";
        }
        if (!within(config->sine_uv, 0.0, 1e9)) {
            return "sine_uv: must be finite and not negative.";
        }
        return NULL;
    case EC_SIGNAL_TEST:
        return NULL;
    case EC_SIGNAL_FILE:
        break;
    default:
        return "signal: must be eeg, sine, test or file.";
    }

    uint64_t conversion = 0;
    for (uint32_t i = 0; i < chips_of(config); i++) {
        conversion += ec_spi_frame_bytes(config->n_channels[i]);
    }
    if ((config->spi_frames != NULL) == (config->counts != NULL)) {
        return "file: exactly one of spi_frames and counts must be given.";
    }
    if (config->spi_frames != NULL && (config->spi_bytes == 0 || config->spi_bytes % conversion != 0)) {
        return "spi_bytes: must be a whole number of conversions, at least one (3 + 3 n bytes per chip).";
    }
    if (config->counts != NULL && config->counts_n_frames == 0) {
        return "counts_n_frames: must be at least 1.";
    }
    return NULL;
}

static int32_t value_is_known(const ec_fault *fault, uint32_t n_channels)
{
    const int64_t data_bits = (int64_t)n_channels * 24;
    switch (fault->kind) {
    case EC_FAULT_BIT_FLIP:
        return fault->value >= 0 && fault->value < data_bits;
    case EC_FAULT_BIT_SLIP:
        return fault->value >= 0 && fault->value < data_bits + 24;
    case EC_FAULT_MISO_STUCK:
        return fault->value == 0 || fault->value == 0xFF || fault->value == 0x100;
    case EC_FAULT_DRDY:
    case EC_FAULT_BAD_STATUS:
        return fault->value >= 0 && fault->value <= 3;
    case EC_FAULT_ELECTRODE_OFF:
        return fault->value >= 0 && fault->value < (int64_t)n_channels;
    case EC_FAULT_SPURIOUS:
    case EC_FAULT_SLOW:
    case EC_FAULT_EIO:
    case EC_FAULT_ETIMEDOUT:
        return fault->value >= 0;
    default:
        return 1;
    }
}

static const char *check_faults(const ec_emulator_config *config)
{
    const uint32_t n_chips = chips_of(config);
    if (config->n_faults > EC_EMULATOR_MAX_FAULTS || (config->n_faults > 0 && config->faults == NULL)) {
        return "faults: at most 4096.";
    }
    for (uint32_t i = 0; i < config->n_faults; i++) {
        const ec_fault *fault = &config->faults[i];
        if (fault->kind < EC_FAULT_NONE || fault->kind > EC_FAULT_GONE) {
            return "faults: a kind is not known.";
        }
        if (fault->chip >= n_chips) {
            return "faults: a chip does not exist.";
        }
        if (i > 0 && fault->at < config->faults[i - 1].at) {
            return "faults: must be in order of `at`.";
        }
        if (!value_is_known(fault, config->n_channels[fault->chip])) {
            return "faults: a value is out of the range of its kind.";
        }
    }
    return NULL;
}

const char *ec_emulator_check(const ec_emulator_config *config)
{
    static const char *(*const checks[])(const ec_emulator_config *) = {
        check_chips, check_wiring, check_time, check_signal, check_faults,
    };
    for (uint32_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const char *why = checks[i](config);
        if (why != NULL) {
            return why;
        }
    }
    return NULL;
}

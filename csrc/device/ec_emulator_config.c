/* Defaults and the check of a configuration: nothing here runs after create. */
#include <string.h>

#include "ec_chip_noise.h"
#include "ec_emulator.h"
#include "ec_spi_frame.h"

void ec_emulator_config_default(ec_emulator_config *config)
{
    /* Fp1 Fp2 C3 C4 P7 P8 O1 O2: alpha is a thing of the back of the head, blinks of the front. */
    static const double alpha[8] = { 0.15, 0.15, 0.4, 0.4, 0.8, 0.8, 1.0, 1.0 };
    static const double blink[8] = { 1.0, 1.0, 0.25, 0.25, 0.1, 0.1, 0.05, 0.05 };

    memset(config, 0, sizeof *config);
    config->n_chips = 1;
    config->sps = 250.0;
    config->vref_v = 4.5;
    config->signal = EC_SIGNAL_EEG;
    config->late = EC_LATE_BUFFER;
    config->seed = 1;
    config->spi_hz = 8e6;
    config->mains_hz = 50.0;
    config->mains_uv = 40.0;
    config->sine_hz = 10.0;
    config->sine_uv = 100.0;
    memset(config->channels_per_chip, 8, sizeof config->channels_per_chip);
    memset(config->gain, 24, sizeof config->gain);
    for (uint32_t c = 0; c < EC_EMULATOR_MAX_CHANNELS; c++) {
        config->alpha_weight[c] = alpha[c % 8];
        config->blink_weight[c] = blink[c % 8];
    }
}

/* NaN is in no range. */
static int32_t within(double value, double low, double high)
{
    return value >= low && value <= high;
}

static const char *check_chips(const ec_emulator_config *config)
{
    if (config->n_chips < 1 || config->n_chips > EC_EMULATOR_MAX_CHIPS) {
        return "n_chips: must be 1 to 64.";
    }
    uint32_t n_channels = 0;
    for (uint32_t i = 0; i < config->n_chips; i++) {
        const uint32_t n = config->channels_per_chip[i];
        if (n != 4 && n != 6 && n != 8) {
            return "channels_per_chip: an ADS1299 has 4, 6 or 8 channels.";
        }
        n_channels += n;
    }
    if (n_channels > EC_EMULATOR_MAX_CHANNELS) {
        return "channels_per_chip: at most 256 channels together.";
    }
    for (uint32_t c = 0; c < n_channels; c++) {
        if (!ec_gain_is_known(config->gain[c])) {
            return "gain: must be 1, 2, 4, 6, 8, 12 or 24.";
        }
        if (!within(config->alpha_weight[c], -1e6, 1e6) || !within(config->blink_weight[c], -1e6, 1e6)) {
            return "alpha_weight, blink_weight: must be finite and at most 1e6.";
        }
    }
    return NULL;
}

static const char *check_time(const ec_emulator_config *config)
{
    if (!within(config->sps, 1.0, 1e6)) {
        return "sps: must be 1 to 1 000 000.";
    }
    const double mhz = (double)(int64_t)(config->sps * 1000.0 + 0.5);
    if (mhz / 1000.0 != config->sps) {
        return "sps: must be a whole number of millihertz.";
    }
    if (!within(config->drift_ppm, -1e5, 1e5)) {
        return "drift_ppm: must be -100 000 to 100 000.";
    }
    const double shortest_us = 1e6 / config->sps * (1.0 + config->drift_ppm * 1e-6);
    if (!within(config->jitter_us, 0.0, shortest_us - 0.002)) {
        return "jitter_us: must be 0 or more, and less than the time between two edges.";
    }
    if (!within(config->spi_hz, 1e4, 1e8)) {
        return "spi_hz: must be 10 kHz to 100 MHz.";
    }
    return NULL;
}

static const char *check_signal(const ec_emulator_config *config)
{
    if (!within(config->vref_v, 1e-3, 10.0)) {
        return "vref_v: must be 0.001 to 10 V.";
    }
    switch (config->signal) {
    case EC_SIGNAL_EEG:
        if (!within(config->mains_hz, 0.0, 1e6) || !within(config->mains_uv, 0.0, 1e9)) {
            return "mains_hz, mains_uv: must be finite and not negative.";
        }
        return NULL;
    case EC_SIGNAL_SINE:
        if (!(config->sine_hz > 0.0 && config->sine_hz < 0.5 * config->sps)) {
            return "sine_hz: must be above 0 and below half of sps.";
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
    for (uint32_t i = 0; i < config->n_chips; i++) {
        conversion += ec_spi_frame_bytes(config->channels_per_chip[i]);
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

const char *ec_emulator_check(const ec_emulator_config *config)
{
    const char *why = check_chips(config);
    if (why == NULL) {
        why = check_time(config);
    }
    if (why == NULL) {
        why = check_signal(config);
    }
    if (why == NULL && config->late != EC_LATE_BUFFER && config->late != EC_LATE_LOSE) {
        why = "late: must be buffer or lose.";
    }
    return why;
}

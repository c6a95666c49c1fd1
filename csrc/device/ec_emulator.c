/* Life of an emulator, and its truth. */
#include <stdlib.h>
#include <string.h>

#include "ec_emulator_state.h"

enum { CACHE_LINE = 128 };

/* A purpose of its own, apart from those of the signals. */
enum { FOR_JITTER = 100 };

static void chip_init(ec_chip *chip, const ec_emulator_config *config, uint32_t n_channels,
                      uint32_t first_channel, uint64_t first_byte, uint64_t total_channels,
                      uint64_t total_bytes)
{
    chip->n_channels = n_channels;
    chip->frame_bytes = ec_spi_frame_bytes(n_channels);
    if (config->signal == EC_SIGNAL_FILE) {
        if (config->spi_frames != NULL) {
            chip->file.spi_frames = config->spi_frames + first_byte;
            chip->file.stride = total_bytes;
            chip->file.n_frames = config->spi_bytes / total_bytes;
        } else {
            chip->file.counts = config->counts + first_channel;
            chip->file.stride = total_channels;
            chip->file.n_frames = config->counts_n_frames;
        }
        return;
    }
    const ec_signal_settings settings = {
        .kind = config->signal, .first_channel = first_channel, .n_channels = n_channels,
        .sps = config->sps, .vref_v = config->vref_v, .seed = config->seed,
        .mains_hz = config->mains_hz, .mains_uv = config->mains_uv,
        .sine_hz = config->sine_hz, .sine_uv = config->sine_uv,
        .gain = config->gain + first_channel,
        .alpha_weight = config->alpha_weight + first_channel,
        .blink_weight = config->blink_weight + first_channel,
    };
    ec_signal_init(&chip->signal, &settings);
}

static void emulator_init(ec_emulator *emulator, const ec_emulator_config *config)
{
    const double drift = config->drift_ppm * 1e6;             /* 1e-12 */
    ec_edge_clock_init(&emulator->clock, (uint64_t)(config->sps * 1000.0 + 0.5),
                       (int64_t)(drift + (drift < 0.0 ? -0.5 : 0.5)),
                       (uint64_t)(config->jitter_us * 1000.0), ec_random_key(config->seed, FOR_JITTER, 0));
    emulator->spi_hz = (uint64_t)config->spi_hz;
    emulator->n_chips = config->n_chips;
    emulator->lose = config->late == EC_LATE_LOSE;
    emulator->virtual_clock = config->virtual_clock != 0;

    uint64_t total_channels = 0;
    uint64_t total_bytes = 0;
    for (uint32_t i = 0; i < config->n_chips; i++) {
        total_channels += config->channels_per_chip[i];
        total_bytes += ec_spi_frame_bytes(config->channels_per_chip[i]);
    }
    uint32_t channel = 0;
    uint64_t byte = 0;
    for (uint32_t i = 0; i < config->n_chips; i++) {
        const uint32_t n = config->channels_per_chip[i];
        chip_init(&emulator->chip[i], config, n, channel, byte, total_channels, total_bytes);
        channel += n;
        byte += ec_spi_frame_bytes(n);
    }
    emulator->limit = config->n_frames_max != 0 ? config->n_frames_max : UINT64_MAX;
    const uint64_t in_file = emulator->chip[0].file.n_frames;
    if (in_file != 0 && !config->loop && in_file < emulator->limit) {
        emulator->limit = in_file;
    }
}

ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status)
{
    int32_t ignored;
    status = status != NULL ? status : &ignored;
    if (ec_emulator_check(config) != NULL) {
        *status = EC_STATUS_BAD_SETTING;
        return NULL;
    }
    size_t size = sizeof(ec_emulator) + config->n_chips * sizeof(ec_chip);
    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    ec_emulator *emulator = aligned_alloc(CACHE_LINE, size);
    if (emulator == NULL) {
        *status = EC_STATUS_NO_MEMORY;
        return NULL;
    }
    memset(emulator, 0, size);            /* touches every page: no fault while running */
    emulator_init(emulator, config);
    *status = EC_STATUS_OK;
    return emulator;
}

void ec_emulator_destroy(ec_emulator *emulator)
{
    free(emulator);
}

ec_bus ec_emulator_bus(ec_emulator *emulator)
{
    const ec_bus bus = {
        .self = emulator, .n_chips = emulator->n_chips, .patient = !emulator->lose,
        .start = ec_emulator_start, .wait = ec_emulator_wait,
        .read = ec_emulator_read, .stop = ec_emulator_stop,
    };
    return bus;
}

uint32_t ec_emulator_frame_bytes(const ec_emulator *emulator, uint32_t chip)
{
    return chip < emulator->n_chips ? emulator->chip[chip].frame_bytes : 0;
}

void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth)
{
    memset(truth, 0, sizeof *truth);
    truth->edges = ec_emulator_edges_until(emulator, ec_emulator_now(emulator));
    truth->reported = emulator->reported;
    truth->overflowed = emulator->overflowed;
    truth->n_chips = emulator->n_chips;

    uint64_t most = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < emulator->n_chips; i++) {
        const ec_chip_reading *r = &emulator->reading[i];
        truth->chip[i] = r->truth;
        truth->chip[i].never_read += truth->edges - r->newest;                 /* the unread tail */
        most = r->newest > most ? r->newest : most;
        least = r->newest < least ? r->newest : least;
    }
    if (emulator->lose) {
        truth->clean = emulator->line_clean;
        truth->torn = emulator->line_begun - emulator->line_clean;
        truth->never_read = emulator->line_never_read + truth->edges - emulator->line_newest;
    } else {
        /* A patient chip gives 1, 2, 3 ...: chips differ only in how far they are. */
        truth->clean = least;
        truth->torn = most - least;
        truth->never_read = truth->edges - most;
    }
}

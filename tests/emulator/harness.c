/* harness.c - the emulator as tests drive it: loops that would be slow through
 * ctypes, header functions under a name, and a main for the sanitizers. */
#include <stdio.h>
#include <string.h>

#include "base/ec_random.h"
#include "device/ec_chip_noise.h"
#include "device/ec_edge_clock.h"
#include "device/ec_emulator.h"

uint64_t harness_config_bytes(void) { return sizeof(ec_emulator_config); }
uint64_t harness_truth_bytes(void) { return sizeof(ec_emulator_truth); }

uint64_t harness_random(uint64_t key, uint64_t n) { return ec_random(key, n); }
uint64_t harness_random_next(uint64_t *state) { return ec_random_next(state); }
double harness_uniform(uint64_t key, uint64_t n) { return ec_uniform(key, n); }

void harness_clock(ec_edge_clock *c, uint64_t rate_mhz, int64_t drift, uint64_t jitter_ns)
{
    ec_edge_clock_init(c, rate_mhz, drift, jitter_ns, ec_random_key(7, 1, 0));
}
uint64_t harness_clock_bytes(void) { return sizeof(ec_edge_clock); }
uint64_t harness_edge_due(const ec_edge_clock *c, uint64_t k) { return ec_edge_due(c, k); }
int64_t harness_edge_stamp(const ec_edge_clock *c, uint64_t k) { return ec_edge_stamp(c, k); }
uint64_t harness_edge_count(const ec_edge_clock *c, int64_t t_ns) { return ec_edge_count(c, t_ns); }

int32_t harness_start(ec_emulator *e) { ec_bus b = ec_emulator_bus(e); return b.start(b.self); }
int32_t harness_stop(ec_emulator *e, uint64_t *last) { ec_bus b = ec_emulator_bus(e); return b.stop(b.self, last); }
uint32_t harness_patient(ec_emulator *e) { return ec_emulator_bus(e).patient; }

int32_t harness_wait(ec_emulator *e, uint32_t want, int64_t deadline_ns, ec_drdy *edges, uint32_t max)
{
    ec_bus b = ec_emulator_bus(e);
    return b.wait(b.self, want, deadline_ns, edges, max);
}

int32_t harness_read(ec_emulator *e, uint32_t chip, uint8_t *frame, uint32_t n_bytes, int64_t *t_begin, int64_t *t_end)
{
    ec_bus b = ec_emulator_bus(e);
    return b.read(b.self, chip, frame, n_bytes, t_begin, t_end);
}

/* Up to `n` conversions of all chips, `want` edges at a time, into `frames` (chip 0, chip 1, ... of
 * each) and `edges`. How many, or the status that ended it when there were none. */
int64_t harness_collect(ec_emulator *e, uint32_t want, uint64_t n, uint8_t *frames, ec_drdy *edges)
{
    ec_bus b = ec_emulator_bus(e);
    uint64_t done = 0;
    while (done < n) {
        const uint64_t left = n - done;
        const uint32_t ask = want < left ? want : (uint32_t)left;
        const int32_t got = b.wait(b.self, ask, INT64_MAX, edges + done, ask);
        if (got < 0) {
            return done > 0 ? (int64_t)done : got;
        }
        for (int32_t i = 0; i < got; i++) {
            for (uint32_t chip = 0; chip < b.n_chips; chip++) {
                const uint32_t n_bytes = ec_emulator_frame_bytes(e, chip);
                int64_t t_begin;
                int64_t t_end;
                const int32_t status = b.read(b.self, chip, frames, n_bytes, &t_begin, &t_end);
                if (status < 0) {
                    return status;
                }
                frames += n_bytes;
            }
        }
        done += (uint64_t)got;
    }
    return (int64_t)done;
}

#ifndef HARNESS_SILENT
static uint64_t run(ec_emulator_config *config, uint32_t want, uint64_t n)
{
    static uint8_t frames[4096 * 32 * 27];
    static ec_drdy edges[4096];
    static ec_emulator_truth truth;
    uint64_t hash = UINT64_C(14695981039346656037);
    uint64_t last = 0;
    int32_t status;
    ec_emulator *e = ec_emulator_create(config, &status);
    if (e == NULL) {
        printf("create: %s\n", ec_emulator_check(config));
        return 0;
    }
    harness_start(e);
    const int64_t got = harness_collect(e, want, n, frames, edges);
    uint64_t n_bytes = 0;
    for (uint32_t i = 0; i < config->n_chips; i++) {
        n_bytes += ec_emulator_frame_bytes(e, i);
    }
    for (uint64_t i = 0; i < n_bytes * (uint64_t)got; i++) {
        hash = (hash ^ frames[i]) * UINT64_C(1099511628211);
    }
    for (int64_t i = 0; i < got; i++) {
        hash = (hash ^ (uint64_t)edges[i].t_ns) * UINT64_C(1099511628211);
    }
    harness_stop(e, &last);
    ec_emulator_truth_get(e, &truth);
    if (truth.edges != last || truth.edges != truth.clean + truth.torn + truth.never_read) {
        hash = 0;
    }
    ec_emulator_destroy(e);
    return hash;
}

/* Every signal, both kinds of lateness, odd shapes: one line each with a hash of all bytes and stamps. */
int main(void)
{
    static ec_emulator_config config;
    static uint8_t spi[27 * 5];
    static int32_t counts[8 * 5] = { 1 << 30, -(1 << 30), 8388607, -8388608, 1, -1 };
    for (uint32_t i = 0; i < sizeof spi; i++) {
        spi[i] = (uint8_t)(i * 37);
    }
    for (int32_t signal = EC_SIGNAL_EEG; signal <= EC_SIGNAL_TEST; signal++) {
        for (int32_t late = EC_LATE_BUFFER; late <= EC_LATE_LOSE; late++) {
            for (uint32_t chips = 1; chips <= 32; chips += 31) {
                ec_emulator_config_default(&config);
                config.n_chips = chips;
                config.channels_per_chip[0] = 4;
                config.channels_per_chip[1] = 6;
                config.signal = signal;
                config.late = late;
                config.virtual_clock = 1;
                config.sps = 2000;
                config.spi_hz = 1e8;
                config.jitter_us = 40;
                config.drift_ppm = -12.5;
                config.seed = 77;
                printf("%d %d %2u %016llx\n", signal, late, chips, (unsigned long long)run(&config, 16, 2000));
            }
        }
    }
    ec_emulator_config_default(&config);
    config.virtual_clock = 1;
    config.signal = EC_SIGNAL_FILE;
    config.spi_frames = spi;
    config.spi_bytes = sizeof spi;
    printf("spi %016llx\n", (unsigned long long)run(&config, 3, 100));
    config.spi_frames = NULL;
    config.counts = counts;
    config.counts_n_frames = 5;
    config.loop = 1;
    printf("counts %016llx\n", (unsigned long long)run(&config, 7, 100));
    config.signal = EC_SIGNAL_EEG;
    config.sps = 1.0;
    printf("1 SPS %016llx\n", (unsigned long long)run(&config, 7, 300));
    config.sps = 1e6;
    printf("1 MSPS %016llx\n", (unsigned long long)run(&config, 64, 4000));
    config.sps = 0.0;
    printf("0 SPS %016llx\n", (unsigned long long)run(&config, 1, 1));
    return 0;
}
#endif

/* harness.c - the emulator as tests drive it: the bus by name, loops that would be slow through
 * ctypes, header functions under a name, and a main for the sanitizers. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L           /* clock_gettime */
#endif

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/ec_random.h"
#include "emulator/ec_chip_noise.h"
#include "emulator/ec_edge_clock.h"
#include "emulator/ec_emulator.h"
#include "emulator/ec_signal.h"
#include "device/ec_registers.h"

uint64_t harness_config_bytes(void) { return sizeof(ec_emulator_config); }
uint64_t harness_truth_bytes(void) { return sizeof(ec_emulator_truth); }
uint64_t harness_clock_bytes(void) { return sizeof(ec_edge_clock); }
uint64_t harness_transfer_bytes(void) { return sizeof(ec_transfer); }

uint64_t harness_random(uint64_t key, uint64_t n) { return ec_random(key, n); }
uint64_t harness_random_next(uint64_t *state) { return ec_random_next(state); }
double harness_uniform(uint64_t key, uint64_t n) { return ec_uniform(key, n); }

void harness_clock(ec_edge_clock *c, uint64_t rate_mhz, int64_t drift, double ramp, uint64_t jitter_ns)
{
    ec_edge_clock_init(c, rate_mhz, drift, ramp, jitter_ns, ec_random_key(7, 1, 0));
}
uint64_t harness_edge_due(const ec_edge_clock *c, uint64_t k) { return ec_edge_due(c, k); }
int64_t harness_edge_stamp(const ec_edge_clock *c, uint64_t k) { return ec_edge_stamp(c, k); }
int64_t harness_edge_walk_from(ec_edge_clock *c, uint64_t k) { return ec_edge_walk_from(c, k); }
int64_t harness_edge_walk(ec_edge_clock *c) { return ec_edge_walk(c); }

int32_t harness_transfer(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    ec_bus b = ec_emulator_bus(e);
    return b.transfer(b.self, select, transfers, n);
}
int32_t harness_wait(ec_emulator *e, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max)
{
    ec_bus b = ec_emulator_bus(e);
    return b.wait(b.self, want, deadline_ns, events, max);
}
int32_t harness_set_line(ec_emulator *e, int32_t line, uint32_t level)
{
    ec_bus b = ec_emulator_bus(e);
    return b.set_line(b.self, (ec_bus_line)line, level);
}
int64_t harness_now(ec_emulator *e) { ec_bus b = ec_emulator_bus(e); return b.now(b.self); }
void harness_sleep(ec_emulator *e, int64_t ns) { ec_bus b = ec_emulator_bus(e); b.sleep(b.self, ns); }

/* Up to `n` conversions: wait for an edge of line 0, read every select; frames side by side, one event each. How many,
 * or the error that ended it when there were none. */
int64_t harness_collect(ec_emulator *e, const ec_emulator_config *config, uint32_t want, uint64_t n, uint32_t speed_hz,
                        uint8_t *frames, ec_drdy *events)
{
    static const uint8_t zeros[4096];
    ec_bus b = ec_emulator_bus(e);
    uint32_t bytes[EC_BUS_MAX_SELECTS];
    for (uint32_t s = 0, chip = 0; s < config->n_selects; s++) {
        uint32_t bits = 0;
        for (uint32_t c = 0; c < config->chips_in[s]; c++, chip++) {
            bits += 24u + 24u * config->n_channels[chip] + (c > 0 ? config->gap_bits : 0u);
        }
        bytes[s] = (bits + 7) / 8;
    }
    for (uint64_t done = 0; done < n; done++) {
        const uint32_t left = want - (uint32_t)(done % want);
        int32_t got;
        do {
            got = b.wait(b.self, left, INT64_MAX, events + done, 1);
        } while (got == 1 && events[done].line != 0);
        for (uint32_t s = 0; got == 1 && s < config->n_selects; s++) {
            const ec_transfer x = { zeros, frames, bytes[s], speed_hz, 0 };
            const int32_t status = b.transfer(b.self, s, &x, 1);
            got = status < 0 ? status : got;
            frames += bytes[s];
        }
        if (got != 1) {
            return done > 0 ? (int64_t)done : got;
        }
    }
    return (int64_t)n;
}

/* SDATAC, n registers from `address` on, RDATAC; all selects. */
static void write_registers(ec_bus *b, uint32_t n_selects, uint32_t address, const uint8_t *values, uint32_t n)
{
    uint8_t tx[2 + EC_N_REGISTERS];
    uint8_t rx[2 + EC_N_REGISTERS];
    for (uint32_t s = 0; s < n_selects; s++) {
        ec_transfer x = { tx, rx, 1, 2000000, 3 };
        tx[0] = EC_OP_SDATAC;
        b->transfer(b->self, s, &x, 1);
        tx[0] = (uint8_t)(EC_OP_WREG + address);
        tx[1] = (uint8_t)(n - 1);
        memcpy(tx + 2, values, n);
        x.n_bytes = 2 + n;
        b->transfer(b->self, s, &x, 1);
        tx[0] = EC_OP_RDATAC;
        x.n_bytes = 1;
        b->transfer(b->self, s, &x, 1);
    }
}

/* Reference on, every channel on its electrode at `chnset`, data rate field `dr`. */
void harness_configure(ec_emulator *e, uint32_t n_selects, uint8_t config1, uint8_t chnset)
{
    ec_bus b = ec_emulator_bus(e);
    uint8_t values[8];
    memset(values, chnset, sizeof values);
    write_registers(&b, n_selects, EC_REG_CONFIG1, &config1, 1);
    write_registers(&b, n_selects, EC_REG_CH1SET, values, 8);
    values[0] = 0xE0;
    write_registers(&b, n_selects, EC_REG_CONFIG3, values, 1);
    b.sleep(b.self, EC_TREF_NS);
}

#ifndef HARNESS_SILENT
static uint64_t hash_of(uint64_t hash, const uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t run(ec_emulator_config *config, uint8_t dr, uint64_t n)
{
    static uint8_t frames[4096 * 32 * 28];
    static ec_drdy events[4096];
    static ec_emulator_truth truth;
    int32_t status;
    uint32_t n_bytes = 0;
    ec_emulator *e = ec_emulator_create(config, &status);
    if (e == NULL) {
        printf("create: %s\n", ec_emulator_check(config));
        return 0;
    }
    for (uint32_t s = 0, chip = 0; s < config->n_selects; s++) {
        for (uint32_t c = 0; c < config->chips_in[s]; c++, chip++) {
            n_bytes += 3u + 3u * config->n_channels[chip];
        }
    }
    harness_configure(e, config->n_selects, (uint8_t)(0x90 | dr), 0x60);
    harness_set_line(e, EC_LINE_START, 1);
    memset(frames, 0, sizeof frames);
    const int64_t got = harness_collect(e, config, 16, n, 20000000, frames, events);
    uint64_t hash = hash_of(UINT64_C(14695981039346656037), frames, n_bytes * (uint64_t)got);
    for (int64_t i = 0; i < got; i++) {
        hash = (hash ^ (uint64_t)events[i].t_ns) * UINT64_C(1099511628211);
    }
    ec_emulator_truth_get(e, &truth);
    if (truth.conversions != truth.clean + truth.spoiled + truth.torn + truth.never_read) {
        hash = 0;
    }
    ec_emulator_destroy(e);
    return hash;
}

/* ns for each conversion of `n_chips` chips, signal eeg, virtual clock; CPU time. */
static void measure(uint32_t n_chips, uint32_t chained, uint8_t dr, uint64_t n)
{
    static ec_emulator_config config;
    static uint8_t rx[27 * 4];
    static const uint8_t zeros[27 * 4];
    ec_drdy event;
    struct timespec t0, t1;
    ec_emulator_config_default(&config);
    config.n_selects = chained ? 1 : n_chips;
    config.chips_in[0] = (uint8_t)(chained ? n_chips : 1);
    ec_emulator *e = ec_emulator_create(&config, NULL);
    harness_configure(e, config.n_selects, (uint8_t)(0x90 | dr), 0x60);
    harness_set_line(e, EC_LINE_START, 1);
    ec_bus b = ec_emulator_bus(e);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
    for (uint64_t k = 0; k < n; k++) {
        b.wait(b.self, 1, INT64_MAX, &event, 1);
        for (uint32_t s = 0; s < config.n_selects; s++) {
            const ec_transfer x = { zeros, rx, chained ? 27 * n_chips : 27, 20000000, 0 };
            b.transfer(b.self, s, &x, 1);
        }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
    ec_emulator_destroy(e);
    printf("%u chips%s: %.1f ns a conversion\n", n_chips, chained ? " in a chain" : "",
           ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / (double)n);
}

/* Every signal, odd shapes, faults: one line each with a hash of all bytes and stamps. */
int main(int argc, char **argv)
{
    static ec_emulator_config config;
    static uint8_t spi[27 * 5];
    static int32_t counts[8 * 5] = { 1 << 30, -(1 << 30), 8388607, -8388608, 1, -1 };
    static const ec_fault faults[] = {
        { EC_FAULT_DROP_EDGE, 0, 20, 3, 0 }, { EC_FAULT_BAD_STATUS, 0, 40, 2, 1 }, { EC_FAULT_BIT_SLIP, 0, 60, 1, 30 },
        { EC_FAULT_SPURIOUS, 0, 70, 1, 90000 }, { EC_FAULT_MISO_STUCK, 0, 80, 2, 0x100 },
        { EC_FAULT_SLOW, 0, 90, 1, 700000 }, { EC_FAULT_RESET, 0, 300, 1, 0 },
    };
    if (argc > 1 && strcmp(argv[1], "measure") == 0) {
        measure(1, 0, 2, 4000000);
        measure(4, 0, 2, 4000000);
        measure(4, 1, 2, 100000);
        return 0;
    }
    for (uint32_t i = 0; i < sizeof spi; i++) {
        spi[i] = (uint8_t)(i * 37);
    }
    for (int32_t signal = EC_SIGNAL_EEG; signal <= EC_SIGNAL_TEST; signal++) {
        for (int32_t chained = 0; chained < 2; chained++) {
            for (uint32_t chips = 1; chips <= 4; chips += 3) {
                ec_emulator_config_default(&config);
                config.n_selects = chained ? 1 : chips;
                config.chips_in[0] = (uint8_t)(chained ? chips : 1);
                config.n_channels[0] = 4;
                config.n_channels[1] = 6;
                config.signal = signal;
                config.jitter_us = 40;
                config.stamp_jitter_us = 10;
                config.stamp_jitter = chained;
                config.drift_ppm[0] = -12.5;
                config.drift_ppm_per_s = 50.0;
                config.seed = 77;
                printf("%d %d %u %016llx\n", signal, chained, chips, (unsigned long long)run(&config, 4, 2000));
            }
        }
    }
    ec_emulator_config_default(&config);
    config.faults = faults;
    config.n_faults = sizeof faults / sizeof faults[0];
    printf("faults %016llx\n", (unsigned long long)run(&config, 3, 400));
    config.n_faults = 0;
    config.signal = EC_SIGNAL_FILE;
    config.spi_frames = spi;
    config.spi_bytes = sizeof spi;
    printf("spi %016llx\n", (unsigned long long)run(&config, 3, 100));
    config.spi_frames = NULL;
    config.counts = counts;
    config.counts_n_frames = 5;
    config.loop = 1;
    printf("counts %016llx\n", (unsigned long long)run(&config, 6, 100));
    config.signal = EC_SIGNAL_EEG;
    config.rate_scale = 0.004;
    printf("1 SPS %016llx\n", (unsigned long long)run(&config, 6, 300));
    config.rate_scale = 0.0;
    printf("0 SPS %016llx\n", (unsigned long long)run(&config, 6, 1));
    return 0;
}
#endif

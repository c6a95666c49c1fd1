/* Life of an emulator, and its truth. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L           /* clock_gettime */
#endif

#include "ec_emulator.h"

#include <stdlib.h>
#include <string.h>

#include "../base/ec_clock.h"
#include "ec_emulator_state.h"

enum { CACHE_LINE = 128 };

/* The patient clock begins so far behind the real one, so that bringing the chips up never overtakes it. */
#define PATIENT_BEHIND_NS  INT64_C(10000000000)

static uint64_t conversions_of(const ec_emulator_config *config)
{
    uint64_t in_file = 0;
    uint64_t frame_bytes = 0;
    if (config->signal == EC_SIGNAL_FILE && !config->loop) {
        for (uint32_t s = 0, i = 0; s < config->n_selects; s++) {
            for (uint32_t c = 0; c < config->chips_in[s]; c++, i++) {
                frame_bytes += ec_spi_frame_bytes(config->n_channels[i]);
            }
        }
        in_file = config->spi_frames != NULL ? config->spi_bytes / frame_bytes : config->counts_n_frames;
    }
    const uint64_t most = config->n_frames_max != 0 ? config->n_frames_max : UINT64_MAX;
    return in_file != 0 && in_file < most ? in_file : most;
}

static void emulator_init(ec_emulator *e, const ec_emulator_config *config, ec_fault *faults)
{
    e->config = *config;
    if (config->n_faults > 0) {
        memcpy(faults, config->faults, config->n_faults * sizeof *faults);
    }
    e->config.faults = faults;
    e->faults.list = faults;
    e->faults.n = config->n_faults;
    for (uint32_t s = 0; s < config->n_selects; s++) {
        e->first_chip[s] = e->n_chips;
        e->n_chips += config->chips_in[s];
    }
    if (config->time == EC_TIME_PATIENT) {
        e->now_ns = ec_now_ns() - PATIENT_BEHIND_NS;
    } else if (config->time == EC_TIME_REAL) {
        e->now_ns = ec_now_ns();
    }
    const uint64_t limit = conversions_of(config);
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_chip_init(&e->chip[i], &e->config, &e->faults, i, e->now_ns, limit);
        e->has_slaves |= e->chip[i].oscillator != i;
    }
    for (uint32_t s = 0; s < config->n_selects; s++) {
        e->read_bytes[s] = (ec_wire_data_bits(e, s) + 7) / 8;
    }
    e->fastest_hz = config->spi_mode == 1 ? ec_wire_fastest_hz(config) : 0;
    e->t_sclk = INT64_MIN;
    for (uint32_t i = 0; i < config->n_faults; i++) {
        if (faults[i].kind == EC_FAULT_LATE_START) {          /* F-17: of the first start only */
            e->chip[faults[i].chip].skip = faults[i].n;
        }
    }
    ec_lines_init(e);
}

ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status)
{
    int32_t ignored;
    status = status != NULL ? status : &ignored;
    if (ec_emulator_check(config) != NULL) {
        *status = EC_STATUS_BAD_SETTING;
        return NULL;
    }
    uint32_t n_chips = 0;
    for (uint32_t s = 0; s < config->n_selects; s++) {
        n_chips += config->chips_in[s];
    }
    const size_t faults_at = sizeof(ec_emulator) + n_chips * sizeof(ec_emulated_chip);
    size_t size = faults_at + (config->n_faults + 1) * sizeof(ec_fault);
    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    ec_emulator *e = aligned_alloc(CACHE_LINE, size);
    if (e == NULL) {
        *status = EC_STATUS_NO_MEMORY;
        return NULL;
    }
    memset(e, 0, size);                   /* touches every page: no fault while running */
    emulator_init(e, config, (ec_fault *)(void *)((uint8_t *)e + faults_at));
    *status = EC_STATUS_OK;
    return e;
}

void ec_emulator_destroy(ec_emulator *emulator)
{
    free(emulator);
}

ec_bus ec_emulator_bus(ec_emulator *emulator)
{
    const ec_bus bus = {
        .self = emulator, .transfer = ec_emulator_transfer, .wait = ec_emulator_wait,
        .set_line = ec_emulator_set_line, .now = ec_emulator_bus_now, .sleep = ec_emulator_sleep,
    };
    return bus;
}

void ec_emulator_run_begin(ec_emulator *emulator)
{
    emulator->begin_run = 1;
    for (uint32_t i = 0; i < emulator->n_chips; i++) {
        ec_chip_count_from(&emulator->chip[i], 0);
    }
}

uint32_t ec_emulator_drdy_level(ec_emulator *emulator, uint32_t chip)
{
    const int64_t t = ec_emulator_now(emulator);
    if (chip >= emulator->n_chips) {
        return 1;
    }
    ec_emulator_sync_chip(emulator, chip, t);
    const ec_emulated_chip *one = &emulator->chip[chip];
    const ec_fault *fault = ec_faults_find(&emulator->faults, EC_FAULT_DRDY, chip, ec_chip_conversion(one));
    if (fault != NULL && fault->value < 2) {
        return fault->value == 1;         /* stuck */
    }
    return ec_chip_drdy(one, t, emulator->t_sclk);
}

int32_t ec_emulator_advance(ec_emulator *emulator, int64_t ns)
{
    if (emulator->config.time != EC_TIME_VIRTUAL || ns < 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    emulator->now_ns += ns;
    ec_lines_sync(emulator, emulator->now_ns);
    return EC_STATUS_OK;
}

void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth)
{
    const ec_emulated_chip *first = &emulator->chip[0];
    const ec_tally *tally = &emulator->tally;
    ec_books books = tally->books;        /* a copy: a round that has just ended is judged for this reader */
    const int32_t running = first->start_pin || first->start_command;

    ec_books_close(&books, books.round.after);
    memset(truth, 0, sizeof *truth);
    truth->conversions = running ? ec_chip_count_at(first, ec_emulator_now(emulator)) : ec_chip_conversion(first);
    truth->events = tally->events;
    truth->overflowed = tally->overflowed;
    truth->dropped = tally->dropped;
    truth->spurious = tally->spurious;
    truth->clean = books.clean;
    truth->spoiled = books.spoiled;
    truth->torn = books.torn;
    truth->never_read = truth->conversions - books.clean - books.spoiled - books.torn;
    truth->repeated = books.repeated;
    truth->failed_transfers = emulator->failed_transfers;
    for (uint32_t i = 0; i < emulator->n_chips; i++) {
        const ec_emulated_chip *chip = &emulator->chip[i];
        truth->resets += chip->resets;
        truth->violations += chip->violations;
        if (chip->violations > 0) {
            truth->last_violation = chip->last_violation;
        }
    }
}

/* Waiting for edges, and the lines a host drives. */
#include <errno.h>
#include <stddef.h>

#include "ec_emulator_state.h"

/* ---- wait --------------------------------------------------------------- */

static int32_t take_events(ec_emulator *e, ec_drdy *events, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && e->queue_count > 0) {
        events[n] = e->queue[e->queue_head % EC_BUS_EVENT_QUEUE];
        e->queue_head += 1;
        e->queue_count -= 1;
        n += 1;
    }
    e->tally.events += n;
    return (int32_t)n;
}

/* When the `want`-th conversion from now ends, as far as it is planned: what a patient reader sleeps for. */
static int64_t pace_for(const ec_emulator *e, uint32_t want)
{
    const ec_emulated_chip *chip = &e->chip[0];
    if (want <= 1 || chip->t_next == EC_NEVER) {
        return e->next_line_ns;
    }
    uint64_t left = chip->k_last - chip->k < chip->limit - ec_chip_conversion(chip)
                        ? chip->k_last - chip->k : chip->limit - ec_chip_conversion(chip);
    left = want < left ? want : left;
    const int64_t t = ec_edge_stamp(&chip->clock, chip->clock.k + left - 1);
    return t > e->next_line_ns ? t : e->next_line_ns;
}

int32_t ec_emulator_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max)
{
    ec_emulator *e = self;
    if (events == NULL || max == 0) {
        return -EINVAL;
    }
    max = max < INT32_MAX ? max : INT32_MAX;
    int64_t now = ec_emulator_now(e);
    ec_lines_sync(e, now);
    (void)ec_books_enter(e);
    while (e->queue_count == 0) {
        if (ec_emulator_gone(e)) {
            return -ENODEV;
        }
        if (e->chip[0].t_next == EC_NEVER && ec_chip_conversion(&e->chip[0]) == e->chip[0].limit) {
            return -ENODATA;
        }
        if (now >= deadline_ns) {
            return 0;
        }
        const int64_t edge = e->next_line_ns;
        if (edge == EC_NEVER && deadline_ns == INT64_MAX) {
            return 0;                     /* nothing will ever come */
        }
        if (edge <= deadline_ns) {
            const int64_t pace = pace_for(e, want);
            now = ec_emulator_until(e, edge, pace < deadline_ns ? pace : deadline_ns);
        } else {
            now = ec_emulator_until(e, deadline_ns, deadline_ns);
        }
        ec_lines_sync(e, now);
    }
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    return take_events(e, events, max);
}

/* ---- lines -------------------------------------------------------------- */

int32_t ec_emulator_set_line(void *self, ec_bus_line line, uint32_t level)
{
    ec_emulator *e = self;
    const ec_emulator_config *c = &e->config;
    const int32_t wired = line == EC_LINE_START ? c->start_wired
                        : line == EC_LINE_RESET ? c->reset_wired : line == EC_LINE_PWDN ? c->pwdn_wired : 0;
    if (!wired) {
        return -ENOENT;
    }
    int64_t t = ec_emulator_now(e);
    ec_lines_sync(e, t);
    (void)ec_books_enter(e);
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    if (line == EC_LINE_START && level != 0 && !e->chip[0].start_pin) {
        ec_emulator_pace_start(e);
        t = ec_emulator_now(e);
    }
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulator_sync_chip(e, i, t);
    }
    const uint64_t starts = e->chip[0].starts;
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulated_chip *chip = &e->chip[i];
        if (line == EC_LINE_START) {
            ec_chip_start_pin(chip, level, t);
        } else if (line == EC_LINE_PWDN) {
            ec_chip_power(chip, level, t);
        } else {
            ec_chip_reset_pin(chip, level, t);
        }
    }
    if (e->chip[0].starts != starts) {
        ec_lines_started(e, 0);
    }
    ec_lines_after(e, t);
    return 0;
}

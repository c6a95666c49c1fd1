/* The four functions of the bus: time passes, edges are reported, frames are read. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L           /* clock_nanosleep */
#endif

#include <string.h>
#include <time.h>

#include "ec_emulator_state.h"

#define NS_PER_S  INT64_C(1000000000)
#define AHEAD_NS  INT64_C(1000000)        /* transfers may be booked so far ahead of the real clock */

/* ---- time --------------------------------------------------------------- */

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t ec_emulator_now(const ec_emulator *emulator)
{
    if (emulator->virtual_clock || !emulator->started) {
        return emulator->now_ns;
    }
    const int64_t now = monotonic_ns();
    return now > emulator->now_ns ? now : emulator->now_ns;   /* a transfer may still be on the wire */
}

/* Let time reach `stamp`, or `deadline_ns` if that comes first; the time it then is. */
static int64_t sleep_until(ec_emulator *emulator, int64_t stamp, int64_t deadline_ns)
{
    if (emulator->virtual_clock) {
        if (deadline_ns > 0 && stamp > emulator->now_ns) {
            emulator->now_ns = stamp;
        }
        return emulator->now_ns;
    }
    const int64_t t_ns = stamp < deadline_ns ? stamp : deadline_ns;
    const struct timespec until = {
        .tv_sec = t_ns / NS_PER_S,
        .tv_nsec = t_ns % NS_PER_S,
    };
    int64_t now = ec_emulator_now(emulator);
    while (now < t_ns) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);         /* EINTR: look again */
        now = ec_emulator_now(emulator);
    }
    return now;
}

/* A bus that is asked for more than its wire carries must wait for the wire, or
 * the device's time runs away from the clock. Not for every transfer: a sleep
 * would cost more than most of them. */
static void wait_for_wire(const ec_emulator *emulator)
{
    if (emulator->virtual_clock) {
        return;
    }
    const struct timespec until = {
        .tv_sec = emulator->now_ns / NS_PER_S,
        .tv_nsec = emulator->now_ns % NS_PER_S,
    };
    if (emulator->now_ns - monotonic_ns() > AHEAD_NS) {
        while (monotonic_ns() < emulator->now_ns) {
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);     /* EINTR: look again */
        }
    }
}

int32_t ec_emulator_advance(ec_emulator *emulator, int64_t ns)
{
    if (!emulator->virtual_clock || ns < 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    emulator->now_ns += ns;
    return EC_STATUS_OK;
}

/* ---- the bus ------------------------------------------------------------ */

int32_t ec_emulator_start(void *self)
{
    ec_emulator *emulator = self;
    if (emulator->started) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < emulator->n_chips; i++) {
        ec_chip_reset(&emulator->chip[i]);
    }
    memset(emulator->reading, 0, sizeof emulator->reading);
    emulator->reported = 0;
    emulator->overflowed = 0;
    emulator->round = 0;
    emulator->line_newest = 0;
    emulator->line_begun = 0;
    emulator->line_clean = 0;
    emulator->line_never_read = 0;
    emulator->clock.start_ns = emulator->virtual_clock ? 0 : monotonic_ns();
    emulator->now_ns = emulator->clock.start_ns;
    emulator->started = 1;
    return EC_STATUS_OK;
}

int32_t ec_emulator_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *edges, uint32_t max)
{
    ec_emulator *emulator = self;
    if (!emulator->started || edges == NULL || max == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    if (emulator->reported == emulator->limit) {
        return EC_STATUS_END_OF_DATA;
    }
    max = max < INT32_MAX ? max : INT32_MAX;

    uint64_t target = 1;                  /* edges to sleep for */
    if (!emulator->lose && want > 1) {
        const uint64_t left = emulator->limit - emulator->reported;
        target = want < max ? want : max;
        target = target < left ? target : left;
    }
    const int64_t stamp = ec_edge_stamp(&emulator->clock, emulator->reported + target);
    const int64_t now = sleep_until(emulator, stamp, deadline_ns);
    const uint64_t happened = ec_emulator_edges_until(emulator, now);

    if (emulator->lose && happened > emulator->reported + EC_EMULATOR_EDGE_QUEUE) {
        const uint64_t kept_from = happened - EC_EMULATOR_EDGE_QUEUE;
        emulator->overflowed += kept_from - emulator->reported;
        emulator->reported = kept_from;
    }
    uint32_t n = 0;
    while (n < max && emulator->reported < happened) {
        emulator->reported += 1;
        edges[n].seqno = emulator->reported;
        edges[n].t_ns = ec_edge_stamp(&emulator->clock, emulator->reported);
        n += 1;
    }
    return (int32_t)n;
}

/* Bytes on the wire `from` .. `to` of conversion k; bytes beyond the frame are the
 * level of DAISY_IN, tied low. */
static void shift_out(ec_chip *chip, uint64_t k, uint8_t *frame, uint32_t from, uint32_t to)
{
    uint32_t have = k == 0 ? 0 : chip->frame_bytes;
    have = have < to ? have : to;
    if (have > from) {
        memcpy(frame + from, ec_chip_frame(chip, k) + from, have - from);
        from = have;
    }
    if (to > from) {
        memset(frame + from, 0, to - from);
    }
}

static int32_t read_patient(ec_emulator *emulator, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                            int64_t *t_begin_ns, int64_t *t_end_ns)
{
    ec_chip_reading *r = &emulator->reading[chip];
    if (r->newest == emulator->reported) {
        return EC_STATUS_NO_DRDY;
    }
    r->newest += 1;
    r->truth.clean += 1;
    shift_out(&emulator->chip[chip], r->newest, frame, 0, n_bytes);
    *t_begin_ns = ec_edge_stamp(&emulator->clock, r->newest);
    *t_end_ns = *t_begin_ns;
    return EC_STATUS_OK;
}

/* Book one chip's read, begun with conversion `first` and ended with `last` on the latch. */
static void count_read(ec_chip_reading *r, uint64_t first, uint64_t last)
{
    if (first == 0) {
        r->truth.early += 1;
    } else if (first == r->newest) {      /* given before, and whole: what tore is never the newest again */
        r->truth.repeated += 1;
    } else {
        r->truth.never_read += first - r->newest - 1;
        r->truth.clean += first == last;
        r->truth.torn += first != last;
        r->newest = first;
    }
}

/* Book the same read for the line: a round begins with chip 0 and ends with the last chip. */
static void count_round(ec_emulator *emulator, uint32_t chip, uint64_t first, uint64_t last)
{
    if (chip == 0 && first != emulator->line_newest) {        /* neither early nor repeated */
        emulator->line_never_read += first - emulator->line_newest - 1;
        emulator->line_newest = first;
        emulator->line_begun += 1;
        emulator->round = first;
    }
    if (emulator->round != 0 && chip + 1 == emulator->n_chips) {
        emulator->line_clean += last == emulator->round;      /* no edge since the round began */
        emulator->round = 0;
    }
}

static int32_t read_latch(ec_emulator *emulator, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                          int64_t *t_begin_ns, int64_t *t_end_ns)
{
    const uint64_t bits_ns = (uint64_t)n_bytes * 8 * (uint64_t)NS_PER_S;
    const uint64_t wire_ns = (bits_ns + emulator->spi_hz - 1) / emulator->spi_hz;
    wait_for_wire(emulator);
    const int64_t begin = ec_emulator_now(emulator);
    const int64_t end = begin + (int64_t)wire_ns;
    const uint64_t first = ec_emulator_edges_until(emulator, begin);
    const uint64_t last = ec_emulator_edges_until(emulator, end);

    uint32_t from = 0;
    for (uint64_t k = first; k < last; k++) {
        const uint64_t until_edge = (uint64_t)(ec_edge_stamp(&emulator->clock, k + 1) - begin);
        const uint32_t to = (uint32_t)(until_edge * n_bytes / wire_ns);
        shift_out(&emulator->chip[chip], k, frame, from, to);
        from = to;
    }
    shift_out(&emulator->chip[chip], last, frame, from, n_bytes);

    count_read(&emulator->reading[chip], first, last);
    count_round(emulator, chip, first, last);
    emulator->now_ns = end;
    *t_begin_ns = begin;
    *t_end_ns = end;
    return EC_STATUS_OK;
}

int32_t ec_emulator_read(void *self, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                        int64_t *t_begin_ns, int64_t *t_end_ns)
{
    ec_emulator *emulator = self;
    if (!emulator->started || chip >= emulator->n_chips || frame == NULL || n_bytes == 0 || n_bytes > 4096) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    if (emulator->lose) {
        return read_latch(emulator, chip, frame, n_bytes, t_begin_ns, t_end_ns);
    }
    return read_patient(emulator, chip, frame, n_bytes, t_begin_ns, t_end_ns);
}

int32_t ec_emulator_stop(void *self, uint64_t *last_seqno)
{
    ec_emulator *emulator = self;
    if (!emulator->started) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    emulator->now_ns = ec_emulator_now(emulator);
    emulator->started = 0;
    *last_seqno = ec_emulator_edges_until(emulator, emulator->now_ns);
    return EC_STATUS_OK;
}

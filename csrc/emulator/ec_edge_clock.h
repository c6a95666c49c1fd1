/* ec_edge_clock.h - when conversions end: exact, and without rounding that adds up.
 *
 * The period is a fraction: with the rate in millihertz and the drift in units
 * of 1e-12, period k ends floor(k * (1e12 + drift) / rate_mhz) ns after the
 * start. A walk adds the whole part and carries the rest as integers, so that it
 * meets the closed form at every k. A ramp of the drift is added on top, as the
 * quadratic it is, until it has reached 10 %.
 *
 * Invariants (tests/emulator/test_emulator_clock.py)
 *   C1  stamps are strictly increasing in k: the jitter is one-sided and shorter than the shortest period
 *   C2  the walk from any k gives ec_edge_stamp(k), ec_edge_stamp(k + 1) ...
 */
#ifndef EC_EDGE_CLOCK_H
#define EC_EDGE_CLOCK_H

#include <stdint.h>

#include "../base/ec_random.h"

typedef struct ec_edge_clock {
    int64_t  start_ns;
    uint64_t rate_mhz;                    /* nominal rate, millihertz; at most 1e9 */
    uint64_t whole_ns;                    /* period = whole_ns + part / rate_mhz */
    uint64_t part;
    double   ramp;                        /* change of the relative period per second */
    uint64_t jitter_ns;                   /* largest delay of an edge; below the shortest period */
    uint64_t jitter_key;

    uint64_t k;                           /* the walk: period k ends due_ns + rest / rate_mhz after the start */
    uint64_t due_ns;
    uint64_t rest;
} ec_edge_clock;

/* `drift` in 1e-12, positive: longer periods. [any-thread] */
static inline void ec_edge_clock_init(ec_edge_clock *c, uint64_t rate_mhz, int64_t drift, double ramp_per_s,
                                      uint64_t jitter_ns, uint64_t jitter_key)
{
    const uint64_t numerator = (uint64_t)(INT64_C(1000000000000) + drift);
    c->start_ns = 0;
    c->rate_mhz = rate_mhz;
    c->whole_ns = numerator / rate_mhz;
    c->part = numerator % rate_mhz;
    c->ramp = ramp_per_s;
    c->jitter_ns = jitter_ns;
    c->jitter_key = jitter_key;
    c->k = 0;
    c->due_ns = 0;
    c->rest = 0;
}

/* Undisturbed end of period k, ns after the start. k = q * rate + r keeps every
 * product below 2^63 for 290 years. [any-thread, realtime] */
static inline uint64_t ec_edge_due(const ec_edge_clock *c, uint64_t k)
{
    const uint64_t q = k / c->rate_mhz;
    const uint64_t r = k % c->rate_mhz;
    return k * c->whole_ns + q * c->part + r * c->part / c->rate_mhz;
}

/* What the ramp adds by then: its integral, held once the drift has changed by 10 %. */
static inline int64_t ec_edge_ramp_ns(const ec_edge_clock *c, uint64_t due_ns)
{
    const double steep = c->ramp < 0.0 ? -c->ramp : c->ramp;
    const double t_s = (double)(int64_t)due_ns * 1e-9;
    const double until_s = steep * t_s > 0.1 ? 0.1 / steep : t_s;
    return (int64_t)(c->ramp * until_s * (t_s - 0.5 * until_s) * 1e9);
}

static inline int64_t ec_edge_disturbed(const ec_edge_clock *c, uint64_t k, uint64_t due_ns)
{
    int64_t t_ns = c->start_ns + (int64_t)due_ns;
    if (c->ramp != 0.0) {
        t_ns += ec_edge_ramp_ns(c, due_ns);
    }
    if (c->jitter_ns != 0) {
        t_ns += (int64_t)(((ec_random(c->jitter_key, k) >> 32) * (c->jitter_ns + 1)) >> 32);
    }
    return t_ns;
}

/* Moment of edge k, in closed form. [any-thread, realtime] */
static inline int64_t ec_edge_stamp(const ec_edge_clock *c, uint64_t k)
{
    return ec_edge_disturbed(c, k, ec_edge_due(c, k));
}

/* Put the walk on edge k; its moment. [realtime] */
static inline int64_t ec_edge_walk_from(ec_edge_clock *c, uint64_t k)
{
    c->k = k;
    c->due_ns = ec_edge_due(c, k);
    c->rest = k % c->rate_mhz * c->part % c->rate_mhz;
    return ec_edge_disturbed(c, k, c->due_ns);
}

/* The walk's next edge; its moment. No division: this is paid for every conversion. [realtime] */
static inline int64_t ec_edge_walk(ec_edge_clock *c)
{
    c->k += 1;
    c->due_ns += c->whole_ns;
    c->rest += c->part;
    if (c->rest >= c->rate_mhz) {
        c->rest -= c->rate_mhz;
        c->due_ns += 1;
    }
    return ec_edge_disturbed(c, c->k, c->due_ns);
}

#endif

/* ec_counter.h - 64-bit counters and latency histograms with one writer each.
 *
 * Any thread may read at any time; a reader sees a value the writer has had.
 * Histogram buckets grow by a quarter of an octave (error of a percentile
 * <= 12.5 % of its value) and cover 1 ns to 2^40 ns, about 18 minutes.
 */
#ifndef EC_COUNTER_H
#define EC_COUNTER_H

#include "ec_atomic.h"

typedef struct ec_counter {
    EC_ATOMIC(uint64_t) value;
} ec_counter;

static inline void ec_counter_add(ec_counter *c, uint64_t n)   /* [writer, realtime] */
{
    EC_COUNT(&c->value, n);
}
static inline void ec_counter_set(ec_counter *c, uint64_t v)   /* [writer, realtime] */
{
    EC_STORE(&c->value, v, relaxed);
}
static inline uint64_t ec_counter_get(ec_counter *c)           /* [any-thread] */
{
    return EC_LOAD(&c->value, relaxed);
}

#define EC_HISTOGRAM_BUCKETS (40 * 4)

typedef struct ec_histogram {
    ec_counter count[EC_HISTOGRAM_BUCKETS];
    ec_counter sum_ns;
    ec_counter max_ns;
} ec_histogram;

static inline uint32_t ec_histogram_bucket(uint64_t ns)
{
    uint32_t octave, quarter;

    if (ns < 4) {
        return (uint32_t)ns;
    }
    octave = 63u - (uint32_t)__builtin_clzll(ns);              /* >= 2 */
    quarter = (uint32_t)(ns >> (octave - 2)) & 3u;
    octave = (octave - 1) * 4 + quarter;
    return octave < EC_HISTOGRAM_BUCKETS ? octave : EC_HISTOGRAM_BUCKETS - 1;
}

/* Upper edge of a bucket in ns: what a percentile reports. */
static inline uint64_t ec_histogram_edge(uint32_t bucket)
{
    if (bucket < 4) {
        return bucket + 1;
    }
    return (uint64_t)(4 + bucket % 4 + 1) << (bucket / 4 - 1);
}

static inline void ec_histogram_add(ec_histogram *h, int64_t ns)   /* [writer, realtime] */
{
    const uint64_t v = ns > 0 ? (uint64_t)ns : 0;

    ec_counter_add(&h->count[ec_histogram_bucket(v)], 1);
    ec_counter_add(&h->sum_ns, v);
    if (v > ec_counter_get(&h->max_ns)) {
        ec_counter_set(&h->max_ns, v);
    }
}

/* How many entries there are. [any-thread] */
static inline uint64_t ec_histogram_total(ec_histogram *h)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < EC_HISTOGRAM_BUCKETS; i++) {
        total += ec_counter_get(&h->count[i]);
    }
    return total;
}

/* The value that `share` (0..1) of all entries do not exceed; 0 if empty. [any-thread] */
static inline uint64_t ec_histogram_percentile(ec_histogram *h, double share)
{
    const uint64_t total = ec_histogram_total(h);
    const uint64_t wanted = (uint64_t)(share * (double)total);
    uint64_t seen = 0;

    if (total == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < EC_HISTOGRAM_BUCKETS; i++) {
        seen += ec_counter_get(&h->count[i]);
        if (seen > wanted) {
            const uint64_t edge = ec_histogram_edge(i), max = ec_counter_get(&h->max_ns);
            return edge < max ? edge : max;
        }
    }
    return ec_counter_get(&h->max_ns);
}

#endif

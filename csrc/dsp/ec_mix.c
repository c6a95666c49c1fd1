#include "ec_mix.h"

#include <stdbool.h>

#include "../base/ec_simd.h"
#include "ec_lanes.h"

#define WIDE_MEMBERS 8                    /* from here on a lane-wise sum over all channels is the shorter way */

static bool in_range(const uint32_t *numbers, uint32_t n, uint32_t below)
{
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] >= below) {
            return false;
        }
    }
    return true;
}

static bool rising(const uint32_t *first, uint32_t n)
{
    for (uint32_t r = 0; r < n; r++) {
        if (first[r + 1] <= first[r] || first[r + 1] > EC_SOS_MAX_CHANNELS * EC_SOS_MAX_CHANNELS) {
            return false;
        }
    }
    return first[0] == 0;
}

static uint32_t *copied(const uint32_t *numbers, uint32_t n)
{
    uint32_t *const copy = malloc(n * sizeof *copy);

    if (copy != NULL) {
        memcpy(copy, numbers, n * sizeof *copy);
    }
    return copy;
}

int32_t ec_mix_init(ec_mix *m, uint32_t n_in, uint32_t n_out, const uint32_t *pick, const uint32_t *use,
                    uint32_t n_references, const uint32_t *first, const uint32_t *members)
{
    memset(m, 0, sizeof *m);
    if (n_in == 0 || n_in > EC_SOS_MAX_CHANNELS || n_out == 0 || n_out > EC_SOS_MAX_CHANNELS || n_references == 0 ||
        n_references > EC_SOS_MAX_CHANNELS || !rising(first, n_references) || !in_range(pick, n_out, n_in) ||
        !in_range(use, n_out, n_references) || !in_range(members, first[n_references], n_in)) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    m->n_in = n_in;
    m->in_padded = ec_padded(n_in);
    m->n_out = n_out;
    m->out_padded = ec_padded(n_out);
    m->n_references = n_references;
    m->pick = copied(pick, n_out);
    m->use = copied(use, n_out);
    m->first = copied(first, n_references + 1);
    m->members = copied(members, first[n_references]);
    m->among = ec_new_doubles(m->in_padded);
    m->last = ec_new_doubles(m->in_padded);
    m->good = ec_new_doubles(m->in_padded);
    m->seen = ec_new_doubles(m->in_padded);
    m->trusted = ec_new_doubles(m->in_padded);
    m->value = ec_new_doubles(n_references);
    if (m->pick == NULL || m->use == NULL || m->first == NULL || m->members == NULL || m->among == NULL ||
        m->last == NULL || m->good == NULL || m->seen == NULL || m->trusted == NULL || m->value == NULL) {
        ec_mix_destroy(m);
        return EC_STATUS_NO_MEMORY;
    }
    m->in_place = n_references == 1 && n_in == n_out;
    for (uint32_t c = 0; c < n_out && m->in_place; c++) {
        m->in_place = pick[c] == c;
    }
    m->wide = first[1] >= WIDE_MEMBERS;
    for (uint32_t i = 0; i < first[1]; i++) {
        m->among[members[i]] = 1.0;
    }
    return EC_STATUS_OK;
}

void ec_mix_destroy(ec_mix *m)
{
    free(m->pick);
    free(m->use);
    free(m->first);
    free(m->members);
    free(m->among);
    free(m->last);
    free(m->good);
    free(m->seen);
    free(m->trusted);
    free(m->value);
    memset(m, 0, sizeof *m);
}

void ec_mix_hold(ec_mix *m, const uint64_t *saturated, const uint64_t *lead_off)
{
    for (uint32_t c = 0; c < m->n_in; c++) {
        const uint64_t bad = saturated[c / 64] | lead_off[c / 64];

        m->trusted[c] = bad >> (c % 64) & 1 ? __builtin_nan("") : 0.0;
    }
}

void ec_mix_mask(const ec_mix *m, const uint64_t *given, const uint64_t *bad, uint64_t *out)
{
    uint64_t marked[EC_SOS_MAX_CHANNELS / 64] = {0};          /* references */

    for (uint32_t r = 0; r < m->n_references; r++) {
        bool all = true, any = false;

        for (uint32_t i = m->first[r]; i < m->first[r + 1]; i++) {
            const uint32_t c = m->members[i];

            all = all && (bad[c / 64] >> (c % 64) & 1);
            any = any || (given[c / 64] >> (c % 64) & 1);
        }
        marked[r / 64] |= (uint64_t)(all && any) << (r % 64);
    }
    memset(out, 0, EC_MIX_MASK_WORDS * sizeof *out);
    for (uint32_t c = 0; c < m->n_out; c++) {
        const uint32_t own = m->pick[c], r = m->use[c];
        const uint64_t bit = (given[own / 64] >> (own % 64) | marked[r / 64] >> (r % 64)) & 1;

        out[c / 64] |= bit << (c % 64);
    }
}

static inline __attribute__((always_inline)) double across(const ec_lanes *s)   /* X1 */
{
    const double *const v = (const double *)s;

    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Keep the newest good sample of every channel. Returns how many of the frame
 * are bad; padding never is. */
static inline __attribute__((always_inline))
double keep(double *restrict last, double *restrict good, const double *restrict in, const double *restrict trusted,
            uint32_t n_padded)
{
    const ec_lanes zero = {0}, one = zero + 1.0;
    ec_lanes n_bad = zero;

    for (uint32_t c = 0; c < n_padded; c += EC_LANES) {
        const ec_lanes x = EC_LANES_OF(in + c);
        const ec_lane_bits is_good = EC_IS_FINITE(x + EC_LANES_OF(trusted + c));

        EC_LANES_AT(last + c) = EC_CHOOSE(is_good, x, EC_LANES_OF(last + c));
        EC_LANES_AT(good + c) = EC_CHOOSE(is_good, one, zero);
        n_bad += EC_CHOOSE(is_good, zero, one);
    }
    return across(&n_bad);
}

/* Sum over all channels of a * b. */
static inline __attribute__((always_inline))
double lane_sum(const double *restrict a, const double *restrict b, uint32_t n_padded)
{
    ec_lanes sum = {0};

    for (uint32_t c = 0; c < n_padded; c += EC_LANES) {
        sum += EC_LANES_OF(a + c) * EC_LANES_OF(b + c);
    }
    return across(&sum);
}

static inline __attribute__((always_inline))
double member_sum(const double *row, const uint32_t *members, uint32_t n)
{
    double sum = row[members[0]];

    for (uint32_t i = 1; i < n; i++) {
        sum += row[members[i]];
    }
    return sum;
}

/* Reference 0 of a frame without a bad sample, if it is wide, else any. */
static inline __attribute__((always_inline))
double mean_of(const ec_mix *m, uint32_t r, const double *row)
{
    const uint32_t n = m->first[r + 1] - m->first[r];

    if (r == 0 && m->wide) {
        return lane_sum(row, m->among, m->in_padded) * (1.0 / n);
    }
    return n == 1 ? row[m->members[m->first[r]]] : member_sum(row, m->members + m->first[r], n) * (1.0 / n);
}

/* A reference where some sample of the frame is bad. */
static inline __attribute__((always_inline))
double held_mean(const ec_mix *m, uint32_t r, const double *in)
{
    const uint32_t *const members = m->members + m->first[r];
    const uint32_t n = m->first[r + 1] - m->first[r];
    const bool wide = r == 0 && m->wide;

    if ((wide ? lane_sum(m->good, m->among, m->in_padded) : member_sum(m->good, members, n)) == 0.0) {
        return member_sum(in, members, n) * (1.0 / n);
    }
    if (wide) {
        return lane_sum(m->last, m->among, m->in_padded) * (1.0 / lane_sum(m->seen, m->among, m->in_padded));
    }
    return member_sum(m->last, members, n) * (1.0 / member_sum(m->seen, members, n));
}

static inline __attribute__((always_inline))
void add_seen(double *restrict seen, const double *restrict good, uint32_t n_padded)
{
    for (uint32_t c = 0; c < n_padded; c++) {
        seen[c] = good[c] > seen[c] ? good[c] : seen[c];
    }
}

EC_CLONES void ec_mix_run(ec_mix *m, double *out, const double *in, uint32_t n_frames)
{
    const uint32_t in_padded = m->in_padded, out_padded = m->out_padded, n_out = m->n_out;

    for (uint32_t f = 0; f < n_frames; f++, in += in_padded, out += out_padded) {
        const double n_bad = keep(m->last, m->good, in, m->trusted, in_padded);

        add_seen(m->seen, m->good, in_padded);
        for (uint32_t r = 0; r < m->n_references; r++) {
            m->value[r] = n_bad == 0.0 ? mean_of(m, r, in) : held_mean(m, r, in);
        }
        if (m->in_place) {
            const double value = m->value[0];

            EC_INDEPENDENT
            for (uint32_t c = 0; c < out_padded; c++) {
                out[c] = in[c] - value;
            }
        } else {
            for (uint32_t c = 0; c < n_out; c++) {
                out[c] = in[m->pick[c]] - m->value[m->use[c]];
            }
        }
        for (uint32_t c = n_out; c < out_padded; c++) {
            out[c] = 0.0;
        }
    }
}

void ec_mix_take_over(ec_mix *m, const ec_mix *old)
{
    const size_t n_bytes = m->in_padded * sizeof(double);

    memcpy(m->last, old->last, n_bytes);
    memcpy(m->seen, old->seen, n_bytes);
}

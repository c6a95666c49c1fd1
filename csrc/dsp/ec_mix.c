#include "ec_mix.h"

#include <stdbool.h>

#include "../base/ec_simd.h"

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
    m->simd = ec_simd_level();
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

static inline double member_sum(const double *row, const uint32_t *members, uint32_t n)
{
    double sum = row[members[0]];

    for (uint32_t i = 1; i < n; i++) {
        sum += row[members[i]];
    }
    return sum;
}

typedef void mix_run(ec_mix *m, double *out, const double *in, uint32_t n_frames);

#define EC_WIDTH 2
#define EC_TARGET
#include "ec_mix_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#if defined(EC_SIMD_X86)
#define EC_WIDTH 4
#define EC_TARGET EC_TARGET_AVX2
#include "ec_mix_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#define EC_WIDTH 8
#define EC_TARGET EC_TARGET_AVX512
#include "ec_mix_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

static mix_run *const RUNS[] = {run2, run4, run8};
#else
static mix_run *const RUNS[] = {run2, run2, run2};
#endif

void ec_mix_run(ec_mix *m, double *out, const double *in, uint32_t n_frames)
{
    RUNS[m->simd](m, out, in, n_frames);
}

void ec_mix_take_over(ec_mix *m, const ec_mix *old)
{
    const size_t n_bytes = m->in_padded * sizeof(double);

    memcpy(m->last, old->last, n_bytes);
    memcpy(m->seen, old->seen, n_bytes);
}

#include "ec_comb.h"

#include "../base/ec_simd.h"

int32_t ec_comb_init(ec_comb *c, uint32_t n_half, double rate, uint32_t n_channels)
{
    memset(c, 0, sizeof *c);
    if (n_half == 0 || n_half > EC_COMB_MAX_HALF || !(rate > 0.0 && rate <= 1.0) || n_channels == 0 ||
        n_channels > EC_SOS_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    c->n_half = n_half;
    c->n_channels = n_channels;
    c->n_padded = ec_padded(n_channels);
    c->rate = rate;
    c->n_learnt = calloc(n_half, sizeof *c->n_learnt);
    c->tone = ec_new_doubles((size_t)n_half * c->n_padded);
    c->before = ec_new_doubles((size_t)n_half * c->n_padded);
    c->held = ec_new_doubles(c->n_padded);
    if (c->n_learnt == NULL || c->tone == NULL || c->before == NULL || c->held == NULL) {
        ec_comb_destroy(c);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_comb_destroy(ec_comb *c)
{
    free(c->n_learnt);
    free(c->tone);
    free(c->before);
    free(c->held);
    memset(c, 0, sizeof *c);
}

void ec_comb_hold(ec_comb *c, const uint64_t *mask)
{
    for (uint32_t i = 0; i < c->n_channels; i++) {
        c->held[i] = mask[i / 64] >> (i % 64) & 1 ? __builtin_nan("") : 0.0;
    }
}

void ec_comb_gap(ec_comb *c)
{
    /* Learnt anew and not trusted: a converter that was started again has another phase. */
    c->n_neighbours = 0;
    memset(c->n_learnt, 0, c->n_half * sizeof *c->n_learnt);
}

/* One frame. A difference with a held or infinite sample is not finite and
 * teaches nothing; share = 0 teaches nothing either. */
EC_CLONES static void clean_frame(double *restrict x, double *restrict tone, double *restrict before,
                                  const double *restrict held, double sign, double share, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const double now = x[i] + held[i];
        const double seen = sign * 0.5 * (now - before[i]);
        const double learnt = tone[i] + share * (seen - tone[i]);

        tone[i] = seen - seen == 0.0 ? learnt : tone[i];
        before[i] = now;
        x[i] -= sign * tone[i];
    }
}

void ec_comb_run(ec_comb *c, double *work, uint32_t n_frames, uint64_t index)
{
    uint32_t place = (uint32_t)(index % c->n_half);
    double sign = index / c->n_half % 2 == 0 ? 1.0 : -1.0;

    if (index != c->next_index) {
        ec_comb_gap(c);
    }
    c->next_index = index + n_frames;
    for (uint32_t f = 0; f < n_frames; f++) {
        const size_t row = (size_t)place * c->n_padded;
        double share = 0.0;

        if (c->n_neighbours == c->n_half) {
            const double mean = 1.0 / (double)(c->n_learnt[place] + 1);
            share = mean > c->rate ? mean : c->rate;
            c->n_learnt[place] += mean > c->rate;
        } else {
            c->n_neighbours++;
        }
        clean_frame(work, c->tone + row, c->before + row, c->held, sign, share, c->n_padded);
        work += c->n_padded;
        if (++place == c->n_half) {
            place = 0;
            sign = -sign;
        }
    }
}

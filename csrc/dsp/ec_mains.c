#include "ec_mains.h"

#include <math.h>

#include "../base/ec_simd.h"

#define SHARE       (1.0 / 16.0)          /* weight of the newest pair */
#define MOST_PAIRS  31                    /* (2 - SHARE) / SHARE: so many even weights scatter as much */
#define STEADY      0.36                  /* of |mean u|^2: a line with 1.5 times the power of all else in the block */
#define EVIDENCE    10.0                  /* of |mean u|^2 times pairs; noise alone gets there once in 3e6 blocks:
                                           * |u|^2 of two noises is 2/3 on average, so exp(-10 / (2/3)) */

int32_t ec_mains_init(ec_mains *m, const ec_mains_config *config, uint32_t n_channels)
{
    const uint32_t n = config->n_block;
    double c = 1.0, s = 0.0, window_c = 1.0, window_s = 0.0;

    memset(m, 0, sizeof *m);
    if (n < 8 || n > EC_MAINS_MAX_BLOCK || n_channels == 0 || n_channels > EC_SOS_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    m->config = *config;
    m->n_channels = n_channels;
    m->n_padded = ec_padded(n_channels);
    m->table = ec_new_doubles(2 * (size_t)n);
    m->before = ec_new_doubles(m->n_padded);
    m->sums = ec_new_doubles(2 * (size_t)m->n_padded);
    m->last = ec_new_doubles(2 * (size_t)m->n_padded);
    m->mean = ec_new_doubles(2 * (size_t)m->n_padded);
    m->n_pairs = calloc(n_channels, sizeof *m->n_pairs);
    if (m->table == NULL || m->before == NULL || m->sums == NULL || m->last == NULL || m->mean == NULL ||
        m->n_pairs == NULL) {
        ec_mains_destroy(m);
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        const double window = 0.5 - 0.5 * window_c;
        const double next_c = c * config->cos_hz - s * config->sin_hz;
        const double next_window_c = window_c * config->cos_window - window_s * config->sin_window;

        m->table[2 * i] = window * c;
        m->table[2 * i + 1] = window * s;
        s = s * config->cos_hz + c * config->sin_hz;
        c = next_c;
        window_s = window_s * config->cos_window + window_c * config->sin_window;
        window_c = next_window_c;
    }
    return EC_STATUS_OK;
}

void ec_mains_destroy(ec_mains *m)
{
    free(m->table);
    free(m->before);
    free(m->sums);
    free(m->last);
    free(m->mean);
    free(m->n_pairs);
    memset(m, 0, sizeof *m);
}

static void begin_block(ec_mains *m)
{
    m->at = 0;
    memset(m->sums, 0, 2 * (size_t)m->n_padded * sizeof(double));
}

void ec_mains_gap(ec_mains *m)
{
    begin_block(m);
    m->has_before = false;
    m->has_last = false;
}

typedef double lanes __attribute__((vector_size(EC_LANES * sizeof(double)), may_alias));

EC_CLONES static void add_frames(const double *restrict work, const double *restrict table, double *restrict before,
                                 double *restrict sums, uint32_t n_frames, size_t n_padded)
{
    for (size_t channel = 0; channel < n_padded; channel += EC_LANES) {
        lanes re = *(const lanes *)(sums + channel), im = *(const lanes *)(sums + n_padded + channel);
        lanes x = *(const lanes *)(before + channel);

        for (uint32_t f = 0; f < n_frames; f++) {
            const lanes next = *(const lanes *)(work + f * n_padded + channel);
            const lanes step = next - x;

            re += table[2 * f] * step;
            im -= table[2 * f + 1] * step;
            x = next;
        }
        *(lanes *)(sums + channel) = re;
        *(lanes *)(sums + n_padded + channel) = im;
        *(lanes *)(before + channel) = x;
    }
}

uint32_t ec_mains_watch(ec_mains *m, const double *work, uint32_t n_frames)
{
    const uint32_t left = m->config.n_block - m->at;
    const uint32_t n = n_frames < left ? n_frames : left;

    if (n > 0 && !m->has_before) {
        memcpy(m->before, work, m->n_padded * sizeof(double));
        m->has_before = true;
    }
    add_frames(work, m->table + 2 * (size_t)m->at, m->before, m->sums, n, m->n_padded);
    m->at += n;
    return n;
}

/* Take the pair of this block and the last into the mean of every channel. */
static void add_pairs(ec_mains *m)
{
    const size_t n = m->n_padded;

    for (size_t c = 0; c < m->n_channels; c++) {
        const double re = m->sums[c], im = m->sums[n + c], last_re = m->last[c], last_im = m->last[n + c];
        const double power = 0.5 * (re * re + im * im) + 0.5 * (last_re * last_re + last_im * last_im);
        const double turn_re = re * last_re + im * last_im, turn_im = im * last_re - re * last_im;
        const double even = 1.0 / (double)(m->n_pairs[c] + 1);
        const double share = even > SHARE ? even : SHARE;

        if (!(power > 0.0) || power - power != 0.0) {        /* stands still, or is not finite: no evidence left */
            m->mean[c] = m->mean[n + c] = 0.0;
            m->n_pairs[c] = 0;
            continue;
        }
        m->mean[c] += share * ((turn_re * m->config.cos_block + turn_im * m->config.sin_block) / power - m->mean[c]);
        m->mean[n + c] +=
            share * ((turn_im * m->config.cos_block - turn_re * m->config.sin_block) / power - m->mean[n + c]);
        m->n_pairs[c] += m->n_pairs[c] < MOST_PAIRS;
    }
}

/* 8 times the arctangent of an eighth of the angle, whose tangent two halvings leave below 0.22: the first term left out
 * is 1e-11 of it. */
static double arctangent_of_half(double t)
{
    double x = t / (1.0 + sqrt(1.0 + t * t)), square;

    x = x / (1.0 + sqrt(1.0 + x * x));
    square = x * x;
    return 8.0 * x *
           (1.0 + square * (-1.0 / 3.0 + square * (1.0 / 5.0 + square * (-1.0 / 7.0 + square * (1.0 / 9.0 +
                                                  square * (-1.0 / 11.0 + square * (1.0 / 13.0)))))));
}

/* Add up the channels that show a line within the range; false if none does. */
static bool find_angle(ec_mains *m)
{
    const size_t n = m->n_padded;
    double sum_re = 0.0, sum_im = 0.0;
    bool any = false;

    for (size_t c = 0; c < m->n_channels; c++) {
        const double re = m->mean[c], im = m->mean[n + c], strength = re * re + im * im;
        const double half = m->config.limit * (sqrt(strength) + re);     /* |im| at the edge of the range */

        if (strength > STEADY && strength * m->n_pairs[c] > EVIDENCE && im <= half && -im <= half) {
            sum_re += re;
            sum_im += im;
            any = true;
        }
    }
    if (any) {
        m->angle = arctangent_of_half(sum_im / (sqrt(sum_re * sum_re + sum_im * sum_im) + sum_re));
    }
    return any;
}

/* Move section k to the cosine of (k + 1) times the frequency: T(k+1) = 2 c T(k) - T(k-1), Chebyshev. With
 * iirnotch's b = g (1, -2c, 1) and a = (1, -2 g c, 2g - 1) that is one number of a section, twice. */
void ec_mains_apply(const ec_mains *m, ec_sos *f)
{
    const double d = m->angle / (double)m->config.n_block, square = d * d;   /* below 0.06: Taylor to 1e-16 */
    const double cosine = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0));
    const double sine = d * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)));
    const double first = m->config.cos_hz * cosine - m->config.sin_hz * sine;
    double before = 1.0, now = first;

    for (uint32_t k = 0; k < f->n_sections; k++) {
        double *const row = f->coefs + 5 * (size_t)k;
        const double next = 2.0 * first * now - before;

        row[1] = row[3] = -2.0 * row[0] * now;
        before = now;
        now = next;
    }
}

bool ec_mains_tune(ec_mains *m, ec_sos *f)
{
    double *const older = m->last;
    bool moved = false;

    if (m->at < m->config.n_block) {
        return false;
    }
    if (m->has_last) {
        add_pairs(m);
        moved = find_angle(m);
    }
    m->last = m->sums;
    m->sums = older;
    m->has_last = true;
    begin_block(m);
    if (moved) {
        m->found = true;
        ec_mains_apply(m, f);
    }
    return moved;
}

bool ec_mains_take_over(ec_mains *m, const ec_mains *old)
{
    const size_t row = m->n_padded * sizeof(double);

    if (m->config.n_block != old->config.n_block || m->config.cos_hz != old->config.cos_hz ||
        m->config.limit != old->config.limit || m->n_channels != old->n_channels) {
        return false;
    }
    m->at = old->at;
    m->has_before = old->has_before;
    m->has_last = old->has_last;
    m->found = old->found;
    m->angle = old->angle;
    memcpy(m->before, old->before, row);
    memcpy(m->sums, old->sums, 2 * row);
    memcpy(m->last, old->last, 2 * row);
    memcpy(m->mean, old->mean, 2 * row);
    memcpy(m->n_pairs, old->n_pairs, m->n_channels * sizeof *m->n_pairs);
    return true;
}

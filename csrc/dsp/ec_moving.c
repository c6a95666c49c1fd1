#include "ec_moving.h"

#include <math.h>

#include "../base/ec_simd.h"

#define GROUP 8                           /* rows are padded to it */
#define AHEAD 64                          /* frames taken in at once */

int32_t ec_moving_init(ec_moving *m, uint32_t n_window, uint32_t n_channels)
{
    bool whole = true;

    memset(m, 0, sizeof *m);
    if (n_window < 2 || n_window > EC_MOVING_MAX_WINDOW || n_channels == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    m->n_window = n_window;
    m->n_part = n_window / 2;
    m->n_channels = n_channels;
    m->n_padded = (n_channels + GROUP - 1) / GROUP * GROUP;
    m->n_rows = 2 * m->n_part + 1 + AHEAD;
    m->rows = (float *)ec_new_doubles(((size_t)m->n_rows * m->n_padded + 1) / 2);
    for (uint32_t i = 0; i < EC_MOVING_STATS; i++) {
        ec_moving_stat *const s = &m->stat[i];

        s->begun = ec_new_doubles(m->n_padded);
        s->whole = ec_new_doubles(m->n_padded);
        s->ends = ec_new_doubles((size_t)m->n_part * m->n_padded);
        s->coming = ec_new_doubles((size_t)m->n_part * m->n_padded);
        whole = whole && s->begun != NULL && s->whole != NULL && s->ends != NULL && s->coming != NULL;
    }
    if (!whole || m->rows == NULL) {
        ec_moving_destroy(m);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_moving_destroy(ec_moving *m)
{
    for (uint32_t i = 0; i < EC_MOVING_STATS; i++) {
        free(m->stat[i].begun);
        free(m->stat[i].whole);
        free(m->stat[i].ends);
        free(m->stat[i].coming);
    }
    free(m->rows);
    memset(m, 0, sizeof *m);
}

static void begin_stat(ec_moving_stat *s, uint64_t position)
{
    s->begin = position;
    s->parts = 0;
    s->in_part = 0;
}

void ec_moving_restart(ec_moving *m)
{
    m->position = 0;
    for (uint32_t i = 0; i < EC_MOVING_STATS; i++) {
        begin_stat(&m->stat[i], 0);
    }
}

void ec_moving_want(ec_moving *m, uint32_t stat, bool wanted)
{
    if (wanted && !m->stat[stat].active) {
        begin_stat(&m->stat[stat], m->position);
    }
    m->stat[stat].active = wanted;
}

uint64_t ec_moving_seen(const ec_moving *m, uint32_t stat)
{
    return m->position - m->stat[stat].begin;
}

/* The lesser or greater of two; NaN if either is. */
static inline double lesser(double a, double b)  { return a < b || a != a ? a : b; }
static inline double greater(double a, double b) { return a > b || a != a ? a : b; }

/* to = x and what follows it; `with` NULL for x alone. */
EC_CLONES static void gather(uint32_t stat, double *to, const double *with, const float *x, uint32_t n_padded)
{
    if (with == NULL && stat == EC_MOVING_RMS) {
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = (double)x[c] * (double)x[c];
        }
    } else if (with == NULL) {
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = (double)x[c];
        }
    } else if (stat == EC_MOVING_MEAN) {
        EC_INDEPENDENT
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = with[c] + (double)x[c];
        }
    } else if (stat == EC_MOVING_RMS) {
        EC_INDEPENDENT
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = with[c] + (double)x[c] * (double)x[c];
        }
    } else if (stat == EC_MOVING_MIN) {
        EC_INDEPENDENT
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = lesser(with[c], (double)x[c]);
        }
    } else {
        EC_INDEPENDENT
        for (uint32_t c = 0; c < n_padded; c++) {
            to[c] = greater(with[c], (double)x[c]);
        }
    }
}

/* sum = sum and more, for one group of channels. */
static inline void join(uint32_t stat, double *restrict sum, const double *restrict more)
{
    for (uint32_t c = 0; c < GROUP; c++) {
        sum[c] = stat == EC_MOVING_MIN ? lesser(sum[c], more[c])
                 : stat == EC_MOVING_MAX ? greater(sum[c], more[c]) : sum[c] + more[c];
    }
}

/* The window that ends now: of `whole` and `ends` what is not NULL. */
EC_CLONES static void read_out(uint32_t stat, float *out, const double *begun, const double *whole, const double *ends,
                               double n, uint32_t n_channels)
{
    for (uint32_t c = 0; c < n_channels; c += GROUP) {
        const uint32_t lanes = n_channels - c < GROUP ? n_channels - c : GROUP;
        double sum[GROUP];

        memcpy(sum, begun + c, sizeof sum);
        if (whole != NULL) {
            join(stat, sum, whole + c);
        }
        if (ends != NULL) {
            join(stat, sum, ends + c);
        }
        for (uint32_t i = 0; i < lanes; i++) {
            const double v = stat == EC_MOVING_MEAN ? sum[i] / n : stat == EC_MOVING_RMS ? sqrt(sum[i] / n) : sum[i];
            out[c + i] = v == v ? (float)v : __builtin_nanf("");                 /* one NaN on every processor */
        }
    }
}

static float *row_of(const ec_moving *m, uint64_t position)
{
    return m->rows + (size_t)(position % m->n_rows) * m->n_padded;
}

/* One frame of one statistic: it lies at `position`. */
static void advance(ec_moving *m, uint32_t stat, uint64_t position)
{
    ec_moving_stat *const s = &m->stat[stat];
    const uint32_t i = s->in_part;

    gather(stat, s->begun, i > 0 ? s->begun : NULL, row_of(m, position), m->n_padded);
    if (s->parts > 0) {
        double *const end = s->coming + (size_t)(m->n_part - 1 - i) * m->n_padded;

        gather(stat, end, i > 0 ? end + m->n_padded : NULL, row_of(m, position - 2 * i - 1), m->n_padded);
    }
}

static void write_value(const ec_moving *m, uint32_t stat, uint64_t position, float *out)
{
    const ec_moving_stat *const s = &m->stat[stat];
    const uint64_t seen = position - s->begin + 1;
    /* the first frame of the window in the oldest part */
    const uint32_t first = s->in_part + 1 - m->n_window % 2;
    const double *const ends = s->parts > 1 && first < m->n_part ? s->ends + (size_t)first * m->n_padded : NULL;

    read_out(stat, out, s->begun, s->parts > 0 ? s->whole : NULL, ends,
             (double)(seen < m->n_window ? seen : m->n_window), m->n_channels);
}

static void close_part(const ec_moving *m, ec_moving_stat *s)
{
    double *const ends = s->coming;

    s->in_part++;
    if (s->in_part == m->n_part) {
        s->coming = s->ends;
        s->ends = ends;
        memcpy(s->whole, s->begun, m->n_padded * sizeof *s->whole);
        s->in_part = 0;
        s->parts++;
    }
}

/* Lay frames into the rows, before any statistic looks at them. */
static void take_in(ec_moving *m, const float *frames, uint32_t n)
{
    for (uint32_t f = 0; f < n; f++) {
        memcpy(row_of(m, m->position + f), frames + (size_t)f * m->n_channels, m->n_channels * sizeof *frames);
    }
}

uint32_t ec_moving_run(ec_moving *m, const float *frames, uint32_t n, uint64_t number, uint32_t hop,
                       float *const out[EC_MOVING_STATS])
{
    uint32_t made = 0, due = (uint32_t)((hop - number % hop) % hop);

    while (n > 0) {
        const uint32_t now = n < AHEAD ? n : AHEAD;
        const uint32_t values = now > due ? (now - due - 1) / hop + 1 : 0;

        take_in(m, frames, now);
        for (uint32_t stat = 0; stat < EC_MOVING_STATS; stat++) {
            uint32_t next = due, written = made;

            for (uint32_t f = 0; f < now && m->stat[stat].active; f++) {
                advance(m, stat, m->position + f);
                if (f == next) {
                    if (out[stat] != NULL) {
                        write_value(m, stat, m->position + f, out[stat] + (size_t)written * m->n_channels);
                    }
                    written++;
                    next += hop;
                }
                close_part(m, &m->stat[stat]);
            }
        }
        due = due + values * hop - now;
        made += values;
        m->position += now;
        frames += (size_t)now * m->n_channels;
        n -= now;
    }
    return made;
}

void ec_moving_take_over(ec_moving *m, const ec_moving *old)
{
    const uint64_t known = old->position < old->n_window ? old->position : old->n_window;
    const uint64_t n = known < m->n_window ? known : m->n_window;

    m->position = 0;
    for (uint32_t stat = 0; stat < EC_MOVING_STATS; stat++) {
        const uint64_t seen = ec_moving_seen(old, stat);

        m->stat[stat].active = old->stat[stat].active;
        begin_stat(&m->stat[stat], seen < n ? n - seen : 0);
    }
    for (uint64_t i = 0; i < n; i++) {
        memcpy(row_of(m, i), row_of(old, old->position - n + i), m->n_padded * sizeof *m->rows);
        for (uint32_t stat = 0; stat < EC_MOVING_STATS; stat++) {
            if (m->stat[stat].active && i >= m->stat[stat].begin) {
                advance(m, stat, i);
                close_part(m, &m->stat[stat]);
            }
        }
    }
    m->position = n;
}

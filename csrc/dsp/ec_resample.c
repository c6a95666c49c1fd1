#include "ec_resample.h"

#include "../base/ec_simd.h"

#define GROUP 8                           /* channels of one vector */

typedef double wide __attribute__((vector_size(GROUP * sizeof(double)), may_alias));
typedef float narrow __attribute__((vector_size(GROUP * sizeof(float)), may_alias));

static int32_t fill_taps(ec_resample *r, const double *h, uint32_t n_taps)
{
    for (uint32_t i = 0; i < n_taps; i++) {
        const uint32_t age = i / r->up;

        if (h[i] - h[i] != 0.0) {
            return EC_STATUS_BAD_ARGUMENT;
        }
        r->taps[(size_t)(i % r->up) * r->n_window + (r->n_window - 1 - age)] = h[i];
    }
    return EC_STATUS_OK;
}

int32_t ec_resample_init(ec_resample *r, uint32_t up, uint32_t down, const double *h, uint32_t n_taps,
                         uint32_t n_channels)
{
    int32_t status = EC_STATUS_NO_MEMORY;

    memset(r, 0, sizeof *r);
    if (up == 0 || up > EC_RESAMPLE_MAX_FACTOR || down == 0 || down > EC_RESAMPLE_MAX_FACTOR || n_taps == 0 ||
        n_taps > EC_RESAMPLE_MAX_TAPS || n_channels == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    r->up = up;
    r->down = down;
    r->n_window = (n_taps + up - 1) / up;
    r->n_channels = n_channels;
    r->n_padded = (n_channels + GROUP - 1) / GROUP * GROUP;
    /* moving the history to the front costs one row for every row that came */
    r->n_rows = 2 * r->n_window + 62;
    r->taps = ec_new_doubles((size_t)up * r->n_window);
    r->rows = (float *)ec_new_doubles((size_t)r->n_rows * r->n_padded / 2);
    if (r->taps != NULL && r->rows != NULL) {
        status = fill_taps(r, h, n_taps);
    }
    if (status < 0) {
        ec_resample_destroy(r);
        return status;
    }
    ec_resample_restart(r, 0);
    return EC_STATUS_OK;
}

void ec_resample_destroy(ec_resample *r)
{
    free(r->taps);
    free(r->rows);
    memset(r, 0, sizeof *r);
}

void ec_resample_restart(ec_resample *r, uint64_t next_in)
{
    r->at = r->n_window - 1;
    memset(r->rows, 0, (size_t)r->at * r->n_padded * sizeof *r->rows);
    r->next_in = next_in;
    r->next_out = next_in / r->down * r->up + (next_in % r->down * r->up + r->down - 1) / r->down;
}

/* Number of the newest input frame that output k needs. */
static uint64_t newest_of(const ec_resample *r, uint64_t k)
{
    return k / r->up * r->down + k % r->up * r->down / r->up;
}

uint32_t ec_resample_count(const ec_resample *r, uint32_t n)
{
    const uint64_t end = r->next_in + n;
    /* the first output at or behind input frame `end` */
    const uint64_t k = end / r->down * r->up + (end % r->down * r->up + r->down - 1) / r->down;

    return (uint32_t)(k - r->next_out);
}

/* One output of one group of channels: taps[n] over rows[n][stride]. */
EC_CLONES static void weigh(const double *restrict taps, const float *restrict rows, size_t stride, uint32_t n,
                            double *restrict out)
{
    wide sum0 = {0.0}, sum1 = {0.0}, sum2 = {0.0}, sum3 = {0.0};
    uint32_t t = 0;

    for (; t + 4 <= n; t += 4) {
        sum0 += __builtin_convertvector(*(const narrow *)rows, wide) * taps[t];
        sum1 += __builtin_convertvector(*(const narrow *)(rows + stride), wide) * taps[t + 1];
        sum2 += __builtin_convertvector(*(const narrow *)(rows + 2 * stride), wide) * taps[t + 2];
        sum3 += __builtin_convertvector(*(const narrow *)(rows + 3 * stride), wide) * taps[t + 3];
        rows += 4 * stride;
    }
    for (; t < n; t++) {
        sum0 += __builtin_convertvector(*(const narrow *)rows, wide) * taps[t];
        rows += stride;
    }
    *(wide *)out = (sum0 + sum1) + (sum2 + sum3);
}

static void round_out(float *restrict out, const double *restrict sums, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = sums[i] == sums[i] ? (float)sums[i] : __builtin_nanf("");       /* one NaN on every processor */
    }
}

/* The output whose newest frame is in row `newest`. */
static void make_output(const ec_resample *r, uint32_t newest, uint32_t phase, float *out)
{
    const double *const taps = r->taps + (size_t)phase * r->n_window;
    const float *const rows = r->rows + (size_t)(newest + 1 - r->n_window) * r->n_padded;

    for (uint32_t c = 0; c < r->n_channels; c += GROUP) {
        wide sums;

        weigh(taps, rows + c, r->n_padded, r->n_window, (double *)&sums);
        round_out(out + c, (const double *)&sums, r->n_channels - c < GROUP ? r->n_channels - c : GROUP);
    }
}

static void append(ec_resample *r, const float *frames, uint32_t n)
{
    float *row = r->rows + (size_t)r->at * r->n_padded;

    if (r->n_padded == r->n_channels) {
        memcpy(row, frames, (size_t)n * r->n_channels * sizeof *row);
    } else {
        for (uint32_t f = 0; f < n; f++, row += r->n_padded, frames += r->n_channels) {
            memcpy(row, frames, r->n_channels * sizeof *row);
        }
    }
    r->at += n;
}

uint32_t ec_resample_run(ec_resample *r, const float *frames, uint32_t n, float *out)
{
    const size_t row_bytes = (size_t)r->n_padded * sizeof *r->rows;
    uint32_t made = 0;

    while (n > 0) {
        uint32_t now, outputs;

        if (r->at == r->n_rows) {
            memmove(r->rows, r->rows + (size_t)(r->at - (r->n_window - 1)) * r->n_padded,
                    (r->n_window - 1) * row_bytes);
            r->at = r->n_window - 1;
        }
        now = n < r->n_rows - r->at ? n : r->n_rows - r->at;
        outputs = ec_resample_count(r, now);
        append(r, frames, now);
        r->next_in += now;
        for (uint32_t i = 0; i < outputs && out != NULL; i++) {
            const uint64_t k = r->next_out + i;
            const uint32_t before = (uint32_t)(r->next_in - newest_of(r, k));    /* 1: the frame that came last */

            make_output(r, r->at - before, (uint32_t)(k * r->down % r->up), out + (size_t)(made + i) * r->n_channels);
        }
        r->next_out += outputs;
        made += outputs;
        frames += (size_t)now * r->n_channels;
        n -= now;
    }
    return made;
}

int32_t ec_resample_take_over(ec_resample *r, const ec_resample *old)
{
    const size_t history = old->n_window - 1;

    if (r->up != old->up || r->down != old->down || r->n_window != old->n_window || r->n_channels != old->n_channels) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    memcpy(r->rows, old->rows + (size_t)(old->at - history) * old->n_padded,
           history * old->n_padded * sizeof *r->rows);
    r->at = (uint32_t)history;
    r->next_in = old->next_in;
    r->next_out = old->next_out;
    return EC_STATUS_OK;
}

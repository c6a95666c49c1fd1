#include "ec_bands.h"

#include <math.h>
#include <stdbool.h>

#include "../base/ec_simd.h"
#include "../base/ec_status.h"

static bool is_good(const ec_bands_piece *p, uint32_t n_bins, uint32_t n_rows)
{
    return p->row < n_rows && p->low >= 0.0 && p->low <= p->high && p->high <= (double)n_bins - 1.0 &&
           p->factor - p->factor == 0.0;
}

/* Bins first .. last that a piece has weights for. */
static void reach_of(const ec_bands_piece *p, uint32_t n_bins, uint32_t *first, uint32_t *last)
{
    *first = (uint32_t)p->low;
    *last = (uint32_t)p->high + 1;
    *last = *last < n_bins ? *last : n_bins - 1;
}

/* Between bins k and k + 1 the polygon is x[k] (1 - u) + x[k + 1] u; its integral over u0 .. u1 is
 * its value at their middle times their distance. */
static void add_piece(double *weights, uint32_t first, const ec_bands_piece *p, uint32_t n_bins)
{
    uint32_t from, last;

    reach_of(p, n_bins, &from, &last);
    for (uint32_t k = from; k < last; k++) {
        const double u0 = p->low > (double)k ? p->low - (double)k : 0.0;
        const double u1 = p->high < (double)k + 1.0 ? p->high - (double)k : 1.0;
        const double middle = 0.5 * (u0 + u1), width = (u1 - u0) * p->factor;
        weights[k - first] += width * (1.0 - middle);
        weights[k + 1 - first] += width * middle;
    }
}

/* Which bins each row needs, and where its weights lie; returns how many there are, 0 if a row has no piece. */
static size_t lay_out(ec_bands *b, const ec_bands_piece *pieces, uint32_t n_pieces)
{
    size_t n = 0;

    for (uint32_t row = 0; row < b->n_rows; row++) {
        uint32_t first = UINT32_MAX, last = 0;
        for (uint32_t i = 0; i < n_pieces; i++) {
            uint32_t from, to;
            if (pieces[i].row == row) {
                reach_of(&pieces[i], b->n_bins, &from, &to);
                first = from < first ? from : first;
                last = to > last ? to : last;
            }
        }
        if (first == UINT32_MAX) {
            return 0;
        }
        b->first[row] = first;
        b->count[row] = last - first + 1;
        b->offset[row] = n;
        n += b->count[row];
    }
    return n;
}

int32_t ec_bands_init(ec_bands *b, uint32_t n_bins, uint32_t n_channels, uint32_t n_rows, uint32_t finish,
                      const ec_bands_piece *pieces, uint32_t n_pieces)
{
    size_t n_weights;

    memset(b, 0, sizeof *b);
    if (n_bins < 2 || n_channels == 0 || n_channels > EC_BANDS_MAX_CHANNELS || n_rows == 0 ||
        n_rows > EC_BANDS_MAX_ROWS || finish > EC_BANDS_AMPLITUDE || (finish == EC_BANDS_SHARE && n_rows < 2)) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < n_pieces; i++) {
        if (!is_good(&pieces[i], n_bins, n_rows)) {
            return EC_STATUS_BAD_ARGUMENT;
        }
    }
    b->n_bins = n_bins;
    b->n_channels = n_channels;
    b->n_rows = n_rows;
    b->finish = finish;
    b->first = calloc(n_rows, sizeof *b->first);
    b->count = calloc(n_rows, sizeof *b->count);
    b->offset = calloc(n_rows, sizeof *b->offset);
    b->sums = ec_new_doubles((size_t)n_rows * n_channels);
    if (b->first == NULL || b->count == NULL || b->offset == NULL || b->sums == NULL) {
        ec_bands_destroy(b);
        return EC_STATUS_NO_MEMORY;
    }
    n_weights = lay_out(b, pieces, n_pieces);
    b->weights = n_weights > 0 ? ec_new_doubles(n_weights) : NULL;
    if (b->weights == NULL) {
        ec_bands_destroy(b);
        return n_weights > 0 ? EC_STATUS_NO_MEMORY : EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < n_pieces; i++) {
        const uint32_t row = pieces[i].row;
        add_piece(b->weights + b->offset[row], b->first[row], &pieces[i], n_bins);
    }
    return EC_STATUS_OK;
}

void ec_bands_destroy(ec_bands *b)
{
    free(b->first);
    free(b->count);
    free(b->offset);
    free(b->weights);
    free(b->sums);
    memset(b, 0, sizeof *b);
}

uint32_t ec_bands_rows(const ec_bands *b)
{
    return b->finish == EC_BANDS_SHARE ? b->n_rows - 1 : b->n_rows;
}

EC_CLONES static void add_bins(double *restrict sum, const double *restrict weights, const float *restrict bins,
                               uint32_t n_bins, uint32_t n_channels)
{
    for (uint32_t k = 0; k < n_bins; k++) {
        const double w = weights[k];
        for (uint32_t c = 0; c < n_channels; c++) {
            sum[c] += w * (double)bins[c];
        }
        bins += n_channels;
    }
}

static double finished(const ec_bands *b, double sum, double total)
{
    switch (b->finish) {
    case EC_BANDS_SHARE:
        return sum / total;
    case EC_BANDS_AMPLITUDE:
        return sqrt(sum < 0.0 ? 0.0 : 2.0 * sum);                        /* NaN stays */
    default:
        return sum;
    }
}

void ec_bands_run(ec_bands *b, const float *spectrum, float *out)
{
    const double *const total = b->sums + (size_t)(b->n_rows - 1) * b->n_channels;
    const uint32_t rows = ec_bands_rows(b);

    memset(b->sums, 0, (size_t)b->n_rows * b->n_channels * sizeof *b->sums);
    for (uint32_t row = 0; row < b->n_rows; row++) {
        add_bins(b->sums + (size_t)row * b->n_channels, b->weights + b->offset[row],
                 spectrum + (size_t)b->first[row] * b->n_channels, b->count[row], b->n_channels);
    }
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t c = 0; c < b->n_channels; c++) {
            const float v = (float)finished(b, b->sums[(size_t)row * b->n_channels + c], total[c]);
            out[(size_t)row * b->n_channels + c] = v == v ? v : __builtin_nanf("");
        }
    }
}

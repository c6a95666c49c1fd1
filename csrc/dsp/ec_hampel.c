#include "ec_hampel.h"

#include "../base/ec_simd.h"

#define GROUP 8                           /* channels of one vector */
#define INF   __builtin_inff()

typedef float row8 __attribute__((vector_size(GROUP * sizeof(float)), may_alias));
typedef int32_t mask8 __attribute__((vector_size(GROUP * sizeof(int32_t))));
typedef double wide8 __attribute__((vector_size(GROUP * sizeof(double)), may_alias));
typedef int64_t wide_mask8 __attribute__((vector_size(GROUP * sizeof(int64_t))));

/* a where the mask is all ones, b where it is 0. */
#define CHOOSE(mask, a, b, type, mask_type) ((type)(((mask) & (mask_type)(a)) | (~(mask) & (mask_type)(b))))

int32_t ec_hampel_init(ec_hampel *h, uint32_t n_window, double limit, uint32_t n_channels)
{
    memset(h, 0, sizeof *h);
    if (n_window < 3 || n_window > EC_HAMPEL_MAX_FRAMES || n_window % 2 == 0 || !(limit > 0.0) ||
        limit - limit != 0.0 || n_channels == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    h->n_window = n_window;
    h->half = n_window / 2;
    h->limit = limit;
    h->n_channels = n_channels;
    h->n_padded = (n_channels + GROUP - 1) / GROUP * GROUP;
    h->rows = (float *)ec_new_doubles((size_t)EC_HAMPEL_ROWS * h->n_padded / 2);
    h->sorted = (float *)ec_new_doubles((size_t)(n_window + 1) * h->n_padded / 2);
    h->n_nan = (int32_t *)ec_new_doubles(h->n_padded / 2);
    if (h->rows == NULL || h->sorted == NULL || h->n_nan == NULL) {
        ec_hampel_destroy(h);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_hampel_destroy(ec_hampel *h)
{
    free(h->rows);
    free(h->sorted);
    free(h->n_nan);
    memset(h, 0, sizeof *h);
}

void ec_hampel_restart(ec_hampel *h)
{
    h->begun = false;
    h->position = 0;
}

static float *row_of(const ec_hampel *h, uint64_t position)
{
    return h->rows + (size_t)(position % EC_HAMPEL_ROWS) * h->n_padded;
}

/* NaN has no place in an order: it stands at the end until it leaves, and the window is not used meanwhile. */
static inline float placed(float x)
{
    return x == x ? x : INF;
}

/* The window is full of one frame. */
static void fill_sorted(ec_hampel *h, const float *row)
{
    for (uint32_t c = 0; c < h->n_padded; c++) {
        float *const s = h->sorted + (size_t)(c / GROUP) * (h->n_window + 1) * GROUP + c % GROUP;

        for (uint32_t i = 0; i < h->n_window; i++) {
            s[i * GROUP] = placed(row[c]);
        }
        s[h->n_window * GROUP] = INF;
        h->n_nan[c] = row[c] == row[c] ? 0 : (int32_t)h->n_window;
    }
}

/* s[n + 1][GROUP], sorted for every lane: take `gone` out and put `come` in.
 * Without `gone` the window is d[i] = s[i] below it and s[i + 1] from it on; with
 * `come` it is max(d[i - 1], min(d[i], come)). */
EC_CLONES static void exchange(float *s, const float *gone_row, const float *come_row, uint32_t n)
{
    const row8 ends = {INF, INF, INF, INF, INF, INF, INF, INF};
    row8 gone = *(const row8 *)gone_row, come = *(const row8 *)come_row, before = -ends, here = *(const row8 *)s;

    gone = CHOOSE(gone == gone, gone, ends, row8, mask8);              /* as placed() */
    come = CHOOSE(come == come, come, ends, row8, mask8);
    for (uint32_t i = 0; i < n; i++, s += GROUP) {
        const row8 next = *(const row8 *)(s + GROUP);
        const row8 kept = CHOOSE(here < gone, here, next, row8, mask8);
        const row8 low = CHOOSE(kept < come, kept, come, row8, mask8);

        *(row8 *)s = CHOOSE(before > low, before, low, row8, mask8);
        before = kept;
        here = next;
    }
}

/* limit * S of every lane, and the median. */
EC_CLONES static void spread(const float *s, uint32_t half, double limit, double *median, double *bound)
{
    const wide8 m = __builtin_convertvector(*(const row8 *)(s + (size_t)half * GROUP), wide8);
    wide8 best = {INF, INF, INF, INF, INF, INF, INF, INF};

    for (uint32_t p = 0; p <= half; p++, s += GROUP) {
        const wide8 below = m - __builtin_convertvector(*(const row8 *)s, wide8);
        const wide8 above = __builtin_convertvector(*(const row8 *)(s + (size_t)half * GROUP), wide8) - m;
        const wide8 wider = CHOOSE(below > above, below, above, wide8, wide_mask8);

        best = CHOOSE(wider < best, wider, best, wide8, wide_mask8);
    }
    *(wide8 *)median = m;
    *(wide8 *)bound = limit * best;
}

/* One group of channels of one output frame; returns how many samples were replaced. */
static uint32_t judge(const ec_hampel *h, uint32_t c, const float *middle, float *out)
{
    const float *const s = h->sorted + (size_t)c * (h->n_window + 1);
    const uint32_t lanes = h->n_channels - c < GROUP ? h->n_channels - c : GROUP;
    _Alignas(64) double median[GROUP], bound[GROUP];
    uint32_t replaced = 0;

    spread(s, h->half, h->limit, median, bound);
    for (uint32_t lane = 0; lane < lanes; lane++) {
        const double x = (double)middle[lane];
        const double off = x > median[lane] ? x - median[lane] : median[lane] - x;
        const bool outlier = h->n_nan[c + lane] == 0 && off > bound[lane];

        out[lane] = outlier ? (float)median[lane] : x == x ? middle[lane] : __builtin_nanf("");
        replaced += outlier;
    }
    return replaced;
}

/* Let the window have one frame more and one less. */
static void slide(ec_hampel *h, const float *come, const float *gone)
{
    for (uint32_t c = 0; c < h->n_padded; c++) {
        h->n_nan[c] += (come[c] != come[c]) - (gone[c] != gone[c]);
    }
    for (uint32_t c = 0; c < h->n_padded; c += GROUP) {
        exchange(h->sorted + (size_t)c * (h->n_window + 1), gone + c, come + c, h->n_window);
    }
}

/* The first frame stands for all before it. */
static void begin(ec_hampel *h, const float *frame)
{
    for (uint32_t i = 0; i < EC_HAMPEL_ROWS; i++) {
        memcpy(h->rows + (size_t)i * h->n_padded, frame, h->n_channels * sizeof *frame);
    }
    fill_sorted(h, h->rows);
    h->position = EC_HAMPEL_ROWS;
    h->begun = true;
}

void ec_hampel_run(ec_hampel *h, const float *frames, uint32_t n, float *out)
{
    uint64_t replaced = 0;

    if (n > 0 && !h->begun) {
        begin(h, frames);
    }
    for (uint32_t f = 0; f < n; f++, frames += h->n_channels) {
        memcpy(row_of(h, h->position), frames, h->n_channels * sizeof *frames);
        slide(h, row_of(h, h->position), row_of(h, h->position - h->n_window));
        if (out != NULL) {
            for (uint32_t c = 0; c < h->n_channels; c += GROUP) {
                replaced += judge(h, c, row_of(h, h->position - h->half) + c, out + (size_t)f * h->n_channels + c);
            }
        }
        h->position++;
    }
    ec_counter_add(&h->replaced, replaced);
}

void ec_hampel_take_over(ec_hampel *h, ec_hampel *old)
{
    const uint64_t first = old->position - h->n_window;

    h->begun = old->begun;
    h->position = old->position;
    ec_counter_set(&h->replaced, ec_counter_get(&old->replaced));
    if (!old->begun) {
        return;
    }
    memcpy(h->rows, old->rows, (size_t)EC_HAMPEL_ROWS * h->n_padded * sizeof *h->rows);
    fill_sorted(h, row_of(h, first));
    for (uint64_t position = first + 1; position < h->position; position++) {
        slide(h, row_of(h, position), row_of(h, first));     /* copies of the first make room for the others */
    }
}

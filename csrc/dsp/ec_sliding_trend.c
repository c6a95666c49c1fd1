#include "ec_sliding_trend.h"

#include <stdbool.h>

#include "../base/ec_simd.h"

#define AT_ONCE 32                        /* frames: the work rows of a cascade */

int32_t ec_sliding_trend_init(ec_sliding_trend *d, uint32_t n_window, uint32_t linear, uint32_t n_channels)
{
    memset(d, 0, sizeof *d);
    if (n_window == 0 || n_window > EC_SLIDING_TREND_MAX_FRAMES || n_channels == 0 || n_channels > EC_SOS_MAX_CHANNELS ||
        (uint64_t)n_window * ec_padded(n_channels) > EC_SLIDING_TREND_MAX_DOUBLES) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    d->n_window = n_window;
    d->n_padded = ec_padded(n_channels);
    d->linear = linear;
    d->simd = ec_simd_level();
    d->window = ec_new_doubles((size_t)n_window * d->n_padded);
    d->anchor = ec_new_doubles(d->n_padded);
    d->newest = ec_new_doubles(d->n_padded);
    d->sum = ec_new_doubles(d->n_padded);
    d->moment = ec_new_doubles(d->n_padded);
    d->own_sum = ec_new_doubles(d->n_padded);
    d->own_moment = ec_new_doubles(d->n_padded);
    if (d->window == NULL || d->anchor == NULL || d->newest == NULL || d->sum == NULL || d->moment == NULL ||
        d->own_sum == NULL || d->own_moment == NULL) {
        ec_sliding_trend_destroy(d);
        return EC_STATUS_NO_MEMORY;
    }
    ec_sliding_trend_gap(d);
    return EC_STATUS_OK;
}

void ec_sliding_trend_destroy(ec_sliding_trend *d)
{
    free(d->window);
    free(d->anchor);
    free(d->newest);
    free(d->sum);
    free(d->moment);
    free(d->own_sum);
    free(d->own_moment);
    memset(d, 0, sizeof *d);
}

static void clear_sums(ec_sliding_trend *d)
{
    const size_t n_bytes = d->n_padded * sizeof(double);

    memset(d->sum, 0, n_bytes);
    memset(d->moment, 0, n_bytes);
    memset(d->own_sum, 0, n_bytes);
    memset(d->own_moment, 0, n_bytes);
    d->n_held = d->at = d->n_stretch = 0;
}

void ec_sliding_trend_gap(ec_sliding_trend *d)
{
    clear_sums(d);
    memset(d->newest, 0, d->n_padded * sizeof(double));
    for (uint32_t c = 0; c < d->n_padded; c++) {
        d->anchor[c] = __builtin_nan("");
    }
}

/* What the trend weighs S and K with, m samples in the window. */
static void weigh(const ec_sliding_trend *d, uint32_t n_held, double *of_sum, double *of_moment)
{
    const double m = (double)n_held;

    *of_sum = d->linear ? 2.0 * (2.0 * m - 1.0) / (m * (m + 1.0)) : 1.0 / m;
    *of_moment = 6.0 / (m * (m + 1.0));
}

/* Frames that can be taken as one: the row of the window, its fill and the stretch only count up. */
static uint32_t at_once(const ec_sliding_trend *d, uint32_t n_frames)
{
    uint32_t n = n_frames < AT_ONCE ? n_frames : AT_ONCE;

    n = n < d->n_window - d->at ? n : d->n_window - d->at;
    n = n < d->n_window - d->n_stretch ? n : d->n_window - d->n_stretch;
    return d->n_held < d->n_window && n > d->n_window - d->n_held ? d->n_window - d->n_held : n;
}

typedef void slide_all(ec_sliding_trend *d, double *work, uint32_t n_frames, const double *of_sum,
                       const double *of_moment);

#define EC_WIDTH 2
#define EC_TARGET
#include "ec_sliding_trend_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#if defined(EC_SIMD_X86)
#define EC_WIDTH 4
#define EC_TARGET EC_TARGET_AVX2
#include "ec_sliding_trend_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#define EC_WIDTH 8
#define EC_TARGET EC_TARGET_AVX512
#include "ec_sliding_trend_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

static slide_all *const SLIDES[] = {slide_all2, slide_all4, slide_all8};
#else
static slide_all *const SLIDES[] = {slide_all2, slide_all2, slide_all2};
#endif

/* Count the frames that were taken; a stretch that is complete is the window. */
static void count(ec_sliding_trend *d, uint32_t n_frames)
{
    const size_t n_bytes = d->n_padded * sizeof(double);

    d->at = d->at + n_frames == d->n_window ? 0 : d->at + n_frames;
    d->n_held += d->n_held < d->n_window ? n_frames : 0;
    d->n_stretch += n_frames;
    if (d->n_stretch == d->n_window) {
        memcpy(d->sum, d->own_sum, n_bytes);
        memcpy(d->moment, d->own_moment, n_bytes);
        memset(d->own_sum, 0, n_bytes);
        memset(d->own_moment, 0, n_bytes);
        d->n_stretch = 0;
    }
}

void ec_sliding_trend_run(ec_sliding_trend *d, double *work, uint32_t n_frames)
{
    double of_sum[AT_ONCE], of_moment[AT_ONCE];

    while (n_frames > 0) {
        const uint32_t n = at_once(d, n_frames);
        const bool full = d->n_held == d->n_window;

        weigh(d, full ? d->n_window : d->n_held + 1, &of_sum[0], &of_moment[0]);
        for (uint32_t f = 1; f < n; f++) {
            if (full) {
                of_sum[f] = of_sum[0];
                of_moment[f] = of_moment[0];
            } else {
                weigh(d, d->n_held + 1 + f, &of_sum[f], &of_moment[f]);
            }
        }
        SLIDES[d->simd](d, work, n, of_sum, of_moment);
        count(d, n);
        work += (size_t)n * d->n_padded;
        n_frames -= n;
    }
}

/* Row of the window that is `age` frames older than the newest. */
static const double *row_of(const ec_sliding_trend *d, uint32_t age)
{
    const uint32_t back = age + 1;

    return d->window + (size_t)(d->at >= back ? d->at - back : d->at + d->n_window - back) * d->n_padded;
}

EC_CLONES void ec_sliding_trend_take_over(ec_sliding_trend *d, const ec_sliding_trend *old)
{
    const size_t n_padded = d->n_padded, n_bytes = n_padded * sizeof(double);
    const uint32_t most = EC_SLIDING_TREND_MAX_CARRIED / d->n_padded;
    uint32_t n = old->n_held < d->n_window ? old->n_held : d->n_window;

    clear_sums(d);
    memcpy(d->anchor, old->anchor, n_bytes);
    memcpy(d->newest, old->newest, n_bytes);
    n = n < most ? n : most;
    for (uint32_t age = n; age-- > 0;) {
        const double *const row = row_of(old, age);

        memcpy(d->window + (size_t)d->at * n_padded, row, n_bytes);
        EC_INDEPENDENT
        for (size_t c = 0; c < n_padded; c++) {
            d->own_moment[c] += d->own_sum[c];
            d->own_sum[c] += row[c];
        }
        if (age == 0) {
            memcpy(d->sum, d->own_sum, n_bytes);
            memcpy(d->moment, d->own_moment, n_bytes);
        }
        count(d, 1);
    }
    if (old->n_window == d->n_window && old->linear == d->linear && n == old->n_held) {
        /* the very same window goes on, bit for bit */
        memcpy(d->sum, old->sum, n_bytes);
        memcpy(d->moment, old->moment, n_bytes);
        memcpy(d->own_sum, old->own_sum, n_bytes);
        memcpy(d->own_moment, old->own_moment, n_bytes);
        d->n_stretch = old->n_stretch;
    }
}

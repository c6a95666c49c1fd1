#include "ec_sliding_trend.h"

#include "../base/ec_simd.h"
#include "ec_lanes.h"

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
    d->window = ec_new_doubles((size_t)n_window * d->n_padded);
    d->anchor = ec_new_doubles(d->n_padded);
    d->newest = ec_new_doubles(d->n_padded);
    d->sum = ec_new_doubles(d->n_padded);
    d->moment = ec_new_doubles(d->n_padded);
    d->own_sum = ec_new_doubles(d->n_padded);
    d->own_moment = ec_new_doubles(d->n_padded);
    d->nothing = ec_new_doubles(d->n_padded);
    if (d->window == NULL || d->anchor == NULL || d->newest == NULL || d->sum == NULL || d->moment == NULL ||
        d->own_sum == NULL || d->own_moment == NULL || d->nothing == NULL) {
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
    free(d->nothing);
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

/* x becomes the distance from the anchor, `newest` the same with what is bad replaced. */
static inline __attribute__((always_inline))
void anchor_frame(double *restrict x, double *restrict anchor, double *restrict newest, uint32_t n)
{
    for (uint32_t c = 0; c < n; c += EC_LANES) {
        const ec_lanes now = EC_LANES_OF(x + c), before = EC_LANES_OF(anchor + c);
        const ec_lane_bits is_good = EC_IS_FINITE(now);
        const ec_lanes from = EC_CHOOSE(is_good & (before != before), now, before);
        const ec_lanes distance = now - from;

        EC_LANES_AT(newest + c) = EC_CHOOSE(is_good, distance, EC_LANES_OF(newest + c));
        EC_LANES_AT(anchor + c) = from;
        EC_LANES_AT(x + c) = distance;
    }
}

/* Let one frame into the sums and the oldest out of them: every other sample of the
 * window grows one frame older, which adds S to K. */
static inline __attribute__((always_inline))
void slide(const double *restrict newest, const double *restrict oldest, double *restrict sum,
           double *restrict moment, double *restrict own_sum, double *restrict own_moment, double n_window, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++) {
        moment[c] += sum[c] - n_window * oldest[c];
        sum[c] += newest[c] - oldest[c];
        own_moment[c] += own_sum[c];
        own_sum[c] += newest[c];
    }
}

/* The window now ends with d->newest. */
static inline __attribute__((always_inline)) void take_in(ec_sliding_trend *d)
{
    const uint32_t n = d->n_padded;
    double *const row = d->window + (size_t)d->at * n;

    slide(d->newest, d->n_held == d->n_window ? row : d->nothing, d->sum, d->moment, d->own_sum, d->own_moment,
          (double)d->n_window, n);
    memcpy(row, d->newest, n * sizeof *row);
    d->at = d->at + 1 == d->n_window ? 0 : d->at + 1;
    d->n_held += d->n_held < d->n_window;
    if (++d->n_stretch == d->n_window) {
        memcpy(d->sum, d->own_sum, n * sizeof *row);
        memcpy(d->moment, d->own_moment, n * sizeof *row);
        memset(d->own_sum, 0, n * sizeof *row);
        memset(d->own_moment, 0, n * sizeof *row);
        d->n_stretch = 0;
    }
}

EC_CLONES void ec_sliding_trend_run(ec_sliding_trend *d, double *work, uint32_t n_frames)
{
    const uint32_t n = d->n_padded;

    for (uint32_t f = 0; f < n_frames; f++, work += n) {
        anchor_frame(work, d->anchor, d->newest, n);
        take_in(d);

        const double m = (double)d->n_held;
        const double of_sum = d->linear ? 2.0 * (2.0 * m - 1.0) / (m * (m + 1.0)) : 1.0 / m;
        const double of_moment = d->linear ? 6.0 / (m * (m + 1.0)) : 0.0;
        const double *const sum = d->sum, *const moment = d->moment;

        EC_INDEPENDENT
        for (uint32_t c = 0; c < n; c++) {
            work[c] -= of_sum * sum[c] - of_moment * moment[c];
        }
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
    const size_t n_bytes = d->n_padded * sizeof(double);
    const uint32_t most = EC_SLIDING_TREND_MAX_CARRIED / d->n_padded;
    uint32_t n = old->n_held < d->n_window ? old->n_held : d->n_window;

    memcpy(d->anchor, old->anchor, n_bytes);
    clear_sums(d);
    n = n < most ? n : most;
    for (uint32_t age = n; age-- > 0;) {
        memcpy(d->newest, row_of(old, age), n_bytes);
        take_in(d);
    }
    memcpy(d->newest, old->newest, n_bytes);
    if (old->n_window == d->n_window && n == old->n_held) {    /* the very same window goes on bit for bit */
        memcpy(d->sum, old->sum, n_bytes);
        memcpy(d->moment, old->moment, n_bytes);
        memcpy(d->own_sum, old->own_sum, n_bytes);
        memcpy(d->own_moment, old->own_moment, n_bytes);
        d->n_stretch = old->n_stretch;
    }
}

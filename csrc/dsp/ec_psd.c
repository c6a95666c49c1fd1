#include "ec_psd.h"

#include "../base/ec_simd.h"

#define GROUP 8                           /* channels of one FFT */

int32_t ec_detrend_number(const char *name)
{
    static const char *const NAMES[] = {"none", "constant", "linear"};

    for (int32_t i = 0; i < 3; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            return i;
        }
    }
    return -1;
}

int32_t ec_psd_init(ec_psd *p, const ec_psd_config *config)
{
    const uint32_t n = config->n, n_channels = config->n_channels;
    double sum = 0.0, power = 0.0;
    int32_t status;

    memset(p, 0, sizeof *p);
    if (n == 0 || n > EC_CFFT_MAX_LENGTH || n_channels == 0 || !(config->sps > 0.0) ||
        config->sps - config->sps != 0.0 || config->detrend > EC_DETREND_LINEAR || config->n_bins > n / 2 + 1 ||
        config->bin_from > n / 2 + 1 - config->n_bins) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    p->config = *config;
    status = ec_rfft_init(&p->fft, n);
    if (status < 0) {
        memset(p, 0, sizeof *p);
        return status;
    }
    p->window = ec_new_doubles(n);
    p->scale = ec_new_doubles(config->n_bins);
    p->scratch = ec_new_doubles(ec_rfft_scratch_doubles(&p->fft, n_channels < GROUP ? n_channels : GROUP));
    status = p->window == NULL || p->scale == NULL || p->scratch == NULL
                 ? EC_STATUS_NO_MEMORY
                 : ec_window_fill(p->window, n, config->window, config->beta);
    if (status < 0) {
        ec_psd_destroy(p);
        return status;
    }
    for (uint32_t t = 0; t < n; t++) {
        sum += p->window[t];
        power += p->window[t] * p->window[t];
    }
    for (uint32_t i = 0; i < config->n_bins; i++) {
        const uint32_t k = config->bin_from + i;
        const int has_twin = k != 0 && 2 * k != n;
        p->scale[i] = (has_twin ? 2.0 : 1.0) / (config->is_spectrum ? sum * sum : config->sps * power);
    }
    return EC_STATUS_OK;
}

void ec_psd_destroy(ec_psd *p)
{
    ec_rfft_destroy(&p->fft);
    free(p->window);
    free(p->scale);
    free(p->scratch);
    memset(p, 0, sizeof *p);
}

/* sum[lane] += the lanes of every frame. Four partial sums, always the same
 * frames in each: an order that is fixed, and four additions in flight. */
EC_CLONES static void add_frames(double *restrict sum, const float *restrict frames, uint32_t n_frames,
                                 uint32_t first, size_t stride, uint32_t n_lanes)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        double *const part = sum + (first + f) % 4 * GROUP;
        if (n_lanes == GROUP) {
            for (uint32_t lane = 0; lane < GROUP; lane++) {
                part[lane] += (double)frames[lane];
            }
        } else {
            for (uint32_t lane = 0; lane < n_lanes; lane++) {
                part[lane] += (double)frames[lane];
            }
        }
        frames += stride;
    }
}

/* moment[lane] += t value, t from the middle of the window: what a slope is made of. Same order as above. */
EC_CLONES static void add_moments(double *restrict moment, const float *restrict frames, uint32_t n_frames,
                                  uint32_t first, double middle, size_t stride, uint32_t n_lanes)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        double *const part = moment + (first + f) % 4 * GROUP;
        const double t = (double)(first + f) - middle;
        for (uint32_t lane = 0; lane < n_lanes; lane++) {
            part[lane] += t * (double)frames[lane];
        }
        frames += stride;
    }
}

static void join(double *parts, double divisor)
{
    for (uint32_t lane = 0; lane < GROUP; lane++) {
        parts[lane] = ((parts[lane] + parts[GROUP + lane]) + (parts[2 * GROUP + lane] + parts[3 * GROUP + lane])) /
                      divisor;
    }
}

/* Where frame t of a group goes: rows of even and of odd t. */
typedef struct rows {
    double   *even, *odd;
    ptrdiff_t step;                       /* from a row to the next of the same kind */
} rows;

static rows rows_of(const ec_psd *p, uint32_t n_lanes)
{
    rows r;

    r.even = ec_rfft_place(&p->fft, p->scratch, n_lanes, 0);
    r.odd = ec_rfft_place(&p->fft, p->scratch, n_lanes, 1);
    r.step = ec_rfft_place(&p->fft, p->scratch, n_lanes, 2) - r.even;
    return r;
}

/* Frames first .. first + n_frames - 1 of the window: (value - mean) * w. */
EC_CLONES static void load_frames(rows to, const double *restrict window, const double *restrict mean,
                                  const float *restrict frames, uint32_t n_frames, uint32_t first, size_t stride,
                                  uint32_t n_lanes)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        const uint32_t t = first + f;
        const double w = window[t];
        double *restrict const row = (t % 2 == 0 ? to.even : to.odd) + (ptrdiff_t)(t / 2) * to.step;
        if (n_lanes == GROUP) {
            for (uint32_t lane = 0; lane < GROUP; lane++) {
                row[lane] = ((double)frames[lane] - mean[lane]) * w;
            }
        } else {
            for (uint32_t lane = 0; lane < n_lanes; lane++) {
                row[lane] = ((double)frames[lane] - mean[lane]) * w;
            }
        }
        frames += stride;
    }
}

/* Take a straight line off what load_frames stored: slope (t - middle) w. */
EC_CLONES static void remove_slope(rows to, const double *restrict window, const double *restrict slope,
                                   uint32_t n_frames, double middle, uint32_t n_lanes)
{
    for (uint32_t t = 0; t < n_frames; t++) {
        const double run = ((double)t - middle) * window[t];
        double *restrict const row = (t % 2 == 0 ? to.even : to.odd) + (ptrdiff_t)(t / 2) * to.step;
        for (uint32_t lane = 0; lane < n_lanes; lane++) {
            row[lane] -= slope[lane] * run;
        }
    }
}

EC_CLONES static void store_bins(double *restrict out, const double *restrict re, const double *restrict im,
                                 const double *restrict scale, uint32_t n_bins, size_t stride, uint32_t n_lanes)
{
    for (uint32_t k = 0; k < n_bins; k++) {
        for (uint32_t lane = 0; lane < n_lanes; lane++) {
            out[lane] = (re[lane] * re[lane] + im[lane] * im[lane]) * scale[k];
        }
        re += n_lanes;
        im += n_lanes;
        out += stride;
    }
}

void ec_psd_run(ec_psd *p, const float *part1, uint32_t n1, const float *part2, uint32_t n2, double *out)
{
    const size_t stride = p->config.n_channels;
    const double n = (double)p->config.n, middle = 0.5 * (n - 1.0);

    for (uint32_t c = 0; c < p->config.n_channels; c += GROUP) {
        const uint32_t n_lanes = p->config.n_channels - c < GROUP ? p->config.n_channels - c : GROUP;
        const rows to = rows_of(p, n_lanes);
        double mean[4 * GROUP] = {0.0}, slope[4 * GROUP] = {0.0};
        const double *re, *im;
        size_t from;

        if (p->config.detrend != EC_DETREND_NONE) {
            if (n1 > 0) {
                add_frames(mean, part1 + c, n1, 0, stride, n_lanes);
            }
            if (n2 > 0) {
                add_frames(mean, part2 + c, n2, n1, stride, n_lanes);
            }
            join(mean, n);
        }
        if (n1 > 0) {
            load_frames(to, p->window, mean, part1 + c, n1, 0, stride, n_lanes);
        }
        if (n2 > 0) {
            load_frames(to, p->window, mean, part2 + c, n2, n1, stride, n_lanes);
        }
        if (p->config.detrend == EC_DETREND_LINEAR && p->config.n > 1) {
            if (n1 > 0) {
                add_moments(slope, part1 + c, n1, 0, middle, stride, n_lanes);
            }
            if (n2 > 0) {
                add_moments(slope, part2 + c, n2, n1, middle, stride, n_lanes);
            }
            join(slope, n * (n * n - 1.0) / 12.0);                       /* sum of (t - middle)^2 */
            remove_slope(to, p->window, slope, p->config.n, middle, n_lanes);
        }
        ec_rfft_run_lanes(&p->fft, p->scratch, n_lanes, &re, &im);
        from = (size_t)p->config.bin_from * n_lanes;
        store_bins(out + c, re + from, im + from, p->scale, p->config.n_bins, stride, n_lanes);
    }
}

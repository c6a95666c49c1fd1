#include "ec_psd.h"

#include "../base/ec_simd.h"
#include "../base/ec_trig.h"

#define GROUP 8                           /* channels of one FFT */

static int32_t number_of(const char *name, const char *const *names, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

int32_t ec_window_number(const char *name)
{
    static const char *const NAMES[] = {"hann", "hamming", "blackman", "rectangular"};
    return number_of(name, NAMES, 4);
}

int32_t ec_detrend_number(const char *name)
{
    static const char *const NAMES[] = {"none", "constant"};
    return number_of(name, NAMES, 2);
}

int32_t ec_window_fill(double *w, uint32_t n, uint32_t window)
{
    /* w[t] = a0 - a1 cos(2 pi t / n) + a2 cos(4 pi t / n) */
    static const double COSINES[][3] = {{0.5, 0.5, 0.0}, {0.54, 0.46, 0.0}, {0.42, 0.5, 0.08}, {1.0, 0.0, 0.0}};

    if (n == 0 || window > EC_WINDOW_RECTANGULAR) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t t = 0; t < n; t++) {
        const double *const a = COSINES[window];
        double s, c1, c2;
        ec_sincos_turns((double)t / (double)n, &s, &c1);
        ec_sincos_turns(2.0 * ((double)t / (double)n), &s, &c2);
        w[t] = n == 1 ? 1.0 : a[0] - a[1] * c1 + a[2] * c2;
    }
    return EC_STATUS_OK;
}

int32_t ec_psd_init(ec_psd *p, uint32_t n, double sps, uint32_t window, uint32_t detrend, uint32_t n_channels,
                    uint32_t bin_from, uint32_t n_bins)
{
    double power = 0.0;
    int32_t status;

    memset(p, 0, sizeof *p);
    if (n == 0 || n > EC_CFFT_MAX_LENGTH || n_channels == 0 || !(sps > 0.0) || sps - sps != 0.0 ||
        window > EC_WINDOW_RECTANGULAR || detrend > EC_DETREND_CONSTANT || n_bins > n / 2 + 1 ||
        bin_from > n / 2 + 1 - n_bins) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    p->n = n;
    p->n_channels = n_channels;
    p->bin_from = bin_from;
    p->n_bins = n_bins;
    p->detrend = detrend;
    status = ec_rfft_init(&p->fft, n);
    if (status < 0) {
        return status;
    }
    p->window = ec_new_doubles(n);
    p->scale = ec_new_doubles(n_bins);
    p->scratch = ec_new_doubles(ec_rfft_scratch_doubles(&p->fft, n_channels < GROUP ? n_channels : GROUP));
    if (p->window == NULL || p->scale == NULL || p->scratch == NULL) {
        ec_psd_destroy(p);
        return EC_STATUS_NO_MEMORY;
    }
    ec_window_fill(p->window, n, window);
    for (uint32_t t = 0; t < n; t++) {
        power += p->window[t] * p->window[t];
    }
    for (uint32_t i = 0; i < n_bins; i++) {
        const uint32_t k = bin_from + i;
        const int has_twin = k != 0 && 2 * k != n;
        p->scale[i] = (has_twin ? 2.0 : 1.0) / (sps * power);
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

EC_CLONES static void store_bins(float *restrict out, const double *restrict re, const double *restrict im,
                                 const double *restrict scale, uint32_t n_bins, size_t stride, uint32_t n_lanes)
{
    for (uint32_t k = 0; k < n_bins; k++) {
        for (uint32_t lane = 0; lane < n_lanes; lane++) {
            const float v = (float)((re[lane] * re[lane] + im[lane] * im[lane]) * scale[k]);
            out[lane] = v == v ? v : __builtin_nanf("");                 /* one NaN on every processor */
        }
        re += n_lanes;
        im += n_lanes;
        out += stride;
    }
}

void ec_psd_run_parts(ec_psd *p, const float *part1, uint32_t n1, const float *part2, uint32_t n2, float *out)
{
    const size_t stride = p->n_channels;

    for (uint32_t c = 0; c < p->n_channels; c += GROUP) {
        const uint32_t n_lanes = p->n_channels - c < GROUP ? p->n_channels - c : GROUP;
        const rows to = rows_of(p, n_lanes);
        double mean[4 * GROUP] = {0.0};
        const double *re, *im;
        size_t from;

        if (p->detrend == EC_DETREND_CONSTANT) {
            if (n1 > 0) {
                add_frames(mean, part1 + c, n1, 0, stride, n_lanes);
            }
            if (n2 > 0) {
                add_frames(mean, part2 + c, n2, n1, stride, n_lanes);
            }
            for (uint32_t lane = 0; lane < GROUP; lane++) {
                mean[lane] = ((mean[lane] + mean[GROUP + lane]) + (mean[2 * GROUP + lane] + mean[3 * GROUP + lane])) /
                             (double)p->n;
            }
        }
        if (n1 > 0) {
            load_frames(to, p->window, mean, part1 + c, n1, 0, stride, n_lanes);
        }
        if (n2 > 0) {
            load_frames(to, p->window, mean, part2 + c, n2, n1, stride, n_lanes);
        }
        ec_rfft_run_lanes(&p->fft, p->scratch, n_lanes, &re, &im);
        from = (size_t)p->bin_from * n_lanes;
        store_bins(out + c, re + from, im + from, p->scale, p->n_bins, stride, n_lanes);
    }
}

void ec_psd_run(ec_psd *p, const float *frames, float *out)
{
    ec_psd_run_parts(p, frames, p->n, NULL, 0, out);
}

#include "ec_lock_in.h"

#include <math.h>

#include "../base/ec_simd.h"
#include "../base/ec_trig.h"

int32_t ec_lock_in_init(ec_lock_in *l, uint32_t n_window, uint32_t n_cycle, double alias, uint32_t n_channels)
{
    memset(l, 0, sizeof *l);
    if (n_window == 0 || n_window > EC_LOCK_IN_MAX_WINDOW || n_channels == 0 ||
        n_channels > EC_LOCK_IN_MAX_CHANNELS || !(alias >= 0.0 && alias <= 0.25) ||
        (n_cycle != 0 && (n_window % n_cycle != 0 || n_window / n_cycle < 2))) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    l->n_window = n_window;
    l->n_cycle = n_cycle;
    l->n_channels = n_channels;
    l->alias = alias;
    l->taper = n_cycle != 0 ? ec_new_doubles(n_window) : NULL;
    l->cosine = ec_new_doubles(n_cycle);
    l->sine = ec_new_doubles(n_cycle);
    l->re = ec_new_doubles(n_channels);
    l->im = ec_new_doubles(n_channels);
    if ((n_cycle != 0 && l->taper == NULL) || l->cosine == NULL || l->sine == NULL || l->re == NULL || l->im == NULL) {
        ec_lock_in_destroy(l);
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n_cycle; i++) {
        ec_sincos_turns((double)i / (double)n_cycle, &l->sine[i], &l->cosine[i]);
    }
    for (uint32_t i = 0; n_cycle != 0 && i < n_window; i++) {
        double s, c;
        ec_sincos_turns((double)i / (double)n_window, &s, &c);
        l->taper[i] = 0.5 - 0.5 * c;
    }
    return EC_STATUS_OK;
}

void ec_lock_in_destroy(ec_lock_in *l)
{
    free(l->taper);
    free(l->cosine);
    free(l->sine);
    free(l->re);
    free(l->im);
    memset(l, 0, sizeof *l);
}

void ec_lock_in_clear(ec_lock_in *l)
{
    memset(l->re, 0, l->n_channels * sizeof *l->re);
    memset(l->im, 0, l->n_channels * sizeof *l->im);
}

EC_CLONES static void add_frame(double *restrict re, double *restrict im, const float *restrict frame, double c,
                                double s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        re[i] += (double)frame[i] * c;
        im[i] += (double)frame[i] * s;
    }
}

EC_CLONES static void add_plain(double *restrict re, const float *restrict frame, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        re[i] += (double)frame[i];
    }
}

void ec_lock_in_add(ec_lock_in *l, const float *frames, uint32_t n_frames, uint32_t at)
{
    for (uint32_t f = 0; f < n_frames; f++, frames += l->n_channels) {
        if (l->n_cycle == 0) {
            add_plain(l->re, frames, l->n_channels);
        } else {
            const uint32_t place = (at + f) % l->n_cycle;
            const double w = l->taper[at + f];
            add_frame(l->re, l->im, frames, w * l->cosine[place], w * l->sine[place], l->n_channels);
        }
    }
}

void ec_lock_in_read(const ec_lock_in *l, double *out)
{
    const double mean = 1.0 / (double)l->n_window;

    for (uint32_t i = 0; i < l->n_channels; i++) {
        if (l->n_cycle == 0) {
            out[i] = l->re[i] * mean;
            continue;
        }
        const double re2 = l->re[i] * l->re[i];
        const double power = re2 + l->im[i] * l->im[i];
        const double cos2 = power > 0.0 ? re2 / power : 1.0;
        const double cos4p = 8.0 * cos2 * (cos2 - 1.0) + 1.0;
        /* the periodic Hann taper sums to half its length, a peak to half of that */
        out[i] = 4.0 * mean * sqrt(power / (1.0 - 2.0 * l->alias * cos4p));
    }
}

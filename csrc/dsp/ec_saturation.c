#include "ec_saturation.h"

#include "../base/ec_simd.h"
#include "../base/ec_status.h"

int32_t ec_saturation_init(ec_saturation *s, const double *low, const double *high, uint32_t n_channels,
                           uint32_t n_hold)
{
    memset(s, 0, sizeof *s);
    if (n_channels == 0 || n_channels > EEGCORE_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    s->n_channels = n_channels;
    s->n_hold = n_hold;
    s->low = ec_new_doubles(n_channels);
    s->high = ec_new_doubles(n_channels);
    s->last = (uint64_t *)ec_new_doubles(n_channels);        /* all bits zero: 0 */
    if (s->low == NULL || s->high == NULL || s->last == NULL) {
        ec_saturation_destroy(s);
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(s->low, low, n_channels * sizeof *low);
    memcpy(s->high, high, n_channels * sizeof *high);
    return EC_STATUS_OK;
}

void ec_saturation_destroy(ec_saturation *s)
{
    free(s->low);
    free(s->high);
    free(s->last);
    memset(s, 0, sizeof *s);
}

void ec_saturation_gap(ec_saturation *s)
{
    memset(s->last, 0, s->n_channels * sizeof *s->last);
    s->quiet_from = s->now;
}

/* 1 if a sample of the block is beyond. */
EC_CLONES static uint32_t any_value(const float *restrict values, const double *restrict low,
                                    const double *restrict high, uint32_t n_frames, uint32_t n_channels)
{
    uint32_t hit = 0;

    for (uint32_t f = 0; f < n_frames; f++, values += n_channels) {
        for (uint32_t c = 0; c < n_channels; c++) {
            hit |= (uint32_t)((double)values[c] >= high[c]) | (uint32_t)((double)values[c] <= low[c]);
        }
    }
    return hit;
}

EC_CLONES static uint32_t any_count(const int32_t *restrict counts, const double *restrict low,
                                    const double *restrict high, uint32_t n_frames, uint32_t n_channels)
{
    uint32_t hit = 0;

    for (uint32_t f = 0; f < n_frames; f++, counts += n_channels) {
        for (uint32_t c = 0; c < n_channels; c++) {
            hit |= (uint32_t)((double)counts[c] >= high[c]) | (uint32_t)((double)counts[c] <= low[c]);
        }
    }
    return hit;
}

void ec_saturation_run(ec_saturation *s, const int32_t *counts, const float *values, uint32_t n_frames,
                       ec_mask *masks)
{
    const uint32_t n = s->n_channels;
    const uint32_t hit = counts != NULL ? any_count(counts, s->low, s->high, n_frames, n)
                                        : any_value(values, s->low, s->high, n_frames, n);

    if (!hit && s->now >= s->quiet_from) {
        s->now += n_frames;
        return;
    }
    for (uint32_t f = 0; f < n_frames; f++, s->now++) {
        for (uint32_t c = 0; c < n; c++) {
            const double v = counts != NULL ? (double)counts[f * (size_t)n + c] : (double)values[f * (size_t)n + c];

            if (v >= s->high[c] || v <= s->low[c]) {
                s->last[c] = s->now + 1;
                s->quiet_from = s->now + 1 + s->n_hold;
            }
            ec_mask_add(&masks[f], c, s->last[c] != 0 && s->now + 1 - s->last[c] <= s->n_hold);
        }
    }
}

void ec_saturation_take_over(ec_saturation *s, const ec_saturation *old)
{
    s->now = old->now;
    s->quiet_from = old->now + s->n_hold;
    memcpy(s->last, old->last, s->n_channels * sizeof *s->last);
}

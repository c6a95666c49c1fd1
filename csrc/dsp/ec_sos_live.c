#include "ec_sos_live.h"

#include "../base/ec_simd.h"

#define SMALLEST_DIVISOR 1e-9             /* of a2: below it is a first-order section, whose y2 is forgotten */
#define SAME_GAIN        1e-9             /* gains at 0 Hz that differ by less differ by rounding */

typedef struct history {
    double x1, x2;                        /* in front of the section, newest first */
} history;

int32_t ec_sos_live_init(ec_sos_live *v, const ec_sos *f, const double *level)
{
    memset(v, 0, sizeof *v);
    v->recent = ec_new_doubles((size_t)2 * f->n_padded);
    v->level = ec_new_doubles(f->n_sections);
    if (v->recent == NULL || v->level == NULL) {
        ec_sos_live_destroy(v);
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(v->level, level, f->n_sections * sizeof *level);
    return EC_STATUS_OK;
}

void ec_sos_live_destroy(ec_sos_live *v)
{
    free(v->recent);
    free(v->level);
    memset(v, 0, sizeof *v);
}

void ec_sos_live_note(ec_sos_live *v, const double *work, uint32_t n_frames, uint32_t n_padded)
{
    const size_t bytes = n_padded * sizeof *work;

    if (n_frames == 0) {
        return;
    }
    memcpy(v->recent + n_padded, n_frames > 1 ? work + (size_t)(n_frames - 2) * n_padded : v->recent, bytes);
    memcpy(v->recent, work + (size_t)(n_frames - 1) * n_padded, bytes);
    v->n_seen = v->n_seen + n_frames < 2 ? v->n_seen + n_frames : 2;
}

static double gain_at_0_hz(const double *c)
{
    const double a = 1.0 + c[3] + c[4];

    return a != 0.0 ? (c[0] + c[1] + c[2]) / a : 0.0;
}

/* The two newest outputs of a section, from its state and its two newest inputs. */
static history behind(const double *c, double s0, double s1, history x)
{
    history y;

    if (c[4] > SMALLEST_DIVISOR || c[4] < -SMALLEST_DIVISOR) {
        y.x1 = (c[2] * x.x1 - s1) / c[4];
        y.x2 = (c[1] * x.x1 - c[3] * y.x1 + c[2] * x.x2 - s0) / c[4];
    } else if (c[3] > SMALLEST_DIVISOR || c[3] < -SMALLEST_DIVISOR) {
        y.x1 = (c[1] * x.x1 + c[2] * x.x2 - s0) / c[3];
        y.x2 = y.x1;
    } else {
        y.x1 = c[0] * x.x1 + c[1] * x.x2;             /* no poles: what came out follows from what went in */
        y.x2 = y.x1;
    }
    return y;
}

/* Of the slope in a history, what a section of other poles can carry on with. */
static double slope_share(const double *c, const double *old)
{
    const double ratio = (1.0 + c[3] + c[4]) / (1.0 + old[3] + old[4]);

    return ratio > 0.0 && ratio < 1.0 ? __builtin_sqrt(ratio) : 1.0;
}

static double moved(double y, double from_dc, double to_dc, double ratio)
{
    return to_dc + ratio * (y - from_dc);
}

/* One channel goes on through sections of other coefficients. Returns what is added to its output. */
static double convert(const ec_sos_live *v, ec_sos *f, const ec_sos_live *was, const ec_sos *old, uint32_t channel)
{
    const size_t n = f->n_padded;
    const double dc = was->recent[channel];
    history x = {dc, was->recent[n + channel]}, to = x;
    double from_gain = 1.0, to_gain = 1.0, added = 0.0;

    for (uint32_t k = 0; k < f->n_sections; k++) {
        const double *c = f->coefs + 5 * (size_t)k, *o = old->coefs + 5 * (size_t)k;
        const double *s = old->state + 2 * (size_t)k * n + channel;
        const history y = behind(o, s[0], s[n], x);
        const double ratio = k + 1 == f->n_sections || was->level[k] == 0.0 ? 1.0 : v->level[k] / was->level[k];
        const double share = slope_share(c, o);
        history next;

        from_gain *= gain_at_0_hz(o);
        to_gain *= gain_at_0_hz(c);
        next.x1 = moved(y.x1, from_gain * dc, to_gain * dc, ratio);
        next.x2 = moved(y.x2, from_gain * dc, to_gain * dc, ratio);
        f->state[(2 * (size_t)k + 1) * n + channel] = c[2] * to.x1 - c[4] * next.x1;
        f->state[2 * (size_t)k * n + channel] = (c[1] + c[2]) * to.x1 - (c[3] + c[4]) * next.x1 +
                                                share * (c[2] * (to.x2 - to.x1) - c[4] * (next.x2 - next.x1));
        added = next.x1 - y.x1;
        x = y;
        to = next;
    }
    return to_gain - from_gain > SAME_GAIN || from_gain - to_gain > SAME_GAIN ? added : 0.0;
}

/* The offset in a channel, as the filter that worked until now has told it apart. */
static double offset_of(const ec_sos_live *was, const ec_sos *old, uint32_t channel)
{
    const size_t n = old->n_padded;
    history x = {was->recent[channel], was->recent[n + channel]};
    const double newest = x.x1;
    double gain = 1.0;

    for (uint32_t k = 0; k < old->n_sections; k++) {
        const double *c = old->coefs + 5 * (size_t)k, *s = old->state + 2 * (size_t)k * n + channel;

        x = behind(c, s[0], s[n], x);
        gain *= gain_at_0_hz(c);
    }
    return gain > 0.5 || gain < -0.5 ? x.x1 / gain : newest - x.x1;
}

/* Add to the state of a channel that which a constant input of x leads to. */
static double add_steady(ec_sos *f, uint32_t channel, double x)
{
    const size_t n = f->n_padded;

    for (uint32_t k = 0; k < f->n_sections; k++) {
        const double *c = f->coefs + 5 * (size_t)k;
        const double y = gain_at_0_hz(c) * x, s1 = c[2] * x - c[4] * y;

        f->state[(2 * (size_t)k + 1) * n + channel] += s1;
        f->state[2 * (size_t)k * n + channel] += (c[1] * x - c[3] * y) + s1;
        x = y;
    }
    return x;
}

static bool same_coefs(const ec_sos *f, const ec_sos *old)
{
    return f->n_sections == old->n_sections &&
           memcmp(f->coefs, old->coefs, (size_t)f->n_sections * 5 * sizeof *f->coefs) == 0;
}

static void shift_channel(ec_sos_live *v, ec_sos *f, uint32_t channel, double added, ec_shift *shift)
{
    const double gain = shift->gain[channel], add = shift->add[channel];
    double behind_all;

    for (size_t row = 0; row < 2 * (size_t)f->n_sections; row++) {
        f->state[row * f->n_padded + channel] *= gain;
    }
    for (size_t row = 0; row < 2; row++) {
        double *x = v->recent + row * f->n_padded + channel;

        *x = gain * *x + add;
    }
    behind_all = add_steady(f, channel, add) + gain * added;
    shift->add[channel] = behind_all - behind_all == 0.0 ? behind_all : 0.0;
}

bool ec_sos_live_take_over(ec_sos_live *v, ec_sos *f, const ec_sos_live *was, const ec_sos *old, ec_shift *shift)
{
    const bool same = same_coefs(f, old);
    double added[EC_SOS_MAX_CHANNELS] = {0.0};

    memcpy(v->recent, was->recent, (size_t)2 * f->n_padded * sizeof *v->recent);
    v->n_seen = was->n_seen;
    if (same) {
        memcpy(f->state, old->state, (size_t)f->n_sections * 2 * f->n_padded * sizeof *f->state);
    } else if (v->n_seen == 2) {
        for (uint32_t c = 0; c < f->n_channels; c++) {
            if (f->n_sections == old->n_sections) {
                added[c] = convert(v, f, was, old, c);
                shift->is_none = shift->is_none && added[c] == 0.0;
            } else {
                (void)add_steady(f, c, offset_of(was, old, c));
            }
        }
    }
    if (!shift->is_none) {
        for (uint32_t c = 0; c < f->n_channels; c++) {
            shift_channel(v, f, c, added[c], shift);
        }
    }
    if (!same) {
        ec_sos_revive(f);
    }
    return !same;
}

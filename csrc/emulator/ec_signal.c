#include "ec_signal.h"

#include <math.h>
#include <string.h>

#include "../base/ec_random.h"
#include "../base/ec_simd.h"
#include "../base/ec_trig.h"
#include "ec_chip_noise.h"

enum { LANES = EC_SIGNAL_LANES, FRAMES = EC_SIGNAL_FRAMES, POLES = EC_SIGNAL_POLES };

/* What a random stream is for; part of its key, so the order is for ever. */
enum purpose {
    FOR_POLES = 2, FOR_OFFSET, FOR_DRIFT, FOR_MAINS, FOR_ALPHA, FOR_ALPHA_HZ, FOR_ALPHA_ENVELOPE, FOR_BLINK
};

#define ALPHA_UV             20.0
#define ALPHA_LOW_HZ         10.0
#define ALPHA_NODE_S         1.5          /* the envelope is free to change so often */
#define ALPHA_PHASE_TURNS    0.06         /* channels differ by at most so much either way */
#define BLINK_UV             150.0
#define BLINK_SLOT_S         4.0          /* one blink at most in every slot, never across its end */
#define BLINK_SHARE          0.85         /* of the slots have one */
#define OFFSET_UV            5000.0
#define DRIFT_UV             40.0
#define DRIFT_NODE_S         20.0
#define SECOND_HARMONIC      0.15

/* The sum of filters driven by one white noise of 1 per sqrt(Hz) (one-sided)
 * has this amplitude at 10 Hz; pole j counts with 2^-j, which makes the power
 * fall as 1/f within 1 dB from 0.4 to 30 Hz, then as 1/f^2 above 50 Hz. The drive
 * is smoothed above 100 Hz, so that from about 300 Hz on the chip's noise is all there is. */
static const double pole_hz[POLES] = { 0.2, 0.8, 3.2, 12.8, 51.2 };
#define SMOOTHING_HZ         100.0
#define PINK_AT_10_HZ        0.2626930047062125
#define PINK_UV_AT_10_HZ     1.0          /* uV per sqrt(Hz) */

/* A line below half the data rate, or an absent one. */
static void line_init(ec_signal_line *line, double hz, double sps)
{
    memset(line, 0, sizeof *line);
    if (!(hz > 0.0) || !(hz < 0.5 * sps)) {
        return;
    }
    line->step = (uint64_t)(hz / sps * 0x1p64);
    for (uint32_t f = 0; f < FRAMES; f++) {
        const uint64_t phase = f * line->step;
        ec_sincos_turns((double)(int64_t)(phase >> 11) * 0x1p-53, &line->sin_at[f], &line->cos_at[f]);
    }
}

/* Sine and cosine of the line in the 64 frames from `first`; zeros if absent. */
static void line_block(const ec_signal_line *line, uint64_t first, double *restrict s, double *restrict c)
{
    const uint64_t phase = first * line->step;                /* modulo one turn by itself */
    double s0 = 0.0;
    double c0 = 0.0;
    if (line->step != 0) {
        ec_sincos_turns((double)(int64_t)(phase >> 11) * 0x1p-53, &s0, &c0);
    }
    for (uint32_t f = 0; f < FRAMES; f++) {
        s[f] = s0 * line->cos_at[f] + c0 * line->sin_at[f];
        c[f] = c0 * line->cos_at[f] - s0 * line->sin_at[f];
    }
}

static double smooth(double from, double to, double x)
{
    return from + (to - from) * (x * x * (3.0 - 2.0 * x));
}

/* ---- preparation -------------------------------------------------------- */

/* a of y += a (x - y): 1 - exp(-w), without the exponential; `too_fast` where that is no longer close. */
static double one_pole(double hz, double sps, double too_fast)
{
    const double w = 6.283185307179586 * hz / sps;
    return w < 1.5 ? 2.0 * w / (2.0 + w) : too_fast;
}

static void eeg_init(ec_signal *s, const ec_signal_settings *set)
{
    const double sps = set->sps;
    const double alpha_hz = ALPHA_LOW_HZ + ec_uniform(ec_random_key(set->seed, FOR_ALPHA_HZ, 0), 0);
    const double pink_uv = PINK_UV_AT_10_HZ / PINK_AT_10_HZ * sqrt(0.5 * sps);

    line_init(&s->mains, set->mains_hz, sps);
    line_init(&s->alpha, alpha_hz, sps);
    s->second_absent = !(2.0 * set->mains_hz < 0.5 * sps);
    s->envelope_key = ec_random_key(set->seed, FOR_ALPHA_ENVELOPE, 0);
    s->blink_key = ec_random_key(set->seed, FOR_BLINK, 0);

    double gain = 1.0;
    s->smoothing = one_pole(SMOOTHING_HZ, sps, 1.0);
    for (uint32_t j = 0; j < POLES; j++) {
        s->pole[j] = one_pole(pole_hz[j], sps, 0.0);
        s->pole_gain[j] = s->pole[j] > 0.0 ? gain : 0.0;
        gain *= 0.5;
    }
    for (uint32_t i = 0; i < s->n_channels; i++) {
        const uint32_t channel = set->first_channel + i;
        double sine;
        double cosine;

        s->pole_key[i] = ec_random_key(set->seed, FOR_POLES, channel);
        s->drift_key[i] = ec_random_key(set->seed, FOR_DRIFT, channel);
        s->pink[i] = pink_uv / EC_NOISE_SD;
        s->offset[i] = set->offset_scale * OFFSET_UV *
                       ec_uniform_signed(ec_random_key(set->seed, FOR_OFFSET, channel), 0);
        s->drift[i] = set->offset_scale * DRIFT_UV;
        s->blink[i] = BLINK_UV * set->blink_weight[i];

        const uint64_t mains_key = ec_random_key(set->seed, FOR_MAINS, channel);
        const double mains = set->mains_uv * (0.125 + 0.875 * ec_uniform(mains_key, 0));
        ec_sincos_turns(0.1 * ec_uniform_signed(mains_key, 1), &sine, &cosine);
        s->mains_sin[i] = mains * cosine;
        s->mains_cos[i] = mains * sine;
        if (!s->second_absent) {
            ec_sincos_turns(ec_uniform(mains_key, 2), &sine, &cosine);
            s->second_sin[i] = mains * SECOND_HARMONIC * cosine;
            s->second_cos[i] = mains * SECOND_HARMONIC * sine;
        }
        const uint64_t alpha_key = ec_random_key(set->seed, FOR_ALPHA, channel);
        const double alpha = ALPHA_UV * set->alpha_weight[i];
        ec_sincos_turns(ALPHA_PHASE_TURNS * ec_uniform_signed(alpha_key, 0), &sine, &cosine);
        s->alpha_sin[i] = alpha * cosine;
        s->alpha_cos[i] = alpha * sine;
    }
}

void ec_signal_init(ec_signal *s, const ec_signal_settings *set)
{
    memset(s, 0, sizeof *s);
    s->kind = set->kind;
    s->n_channels = set->n_channels;
    s->sps = set->sps;
    s->sps_mhz = (uint64_t)(set->sps * 1000.0 + 0.5);

    if (set->kind == EC_SIGNAL_EEG) {
        eeg_init(s, set);
    } else if (set->kind == EC_SIGNAL_SINE) {
        line_init(&s->sine, set->sine_hz, set->sps);
        for (uint32_t i = 0; i < s->n_channels; i++) {
            s->sine_phase[i] = (uint64_t)(set->first_channel + i) << 60;              /* c/16 turn */
        }
        s->amplitude_uv = s->sine.step != 0 ? set->sine_uv : 0.0;
    } else {
        s->amplitude_uv = set->vref_v * 1e6 / 2400.0;
    }
    ec_signal_reset(s);
}

void ec_signal_reset(ec_signal *s)
{
    s->next_frame = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        for (uint32_t j = 0; j < POLES; j++) {
            /* As loud as a filter is after a long time, so that nothing builds up at the start. */
            const double a = s->pole[j];
            s->pole_state[j][i] = ec_uniform_signed(s->pole_key[i], j) *
                                  EC_NOISE_SD * sqrt(3.0 * a / (2.0 - a));
        }
        const double first = ec_uniform_signed(s->drift_key[i], 0);
        s->level_now[i] = s->offset[i] + s->drift[i] * first;
        s->drive_state[i] = 0.0;
    }
}

/* ---- blocks ------------------------------------------------------------- */

/* Strength of alpha, 0..1: random nodes, squared so that quiet prevails, joined smoothly. */
static void alpha_envelope(const ec_signal *s, double *restrict envelope)
{
    const double nodes_per_frame = 1.0 / (ALPHA_NODE_S * s->sps);
    uint64_t node = UINT64_MAX;
    double from = 0.0;
    double to = 0.0;

    for (uint32_t f = 0; f < FRAMES; f++) {
        const double t = (double)(int64_t)(s->next_frame + f) * nodes_per_frame;
        const uint64_t at = (uint64_t)t;
        if (at != node) {
            node = at;
            from = ec_uniform(s->envelope_key, node);
            to = ec_uniform(s->envelope_key, node + 1);
            from *= from;
            to *= to;
        }
        envelope[f] = smooth(from, to, t - (double)(int64_t)node);
    }
}

/* Shape of the blinks, 0..1.2: in a slot four random numbers say whether, when, how long, how high. */
static void blinks(const ec_signal *s, double *restrict blink)
{
    const double second_per_frame = 1.0 / s->sps;
    uint64_t slot = UINT64_MAX;
    double begin = 0.0;
    double per_second = 0.0;
    double height = 0.0;

    for (uint32_t f = 0; f < FRAMES; f++) {
        const double t = (double)(int64_t)(s->next_frame + f) * second_per_frame;
        const uint64_t at = (uint64_t)(t * (1.0 / BLINK_SLOT_S));
        if (at != slot) {
            slot = at;
            const double length_s = 0.25 + 0.1 * ec_uniform(s->blink_key, 4 * slot);
            begin = (double)(int64_t)slot * BLINK_SLOT_S +
                    (BLINK_SLOT_S - length_s) * ec_uniform(s->blink_key, 4 * slot + 1);
            height = ec_uniform(s->blink_key, 4 * slot + 2) < BLINK_SHARE
                         ? 0.8 + 0.4 * ec_uniform(s->blink_key, 4 * slot + 3) : 0.0;
            per_second = 1.0 / length_s;
        }
        const double x = (t - begin) * per_second;
        blink[f] = 0.0;
        if (height > 0.0 && x > 0.0 && x < 1.0) {
            double sine;
            double cosine;
            ec_sincos_turns(x, &sine, &cosine);
            blink[f] = height * 0.5 * (1.0 - cosine);
        }
    }
}

/* Offset and drift at the end of the block; inside it the level is a straight line. */
static void levels(const ec_signal *s, double *restrict next)
{
    const double t = (double)(int64_t)(s->next_frame + FRAMES) / (DRIFT_NODE_S * s->sps);
    const uint64_t node = (uint64_t)t;
    const double x = t - (double)(int64_t)node;

    for (uint32_t i = 0; i < LANES; i++) {
        const double from = ec_uniform_signed(s->drift_key[i], node);
        const double to = ec_uniform_signed(s->drift_key[i], node + 1);
        next[i] = s->offset[i] + s->drift[i] * smooth(from, to, x);
    }
}

EC_CLONES static void eeg_block(ec_signal *s, const int32_t (*restrict white)[LANES],
                                double (*restrict uv)[LANES])
{
    double ms[FRAMES], mc[FRAMES], as[FRAMES], ac[FRAMES], envelope[FRAMES], blink[FRAMES];
    double level_next[LANES], slope[LANES];
    double y[POLES][LANES], drive[LANES];

    line_block(&s->mains, s->next_frame, ms, mc);
    line_block(&s->alpha, s->next_frame, as, ac);
    alpha_envelope(s, envelope);
    blinks(s, blink);
    levels(s, level_next);
    for (uint32_t i = 0; i < LANES; i++) {
        slope[i] = (level_next[i] - s->level_now[i]) * (1.0 / FRAMES);
    }
    memcpy(y, s->pole_state, sizeof y);
    memcpy(drive, s->drive_state, sizeof drive);

    for (uint32_t f = 0; f < FRAMES; f++) {
        const double alpha_s = as[f] * envelope[f];
        const double alpha_c = ac[f] * envelope[f];
        const double second_s = 2.0 * ms[f] * mc[f];
        const double second_c = 1.0 - 2.0 * ms[f] * ms[f];
        double pink[LANES];

        for (uint32_t i = 0; i < LANES; i++) {
            drive[i] += s->smoothing * ((double)white[f][i] - drive[i]);
            pink[i] = 0.0;
        }
        for (uint32_t j = 0; j < POLES; j++) {
            const double a = s->pole[j];
            const double g = s->pole_gain[j];
            for (uint32_t i = 0; i < LANES; i++) {
                y[j][i] += a * (drive[i] - y[j][i]);
                pink[i] += g * y[j][i];
            }
        }
        for (uint32_t i = 0; i < LANES; i++) {
            double v = s->level_now[i] + slope[i] * (double)(int32_t)f;
            v += s->pink[i] * pink[i];
            v += s->mains_sin[i] * ms[f] + s->mains_cos[i] * mc[f];
            v += s->second_sin[i] * second_s + s->second_cos[i] * second_c;
            v += s->alpha_sin[i] * alpha_s + s->alpha_cos[i] * alpha_c;
            v += s->blink[i] * blink[f];
            uv[f][i] = v;
        }
    }
    memcpy(s->pole_state, y, sizeof y);
    memcpy(s->drive_state, drive, sizeof drive);
    memcpy(s->level_now, level_next, sizeof level_next);
}

static void sine_block(const ec_signal *s, double (*restrict uv)[LANES])
{
    for (uint32_t f = 0; f < FRAMES; f++) {
        const uint64_t phase = (s->next_frame + f) * s->sine.step;
        for (uint32_t i = 0; i < LANES; i++) {
            double sine;
            double cosine;
            ec_sincos_turns((double)(int64_t)((phase + s->sine_phase[i]) >> 11) * 0x1p-53, &sine, &cosine);
            uv[f][i] = s->amplitude_uv * sine;
        }
    }
}

static void test_block(const ec_signal *s, double (*restrict uv)[LANES])
{
    for (uint32_t f = 0; f < FRAMES; f++) {
        /* Half periods of 0.512 s gone by: frame / (sps * 0.512), in integers. */
        const uint64_t half = (s->next_frame + f) * UINT64_C(1000000) / (s->sps_mhz * 512);
        for (uint32_t i = 0; i < LANES; i++) {
            uv[f][i] = (half & 1) != 0 ? -s->amplitude_uv : s->amplitude_uv;
        }
    }
}

void ec_signal_block(ec_signal *s, const int32_t white[EC_SIGNAL_FRAMES][EC_SIGNAL_LANES],
                     double uv[EC_SIGNAL_FRAMES][EC_SIGNAL_LANES])
{
    if (s->kind == EC_SIGNAL_EEG) {
        eeg_block(s, white, uv);
    } else if (s->kind == EC_SIGNAL_SINE) {
        sine_block(s, uv);
    } else {
        test_block(s, uv);
    }
    s->next_frame += FRAMES;
}

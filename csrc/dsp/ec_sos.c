#include "ec_sos.h"

#include <stdbool.h>

#include "../base/ec_simd.h"

#define EC_PASS_SECTIONS 5                /* most sections of one pass */
#define EC_PASS_VECTORS  4                /* most vectors of one pass */

typedef void sos_pass(const double *coefs, double *state, size_t n_padded, double *work, uint32_t n_frames);

typedef struct sos_kernels {
    uint32_t  width;                      /* doubles per vector */
    uint32_t  most_vectors[EC_PASS_SECTIONS + 1];                  /* of a pass, by sections */
    sos_pass *pass[EC_PASS_SECTIONS + 1][EC_PASS_VECTORS + 1];     /* by sections and vectors */
} sos_kernels;

#define EC_WIDTH 2
#define EC_TARGET
#include "ec_sos_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#if defined(EC_SIMD_X86)
#define EC_WIDTH 4
#define EC_TARGET EC_TARGET_AVX2
#include "ec_sos_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#define EC_WIDTH 8
#define EC_TARGET EC_TARGET_AVX512
#include "ec_sos_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

static const sos_kernels *const KERNELS[] = {&kernels2, &kernels4, &kernels8};
#else
static const sos_kernels *const KERNELS[] = {&kernels2, &kernels2, &kernels2};
#endif

static bool is_finite(double v)
{
    return v - v == 0.0;
}

int32_t ec_sos_init(ec_sos *f, const double *sos, uint32_t n_sections, uint32_t n_channels)
{
    memset(f, 0, sizeof *f);
    if (n_sections > EC_SOS_MAX_SECTIONS || n_channels == 0 || n_channels > EC_SOS_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < 6 * n_sections; i++) {
        if (!is_finite(sos[i]) || (i % 6 == 3 && sos[i] == 0.0)) {
            return EC_STATUS_BAD_ARGUMENT;
        }
    }

    f->n_sections = n_sections;
    f->n_channels = n_channels;
    f->n_padded = ec_padded(n_channels);
    f->simd = ec_simd_level();
    f->coefs = ec_new_doubles((size_t)n_sections * 5);
    f->state = ec_new_doubles((size_t)n_sections * 2 * f->n_padded);
    if (f->coefs == NULL || f->state == NULL) {
        ec_sos_destroy(f);
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t k = 0; k < n_sections; k++) {
        const double *row = sos + 6 * k;
        const double from[5] = {row[0], row[1], row[2], row[4], row[5]};
        for (uint32_t i = 0; i < 5; i++) {
            f->coefs[5 * k + i] = from[i] / row[3];
        }
    }
    return EC_STATUS_OK;
}

void ec_sos_reset(ec_sos *f)
{
    memset(f->state, 0, (size_t)f->n_sections * 2 * f->n_padded * sizeof(double));
}

void ec_sos_revive(ec_sos *f)
{
    const size_t rows = 2 * (size_t)f->n_sections;

    for (size_t c = 0; c < f->n_channels; c++) {
        bool finite = true;

        for (size_t row = 0; row < rows; row++) {
            const double v = f->state[row * f->n_padded + c];

            finite = finite && v - v == 0.0;              /* NaN for NaN and for infinity */
        }
        for (size_t row = 0; row < rows && !finite; row++) {
            f->state[row * f->n_padded + c] = 0.0;
        }
    }
}

void ec_sos_destroy(ec_sos *f)
{
    free(f->coefs);
    free(f->state);
    memset(f, 0, sizeof *f);
}

/* Frames that keep their work rows in the first cache through all passes. */
static uint32_t cached_frames(uint32_t n_padded)
{
    return EC_SOS_SCRATCH_DOUBLES / n_padded;                            /* 8 at 256 channels */
}

/* How many of `left` the next turn takes, with at most `most` a turn and the last two alike: 6 by 5 is 3 + 3. */
static uint32_t share(uint32_t left, uint32_t most)
{
    return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

/* Only vectors that hold channels are run; the padding behind them stays zero. */
static void run_cached(ec_sos *f, double *work, uint32_t n_frames)
{
    const sos_kernels *const kernels = KERNELS[f->simd];
    const size_t n_padded = f->n_padded;
    const uint32_t vectors = (f->n_channels + kernels->width - 1) / kernels->width;
    const uint32_t most = vectors == 1 ? EC_PASS_SECTIONS : 3;         /* the chains of one vector are its sections */
    uint32_t section = 0;

    while (section < f->n_sections) {
        const uint32_t k = share(f->n_sections - section, most);
        uint32_t left = vectors;
        size_t channel = 0;

        while (left > 0) {
            const uint32_t g = share(left, kernels->most_vectors[k]);

            kernels->pass[k][g](f->coefs + 5 * section, f->state + 2 * section * n_padded + channel, n_padded,
                                work + channel, n_frames);
            channel += (size_t)g * kernels->width;
            left -= g;
        }
        section += k;
    }
}

void ec_sos_run(ec_sos *f, double *work, uint32_t n_frames)
{
    const uint32_t most = cached_frames(f->n_padded);

    while (n_frames > 0) {
        const uint32_t n = n_frames < most ? n_frames : most;
        run_cached(f, work, n);
        work += (size_t)n * f->n_padded;
        n_frames -= n;
    }
}

void ec_sos_filter_f32(ec_sos *f, float *out, const float *in, uint32_t n_frames, double *scratch)
{
    const uint32_t most = cached_frames(f->n_padded);

    while (n_frames > 0) {
        const uint32_t n = n_frames < most ? n_frames : most;
        ec_widen_f32(scratch, in, n, f->n_channels);
        run_cached(f, scratch, n);
        ec_narrow_f32(out, scratch, n, f->n_channels);
        in += (size_t)n * f->n_channels;
        out += (size_t)n * f->n_channels;
        n_frames -= n;
    }
}

#include "ec_fir.h"

#include "../base/ec_simd.h"

#define EC_FIR_CHAINS 4                   /* most frames of one pass */

typedef void fir_pass(const double *taps, uint32_t n_taps, const double *newer, double *out, size_t stride);

typedef struct fir_kernels {
    uint32_t  width;                      /* doubles per vector */
    fir_pass *pass[2][3][3];              /* by spacing - 1, mirror, and 1, 2 or 4 frames */
} fir_kernels;

#define EC_WIDTH 2
#define EC_TARGET
#include "ec_fir_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#if defined(EC_SIMD_X86)
#define EC_WIDTH 4
#define EC_TARGET EC_TARGET_AVX2
#include "ec_fir_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#define EC_WIDTH 8
#define EC_TARGET EC_TARGET_AVX512
#include "ec_fir_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

static const fir_kernels *const KERNELS[] = {&kernels2, &kernels4, &kernels8};
#else
static const fir_kernels *const KERNELS[] = {&kernels2, &kernels2, &kernels2};
#endif

/* 1 if the taps are the same from both ends, 2 if they are but for the sign, 0 otherwise. */
static uint32_t find_mirror(const double *taps, uint32_t n)
{
    bool same = n > 1, opposite = n > 1 && (n % 2 == 0 || taps[n / 2] == 0.0);

    for (uint32_t k = 0; k < n / 2; k++) {
        same = same && taps[k] == taps[n - 1 - k];
        opposite = opposite && taps[k] == -taps[n - 1 - k];
    }
    return same ? 1 : opposite ? 2 : 0;
}

int32_t ec_fir_init(ec_fir *f, const double *taps, uint32_t n_taps, uint32_t spacing, uint32_t n_channels)
{
    memset(f, 0, sizeof *f);
    if (n_taps == 0 || n_taps > EC_FIR_MAX_TAPS || spacing == 0 || spacing > 2 || n_channels == 0 ||
        n_channels > EC_SOS_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t k = 0; k < n_taps; k++) {
        if (!(taps[k] - taps[k] == 0.0)) {
            return EC_STATUS_BAD_ARGUMENT;
        }
    }

    f->n_taps = n_taps;
    f->spacing = spacing;
    f->reach = (n_taps - 1) * spacing;
    f->n_channels = n_channels;
    f->n_padded = ec_padded(n_channels);
    f->n_rows = f->reach + EC_FIR_BLOCK;
    f->mirror = find_mirror(taps, n_taps);
    f->simd = ec_simd_level();
    f->taps = ec_new_doubles(n_taps);
    f->past = ec_new_doubles((size_t)f->n_padded * 2 * f->n_rows);
    if (f->taps == NULL || f->past == NULL) {
        ec_fir_destroy(f);
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(f->taps, taps, n_taps * sizeof(double));
    return EC_STATUS_OK;
}

void ec_fir_destroy(ec_fir *f)
{
    free(f->taps);
    free(f->past);
    memset(f, 0, sizeof *f);
}

void ec_fir_gap(ec_fir *f)
{
    f->after_gap = true;
}

/* Write one row of all channels to its two places. */
static void keep_row(ec_fir *f, const double *row, size_t group_stride)
{
    const size_t n_groups = f->n_padded / EC_LANES, second = (size_t)f->n_rows * EC_LANES;
    double *at = f->past + (size_t)f->next * EC_LANES;

    for (size_t g = 0; g < n_groups; g++) {
        memcpy(at, row, EC_LANES * sizeof(double));
        memcpy(at + second, row, EC_LANES * sizeof(double));
        at += 2 * second;
        row += group_stride;
    }
    f->next = f->next + 1 < f->n_rows ? f->next + 1 : 0;
}

void ec_fir_push(ec_fir *f, const double *work, uint32_t n_frames)
{
    if (f->after_gap && n_frames > 0) {
        for (uint32_t i = 0; i < f->n_rows; i++) {                       /* R4 */
            keep_row(f, work, EC_LANES);
        }
        f->after_gap = false;
    }
    for (uint32_t i = 0; i < n_frames; i++) {
        keep_row(f, work + (size_t)i * f->n_padded, EC_LANES);
    }
}

void ec_fir_sum(const ec_fir *f, uint32_t group, double *out, size_t stride, uint32_t n_frames)
{
    const fir_kernels *const kernels = KERNELS[f->simd];
    fir_pass *const *const pass = kernels->pass[f->spacing - 1][f->mirror];
    /* The oldest row in use begins a piece of reach + n_frames <= n_rows rows. */
    const double *newer = ec_fir_past(f, group, f->reach + n_frames) + (size_t)f->reach * EC_LANES;

    while (n_frames > 0) {
        const uint32_t power = n_frames >= 4 ? 2 : n_frames / 2, n = 1u << power;
        for (uint32_t lane = 0; lane < EC_LANES; lane += kernels->width) {
            pass[power](f->taps, f->n_taps, newer + lane, out + lane, stride);
        }
        newer += (size_t)n * EC_LANES;
        out += n * stride;
        n_frames -= n;
    }
}

void ec_fir_run(ec_fir *f, double *work, uint32_t n_frames)
{
    while (n_frames > 0) {
        const uint32_t n = n_frames < EC_FIR_BLOCK ? n_frames : EC_FIR_BLOCK;

        ec_fir_push(f, work, n);
        for (uint32_t g = 0; g < f->n_padded / EC_LANES; g++) {
            ec_fir_sum(f, g, work + (size_t)g * EC_LANES, f->n_padded, n);
        }
        work += (size_t)n * f->n_padded;
        n_frames -= n;
    }
}

uint32_t ec_fir_take_over(ec_fir *f, const ec_fir *old)
{
    const size_t old_group = (size_t)2 * old->n_rows * EC_LANES;

    f->after_gap = old->after_gap;
    for (uint32_t age = f->n_rows; age > 0; age--) {                     /* all rows: who takes over from f sees them */
        keep_row(f, ec_fir_past(old, 0, age <= old->n_rows ? age : old->n_rows), old_group);
    }
    return f->reach > old->n_rows ? f->reach - old->n_rows : 0;
}

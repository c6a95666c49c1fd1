#include "ec_analytic.h"

#include <math.h>

#include "../base/ec_simd.h"

/* `delayed` rows lie one after the other, rows of work n_padded apart. */
EC_CLONES static void magnitude(double *restrict work, const double *restrict delayed, uint32_t n_frames,
                                uint32_t n_padded)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        for (uint32_t c = 0; c < EC_LANES; c++) {
            work[c] = sqrt(delayed[c] * delayed[c] + work[c] * work[c]);
        }
        work += n_padded;
        delayed += EC_LANES;
    }
}

void ec_analytic_run(ec_fir *hilbert, double *work, uint32_t n_frames)
{
    while (n_frames > 0) {
        const uint32_t n = n_frames < EC_FIR_BLOCK ? n_frames : EC_FIR_BLOCK;

        ec_fir_push(hilbert, work, n);
        for (uint32_t g = 0; g < hilbert->n_padded / EC_LANES; g++) {
            double *const out = work + (size_t)g * EC_LANES;
            ec_fir_sum(hilbert, g, out, hilbert->n_padded, n);
            magnitude(out, ec_fir_past(hilbert, g, hilbert->reach / 2 + n), n, hilbert->n_padded);
        }
        work += (size_t)n * hilbert->n_padded;
        n_frames -= n;
    }
}

EC_CLONES void ec_rectify_f64(double *work, uint32_t n_frames, uint32_t n_padded)
{
    for (size_t i = 0; i < (size_t)n_frames * n_padded; i++) {
        work[i] = fabs(work[i]);
    }
}

/* ec_widen.c - between packets (float32 or counts, no padding) and work rows
 * (double, padded): the other half of ec_sos.h. */
#include "ec_sos.h"

#include "../base/ec_simd.h"

/* Rows without padding are one long row. */
static void join_rows(uint32_t *n_rows, size_t *n_values, uint32_t n_channels)
{
    *n_values = n_channels;
    if (n_channels % EC_LANES == 0) {
        *n_values *= *n_rows;
        *n_rows = 1;
    }
}

EC_CLONES void ec_widen_f32(double *restrict work, const float *restrict in, uint32_t n_frames, uint32_t n_channels)
{
    const uint32_t n_padded = ec_padded(n_channels);
    size_t n_values;

    join_rows(&n_frames, &n_values, n_channels);
    for (uint32_t f = 0; f < n_frames; f++) {
        for (size_t i = 0; i < n_values; i++) {
            work[i] = (double)in[i];
        }
        for (uint32_t c = n_channels; c < n_padded; c++) {
            work[c] = 0.0;
        }
        in += n_channels;
        work += n_padded;
    }
}

EC_CLONES void ec_widen_i32(double *restrict work, const int32_t *restrict in, const double *restrict scale,
                            uint32_t n_frames, uint32_t n_channels)
{
    const uint32_t n_padded = ec_padded(n_channels);

    for (uint32_t f = 0; f < n_frames; f++) {
        for (uint32_t c = 0; c < n_channels; c++) {
            work[c] = (double)in[c] * scale[c];
        }
        for (uint32_t c = n_channels; c < n_padded; c++) {
            work[c] = 0.0;
        }
        in += n_channels;
        work += n_padded;
    }
}

EC_CLONES void ec_scale_f64(double *restrict work, const double *restrict factor, uint32_t n_frames,
                            uint32_t n_padded)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        for (uint32_t c = 0; c < n_padded; c++) {
            work[c] *= factor[c];
        }
        work += n_padded;
    }
}

EC_CLONES void ec_narrow_f32(float *restrict out, const double *restrict work, uint32_t n_frames, uint32_t n_channels)
{
    const uint32_t n_padded = ec_padded(n_channels);
    size_t n_values;

    join_rows(&n_frames, &n_values, n_channels);
    for (uint32_t f = 0; f < n_frames; f++) {
        for (size_t i = 0; i < n_values; i++) {
            const float v = (float)work[i];
            out[i] = v == v ? v : __builtin_nanf("");                    /* S4 */
        }
        out += n_channels;
        work += n_padded;
    }
}

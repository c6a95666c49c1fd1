/* ec_saturated.c - which channels met full scale: part of ec_decode24.h. */
#include "ec_decode24.h"

#include "../base/ec_simd.h"

#define GROUP 64                          /* channels of one mask word */

/* hit[c] becomes non-zero if channel c is at full scale in some frame. */
EC_CLONES static void mark(const int32_t *restrict counts, uint32_t n_frames, uint32_t n_channels, size_t stride,
                           uint32_t *restrict hit)
{
    for (uint32_t f = 0; f < n_frames; f++) {
        for (uint32_t c = 0; c < n_channels; c++) {
            const int32_t v = counts[c];
            hit[c] |= (uint32_t)(v >= EC_COUNTS_MAX) | (uint32_t)(v <= EC_COUNTS_MIN);
        }
        counts += stride;
    }
}

uint32_t ec_saturated_mask(const int32_t *counts, uint32_t n_frames, uint32_t n_channels, uint64_t *mask)
{
    uint32_t any = 0;

    for (uint32_t from = 0; from < n_channels; from += GROUP) {
        const uint32_t n = n_channels - from < GROUP ? n_channels - from : GROUP;
        uint32_t hit[GROUP] = {0};

        mark(counts + from, n_frames, n, n_channels, hit);
        for (uint32_t c = 0; c < n; c++) {
            mask[from / GROUP] |= (uint64_t)hit[c] << c;
            any |= hit[c];
        }
    }
    return any;
}

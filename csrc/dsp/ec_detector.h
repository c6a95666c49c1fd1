/* ec_detector.h - what the detectors of artefacts share: a mask for every frame, and a running median.
 *
 * A detector looks at frames and says of each which channels it marks; the samples stay as they are. All of them
 *   D1  judge a frame by what came up to it and never by what comes later
 *   D2  judge it the same however frames are cut into calls
 *   D3  keep channels apart: NaN or infinity in one leaves the others' marks
 *   D4  take a first call, and one behind a gap, for the beginning of their windows
 * (tests/signal/test_flags_exact.py, test_flags_criteria.py)
 */
#ifndef EC_DETECTOR_H
#define EC_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "../include/eegcore/plugin.h"

typedef struct ec_mask {
    uint64_t words[EEGCORE_MASK_WORDS];   /* bit c of word c / 64: channel c */
} ec_mask;

static inline void ec_mask_add(ec_mask *mask, uint32_t channel, bool marked)
{
    mask->words[channel / 64] |= (uint64_t)marked << (channel % 64);
}

/* How far a running median goes with frame `n`, the first is 1: `pace` / n in the beginning, so that it gets there from
 * anywhere, and never less than `slow`, so that it follows. A pace of 1 gets there quicker, of 1/2 steadier. */
static inline double ec_median_rate(uint64_t n, double pace, double slow)
{
    const double fast = pace / (double)(n < 2 ? 2 : n);

    return fast > slow ? fast : slow;
}

/* One step of a running median of x >= 0: up by its `rate` if x is above, else down. Where it stands still, half of
 * the x are above and half below, however far (stochastic approximation: Robbins and Monro 1951, Annals of
 * Mathematical Statistics 22; on a logarithmic scale). It never falls below `least`, from where it could not rise. */
static inline double ec_median_step(double median, double x, double rate, double least)
{
    const double next = x > median ? median + median * rate : median - median * rate;

    return next > least ? next : least;
}

#endif

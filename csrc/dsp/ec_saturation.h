/* ec_saturation.h - marks channels that are at a limit, and for a while after.
 *
 * A sample is beyond if it is at or past one of two limits; NaN is not, infinity is. A channel is marked in the
 * frame of such a sample and in the n_hold frames behind it. See ec_detector.h.
 */
#ifndef EC_SATURATION_H
#define EC_SATURATION_H

#include "ec_detector.h"

typedef struct ec_saturation {
    uint32_t  n_channels;
    uint32_t  n_hold;                     /* frames */
    uint64_t  now;                        /* number of the next frame */
    uint64_t  quiet_from;                 /* no channel is marked from this frame on, unless another sample is beyond */
    double   *low, *high;                 /* [n_channels] limits, in the unit of the samples */
    uint64_t *last;                       /* [n_channels] 1 + number of the last frame beyond; 0 for none */
} ec_saturation;

/* Copies the limits. BAD_ARGUMENT or NO_MEMORY; after an error *s owns nothing. [control-thread] */
int32_t ec_saturation_init(ec_saturation *s, const double *low, const double *high, uint32_t n_channels,
                           uint32_t n_hold);
void ec_saturation_destroy(ec_saturation *s);                /* may be called twice. [control-thread] */
void ec_saturation_gap(ec_saturation *s);                    /* [worker-thread, realtime] */

/* Add the marks of n_frames frames to masks[n_frames]; one of `counts` and `values` is given,
 * [n_frames][n_channels]. [worker-thread, realtime] */
void ec_saturation_run(ec_saturation *s, const int32_t *counts, const float *values, uint32_t n_frames,
                       ec_mask *masks);

/* Go on where `old` is, with limits and hold of one's own; the channels are the same. [worker-thread, realtime] */
void ec_saturation_take_over(ec_saturation *s, const ec_saturation *old);

#endif

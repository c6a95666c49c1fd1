/* ec_hampel.h - outliers replaced by the median of the frames around them, all channels.
 *
 * Hampel's identifier: over a window of n frames (odd) around a sample, m is the
 * median and S the median of |x - m|. A sample further from m than limit * S is
 * replaced by m; limit is n_sigma * 1.4826, because S * 1.4826 estimates the
 * standard deviation of normal noise (Davies and Gather, JASA 88, 1993). S = 0
 * (more than half of the window is one value) is no exception: a sample that
 * differs from m is replaced. The output is half a window late.
 *
 * Medians are exact. Each channel's window is kept sorted; a frame takes one out
 * and puts one in with a pass of comparisons that is the same for every value,
 * so it runs over eight channels at once. With the window sorted as s[0..2h],
 *     S = min over p = 0..h of max(m - s[p], s[p + h] - m):
 * the h + 1 samples nearest to m are neighbours there.
 *
 * A window with a NaN judges nothing: its middle passes as it is. Before the
 * first frame there is the first frame, again and again.
 *
 * Invariants (tests/signal/test_hampel.py)
 *   H1  the result depends on the frames since the restart, not on how they were
 *       cut into calls, and channels never meet
 */
#ifndef EC_HAMPEL_H
#define EC_HAMPEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/ec_counter.h"
#include "../base/ec_fp.h"
#include "../base/ec_status.h"

#define EC_HAMPEL_MAX_FRAMES 255u
#define EC_HAMPEL_ROWS       256u         /* a power of two above the longest window */

typedef struct ec_hampel {
    uint32_t n_window, half;
    uint32_t n_channels, n_padded;
    bool     begun;                       /* a frame has come */
    double   limit;                       /* in units of S */
    uint64_t position;                    /* of the frame that comes next */
    float   *rows;                        /* [EC_HAMPEL_ROWS][n_padded], the last frames */
    float   *sorted;                      /* [n_padded / 8][n_window + 1][8], the last of each is +infinity */
    int32_t *n_nan;                       /* [n_padded], in the window */
    ec_counter replaced;                  /* samples */
} ec_hampel;

/* BAD_ARGUMENT if the window is not an odd number of 3 .. EC_HAMPEL_MAX_FRAMES
 * frames, the limit is no positive number, or there are no channels; NO_MEMORY.
 * After an error *h owns nothing. [control-thread] */
int32_t ec_hampel_init(ec_hampel *h, uint32_t n_window, double limit, uint32_t n_channels);
void ec_hampel_destroy(ec_hampel *h);     /* may be called twice. [control-thread] */
void ec_hampel_restart(ec_hampel *h);     /* nothing has come. [worker-thread, realtime] */

/* frames[n][n_channels] -> out[n][n_channels], which is NULL to advance only. [worker-thread, realtime] */
void ec_hampel_run(ec_hampel *h, const float *frames, uint32_t n, float *out);

/* Begin with the frames that `old` has seen; the length of the window and the limit may differ. [worker-thread,
 * realtime] */
void ec_hampel_take_over(ec_hampel *h, ec_hampel *old);

#endif

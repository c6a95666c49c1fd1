/* ec_sliding_trend.h - a sliding mean, or the newest value of a sliding straight line, taken out of all channels.
 *
 * With d[0] the newest of the m samples in the window, d[k] the one k frames
 * older, S = sum d[k] and K = sum k d[k], the least-squares line through them
 * has at the newest sample the value
 *     (2 (2 m - 1) S - 6 K) / (m (m + 1))
 * (normal equations of a straight line over equally spaced points; scipy.signal.
 * detrend(window, type="linear")[-1] is d[0] minus it), and their mean is S / m.
 * m grows from 1 to the length of the window, and stays there.
 *
 * d is counted from the first good sample of the channel, so that an offset
 * costs no digits. The sums slide: the new sample is added, the old one taken
 * away. Beside them the sums of the current stretch of n frames (counted from the
 * start or gap) are built by additions only; when a stretch is complete it is
 * the window, and its sums replace the sliding ones. So no rounding error lives
 * longer than two windows: with u = 2^-53 and |d| <= D it is below 3 n u D for
 * the mean and 30 n u D for the line, for ever. (0.7 nV for n = 960 000, 187.5 mV.)
 *
 * Invariants (tests/signal/test_detrend.py)
 *   T1  the result does not depend on how frames are cut into calls, nor on the
 *       vector width
 *   T2  channels never meet
 *   T3  a sample that is not finite leaves as it is, and counts in the window as the
 *       last good one before it (the first one after it at the start), so
 *       it leaves no trace beyond the window
 */
#ifndef EC_SLIDING_TREND_H
#define EC_SLIDING_TREND_H

#include <stdint.h>

#include "ec_sos.h"

#define EC_SLIDING_TREND_MAX_FRAMES (1u << 20)
#define EC_SLIDING_TREND_MAX_DOUBLES (1u << 26)     /* frames times padded channels: 512 MiB */
#define EC_SLIDING_TREND_MAX_CARRIED (1u << 20)     /* doubles that take_over copies: some milliseconds */

typedef struct ec_sliding_trend {
    uint32_t n_window;
    uint32_t n_padded;
    uint32_t linear;
    uint32_t simd;                        /* EC_SIMD_...; may be lowered for a comparison */
    uint32_t n_held;                      /* frames in the window, at most n_window */
    uint32_t at;                          /* row of the window where the next frame goes: the oldest, once it is full */
    uint32_t n_stretch;                   /* frames of the current stretch */
    double  *window;                      /* d[n_window][n_padded] */
    double  *anchor;                      /* [n_padded] the first good sample, NaN before there is one */
    double  *newest;                      /* [n_padded] the newest good d */
    double  *sum, *moment;                /* [n_padded] S and K of the window; K for the line only */
    double  *own_sum, *own_moment;        /* [n_padded] of the current stretch */
} ec_sliding_trend;

/* BAD_ARGUMENT if a limit above is passed, n_window is 0, or the channels are not
 * what ec_sos.h takes; NO_MEMORY. After an error *d owns nothing. [control-thread] */
int32_t ec_sliding_trend_init(ec_sliding_trend *d, uint32_t n_window, uint32_t linear, uint32_t n_channels);
void ec_sliding_trend_destroy(ec_sliding_trend *d);   /* may be called twice. [control-thread] */

/* Begin afresh: a window never spans missing frames. [worker-thread, realtime] */
void ec_sliding_trend_gap(ec_sliding_trend *d);

/* Take the trend out of work[n_frames][n_padded], in place. [worker-thread, realtime] */
void ec_sliding_trend_run(ec_sliding_trend *d, double *work, uint32_t n_frames);

/* Begin with the newest frames of `old`, of as many channels: all of them, or
 * as many as the new window or EC_SLIDING_TREND_MAX_CARRIED takes. [worker-thread, realtime] */
void ec_sliding_trend_take_over(ec_sliding_trend *d, const ec_sliding_trend *old);

#endif

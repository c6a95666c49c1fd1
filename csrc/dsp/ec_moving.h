/* ec_moving.h - mean, rms, minimum and maximum of the last n frames, all channels.
 *
 * Nothing is ever subtracted, so nothing drifts. Frames are cut into parts of
 * half a window; a window is the end of one part, a whole one, and the beginning
 * of a third:
 *
 *     | . . . e e | e e e e e | b b b . . |
 *
 * For each there is one aggregate: `ends` of the oldest part from every frame on,
 * `whole`, and `begun`. A part's ends are made one a frame while the next part
 * comes in, so every frame costs the same: four combinations, whatever the window.
 *
 * The sums are of at most window / 2 + 2 doubles in a row: a mean of float32
 * samples is off by less than window * 2^-53 of the largest of them. rms is
 * sqrt(sum x^2 / n), about zero: squares of float32 are exact in double and all
 * of one sign, so an offset cancels nothing.
 *
 * Invariants (tests/signal/test_moving.py)
 *   W1  a result depends on the frames since the restart, not on how they were
 *       cut into calls, and channels never meet
 *   W2  a NaN is in every result whose window holds it, and in no other
 */
#ifndef EC_MOVING_H
#define EC_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/ec_fp.h"
#include "../base/ec_status.h"

enum { EC_MOVING_MEAN, EC_MOVING_RMS, EC_MOVING_MIN, EC_MOVING_MAX, EC_MOVING_STATS };

#define EC_MOVING_MAX_WINDOW 16777216u

typedef struct ec_moving_stat {
    bool     active;
    uint64_t begin;                       /* position of its first frame */
    uint64_t parts;                       /* complete since then */
    uint32_t in_part;                     /* frames of the part that has begun */
    double  *begun, *whole;               /* [n_padded] */
    double  *ends, *coming;               /* [n_part][n_padded]: from frame i of a part to its last */
} ec_moving_stat;

typedef struct ec_moving {
    uint32_t n_window, n_part;            /* n_part = n_window / 2 */
    uint32_t n_channels, n_padded;
    uint32_t n_rows;
    uint64_t position;                    /* frames since the restart */
    float   *rows;                        /* [n_rows][n_padded], the last frames */
    ec_moving_stat stat[EC_MOVING_STATS];
} ec_moving;

/* BAD_ARGUMENT if the window is not of 2 .. EC_MOVING_MAX_WINDOW frames or there
 * are no channels; NO_MEMORY. After an error *m owns nothing. [control-thread] */
int32_t ec_moving_init(ec_moving *m, uint32_t n_window, uint32_t n_channels);
void ec_moving_destroy(ec_moving *m);     /* may be called twice. [control-thread] */
void ec_moving_restart(ec_moving *m);     /* nothing has come. [worker-thread, realtime] */

/* A statistic that nobody asks for costs nothing; asked for again, it begins
 * with the next frame. [worker-thread, realtime] */
void ec_moving_want(ec_moving *m, uint32_t stat, bool wanted);

/* Frames since a statistic began. [worker-thread, realtime] */
uint64_t ec_moving_seen(const ec_moving *m, uint32_t stat);

/* frames[n][n_channels], the first of which has this number. Writes the value of
 * the window that ends with every frame whose number is a multiple of `hop`, for
 * each wanted statistic to out[stat][...][n_channels]; while the window is not
 * full, of what there is. Returns the values written to each. [worker-thread, realtime] */
uint32_t ec_moving_run(ec_moving *m, const float *frames, uint32_t n, uint64_t number, uint32_t hop,
                       float *const out[EC_MOVING_STATS]);

/* Begin with the frames in the window of `old`, as many as fit: a longer window then grows frame by frame, and no
 * value jumps. Takes time in proportion to them. [worker-thread, realtime] */
void ec_moving_take_over(ec_moving *m, const ec_moving *old);

#endif

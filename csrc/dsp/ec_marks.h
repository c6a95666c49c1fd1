/* ec_marks.h - flags and masks of the frames in a sliding window.
 *
 * A value made of the last `window` frames carries what any of them carried.
 * Only the last frame that had a mark matters for that, so the memory does not
 * grow with the window. Frames are counted by the caller, from anywhere, upwards.
 *
 * EEGCORE_FLAG_GAP and EEGCORE_FLAG_LATE_READ say something about the moment
 * before a frame: they are not kept here.
 *
 * Invariants (tests/signal/test_moving.py, test_resample.py, test_hampel.py)
 *   M1  a mark last seen at frame n holds for the windows that end at
 *       n .. n + window - 1
 */
#ifndef EC_MARKS_H
#define EC_MARKS_H

#include "../include/eegcore/plugin.h"

#define EC_MARKS_MASKS 5u                 /* saturated, lead_off, flatline, blink, muscle */
#define EC_MARKS_EVER  UINT64_MAX

typedef struct ec_marks {
    uint64_t window;                      /* frames */
    uint32_t flags;                       /* in the window */
    uint64_t mask[EC_MARKS_MASKS][EEGCORE_MASK_WORDS];
    uint64_t flag_end[32];                /* first window without it: the one that ends with this frame */
    uint64_t mask_end[EC_MARKS_MASKS][EEGCORE_MAX_CHANNELS];
} ec_marks;

/* No marks. [control-thread] */
void ec_marks_init(ec_marks *m, uint64_t window);
void ec_marks_clear(ec_marks *m);         /* the window begins afresh. [worker-thread, realtime] */

/* The block's frames are number `first` and the following. [worker-thread, realtime] */
void ec_marks_take(ec_marks *m, const eegcore_block *block, uint64_t first);

/* A window that began with frame `first` is not full before frame first +
 * window - 1: SETTLING until then. [worker-thread, realtime] */
void ec_marks_settle(ec_marks *m, uint64_t first);

/* Forget what is no longer in the window that ends with frame `newest`, and
 * return the first later frame at which that would change again, if no mark
 * comes; EC_MARKS_EVER for never. [worker-thread, realtime] */
uint64_t ec_marks_until(ec_marks *m, uint64_t newest);

/* Take the marks of a window of another length. [worker-thread, realtime] */
void ec_marks_take_over(ec_marks *m, const ec_marks *old);

/* Set flags and masks of an output; GAP and LATE_READ are cleared. [worker-thread, realtime] */
void ec_marks_write(const ec_marks *m, eegcore_block *out);

#endif

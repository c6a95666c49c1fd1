/* ec_mains.h - the frequency of the mains, one for all channels, and notches that follow it.
 *
 * Grids wander by tenths of a hertz and converter clocks by some 0.1 %, while a
 * notch at 50 Hz is 1.7 Hz wide: 0.2 Hz beside it a quarter of the line is left.
 *
 * Frames are taken in blocks of about 0.25 s. In each block every channel's
 * difference of neighbouring samples (no offset is left in it) is multiplied by
 * exp(-j w n) at the nominal frequency under a Hann window and summed: z. From
 * one block to the next the line turns by its deviation from nominal:
 *     u = z conj(z') exp(-j w L) / ((|z|^2 + |z'|^2) / 2),   |u| <= 1
 * (the pulse-pair estimate of Doppler radar: Miller and Rochwarger, IEEE Trans.
 * Inf. Theory 18, 1972; here each pair is normalised, so that a movement or a
 * blink weighs less than a quiet second). u is averaged over the pairs, first
 * evenly, then with weight 1/16: a time constant of 4 s. |u| of the average says
 * how much of what is there is one steady line. Channels that show one, within
 * the range, are added; the angle of the sum is the deviation. Where none does,
 * the frequency stays what it was.
 *
 * Invariants (tests/signal/test_filters_tracking.py)
 *   F1  the result does not depend on how frames are cut into calls, nor on the
 *       vector width; + - * / and sqrt only
 *   F2  channels meet in one number only, the frequency: a channel that is not
 *       finite, stands still or has no line has no part in it
 *   F3  until a line has been seen for 11 pairs, about 3 s, the filter is the
 *       one it was made as, bit for bit; it never leaves the range
 *   F4  width and gain at 0 Hz do not change, and the state a constant input
 *       leads to does not depend on the frequency: offsets do not feel a change
 */
#ifndef EC_MAINS_H
#define EC_MAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "ec_sos.h"

#define EC_MAINS_MAX_BLOCK 65536

typedef struct ec_mains_config {
    uint32_t n_block;                     /* L, frames of a block */
    double   cos_hz, sin_hz;              /* of w, the angle of one frame at the nominal frequency */
    double   cos_block, sin_block;        /* of w L */
    double   cos_window, sin_window;      /* of 2 pi / L */
    double   limit;                       /* tan of half the largest angle from block to block */
} ec_mains_config;

typedef struct ec_mains {
    ec_mains_config config;
    uint32_t  n_channels;
    uint32_t  n_padded;
    uint32_t  at;                         /* frames of the block that have been taken */
    bool      has_before;                 /* the frame before this one is known */
    bool      has_last;                   /* and the block before this one */
    bool      found;                      /* a line has been seen */
    double    angle;                      /* deviation of the line per block, rad; 0 until found */
    double   *table;                      /* [n_block][2]: window times cos, sin */
    double   *before;                     /* [n_padded] */
    double   *sums;                       /* z: [2][n_padded] */
    double   *last;                       /* z': [2][n_padded] */
    double   *mean;                       /* of u: [2][n_padded] */
    uint32_t *n_pairs;                    /* [n_channels], at most 31: the evidence in a mean with weight 1/16 */
} ec_mains;

/* BAD_ARGUMENT unless 8 <= n_block <= EC_MAINS_MAX_BLOCK and the channels are what ec_sos.h takes; NO_MEMORY.
 * After an error *m owns nothing. [control-thread] */
int32_t ec_mains_init(ec_mains *m, const ec_mains_config *config, uint32_t n_channels);
void ec_mains_destroy(ec_mains *m);       /* may be called twice. [control-thread] */

/* The next frame is no neighbour of the last one: a block begins, the frequency stays. [worker-thread, realtime] */
void ec_mains_gap(ec_mains *m);

/* Look at work[n_frames][n_padded], at most to the end of the block; return how many frames that were. They are to be
 * filtered before ec_mains_tune, which follows. [worker-thread, realtime] */
uint32_t ec_mains_watch(ec_mains *m, const double *work, uint32_t n_frames);

/* Move the notches of *f to the frequency in use, section k to (k + 1) times it. [worker-thread, realtime] */
void ec_mains_apply(const ec_mains *m, ec_sos *f);

/* At the end of a block: find the frequency, and move the notches of *f there. True if they were moved. [worker-thread, realtime] */
bool ec_mains_tune(ec_mains *m, ec_sos *f);

/* Go on with what `old` has found out, on as many channels, if both look for the same line: the notches are moved there
 * at the end of the block. True if they do. [worker-thread, realtime] */
bool ec_mains_take_over(ec_mains *m, const ec_mains *old);

#endif

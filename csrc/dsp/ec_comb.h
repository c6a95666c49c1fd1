/* ec_comb.h - a square wave locked to the frame index, taken out of all channels.
 *
 * The lead-off tone is a square wave whose period is a whole, even number of
 * frames, and whatever linear path it took, half a period later it is the same
 * with the opposite sign. So half the difference of two frames half a period
 * apart is the tone, with offset and everything of even symmetry gone. That
 * estimate, averaged over the half periods, is subtracted:
 *     d[i] = d[i] + a (s (x[i] - x[i - M]) / 2 - d[i]),   y[i] = x[i] - s d[i]
 * with M frames in half a period, s = 1 in even and -1 in odd half periods, and
 * one d for each of the M places. With a = 1 - r this is the comb
 *     H(z) = (1 + r) / 2 * (1 + z^-M) / (1 + r z^-M)
 * with zeros at the tone and all its odd harmonics, a gain of one at 0 Hz and at
 * the even ones. A place learns with a = 1, 1/2, 1/3 ... until that is less
 * than 1 - r: the tone is gone after half a period, however large it is.
 *
 * Invariants (tests/impedance/test_comb.py)
 *   K1  a tone that repeats with the opposite sign leaves nothing but rounding
 *       from the second half period on, and from there on everywhere
 *   K2  the place of a frame comes from its index: across a gap the learnt tone
 *       keeps its phase, is subtracted at once, and is learnt anew
 *   K3  the result does not depend on how frames are cut into calls
 *   K4  channels never meet; a sample that is held or not finite is passed on
 *       (minus the tone) and teaches nothing, so it leaves no trace
 */
#ifndef EC_COMB_H
#define EC_COMB_H

#include <stdint.h>

#include "ec_sos.h"

#define EC_COMB_MAX_HALF 32768

typedef struct ec_comb {
    uint32_t  n_half;                     /* M */
    uint32_t  n_channels;
    uint32_t  n_padded;
    uint32_t  n_neighbours;               /* frames in succession before this one, at most n_half */
    uint64_t  next_index;
    double    rate;                       /* 1 - r */
    uint32_t *n_learnt;                   /* [n_half] */
    double   *tone;                       /* d[n_half][n_padded] */
    double   *before;                     /* the frame half a period ago [n_half][n_padded], NaN where held */
    double   *held;                       /* [n_padded]: 0, or NaN for a channel that is not to be learnt from */
} ec_comb;

/* rate = 1 - r. BAD_ARGUMENT unless 1 <= n_half <= EC_COMB_MAX_HALF, 0 < rate <= 1
 * and the channels are what ec_sos.h takes; NO_MEMORY. After an error *c owns
 * nothing. [control-thread] */
int32_t ec_comb_init(ec_comb *c, uint32_t n_half, double rate, uint32_t n_channels);
void ec_comb_destroy(ec_comb *c);         /* may be called twice. [control-thread] */

/* From here on the channels whose bit is set in mask[4] are not learnt from. [worker-thread, realtime] */
void ec_comb_hold(ec_comb *c, const uint64_t *mask);
/* The next frame is no neighbour of the last one. Run sees a jump of the index by itself. [worker-thread, realtime] */
void ec_comb_gap(ec_comb *c);

/* Clean work[n_frames][n_padded] in place; index counts frames of this stream. [worker-thread, realtime] */
void ec_comb_run(ec_comb *c, double *work, uint32_t n_frames, uint64_t index);

#endif

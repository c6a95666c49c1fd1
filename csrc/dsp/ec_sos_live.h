/* ec_sos_live.h - a filter goes on with other coefficients, without a jump.
 *
 * The state of ec_sos (transposed direct form II) says nothing outside its own
 * coefficients. So the histories behind it are found: with the two newest input
 * frames of the filter, a section's state
 *     s1 = b2 x1 - a2 y1,   s0 = b1 x1 - a1 y1 + b2 x2 - a2 y2
 * gives its two newest outputs y1, y2, which are the inputs x1, x2 of the next
 * section. (Direct form I and II have the same transfer function; A. V. Oppenheim
 * and R. W. Schafer, Discrete-Time Signal Processing, ch. 6.) The new sections get
 * the state of these histories: zeros go on cancelling what they cancelled, the
 * output goes on where it was, and what is left is a free response of the new
 * filter. Three things would make that response large, and are put right:
 *   - between sections the two designs have other gains (all of the gain is in
 *     the first section, sos of scipy): a history is taken times the ratio of the
 *     rms gains over the pass band, `level`
 *   - an electrode's offset is 1000 times the signal: it is moved from the old
 *     gain at 0 Hz to the new one exactly
 *   - what two consecutive samples differ by is of the order of the section's pole
 *     frequency (for a high-pass: amplitude times phase lag times frequency), and a
 *     slower section would run with it for long: it is taken times
 *     w'/w = sqrt(A'(1) / A(1)), if that is less than 1, A(1) = 1 + a1 + a2
 * A filter of another number of sections begins in the steady state of the
 * offset, which the old one has told apart: output over gain if it lets 0 Hz
 * pass, input minus output if it does not.
 *
 * Invariants (tests/signal/test_live_filters.py)
 *   V1  the same coefficients: the same state, bit for bit
 *   V2  a constant input stays what it was from the first frame on, within rounding
 *   V3  channels never meet; one whose state is not finite returns to rest
 */
#ifndef EC_SOS_LIVE_H
#define EC_SOS_LIVE_H

#include <stdbool.h>

#include "ec_sos.h"

typedef struct ec_sos_live {
    uint32_t n_seen;                      /* frames in `recent`, at most 2 */
    double  *recent;                      /* [2][n_padded]: the newest input frame, and the one before */
    double  *level;                       /* [n_sections]: rms gain over the pass band from the input to behind each */
} ec_sos_live;

/* What becomes of the samples in front of an operation when a change is made: gain x + add, channel by channel. */
typedef struct ec_shift {
    bool   is_none;                       /* gain 1, add 0 everywhere */
    double gain[EC_SOS_MAX_CHANNELS];
    double add[EC_SOS_MAX_CHANNELS];
} ec_shift;

/* `level` is copied. NO_MEMORY, after which *v owns nothing. [control-thread] */
int32_t ec_sos_live_init(ec_sos_live *v, const ec_sos *f, const double *level);
void ec_sos_live_destroy(ec_sos_live *v);              /* may be called twice. [control-thread] */

/* Before ec_sos_run: remember the last frames of work[n_frames][n_padded]. [worker-thread, realtime] */
void ec_sos_live_note(ec_sos_live *v, const double *work, uint32_t n_frames, uint32_t n_padded);

/* Let *f, which is at rest, go on from *old; the channels are the same. `shift` is what becomes of its input and, on
 * return, of its output. True if the coefficients differ. [worker-thread, realtime] */
bool ec_sos_live_take_over(ec_sos_live *v, ec_sos *f, const ec_sos_live *was, const ec_sos *old, ec_shift *shift);

static inline void ec_shift_none(ec_shift *shift)
{
    shift->is_none = true;
    for (uint32_t c = 0; c < EC_SOS_MAX_CHANNELS; c++) {
        shift->gain[c] = 1.0;
        shift->add[c] = 0.0;
    }
}

#endif

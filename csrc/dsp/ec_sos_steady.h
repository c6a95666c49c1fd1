/* ec_sos_steady.h - a filter that begins as if its first frame had always been there.
 *
 * From rest, an electrode's offset of 187 mV is a step, and a 0.1 Hz high-pass
 * rings for half a minute. A channel that waits is given, at its first finite
 * sample x, the state a constant input of x would have led to (the plan holds
 * that state for x = 1; scipy.signal.sosfilt_zi).
 *
 * Invariants (tests/signal/test_filters_steady.py)
 *   T1  a constant input gives the filter's gain at 0 Hz times it from the
 *       first frame on, within rounding
 *   T2  the result does not depend on how frames are cut into calls
 *   T3  a channel waits for a finite sample of its own; the others do not
 *       notice
 */
#ifndef EC_SOS_STEADY_H
#define EC_SOS_STEADY_H

#include "ec_sos.h"

typedef struct ec_sos_steady {
    double  *unit;                        /* [n_sections][2]: s0, s1 for a constant input of 1 */
    uint64_t waiting[EC_SOS_MAX_CHANNELS / 64];
} ec_sos_steady;

/* `unit` is copied; all channels of *f wait. NO_MEMORY, after which *s owns nothing. [control-thread] */
int32_t ec_sos_steady_init(ec_sos_steady *s, const ec_sos *f, const double *unit);
void ec_sos_steady_destroy(ec_sos_steady *s);   /* may be called twice. [control-thread] */

/* A gap: channels whose state is not finite wait again, the others keep theirs. [worker-thread, realtime] */
void ec_sos_steady_gap(ec_sos_steady *s, ec_sos *f);

/* ec_sos_run, and the start of the channels that wait. [worker-thread, realtime] */
void ec_sos_steady_run(ec_sos_steady *s, ec_sos *f, double *work, uint32_t n_frames);

#endif

/* ec_lock_in.h - amplitude of a tone of known period, or mean, of one window, all channels.
 *
 * A window is a whole number of cycles of the tone, a cycle a whole number of
 * frames, so the products with cosine and sine need a table of one cycle and no
 * clock. The periodic Hann taper keeps mains and slow drift out (a plain sum lets
 * through 1/(pi m) of what lies m bins beside the tone, the taper about 1/m^3)
 * and, over whole cycles, an offset has no part in the result. Without a
 * tone (n_cycle = 0) the result is the plain mean.
 *
 * A tone of four frames is sampled so seldom that the odd harmonics of a square
 * wave fall onto it. With the phase p of the sampling they make the
 * amplitude sqrt(1 - 2 alias cos 4p) times as large; p is known well enough
 * from the result itself, and the factor is taken out.
 *
 * Invariants (tests/impedance/test_lock_in.py)
 *   L1  the result does not depend on how the frames of a window are cut into calls
 *   L2  channels never meet; NaN or infinity in a channel gives NaN there
 */
#ifndef EC_LOCK_IN_H
#define EC_LOCK_IN_H

#include <stdint.h>

#include "../base/ec_status.h"

#define EC_LOCK_IN_MAX_WINDOW 1048576
#define EC_LOCK_IN_MAX_CHANNELS 256

typedef struct ec_lock_in {
    uint32_t n_window;                    /* frames */
    uint32_t n_cycle;                     /* frames of a cycle; 0: mean */
    uint32_t n_channels;
    double   alias;                       /* 0: none */
    double  *taper;                       /* [n_window]; NULL for a mean */
    double  *cosine, *sine;               /* [n_cycle] */
    double  *re, *im;                     /* [n_channels] */
} ec_lock_in;

/* BAD_ARGUMENT if a limit above is passed, n_channels or n_window is 0, n_window is no
 * multiple of n_cycle or holds less than two cycles, or alias is not in [0, 0.25]; NO_MEMORY. After an
 * error *l owns nothing. [control-thread] */
int32_t ec_lock_in_init(ec_lock_in *l, uint32_t n_window, uint32_t n_cycle, double alias, uint32_t n_channels);
void ec_lock_in_destroy(ec_lock_in *l);   /* may be called twice. [control-thread] */

void ec_lock_in_clear(ec_lock_in *l);     /* begin a window. [worker-thread, realtime] */

/* Add frames[n_frames][n_channels], the first of which is frame `at` of the
 * window; at + n_frames <= n_window. [worker-thread, realtime] */
void ec_lock_in_add(ec_lock_in *l, const float *frames, uint32_t n_frames, uint32_t at);

/* out[n_channels]: peak of the tone, or the mean, in the unit of the input.
 * After n_window frames. [worker-thread, realtime] */
void ec_lock_in_read(const ec_lock_in *l, double *out);

#endif

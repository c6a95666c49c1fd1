/* ec_resample.h - rational rate change by a polyphase FIR filter, all channels.
 *
 * Output k is what scipy.signal.upfirdn(h, x, up, down) gives at place k:
 *     y[k] = sum over n of h[k down - n up] x[n]
 * It needs the input frames up to floor(k down / up) and is made as soon as that
 * one has come. Frames before the first are zero. x is float32, h and the sums
 * are double, y is rounded once.
 *
 * Invariants (tests/signal/test_resample.py)
 *   R1  four partial sums over the taps, always the same ones in each: the
 *       result depends on the frames only, not on how they were cut into calls
 *   R2  channels never meet, and a NaN leaves with its last window
 *   R3  output numbers go on for ever: output k is at the position k down / up
 *       in input frames, whatever was missing before
 */
#ifndef EC_RESAMPLE_H
#define EC_RESAMPLE_H

#include <stdint.h>

#include "../base/ec_fp.h"
#include "../base/ec_status.h"

#define EC_RESAMPLE_MAX_FACTOR 1024u
#define EC_RESAMPLE_MAX_TAPS   32768u

typedef struct ec_resample {
    uint32_t up, down;
    uint32_t n_window;                    /* input frames behind one output */
    uint32_t n_channels, n_padded;
    uint32_t n_rows;                      /* room of `rows` */
    uint32_t at;                          /* rows in use; the last n_window - 1 are history */
    uint64_t next_in;                     /* number of the input frame that comes next */
    uint64_t next_out;                    /* number of the output that comes next */
    double  *taps;                        /* [up][n_window], the oldest frame's first */
    float   *rows;                        /* [n_rows][n_padded] */
} ec_resample;

/* h[n_taps] runs at up times the input rate. BAD_ARGUMENT if a limit above is
 * passed, a number is 0 or a tap is not finite; NO_MEMORY. After an error *r
 * owns nothing. [control-thread] */
int32_t ec_resample_init(ec_resample *r, uint32_t up, uint32_t down, const double *h, uint32_t n_taps,
                         uint32_t n_channels);
void ec_resample_destroy(ec_resample *r); /* may be called twice. [control-thread] */

/* The next input frame is number `next_in`, and what came before is zero. [worker-thread, realtime] */
void ec_resample_restart(ec_resample *r, uint64_t next_in);

/* Outputs that the next n frames will complete. [worker-thread, realtime] */
uint32_t ec_resample_count(const ec_resample *r, uint32_t n);

/* frames[n][n_channels] -> out[ec_resample_count][n_channels]; out NULL: advance only. Returns the outputs made.
 * [worker-thread, realtime] */
uint32_t ec_resample_run(ec_resample *r, const float *frames, uint32_t n, float *out);

/* Go on where `old` is, which has the same taps and channels. BAD_ARGUMENT if it has not. [worker-thread, realtime] */
int32_t ec_resample_take_over(ec_resample *r, const ec_resample *old);

#endif

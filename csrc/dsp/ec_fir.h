/* ec_fir.h - a finite impulse response over all channels, sums in double.
 *
 * The newest frames of the input are kept group by group of EC_LANES channels,
 * each row written twice, n_rows apart: the frames behind any frame lie in one
 * piece, and the inner loop knows no end of a ring. The taps of a linear-phase
 * filter are folded: half the multiplications, and the first two in five of all
 * instructions.
 *
 * Invariants (tests/c/dsp/test_fir.py)
 *   R1  every lane adds, from 0 on and without fused operations, x[i] being the
 *       frame i * spacing before this one and N the number of taps:
 *           any taps     h[k] x[k],                      k = 0 .. N - 1
 *           symmetric    h[k] (x[k] + x[N - 1 - k]),     k = 0 .. N / 2 - 1
 *           antisymm.    h[k] (x[k] - x[N - 1 - k]),     k = 0 .. N / 2 - 1
 *       and, of an odd number of mirrored taps, the one in the middle last.
 *       Mirrored means equal bits. From rest this is scipy.signal.lfilter but
 *       for the order of the sum
 *   R2  the result does not depend on how frames are cut into calls, nor on the
 *       vector width the processor offers
 *   R3  channels never meet: NaN or infinity in one leaves the others' bits, and
 *       leaves its own channel `reach` frames later
 *   R4  at rest the past is zeros. After a gap it is unknown, and taken to have
 *       been like the first frame that follows: an offset makes no step
 */
#ifndef EC_FIR_H
#define EC_FIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ec_sos.h"

#define EC_FIR_MAX_TAPS 4096
#define EC_FIR_BLOCK    32                /* frames that are pushed at once, at most */

typedef struct ec_fir {
    uint32_t n_taps;
    uint32_t spacing;                     /* frames from one tap to the next */
    uint32_t reach;                       /* frames of the past in every sum: (n_taps - 1) * spacing */
    uint32_t n_channels;
    uint32_t n_padded;
    uint32_t n_rows;                      /* reach + EC_FIR_BLOCK */
    uint32_t next;                        /* row of the next frame, below n_rows */
    uint32_t mirror;                      /* 0, 1 for symmetric taps, 2 for antisymmetric ones */
    uint32_t simd;                        /* kernels in use, EC_SIMD_...; may be lowered for a comparison */
    bool     after_gap;                   /* the next frame is its own past */
    double  *taps;                        /* [n_taps], newest frame first */
    double  *past;                        /* [n_padded / EC_LANES][2 * n_rows][EC_LANES], 64-byte aligned */
} ec_fir;

/* Prepare a filter at rest. BAD_ARGUMENT unless there are 1 to EC_FIR_MAX_TAPS finite taps, spacing is 1 or 2 and
 * the channels are what ec_sos.h takes; NO_MEMORY. After an error *f owns nothing. [control-thread] */
int32_t ec_fir_init(ec_fir *f, const double *taps, uint32_t n_taps, uint32_t spacing, uint32_t n_channels);
void ec_fir_destroy(ec_fir *f);           /* may be called twice. [control-thread] */

/* Frames are missing before the next one (R4). [worker-thread, realtime] */
void ec_fir_gap(ec_fir *f);

/* Filter work[n_frames][n_padded] in place; 64-byte aligned. [worker-thread, realtime] */
void ec_fir_run(ec_fir *f, double *work, uint32_t n_frames);

/* Give f the past of another filter on as many channels. Where that one looked back less far, its oldest frame stands
 * for those before it. Returns how many frames of the past are made up so. [worker-thread, realtime] */
uint32_t ec_fir_take_over(ec_fir *f, const ec_fir *old);

/* The two halves of run, for what needs the frames themselves as well: keep at most EC_FIR_BLOCK frames, and sum up a
 * group of channels for the n_frames kept last; out[n_frames][stride]. [worker-thread, realtime] */
void ec_fir_push(ec_fir *f, const double *work, uint32_t n_frames);
void ec_fir_sum(const ec_fir *f, uint32_t group, double *out, size_t stride, uint32_t n_frames);

/* EC_LANES samples of the frame `age` before the next one: 1 is the frame kept last, reach + EC_FIR_BLOCK the oldest.
 * The frames behind it in time follow in memory. [worker-thread, realtime] */
static inline const double *ec_fir_past(const ec_fir *f, uint32_t group, uint32_t age)
{
    const uint32_t row = f->next >= age ? f->next - age : f->next + f->n_rows - age;

    return f->past + ((size_t)group * 2 * f->n_rows + row) * EC_LANES;
}

#endif

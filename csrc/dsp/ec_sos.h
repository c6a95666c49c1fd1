/* ec_sos.h - a cascade of second-order sections over all channels, state in double.
 *
 * A channel is a lane of a vector. Work rows are padded to whole groups of
 * EC_LANES channels, so no kernel has a tail; padding lanes hold zeros.
 *
 * Invariants (tests/c/dsp/test_sos.py)
 *   S1  every lane does, in this order and without fused operations,
 *           y  = b0 x + s0
 *           s0 = (b1 x - a1 y) + s1
 *           s1 = b2 x - a2 y
 *       which is scipy.signal.sosfilt in float64, bit for bit
 *   S2  the result does not depend on how frames are cut into calls, nor on
 *       the vector width the processor offers
 *   S3  channels never meet: NaN or infinity in one leaves the others' bits
 *   S4  a NaN leaves ec_narrow_f32 as one fixed quiet NaN, whatever its
 *       sign and payload were: these differ between processors
 */
#ifndef EC_SOS_H
#define EC_SOS_H

#include <stdint.h>

#include "../base/ec_fp.h"
#include "../base/ec_status.h"

#define EC_LANES 8
#define EC_SOS_MAX_SECTIONS 64
#define EC_SOS_MAX_CHANNELS 256
#define EC_SOS_SCRATCH_DOUBLES 2048       /* of ec_sos_filter_f32, whatever the channels */

/* Channels of a work row: the next multiple of EC_LANES. */
static inline uint32_t ec_padded(uint32_t n_channels)
{
    return (n_channels + (EC_LANES - 1)) & ~(uint32_t)(EC_LANES - 1);
}

typedef struct ec_sos {
    uint32_t n_sections;
    uint32_t n_channels;
    uint32_t n_padded;
    uint32_t simd;                        /* kernels in use, EC_SIMD_...; may be lowered for a comparison */
    double  *coefs;                       /* [n_sections][5]: b0 b1 b2 a1 a2, divided by a0 */
    double  *state;                       /* [n_sections][2][n_padded], 64-byte aligned */
} ec_sos;

/* Prepare a filter at rest from scipy's sos[n_sections][6] = b0 b1 b2 a0 a1 a2.
 * No sections: the filter passes everything. BAD_ARGUMENT if a limit above is
 * passed, n_channels is 0, a0 is 0 or a coefficient is not finite; NO_MEMORY.
 * After an error *f owns nothing. [control-thread] */
int32_t ec_sos_init(ec_sos *f, const double *sos, uint32_t n_sections, uint32_t n_channels);
void ec_sos_reset(ec_sos *f);             /* back to rest. [worker-thread, realtime] */
/* Bring channels whose state is not finite back to rest, the others keep theirs: after a gap, where the frames that
 * were missing may have been NaN. [worker-thread, realtime] */
void ec_sos_revive(ec_sos *f);
void ec_sos_destroy(ec_sos *f);           /* may be called twice. [control-thread] */

/* Filter work[n_frames][n_padded] in place; 64-byte aligned. [worker-thread, realtime] */
void ec_sos_run(ec_sos *f, double *work, uint32_t n_frames);

/* Filter in[n_frames][n_channels] into out, rounding once; in == out is allowed,
 * other overlaps are not. `scratch`: EC_SOS_SCRATCH_DOUBLES doubles, 64-byte
 * aligned. The same numbers as widen, run, narrow, but the work stays in the
 * first cache. [worker-thread, realtime] */
void ec_sos_filter_f32(ec_sos *f, float *out, const float *in, uint32_t n_frames, double *scratch);

/* Between packets and work rows. Packets need no alignment; work[n_frames][ec_padded(n_channels)]
 * is 64-byte aligned; padding is written as 0. [any-thread, realtime] */
void ec_widen_f32(double *work, const float *in /* [n_frames][n_channels] */, uint32_t n_frames,
                  uint32_t n_channels);
void ec_widen_i32(double *work, const int32_t *in /* [n_frames][n_channels] */, const double *scale /* [n_padded] */,
                  uint32_t n_frames, uint32_t n_channels);   /* work = in * scale */
void ec_scale_f64(double *work, const double *factor /* [n_padded] */, uint32_t n_frames, uint32_t n_padded);
void ec_narrow_f32(float *out /* [n_frames][n_channels] */, const double *work, uint32_t n_frames,
                   uint32_t n_channels);

#endif

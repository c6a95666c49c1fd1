/* ec_mix.h - channels as differences: each output is an input minus a reference.
 *
 *     out[c] = in[pick[c]] - mean(in[m] for m in members of reference use[c])
 *
 * A common average is one reference of many members, a label reference one of
 * one, a bipolar derivation is a reference of its own, a small Laplacian one of
 * four. References are computed once per frame.
 *
 * A sample is bad if it is not finite, or if its channel is not trusted
 * (ec_mix_hold: saturated, lead-off). A bad member contributes what it showed
 * last while it was good, so that it reaches nobody else: no step where it
 * turns bad, one of (new - held) / n where it returns. A member that was never
 * good does not count. If no member is good there is nothing to hold on to:
 * the samples count as they are, and ec_mix_mask says so.
 *
 * Invariants (tests/signal/test_reference.py)
 *   X1  a sum is taken in one order that follows from the members alone: the
 *       same bits for every cut into calls, vector width and architecture
 *   X2  a bad sample changes the bits of no output that does not use it, and
 *       within a mean no more than the rule above says
 *   X3  one member: the difference is exact to one rounding
 */
#ifndef EC_MIX_H
#define EC_MIX_H

#include <stdint.h>

#include "ec_sos.h"

#define EC_MIX_MASK_WORDS 4

typedef struct ec_mix {
    uint32_t  n_in, in_padded;
    uint32_t  n_out, out_padded;
    uint32_t  n_references;
    uint32_t  in_place;                   /* one reference for all, no channel moves: out may be in */
    uint32_t  simd;                       /* EC_SIMD_...; may be lowered for a comparison */
    uint32_t *pick;                       /* [n_out] */
    uint32_t *use;                        /* [n_out] reference */
    uint32_t *first;                      /* [n_references + 1] of members */
    uint32_t *members;                    /* [first[n_references]] input channels */
    double   *among;                      /* [in_padded] 1.0 for a member of reference 0, if it is wide */
    uint32_t  wide;                       /* reference 0 is summed lane by lane over all channels */
    double   *last;                       /* [in_padded] the newest good sample, 0 before there is one */
    double   *good;                       /* [in_padded] 1.0: good in this frame */
    double   *seen;                       /* [in_padded] 1.0: was good once */
    double   *trusted;                    /* [in_padded] 0.0, or NaN for a channel that is not to be trusted */
    double   *value;                      /* [n_references] of this frame */
} ec_mix;

/* `first` has n_references + 1 entries from 0 up, every reference at least one
 * member. BAD_ARGUMENT if a number is out of range; NO_MEMORY. After an error
 * *m owns nothing. [control-thread] */
int32_t ec_mix_init(ec_mix *m, uint32_t n_in, uint32_t n_out, const uint32_t *pick, const uint32_t *use,
                    uint32_t n_references, const uint32_t *first, const uint32_t *members);
void ec_mix_destroy(ec_mix *m);           /* may be called twice. [control-thread] */

/* From here on the channels whose bit is set in one of the two are not trusted. [worker-thread, realtime] */
void ec_mix_hold(ec_mix *m, const uint64_t *saturated, const uint64_t *lead_off);

/* What a mask of inputs means for the outputs: marked is who picks a marked
 * channel, and who uses a reference that has a marked member and only members
 * in `bad`. `out` overlaps neither. [worker-thread, realtime] */
void ec_mix_mask(const ec_mix *m, const uint64_t *given, const uint64_t *bad, uint64_t *out);

/* in[n_frames][in_padded] -> out[n_frames][out_padded], padding 0. They do not
 * overlap; out == in is allowed if m->in_place. [worker-thread, realtime] */
void ec_mix_run(ec_mix *m, double *out, const double *in, uint32_t n_frames);

/* Go on with what `old`, of as many inputs, held. [worker-thread, realtime] */
void ec_mix_take_over(ec_mix *m, const ec_mix *old);

#endif

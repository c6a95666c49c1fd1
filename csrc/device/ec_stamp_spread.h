/* ec_stamp_spread.h - the distribution of stamps about the fit: how wide, and where the truth is in it.
 *
 * A kernel stamps late and never early, so the true time is the lower edge of
 * the distribution and not its middle, if it has such an edge. It has one when
 * the earliest of EC_SPREAD_BLOCK residuals comes out nearly the same, block
 * after block: their scatter, over their distance from the middle, is 0.01 for
 * a delay that is exponential or uniform and 0.16 for normal jitter, whose
 * middle is the truth.
 *
 * One thread; no allocation, no system call.
 */
#ifndef EC_STAMP_SPREAD_H
#define EC_STAMP_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#define EC_SPREAD_BLOCK 128u
#define EC_SPREAD_KNOWN 24.0              /* blocks */

/* The extreme of a block of residuals, over the blocks: mean and variance. */
typedef struct ec_extreme {
    double now_ns;                        /* of the block in progress */
    double mean_ns;
    double variance;
} ec_extreme;

typedef struct ec_stamp_spread {
    ec_extreme low;
    ec_extreme high;
    double   n_blocks;                    /* finished */
    uint32_t filled;                      /* residuals in the block in progress */
    bool     is_young;
    bool     is_late;                     /* a lower edge is there */
    double   late_ns;                     /* middle minus lower edge; 0 when there is none */
    double   earliest_ns;                 /* hardly a residual is below; once known */
    double   low_bound_ns;                /* residuals below are not jitter */
    double   high_bound_ns;               /* residuals above are not jitter */
} ec_stamp_spread;

/* Forget everything: no residual is out of bounds. [any-thread, realtime] */
void ec_stamp_spread_init(ec_stamp_spread *s);

/* True when enough was seen to say whether there is a lower edge. [any-thread, realtime] */
static inline bool ec_stamp_spread_is_known(const ec_stamp_spread *s)
{
    return !s->is_young && s->n_blocks >= EC_SPREAD_KNOWN;
}

/* Take in a residual, ns. [acquire, realtime] */
void ec_stamp_spread_take(ec_stamp_spread *s, double residual_ns);

#endif

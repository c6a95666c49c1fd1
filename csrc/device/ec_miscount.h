/* ec_miscount.h - is an edge off by whole conversions, or only jittered?
 *
 * The sequence number proposes a conversion; the residual of its stamp against
 * the fit may say otherwise: edges merged before the kernel saw them, or a glitch
 * was counted as one. Two answers, by how wide the jitter is:
 *   - At once, from one residual, when jitter cannot explain it. Lateness of most
 *     of a period is still jitter: an interrupt held off for less than a period is
 *     late, for more it has merged two edges. So the limit is a period behind the
 *     earliest possible stamp. Where stamps proved to be later than that without
 *     a merge (the next edge tells), the limit is the widest jitter seen.
 *   - From many, when jitter covers the period: a cumulative sum of bounded
 *     log-likelihood ratios of a shift by one period (Page 1954). The count
 *     becomes exact; its place is where the evidence sufficed.
 * One thread; no allocation, no system call.
 */
#ifndef EC_MISCOUNT_H
#define EC_MISCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "ec_rate_fit.h"
#include "ec_stamp_spread.h"

typedef struct ec_miscount {
    double  late;                         /* evidence of edges that merged, and the edges it is from */
    double  late_edges;
    double  early;                        /* evidence of an edge too many */
    double  early_edges;
    double  merged_share;                 /* of the edges later than a period: how many had merged, lately */
    int64_t doubtful;                     /* the last edge was later than a period, and was moved by so many - 1 */
} ec_miscount;

/* No evidence. [any-thread, realtime] */
void ec_miscount_init(ec_miscount *m);

/* Evidence of a stretch that has ended is void; what was learnt about lateness stays. [acquire, realtime] */
void ec_miscount_forget(ec_miscount *m);

/* Conversions by which the edge `ahead` after the newest is off, its residual against the fit being
 * `residual_ns`: 0 mostly, > 0 when edges merged, < 0, but not below -ahead, when there are too many.
 * The fit is relieved of what miscounted edges pulled. [acquire, realtime] */
int64_t ec_miscount_take(ec_miscount *m, ec_rate_fit *fit, const ec_stamp_spread *spread, double ahead,
                         double residual_ns);

/* True while residuals may be those of a miscount: they teach nothing about jitter. [any-thread, realtime] */
bool ec_miscount_is_suspected(const ec_miscount *m);

#endif

/* ec_stamp_spread.c - block extremes of residuals. */
#include "ec_stamp_spread.h"

#include <math.h>

#define UNBOUNDED      1e18
#define MARGIN_SD      8.0                /* scatter of the extremes; with normal jitter the bound is 5.9 sd */
#define BLOCKS_YOUNG   8.0                /* residuals of a young fit, which are forgotten */
#define BLOCKS_MAX     128.0
#define FORGETTING     0.015625           /* of a block, when BLOCKS_MAX were seen */
#define EXTREME_SD     4.0                /* an extreme of a block counts up to here, and a tenth of the range more */
#define EARLIEST_SD    6.0                /* with normal jitter 5.0 sd */
#define EDGE_SHARP     0.07
#define EDGE_BLURRED   0.11
#define FLOOR_NS       20.0               /* stamps are whole ns */
#define RESIDUALS_MIN  8u

void ec_stamp_spread_init(ec_stamp_spread *s)
{
    *s = (ec_stamp_spread){.is_young = true, .low_bound_ns = -UNBOUNDED, .high_bound_ns = UNBOUNDED};
}

static void note_extreme(ec_extreme *e, double weight, double range)
{
    const double most = EXTREME_SD * sqrt(e->variance) + 0.1 * range + FLOOR_NS;
    double d = e->now_ns - e->mean_ns;
    if (weight < 0.5) {                   /* the first few count in full: nothing to measure them by */
        d = d > most ? most : d < -most ? -most : d;
    }
    e->mean_ns += weight * d;
    e->variance = (1.0 - weight) * (e->variance + weight * d * d);
}

/* With few blocks the scatter is not known: then as much of the range stands for it as exponential jitter has. */
static void set_bounds(ec_stamp_spread *s, double low_ns, double high_ns)
{
    const double share = ec_stamp_spread_is_known(s) ? 0.0 : s->n_blocks == 0.0 ? 0.5 : 0.2;
    const double least = (high_ns - low_ns) * share;
    const double low_sd = sqrt(s->low.variance);
    const double high_sd = sqrt(s->high.variance);
    s->low_bound_ns = low_ns - MARGIN_SD * (low_sd > least ? low_sd : least);
    s->high_bound_ns = high_ns + MARGIN_SD * (high_sd > least ? high_sd : least);
}

static void find_edge(ec_stamp_spread *s)
{
    const double scatter = sqrt(s->low.variance);
    const double distance = -s->low.mean_ns;
    if (!ec_stamp_spread_is_known(s) || distance <= 0.0) {
        s->is_late = false;
    } else if (scatter < EDGE_SHARP * distance) {
        s->is_late = true;
    } else if (scatter > EDGE_BLURRED * distance) {
        s->is_late = false;
    }
    /* At a sharp edge the earliest of a block is, in the mean, its own scatter late. */
    s->late_ns = s->is_late ? distance + scatter : 0.0;
    s->earliest_ns = s->low.mean_ns - EARLIEST_SD * scatter;
}

void ec_stamp_spread_take(ec_stamp_spread *s, double residual_ns)
{
    if (s->filled == 0 || residual_ns < s->low.now_ns) {
        s->low.now_ns = residual_ns;
    }
    if (s->filled == 0 || residual_ns > s->high.now_ns) {
        s->high.now_ns = residual_ns;
    }
    s->filled++;
    if (s->filled == EC_SPREAD_BLOCK) {
        if (s->is_young && s->n_blocks == BLOCKS_YOUNG) {
            s->n_blocks = 0.0;            /* the next extremes replace the means */
            s->is_young = false;
        }
        s->n_blocks = s->n_blocks < BLOCKS_MAX ? s->n_blocks + 1.0 : BLOCKS_MAX;
        const double weight = s->n_blocks < BLOCKS_MAX ? 2.0 / (s->n_blocks + 1.0) : FORGETTING;
        const double range = s->high.mean_ns - s->low.mean_ns;
        note_extreme(&s->low, weight, range);     /* rather the newer half of the blocks */
        note_extreme(&s->high, weight, range);
        s->filled = 0;
        set_bounds(s, s->low.mean_ns, s->high.mean_ns);
        find_edge(s);
    } else if (s->n_blocks == 0.0 && s->filled >= RESIDUALS_MIN) {
        set_bounds(s, s->low.now_ns, s->high.now_ns);
    }
}

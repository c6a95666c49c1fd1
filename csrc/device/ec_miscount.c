/* ec_miscount.c - whole periods in a residual. */
#include "ec_miscount.h"

#define EARLY_PERIODS     0.125           /* earlier than this by no jitter: the rate may step */
#define LATE_PERIODS      0.995           /* a period, less what the fit does not know */
#define NORMAL_BOUND_SD   6.0             /* no jitter is earlier */
#define FAR_OUT           3.0             /* ranges of jitter that covers periods, beyond its bounds */
#define FIT_DOUBT_MAX     0.25            /* of a period, to judge a residual at all */
#define DRIFT_PER_S       1e-6            /* change of the rate to expect in a gap, in a second */

#define EARLY_SHARP       16.0            /* periods per sd: residuals are judged though few were seen */
#define LATENESS_SHARP    8.0             /* periods per sd: lateness may be judged by the next edge */
#define LATENESS_ROOM     0.75            /* of a period, between the middle and a period after the earliest */
#define MERGED_AT_FIRST   0.85
#define MERGED_MOST       0.7             /* share above which lateness of a period means a merge */
#define MERGED_WEIGHT     0.0625

#define EVIDENCE          28.0            /* log-likelihood ratio; by chance in 1e9 edges, exponential jitter too */
#define SUSPICION         6.0
#define SHARPNESS_MAX     6.0             /* periods per sd: beyond, one residual decides by itself */
#define YOUNG             1500.0          /* memory times (periods per sd)^2: evidence is short against it */
#define EXPERIENCE_MIN    64.0            /* residuals */

static double magnitude(double x) { return x < 0.0 ? -x : x; }

static double least(double a, double b) { return a < b ? a : b; }

static double most(double a, double b) { return a > b ? a : b; }

static int64_t floor_of(double x)
{
    const int64_t whole = (int64_t)x;
    return (double)whole > x ? whole - 1 : whole;
}

void ec_miscount_init(ec_miscount *m)
{
    *m = (ec_miscount){.merged_share = MERGED_AT_FIRST};
}

void ec_miscount_forget(ec_miscount *m)
{
    m->late = m->late_edges = 0.0;
    m->early = m->early_edges = 0.0;
    m->doubtful = 0;
}

bool ec_miscount_is_suspected(const ec_miscount *m)
{
    return m->late > SUSPICION || m->early > SUSPICION;
}

/* The edge before was later than a period. If it had merged, this one fits its number; if it had
 * only been late, this one is a period too early for it. */
static void learn_lateness(ec_miscount *m, double residual, double period)
{
    const double moved = (double)(m->doubtful - 1);
    const bool merged = residual + moved * period > 0.5 * period;
    m->merged_share += MERGED_WEIGHT * ((merged ? 1.0 : 0.0) - m->merged_share);
    m->doubtful = 0;
}

/* From one residual. `doubt` is that about the fit. Behind the limit the count is off by at least so many; when
 * clouds of jitter a period apart do not touch, by exactly so many. */
static int64_t at_once(ec_miscount *m, const ec_stamp_spread *s, double sd, double residual, double doubt,
                       double period)
{
    const bool known = ec_stamp_spread_is_known(s);
    const double earliest = known ? most(s->low_bound_ns, -NORMAL_BOUND_SD * sd) : s->low_bound_ns;
    const double behind = (known ? s->earliest_ns : earliest) - doubt + LATE_PERIODS * period;
    double low = least(earliest, -EARLY_PERIODS * period) - doubt;
    double high = most(s->high_bound_ns, EARLY_PERIODS * period) + doubt;
    const bool tells = known && period > LATENESS_SHARP * sd && behind > LATENESS_ROOM * period;
    if (tells && m->merged_share > MERGED_MOST) {
        high = behind;
    } else if (high - low < 2.0 * period && (known || period > EARLY_SHARP * sd)) {
        high = most(high, behind);
    } else {
        const double range = high - low;  /* a period more or less makes no residual stand out */
        high += FAR_OUT * range;
        low -= FAR_OUT * range;
    }
    const int64_t moved = residual > high ? 1 + floor_of((residual - high) / period)
                        : residual < low  ? -1 - floor_of((low - residual) / period)
                                          : 0;
    if (tells && residual > behind) {
        m->doubtful = 1 + moved;
    }
    return moved;
}

static void weigh(double *sum, double *edges, double gain)
{
    *sum += gain;
    *edges += 1.0;
    if (*sum <= 0.0) {
        *sum = 0.0;
        *edges = 0.0;
    }
}

/* Half of the mean residual behind a sum, rounded down: never too far, and a long gap is found in few steps. */
static int64_t shift_of(double sum, double edges, double k)
{
    const int64_t periods = floor_of(0.5 * (sum / (k * k * edges) + 0.5));
    return periods < 1 ? 1 : periods;
}

/* From many: is the mean shifted by a period? By how many, at least, or 0. Residuals are bounded: one late stamp
 * proves nothing. */
static int64_t from_many(ec_miscount *m, ec_rate_fit *fit, double sd, double residual, double period)
{
    const double k = least(period / sd, SHARPNESS_MAX);
    if (k * k * ec_rate_fit_trend(fit)->n < YOUNG || fit->mean_abs_n < EXPERIENCE_MIN) {
        return 0;
    }
    const double bound = most(EC_OUTLIER_SD, 0.75 * k);
    const double r = residual / period * k;
    const double x = r > bound ? bound : r < -bound ? -bound : r;
    weigh(&m->late, &m->late_edges, k * (x - 0.5 * k));
    weigh(&m->early, &m->early_edges, k * (-x - 0.5 * k));
    int64_t moved = 0;
    if (m->late > EVIDENCE) {
        moved = shift_of(m->late, m->late_edges, k);
        ec_rate_fit_take_back(fit, m->late_edges, (double)moved * period);
    } else if (m->early > EVIDENCE) {
        moved = -1;                       /* an edge is one edge */
        ec_rate_fit_take_back(fit, m->early_edges, -period);
    }
    if (moved != 0) {
        ec_miscount_forget(m);
    }
    return moved;
}

int64_t ec_miscount_take(ec_miscount *m, ec_rate_fit *fit, const ec_stamp_spread *spread, double ahead,
                         double residual_ns)
{
    const double period = ec_rate_fit_trend(fit)->period_ns;
    const double sd = ec_rate_fit_sd(fit);
    const double gap_s = ahead * period * 1e-9;
    const double doubt = ahead == 1.0 ? 0.0 : 4.0 * ahead * ec_rate_fit_period_error(fit) +
                                              0.5 * DRIFT_PER_S * gap_s * gap_s * 1e9;
    if (m->doubtful != 0 && magnitude(residual_ns) < 2.0 * period) {
        learn_lateness(m, residual_ns, period);
    }
    m->doubtful = 0;
    int64_t moved = doubt < FIT_DOUBT_MAX * period ? at_once(m, spread, sd, residual_ns, doubt, period) : 0;
    if (moved == 0 && ahead == 1.0) {
        moved = from_many(m, fit, sd, residual_ns, period);
    }
    return moved < -(int64_t)ahead ? -(int64_t)ahead : moved;      /* however early, an edge is one edge */
}

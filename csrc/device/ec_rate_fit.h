/* ec_rate_fit.h - the running fit of edge times: where the line is, how long a conversion takes.
 *
 * Two fits run side by side, each a polynomial least-squares filter in recursive
 * form (expanding memory until it is full, then constant gains; Morrison,
 * Introduction to Sequential Smoothing and Prediction, 1969, sections 9 and 13):
 * a line, and a parabola for a clock that drifts. The parabola is believed while
 * its bend is significant: an undisturbed line knows the rate four times better.
 * Each remembers up to 60 s, less when its residuals keep one sign: then the
 * clock changed and old edges say nothing about it.
 *
 * A fit goes through the middle of the stamps; which edge of their distribution
 * is the true time is the question of ec_stamp_spread.h.
 *
 * Invariants (tests/timing/test_rate_fit.py)
 *   T1  the period is always within EC_RATE_RANGE of the nominal one
 *   T2  only + - * / and comparisons: the same bits on every machine
 *   T3  without jitter the fit meets every stamp from the first on, whatever the rate in range
 * One thread; no allocation, no system call.
 */
#ifndef EC_RATE_FIT_H
#define EC_RATE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#define EC_RATE_RANGE      0.03           /* data sheet 7.5: the oscillator is within 2.5 % */
#define EC_RATE_MEMORY_S   60.0
#define EC_OUTLIER_SD      3.0            /* residuals count up to here; the same for fit and count, or a skew leans */

/* One polynomial through the past stamps. Its unit of x is one conversion, x = 0 the newest. */
typedef struct ec_trend {
    int64_t whole_ns;                     /* fitted time of the newest conversion: whole_ns + part_ns */
    double  part_ns;                      /* below 1 */
    double  period_ns;
    double  bend_ns;                      /* change of the period from one conversion to the next; a line: 0 */
    double  n;                            /* stamps remembered */
    double  since;                        /* stamps since the time was anchored */
    double  lean_ns;                      /* running mean of the residuals */
    double  lean_n;
    double  run;                          /* consecutive residuals far out on one side, with its sign */
} ec_trend;

typedef struct ec_rate_fit {
    ec_trend line;
    ec_trend parabola;
    bool     bent;                        /* the parabola is believed */
    double   nominal_ns;                  /* period at the nominal rate */
    double   memory;                      /* stamps in 60 s */
    double   mean_abs_ns;                 /* of the residuals, outliers bounded */
    double   mean_abs_n;
} ec_rate_fit;

/* Forget everything. [any-thread, realtime] */
void ec_rate_fit_init(ec_rate_fit *f, double nominal_sps);

/* The trend that is believed. [any-thread, realtime] */
static inline const ec_trend *ec_rate_fit_trend(const ec_rate_fit *f)
{
    return f->bent ? &f->parabola : &f->line;
}

/* How far `stamp_ns` is after the fitted time of the conversion `ahead` after the newest. [any-thread, realtime] */
double ec_trend_residual(const ec_trend *t, double ahead, int64_t stamp_ns);

/* Spread of the residuals, ns: their standard deviation were they normal. At least 20. [any-thread, realtime] */
double ec_rate_fit_sd(const ec_rate_fit *f);

/* Standard error of the period, ns, and of the fitted time at the newest conversion. [any-thread, realtime] */
double ec_rate_fit_period_error(const ec_rate_fit *f);
double ec_rate_fit_time_error(const ec_rate_fit *f);

/* True when the period is at an end of its range: an oscillator would not be. [any-thread, realtime] */
bool ec_rate_fit_is_pinned(const ec_rate_fit *f);

/* Take in the stamp of the conversion `ahead` (>= 1) after the newest. `steady`: the residuals
 * may be a miscount, so memory is not shortened on their account. [acquire, realtime] */
void ec_rate_fit_take(ec_rate_fit *f, double ahead, int64_t stamp_ns, bool steady);

/* As above after a stretch that the fit cannot bridge: the period stays, the time is learnt anew.
 * [acquire, realtime] */
void ec_rate_fit_anchor(ec_rate_fit *f, int64_t stamp_ns);

/* The last `n_stamps` were `shift_ns` too late because conversions were miscounted: take back their
 * pull. [acquire, realtime] */
void ec_rate_fit_take_back(ec_rate_fit *f, double n_stamps, double shift_ns);

#endif

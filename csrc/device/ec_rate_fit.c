/* ec_rate_fit.c - recursive line and parabola through edge stamps. */
#include "ec_rate_fit.h"

#include <math.h>

#define SD_FLOOR_NS    20.0               /* stamps are whole ns, a virtual chip's times are rounded down */
#define LEAN_HORIZON   256.0
#define LEAN_LIMIT     0.4                /* mean residual over mean absolute residual; by chance 0.06 */
#define LEAN_MEMORY    512.0              /* below, the fit itself wanders as much */
#define FAR_RUN        8.0
#define BEND_SIGNIFICANT 5.0              /* standard errors: it is looked at all the time; leaves below half of it */
#define DRIFT_SHAPE    1.5                /* a drift steady in Hz/s: 3, in s/s: 1, in period per conversion: 0 */
#define BEND_MOST      0.03125            /* of the range of periods, in one conversion */
#define FAR_NS         1e13               /* three hours: keeps every sum in the range of int64 */
#define PINNED         0.9                /* of the range */
#define BEND_MEMORY    32.0

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double magnitude(double x) { return x < 0.0 ? -x : x; }

static void trend_start(ec_trend *t, double period_ns)
{
    *t = (ec_trend){.period_ns = period_ns};
}

void ec_rate_fit_init(ec_rate_fit *f, double nominal_sps)
{
    *f = (ec_rate_fit){.nominal_ns = 1e9 / nominal_sps, .memory = EC_RATE_MEMORY_S * nominal_sps};
    trend_start(&f->line, f->nominal_ns);
    trend_start(&f->parabola, f->nominal_ns);
}

double ec_trend_residual(const ec_trend *t, double ahead, int64_t stamp_ns)
{
    const double step = ahead * (t->period_ns + 0.5 * ahead * t->bend_ns);
    return (double)(stamp_ns - t->whole_ns) - t->part_ns - step;
}

double ec_rate_fit_sd(const ec_rate_fit *f)
{
    const double sd = 1.2533141373155003 * f->mean_abs_ns;      /* sqrt(pi / 2): a normal distribution */
    return sd > SD_FLOOR_NS ? sd : SD_FLOOR_NS;
}

/* Variances at the end of a least-squares polynomial over n points of unit spacing, for large n:
 * line 4/n and 12/n^3, parabola 9/n, 192/n^3 and, of the second derivative, 720/n^5. */
double ec_rate_fit_period_error(const ec_rate_fit *f)
{
    const double n = ec_rate_fit_trend(f)->n;
    return n < 2.0 ? f->nominal_ns * EC_RATE_RANGE : ec_rate_fit_sd(f) * sqrt((f->bent ? 192.0 : 12.0) / (n * n * n));
}

double ec_rate_fit_time_error(const ec_rate_fit *f)
{
    const ec_trend *t = ec_rate_fit_trend(f);
    const double shorter = t->since < t->n ? t->since : t->n;
    return ec_rate_fit_sd(f) * sqrt((f->bent ? 9.0 : 4.0) / (shorter < 1.0 ? 1.0 : shorter));
}

static void trend_move(ec_trend *t, double by_ns)
{
    const double x = t->part_ns + by_ns;
    const int64_t whole = (int64_t)x;     /* toward 0: part_ns may be negative, never a whole ns */
    t->whole_ns += whole;
    t->part_ns = x - (double)whole;
}

/* Memory is halved when the mean residual leans to one side, and cut to an eighth when
 * FAR_RUN residuals in a row are far out: then the rate has stepped. */
static void trend_doubt(ec_trend *t, double r, double sd, double mean_abs)
{
    t->lean_n = t->lean_n < LEAN_HORIZON ? t->lean_n + 1.0 : LEAN_HORIZON;
    t->lean_ns += (clamp(r, -EC_OUTLIER_SD * sd, EC_OUTLIER_SD * sd) - t->lean_ns) / t->lean_n;
    if (magnitude(r) <= EC_OUTLIER_SD * sd) {
        t->run = 0.0;
    } else if (r > 0.0) {
        t->run = t->run > 0.0 ? t->run + 1.0 : 1.0;
    } else {
        t->run = t->run < 0.0 ? t->run - 1.0 : -1.0;
    }
    const bool stepped = magnitude(t->run) >= FAR_RUN && t->n > 8.0 * FAR_RUN;
    const bool leans = t->lean_n >= LEAN_HORIZON && t->n >= LEAN_MEMORY &&
                       magnitude(t->lean_ns) > LEAN_LIMIT * mean_abs && magnitude(t->lean_ns) > SD_FLOOR_NS;
    if (stepped || leans) {
        t->n = stepped ? t->n * 0.125 : t->n * 0.5;
        t->n = t->n > 8.0 * FAR_RUN ? t->n : 8.0 * FAR_RUN;
        t->lean_ns = 0.0;
        t->lean_n = 0.0;
        t->run = 0.0;
    }
}

/* Gains of a polynomial of degree 1 or 2 after n earlier stamps (expanding-memory polynomial filter). */
static void trend_take(ec_trend *t, bool bends, double ahead, double r)
{
    const double n = t->n;
    double g;
    double h;
    double k = 0.0;
    if (bends) {
        const double q = 1.0 / ((n + 1.0) * (n + 2.0) * (n + 3.0));
        g = 3.0 * (3.0 * n * (n + 1.0) + 2.0) * q;
        h = 18.0 * (2.0 * n + 1.0) * q;
        k = 60.0 * q;
    } else {
        const double q = 1.0 / ((n + 1.0) * (n + 2.0));
        g = 2.0 * (2.0 * n + 1.0) * q;
        h = 6.0 * q;
    }
    if (g * (t->since + 1.0) < 1.0) {
        g = 1.0 / (t->since + 1.0);       /* anchored lately: the time is known worse than the period */
    }
    trend_move(t, ahead * (t->period_ns + 0.5 * ahead * t->bend_ns) + g * r);
    const double bend = t->bend_ns;
    t->period_ns += ahead * bend + h * r / ahead;                /* r grew over `ahead` conversions */
    t->bend_ns += k * r / (ahead * ahead);
    if (n >= BEND_MEMORY) {
        t->bend_ns += DRIFT_SHAPE * ahead * bend * bend / t->period_ns;
    }
}

/* T1. */
static void trend_hold(ec_trend *t, double nominal_ns)
{
    const double low = nominal_ns * (1.0 / (1.0 + EC_RATE_RANGE));
    const double high = nominal_ns * (1.0 / (1.0 - EC_RATE_RANGE));
    const double held = clamp(t->period_ns, low, high);
    const double bend_most = (high - low) * BEND_MOST;
    t->bend_ns = clamp(t->bend_ns, -bend_most, bend_most);
    if (held != t->period_ns) {
        t->period_ns = held;
        t->bend_ns = 0.0;
    }
}

bool ec_rate_fit_is_pinned(const ec_rate_fit *f)
{
    return magnitude(f->line.period_ns - f->nominal_ns) > PINNED * EC_RATE_RANGE * f->nominal_ns;
}

static void choose(ec_rate_fit *f, double sd)
{
    const ec_trend *p = &f->parabola;
    const double n2 = p->n * p->n;
    const double error = p->n < BEND_MEMORY ? 0.0 : sd * sqrt(720.0 / (n2 * n2 * p->n));
    if (p->n < BEND_MEMORY) {
        f->bent = false;
    } else if (magnitude(p->bend_ns) > BEND_SIGNIFICANT * error) {
        f->bent = true;
    } else if (magnitude(p->bend_ns) < 0.5 * BEND_SIGNIFICANT * error) {
        f->bent = false;
    }
}

void ec_rate_fit_take(ec_rate_fit *f, double ahead, int64_t stamp_ns, bool steady)
{
    if (f->line.n == 0.0) {
        ec_rate_fit_anchor(f, stamp_ns);
        f->line.n = 1.0;
        f->parabola.n = 1.0;
        return;
    }
    ec_trend *trends[2] = {&f->line, &f->parabola};
    const double sd = ec_rate_fit_sd(f);
    const double residual = magnitude(ec_trend_residual(ec_rate_fit_trend(f), ahead, stamp_ns));
    const double seen = residual < FAR_NS ? residual : FAR_NS;
    const bool experienced = f->mean_abs_n >= 16.0;
    for (int i = 0; i < 2; i++) {
        ec_trend *t = trends[i];
        double r = clamp(ec_trend_residual(t, ahead, stamp_ns), -FAR_NS, FAR_NS);
        if (experienced) {
            if (!steady) {
                trend_doubt(t, r, sd, f->mean_abs_ns);
            }
            r = clamp(r, -EC_OUTLIER_SD * sd, EC_OUTLIER_SD * sd);
        }
        trend_take(t, i == 1, ahead, r);
        if (t->n > (double)i) {           /* a parabola has no period before its third stamp */
            trend_hold(t, f->nominal_ns);
        }
        t->n = t->n + 1.0 < f->memory ? t->n + 1.0 : f->memory;
        t->since += 1.0;
    }
    if (f->line.since > 2.0 && !steady) { /* two stamps make any line: their residual is the rate, no jitter */
        const double most = experienced ? 8.0 * f->mean_abs_ns + SD_FLOOR_NS : seen;
        f->mean_abs_n = f->mean_abs_n < LEAN_HORIZON ? f->mean_abs_n + 1.0 : LEAN_HORIZON;
        f->mean_abs_ns += ((seen < most ? seen : most) - f->mean_abs_ns) / f->mean_abs_n;
    }
    choose(f, sd);
}

static void trend_anchor(ec_trend *t, int64_t stamp_ns)
{
    t->whole_ns = stamp_ns;
    t->part_ns = 0.0;
    t->since = 1.0;
    t->lean_ns = 0.0;
    t->lean_n = 0.0;
    t->run = 0.0;
}

void ec_rate_fit_anchor(ec_rate_fit *f, int64_t stamp_ns)
{
    trend_anchor(&f->line, stamp_ns);
    trend_anchor(&f->parabola, stamp_ns);
    f->parabola.bend_ns = 0.0;            /* a drift from before a long silence is no forecast */
    f->bent = false;
}

void ec_rate_fit_take_back(ec_rate_fit *f, double n_stamps, double shift_ns)
{
    ec_trend *trends[2] = {&f->line, &f->parabola};
    const double most = EC_OUTLIER_SD * ec_rate_fit_sd(f);
    const double pull = shift_ns > most ? most : shift_ns < -most ? -most : shift_ns;
    for (int i = 0; i < 2; i++) {
        ec_trend *t = trends[i];
        const double n = t->n;
        const double share = n_stamps < 0.25 * n ? n_stamps / n : 0.25;
        /* Gains at large n: line 4/n, 6/n^2; parabola 9/n, 36/n^2, 60/n^3. */
        const double bound = (i == 0 ? 4.0 : 9.0) * share;
        trend_move(t, -(bound < 1.0 ? bound : 1.0) * pull);
        t->period_ns -= (i == 0 ? 6.0 : 36.0) * share / n * pull;
        if (i == 1) {
            t->bend_ns -= 60.0 * share / (n * n) * pull;
        }
        t->lean_ns = 0.0;
        t->lean_n = 0.0;
        t->run = 0.0;
        trend_hold(t, f->nominal_ns);
    }
}

/* ec_sample_clock.c - numbers for edges, times for conversions. */
#include "ec_sample_clock.h"

#define SLEW            0.0625            /* of the time that passes */
#define BRIDGE_MIN      64.0              /* conversions a fit bridges, however young */
#define BRIDGE_SHARE    0.25              /* of its memory that a fit bridges */
#define TROUBLE_WEIGHT  9.0
#define TROUBLE_LIMIT   288.0             /* 32 moves of the count, when one edge in ten or more moves it */
#define FORECAST_SD     0.25              /* periods: beyond, where an edge is in one is not known well enough */
#define LOOK_NS           2e9
#define LOOK_PINNED       0.25
#define RELOCK_NS       1e9
#define RELOCK_EDGES    64u

static double magnitude(double x) { return x < 0.0 ? -x : x; }

static double most(double a, double b) { return a > b ? a : b; }

static int64_t floor_of(double x)
{
    const int64_t whole = (int64_t)x;
    return (double)whole > x ? whole - 1 : whole;
}

void ec_sample_clock_init(ec_sample_clock *c, double nominal_sps, int64_t first_due_ns)
{
    *c = (ec_sample_clock){.nominal_ns = 1e9 / nominal_sps, .first_due_ns = first_due_ns, .is_fresh = true,
                           .out_whole_ns = first_due_ns, .out_period_ns = 1e9 / nominal_sps};
    ec_rate_fit_init(&c->fit, nominal_sps);
    ec_stamp_spread_init(&c->spread);
    ec_miscount_init(&c->miscount);
}

void ec_sample_clock_restart(ec_sample_clock *c)
{
    c->is_fresh = true;
}

/* ---- published time ---- */

/* Move the published time on by `step` conversions, toward the fit. A jump forward may be whole where
 * edges are missing and the phase was learnt anew: nothing was published in between. */
static void publish(ec_sample_clock *c, double step, bool anchored)
{
    const ec_trend *t = ec_rate_fit_trend(&c->fit);
    const double period = t->period_ns;
    double x = c->out_part_ns + step * period;
    const double error = (double)(t->whole_ns - c->out_whole_ns) + t->part_ns - c->spread.late_ns - x;
    const double most_ns = step * period * SLEW;
    if (error > most_ns) {
        x += anchored ? error : most_ns;
    } else {
        x += most(error, anchored ? step * period * -0.5 : -most_ns);
    }
    const int64_t whole = (int64_t)x;
    c->out_whole_ns += whole;
    c->out_part_ns = x - (double)whole;
    c->out_period_ns = period;
}

int64_t ec_sample_clock_time(ec_sample_clock *c, uint64_t conversion)
{
    const double from_last = (double)(int64_t)(conversion - c->conversion) * c->out_period_ns;
    int64_t t_ns = c->out_whole_ns + floor_of(c->out_part_ns + from_last + 0.5);
    if (!c->was_asked || conversion > c->asked) {
        if (c->was_asked) {
            const double least_ns = (double)(conversion - c->asked) * c->out_period_ns * 0.5;
            const int64_t floor_ns = c->asked_ns + 1 + (int64_t)least_ns;
            t_ns = t_ns > floor_ns ? t_ns : floor_ns;
        }
        c->was_asked = true;
        c->asked = conversion;
        c->asked_ns = t_ns;
    } else if (conversion == c->asked) {
        t_ns = c->asked_ns;
    } else if (t_ns >= c->asked_ns) {
        t_ns = c->asked_ns - (int64_t)(c->asked - conversion);
    }
    return t_ns;
}

int64_t ec_sample_clock_forecast(const ec_sample_clock *c, int64_t ahead)
{
    if (c->results.state != EC_SAMPLE_CLOCK_SETTLED || ec_rate_fit_sd(&c->fit) > FORECAST_SD * c->out_period_ns) {
        return 0;
    }
    return c->out_whole_ns + floor_of(c->out_part_ns + (double)ahead * c->out_period_ns + 0.5);
}

double ec_sample_clock_phase(const ec_sample_clock *c, int64_t stamp_ns)
{
    const double periods = ((double)(stamp_ns - c->out_whole_ns) - c->out_part_ns) / c->out_period_ns;
    return c->is_running ? periods - (double)floor_of(periods + 0.5) : 0.0;
}

/* ---- off rate ---- */

static void trouble_none(ec_sample_clock *c, int64_t stamp_ns)
{
    c->trouble_from_ns = stamp_ns;
    c->trouble_edges = 0;
    c->trouble_side = 0.0;
}

static int64_t off_rate(ec_sample_clock *c, int64_t stamp_ns)
{
    const bool is_slow = c->trouble_side > 0.0;
    const double elapsed = (double)(stamp_ns - c->trouble_from_ns);
    c->results.sps_seen = elapsed > 0.0 ? (double)c->trouble_edges * 1e9 / elapsed : 0.0;
    c->results.state = EC_SAMPLE_CLOCK_OFF_RATE;
    c->results.refused++;
    trouble_none(c, stamp_ns);
    return is_slow ? EC_SAMPLE_CLOCK_SLOW : EC_SAMPLE_CLOCK_FAST;
}

/* K3. True when the last second's edges came at a good rate: the caller begins a new stretch. */
static bool is_on_rate_again(ec_sample_clock *c, int64_t stamp_ns)
{
    const double elapsed = (double)(stamp_ns - c->trouble_from_ns);
    if (c->trouble_edges < RELOCK_EDGES || magnitude(elapsed) < RELOCK_NS) {
        return false;
    }
    const double periods = elapsed / c->nominal_ns;
    c->results.sps_seen = (double)c->trouble_edges * 1e9 / elapsed;
    const bool good = magnitude((double)c->trouble_edges - periods) < EC_RATE_RANGE * periods;
    trouble_none(c, stamp_ns);
    return good;
}

static void look_anew(ec_sample_clock *c, int64_t stamp_ns)
{
    c->look_from_ns = stamp_ns;
    c->look_edges = c->look_taken = c->look_pinned = 0.0;
}

/* Every two seconds: edges came too often or too seldom, and not because some vanished, for the fit is pinned. */
static bool is_look_bad(ec_sample_clock *c, double step, int64_t stamp_ns)
{
    const double elapsed = (double)(stamp_ns - c->look_from_ns);
    c->look_edges += step;
    c->look_taken += 1.0;
    c->look_pinned += ec_rate_fit_is_pinned(&c->fit) ? 1.0 : 0.0;
    if (elapsed < LOOK_NS || c->look_edges < (double)RELOCK_EDGES) {
        return false;
    }
    const double periods = elapsed / c->nominal_ns;
    const bool bad = magnitude(c->look_edges - periods) > EC_RATE_RANGE * periods &&
                     c->look_pinned > LOOK_PINNED * c->look_taken;
    if (bad) {
        c->trouble_from_ns = c->look_from_ns;
        c->trouble_edges = (uint64_t)c->look_edges;
        c->trouble_side = periods - c->look_edges;
    }
    look_anew(c, stamp_ns);
    return bad;
}

/* Edges that move the count again and again are no accidents. */
static bool is_off_rate(ec_sample_clock *c, int64_t moved, double step, int64_t stamp_ns)
{
    if (moved != 0) {
        c->trouble += TROUBLE_WEIGHT;
        c->trouble_side += moved > 0 ? 1.0 : -1.0;
    } else {
        c->trouble = most(0.0, c->trouble - 1.0);
    }
    if (c->trouble == 0.0) {
        trouble_none(c, stamp_ns);
    }
    return is_look_bad(c, step, stamp_ns) || c->trouble >= TROUBLE_LIMIT;
}

/* ---- counting ---- */

static void begin_stretch(ec_sample_clock *c, int64_t stamp_ns)
{
    ec_miscount_forget(&c->miscount);
    c->trouble = 0.0;
    trouble_none(c, stamp_ns);
    look_anew(c, stamp_ns);
    c->results.anchors++;
    c->results.last_anchor_ns = stamp_ns;
}

/* First edge after init: conversion 0 or, when some went before it, a later one. */
static int64_t first_edge(ec_sample_clock *c, uint32_t line_seqno, int64_t stamp_ns, uint64_t *conversion)
{
    int64_t number = line_seqno > c->line_seqno ? (int64_t)(line_seqno - c->line_seqno) - 1 : 0;
    c->line_seqno = line_seqno;
    c->results.missed += (uint64_t)number;
    if (c->first_due_ns != 0) {
        const int64_t due = floor_of((double)(stamp_ns - c->first_due_ns) / c->nominal_ns + 0.5);
        if (due < 0) {
            c->results.spurious += (uint64_t)number + 1u;
            return 0;
        }
        c->results.vanished += due > number ? (uint64_t)(due - number) : 0u;
        c->results.spurious += due < number ? (uint64_t)(number - due) : 0u;
        number = due;
    }
    c->results.gaps += number > 0;
    c->is_running = true;
    c->is_fresh = false;
    c->conversion = (uint64_t)number;
    begin_stretch(c, stamp_ns);
    ec_rate_fit_take(&c->fit, 1.0, stamp_ns, false);
    c->out_whole_ns = stamp_ns;
    *conversion = c->conversion;
    return number + 1;
}

/* First edge of a new stretch: how long the silence was is known from time only. */
static int64_t fresh_edge(ec_sample_clock *c, uint32_t line_seqno, int64_t stamp_ns, uint64_t *conversion)
{
    const double late = c->spread.late_ns;
    const double passed = (double)(stamp_ns - c->out_whole_ns) - c->out_part_ns - late;
    int64_t advance = floor_of(passed / c->out_period_ns + 0.5);
    advance = advance < 1 ? 1 : advance;
    c->results.silent += (uint64_t)(advance - 1);
    c->results.gaps += advance > 1;
    c->is_fresh = false;
    c->line_seqno = line_seqno;
    c->conversion += (uint64_t)advance;
    begin_stretch(c, stamp_ns);
    if (c->fit.line.n == 0.0) {
        ec_rate_fit_take(&c->fit, 1.0, stamp_ns, false);
    } else {
        ec_rate_fit_anchor(&c->fit, stamp_ns);
    }
    publish(c, (double)advance, true);
    *conversion = c->conversion;
    return advance;
}

static void note_state(ec_sample_clock *c, double period)
{
    const double n = ec_rate_fit_trend(&c->fit)->n;
    const double k = period / ec_rate_fit_sd(&c->fit);
    const bool settled = n >= 64.0 && k * k * n > 3000.0 && ec_rate_fit_period_error(&c->fit) < 1.25e-6 * period;
    c->results.state = settled ? EC_SAMPLE_CLOCK_SETTLED : EC_SAMPLE_CLOCK_STARTING;
}

int64_t ec_sample_clock_edge(ec_sample_clock *c, uint32_t line_seqno, int64_t stamp_ns, uint64_t *conversion)
{
    if (!c->is_running) {
        return first_edge(c, line_seqno, stamp_ns, conversion);
    }
    const uint32_t step = line_seqno - c->line_seqno;
    if (!c->is_fresh && (step == 0 || step > UINT32_MAX / 2)) {
        c->results.refused++;
        return EC_SAMPLE_CLOCK_ORDER;
    }
    c->trouble_edges += c->is_fresh ? 1u : step;
    c->line_seqno = line_seqno;
    if (c->results.state == EC_SAMPLE_CLOCK_OFF_RATE) {
        if (!c->is_fresh && !is_on_rate_again(c, stamp_ns)) {
            c->results.refused++;
            return c->results.sps_seen * c->nominal_ns < 1e9 ? EC_SAMPLE_CLOCK_SLOW : EC_SAMPLE_CLOCK_FAST;
        }
        ec_rate_fit_init(&c->fit, 1e9 / c->nominal_ns);
        c->is_fresh = true;
    }
    if (c->is_fresh) {
        c->results.state = EC_SAMPLE_CLOCK_STARTING;
        return fresh_edge(c, line_seqno, stamp_ns, conversion);
    }

    const double ahead = (double)step;
    const ec_trend *t = ec_rate_fit_trend(&c->fit);
    const double period = t->period_ns;
    const double residual = ec_trend_residual(t, ahead, stamp_ns);
    const bool suspected = ec_miscount_is_suspected(&c->miscount); /* by the edges before: one late stamp is jitter */
    const int64_t moved = ec_miscount_take(&c->miscount, &c->fit, &c->spread, ahead, residual);
    if (is_off_rate(c, moved, ahead, stamp_ns)) {
        return off_rate(c, stamp_ns);
    }
    const int64_t advance = (int64_t)step + moved;
    c->results.missed += step - 1;
    if (moved < 0) {
        c->results.spurious += (uint64_t)-moved;
    } else {
        c->results.vanished += (uint64_t)moved;
    }
    if (advance <= 0) {
        return 0;
    }
    c->results.gaps += advance > 1;
    c->conversion += (uint64_t)advance;
    const bool bridged = (double)advance <= most(BRIDGE_MIN, BRIDGE_SHARE * t->n);
    if (bridged) {
        const double left = ec_trend_residual(t, (double)advance, stamp_ns);
        if (t->since > 2.0 && !suspected) {
            ec_stamp_spread_take(&c->spread, left);
        }
        ec_rate_fit_take(&c->fit, (double)advance, stamp_ns, suspected);
    } else {
        c->results.anchors++;
        c->results.last_anchor_ns = stamp_ns;
        ec_rate_fit_anchor(&c->fit, stamp_ns);
    }
    publish(c, (double)advance, !bridged);
    note_state(c, period);
    *conversion = c->conversion;
    return advance;
}

void ec_sample_clock_read(const ec_sample_clock *c, ec_sample_clock_results *results)
{
    *results = c->results;
    results->sps_true = 1e9 / ec_rate_fit_trend(&c->fit)->period_ns;
    results->sd_ns = ec_rate_fit_sd(&c->fit);
    results->late_ns = c->spread.late_ns;
    results->error_ns = ec_rate_fit_time_error(&c->fit);
    results->conversions = c->is_running ? c->conversion + 1u : 0u;
}

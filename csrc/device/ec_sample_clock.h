/* ec_sample_clock.h - which conversion a data-ready edge stands for, and when that conversion was.
 *
 * The kernel delivers edges with a sequence number and a stamp (CLOCK_MONOTONIC,
 * taken in the interrupt handler). A gap in the numbers is exact. Two edges may
 * also merge into one event without a gap (reference linux_io 4.4), and a glitch
 * may add one; both are found from time, against a running fit of the stamps:
 * exactly in place while jitter is below half a period, exactly in number
 * beyond (ec_rate_fit.h, ec_stamp_spread.h, ec_miscount.h).
 *
 * Conversions are numbered from 0 and are the frame_index of the run.
 *
 * The published time follows the fit, but slews: it is strictly increasing over
 * conversions whatever the fit learns, and is off by no more than 1/16 of what
 * passes meanwhile.
 *
 * Invariants (tests/timing/)
 *   K1  conversion numbers and times of rising conversions are strictly increasing
 *   K2  without jitter the time of an edge's conversion is its stamp within 2 ns
 *   K3  at a rate more than 3 % off no conversion is numbered until the rate is good again
 *   K4  the same edges give the same bits on every machine: + - * / sqrt only
 * One thread calls everything; no allocation, no system call; some 100 ns an edge.
 */
#ifndef EC_SAMPLE_CLOCK_H
#define EC_SAMPLE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ec_miscount.h"
#include "ec_rate_fit.h"
#include "ec_stamp_spread.h"

/* Results of ec_sample_clock_edge below 0: the edge stands for no conversion. */
enum {
    EC_SAMPLE_CLOCK_SLOW  = -1,           /* data-ready is more than 3 % slow, or at half the rate */
    EC_SAMPLE_CLOCK_FAST  = -2,           /* data-ready is more than 3 % fast, or at double the rate */
    EC_SAMPLE_CLOCK_ORDER = -3            /* the sequence number repeated or went back */
};

typedef enum ec_sample_clock_state {
    EC_SAMPLE_CLOCK_STARTING,             /* rate not yet known to 5 ppm, or miscounts not yet told from jitter */
    EC_SAMPLE_CLOCK_SETTLED,
    EC_SAMPLE_CLOCK_OFF_RATE              /* K3 */
} ec_sample_clock_state;

/* What the clock found out; counts are since init. */
typedef struct ec_sample_clock_results {
    double   sps_true;                    /* fitted rate */
    double   sps_seen;                    /* edges per second as counted, of the last time off rate; 0: never */
    double   sd_ns;                       /* spread of the stamps about the fit */
    double   late_ns;                     /* how late stamps are in the mean; 0 when jitter is symmetrical */
    double   error_ns;                    /* standard error of the fitted time */
    uint64_t conversions;                 /* numbered, missed ones included */
    uint64_t gaps;                        /* stretches of missing edges, however long */
    uint64_t missed;                      /* edges missing in the sequence numbers */
    uint64_t vanished;                    /* edges missing without that */
    uint64_t silent;                      /* conversions between the last edge and a restart, from time */
    uint64_t spurious;                    /* edges that were no conversion */
    uint64_t refused;                     /* edges while off rate, or out of order */
    uint64_t anchors;                     /* times the phase was learnt anew, the start included */
    int64_t  last_anchor_ns;
    int32_t  state;                       /* ec_sample_clock_state */
} ec_sample_clock_results;

typedef struct ec_sample_clock {
    ec_rate_fit     fit;
    ec_stamp_spread spread;
    ec_miscount     miscount;
    double   nominal_ns;
    int64_t  first_due_ns;
    uint64_t conversion;                  /* of the last edge that had one */
    uint32_t line_seqno;                  /* of the last edge */
    bool     is_running;                  /* an edge was numbered since init */
    bool     is_fresh;                    /* the next edge begins a stretch: its seqno says nothing */

    double   trouble;                     /* edges that moved the count weigh 9, others -1 */
    double   trouble_side;
    int64_t  trouble_from_ns;             /* of the last edge without trouble, and edges since */
    uint64_t trouble_edges;

    int64_t  look_from_ns;                /* the stretch over which the rate is looked at, its edges, those taken */
    double   look_edges;                  /* by the fit, and those that found its period pinned */
    double   look_taken;
    double   look_pinned;

    int64_t  out_whole_ns;                /* published time of `conversion`: out_whole_ns + out_part_ns */
    double   out_part_ns;
    double   out_period_ns;
    uint64_t asked;                       /* newest conversion whose time was given out, and the time */
    int64_t  asked_ns;
    bool     was_asked;

    ec_sample_clock_results results;      /* through ec_sample_clock_read */
} ec_sample_clock;

/* Begin. `first_due_ns`: when conversion 0 is due, known to a quarter of a period, jitter included;
 * then edges before it are spurious and a first edge that vanished is counted. 0: the first edge is
 * conversion line_seqno - 1. [acquire, realtime] */
void ec_sample_clock_init(ec_sample_clock *c, double nominal_sps, int64_t first_due_ns);

/* Take an edge. > 0: conversions since the last edge, 1 when none is missing, and `*conversion` is the one
 * the edge stands for (the first edge: conversion + 1). 0: the edge is spurious. Below 0: a
 * condition. `*conversion` is left alone unless > 0. [acquire, realtime] */
int64_t ec_sample_clock_edge(ec_sample_clock *c, uint32_t line_seqno, int64_t stamp_ns, uint64_t *conversion);

/* Time of a conversion near the last edge, CLOCK_MONOTONIC ns. Of rising conversions asked for, strictly
 * increasing (K1); asked again for the newest of them, the same; for an older one, less. [acquire, realtime] */
int64_t ec_sample_clock_time(ec_sample_clock *c, uint64_t conversion);

/* When the conversion `ahead` of the newest falls, by the fit: late stamps do not move it, and it is there before its
 * edge. 0 while the clock is not settled, or stamps are off by a quarter of a period. Publishes
 * nothing. [acquire, realtime] */
int64_t ec_sample_clock_forecast(const ec_sample_clock *c, int64_t ahead);

/* How far a stamp is from the nearest conversion: -0.5 .. 0.5 periods; 0 before the first edge. [acquire, realtime] */
double ec_sample_clock_phase(const ec_sample_clock *c, int64_t stamp_ns);

/* The chip was restarted, or its line requested anew: sequence numbers begin again, and the
 * length of the gap is known from time only. [acquire, realtime] */
void ec_sample_clock_restart(ec_sample_clock *c);

/* Results as of the last edge. [acquire, realtime] */
void ec_sample_clock_read(const ec_sample_clock *c, ec_sample_clock_results *results);

#endif

/* ec_time_points.h - which frame was when, for those who look it up later: a table of points of a source's time.
 *
 * One writer, the source's thread; any number of readers, who wait for nobody and
 * whom nobody waits for. The newest point follows the source; one every 10 s of it, the
 * first one, and both sides of a jump stay where they are, so that the time of any
 * frame of the last 11 hours lies between two points of the fit that was published.
 *
 * Invariants (tests/timing/test_frame_at.py)
 *   P1  frames and times of successive points rise
 *   P2  a reader gets a point as it was written as a whole, or none
 *   P3  who has seen that there are n points finds the last of them, or one written since
 * Ordering pairs (tests/concurrency/model/time_points.c)
 *   A   release-store of `version` (even) after the fields  ->  acquire-load of it before them
 *   B   release-store of each field  ->  acquire-load of it: who sees a field of a write sees the odd
 *       `version` before it, so that the second look at `version` differs
 *   C   release-store of `n`  ->  acquire-load of it
 */
#ifndef EC_TIME_POINTS_H
#define EC_TIME_POINTS_H

#include <string.h>

#include "../base/ec_atomic.h"

#ifndef EC_TIME_POINTS
#define EC_TIME_POINTS       4096u        /* the model checker makes do with two */
#endif
#define EC_TIME_POINT_EVERY_NS INT64_C(10000000000)

typedef struct ec_time_point {
    uint64_t frame;                       /* frame_index */
    int64_t  t_ns;                        /* its time, as packets carry it */
    double   period_ns;                   /* by the fit, at that time */
    bool     jump;                        /* time stood still before this one: no line leads to it */
} ec_time_point;

typedef struct ec_time_slot {
    EC_ATOMIC(uint64_t) version;          /* number of the point << 32 | 2 * writes, + 1 while it is written */
    EC_ATOMIC(uint64_t) frame;            /* << 1 | jump */
    EC_ATOMIC(uint64_t) t_ns;
    EC_ATOMIC(uint64_t) period;           /* bits of the double */
} ec_time_slot;

typedef struct ec_time_points {
    ec_time_slot slots[EC_TIME_POINTS];
    EC_ATOMIC(uint64_t) n;                /* points so far, those included that are kept no more */
    ec_time_point newest;                 /* the writer's own */
} ec_time_points;

/* The source has come to a frame. Frames and times rise. [acquire, realtime] */
static inline void ec_time_points_note(ec_time_points *p, uint64_t frame, int64_t t_ns, double period_ns, bool jump)
{
    uint64_t n = EC_LOAD(&p->n, relaxed);
    const bool is_kept = n <= 1 || jump || p->newest.jump
                         || t_ns - (int64_t)EC_LOAD(&p->slots[(n - 2) % EC_TIME_POINTS].t_ns, relaxed)
                                > EC_TIME_POINT_EVERY_NS;
    ec_time_slot *slot;
    uint64_t bits, version;

    n += is_kept ? 1u : 0u;
    slot = &p->slots[(n - 1) % EC_TIME_POINTS];
    version = EC_LOAD(&slot->version, relaxed);
    if (version >> 32 != n - 1) {
        version = (n - 1) << 32;
    }
    memcpy(&bits, &period_ns, sizeof bits);
    EC_STORE(&slot->version, version + 1, relaxed);                         /* published by B */
    EC_STORE(&slot->frame, frame << 1 | (jump ? 1u : 0u), release);         /* B */
    EC_STORE(&slot->t_ns, (uint64_t)t_ns, release);                         /* B */
    EC_STORE(&slot->period, bits, release);                                 /* B */
    EC_STORE(&slot->version, version + 2, release);                         /* A */
    EC_STORE(&p->n, n, release);                                            /* C */
    p->newest = (ec_time_point){ .frame = frame, .t_ns = t_ns, .period_ns = period_ns, .jump = jump };
}

/* How many points there were; the newest `EC_TIME_POINTS` are kept. [any-thread] */
static inline uint64_t ec_time_points_count(ec_time_points *p)
{
    return EC_LOAD(&p->n, acquire);                                         /* C */
}

/* Point `number`, from 0. False if it is kept no more, or is just being written: look again. [any-thread] */
static inline bool ec_time_points_read(ec_time_points *p, uint64_t number, ec_time_point *point)
{
    ec_time_slot *slot = &p->slots[number % EC_TIME_POINTS];
    const uint64_t version = EC_LOAD(&slot->version, acquire);              /* A */
    uint64_t frame, bits;

    if (version >> 32 != number || (version & UINT32_MAX) == 0 || version % 2 != 0) {
        return false;
    }
    frame = EC_LOAD(&slot->frame, acquire);                                 /* B */
    point->t_ns = (int64_t)EC_LOAD(&slot->t_ns, acquire);                   /* B */
    bits = EC_LOAD(&slot->period, acquire);                                 /* B */
    memcpy(&point->period_ns, &bits, sizeof bits);
    point->frame = frame >> 1;
    point->jump = frame % 2 != 0;
    return EC_LOAD(&slot->version, relaxed) == version;
}

#endif

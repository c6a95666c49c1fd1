/* ec_doorbell.h - how a consumer sleeps without missing the first packet.
 *
 * A counter that producers advance and a number that says how many sleep. The
 * consumer remembers the counter, looks at its rings, and only then sleeps on
 * "the counter still has that value". One doorbell serves all rings of one
 * consumer thread, or all threads that wait for one pool: `waiting` is counted,
 * not set, because one that wakes must not hide one that sleeps. A consumer
 * inside an event loop gets an eventfd instead of a futex: same protocol,
 * other alarm clock.
 *
 * Invariants
 *   W1  a ring() that follows a push wakes every consumer whose look missed that push
 *   W2  without a sleeper, ring() makes no system call
 * Ordering
 *   S   ring: count (seq_cst) then load of waiting (seq_cst); consumer: waiting + 1 (seq_cst)
 *       then load of count (seq_cst). Each side writes one and reads the other: in the single total order one of
 *       the two must see the other's write. Acquire and release alone allow both to miss (W1 lost).
 *   P   the count (seq_cst, hence release) of ring()  ->  ec_doorbell_look (acquire): a consumer that
 *       saw the new count also sees the push before it
 */
#ifndef EC_DOORBELL_H
#define EC_DOORBELL_H

#include "../base/ec_atomic.h"

typedef struct ec_doorbell {
    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) rung;
    EC_ATOMIC(uint32_t) waiting;          /* consumers that sleep or are about to */
    bool armed;                           /* the event loop's own: it is one of them */
    int event_fd;                         /* -1: futex on `rung` */
} ec_doorbell;

#ifndef EC_MODEL
/* Prepare; with_eventfd makes a non-blocking eventfd. 0 or EC_STATUS_SYSTEM. [control-thread] */
int32_t ec_doorbell_init(ec_doorbell *d, bool with_eventfd);
void ec_doorbell_destroy(ec_doorbell *d);

/* The system calls, out of line so that the inline part is what the model explores. */
void ec_doorbell_alarm(ec_doorbell *d);
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns);   /* CLOCK_MONOTONIC, < 0: none */
#else
void ec_doorbell_alarm(ec_doorbell *d);
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns);
#endif

/* Remember the counter before looking at the rings. [consumer, realtime] */
static inline uint32_t ec_doorbell_look(ec_doorbell *d)
{
    return EC_LOAD(&d->rung, acquire);                                          /* P */
}

/* Say that something was pushed. [any-thread, realtime but for W2's exception] */
static inline void ec_doorbell_ring(ec_doorbell *d)
{
    EC_FETCH_ADD(&d->rung, 1, seq_cst);                                         /* S, P */
    if (EC_LOAD(&d->waiting, seq_cst)) {                                        /* S */
        ec_doorbell_alarm(d);
    }
}

/* Count in as a sleeper. False, and not counted, if the bell rang since `seen`:
 * look again. After true the alarm goes off at the next ring. [consumer] */
static inline bool ec_doorbell_announce(ec_doorbell *d, uint32_t seen)
{
    EC_FETCH_ADD(&d->waiting, 1, seq_cst);                                      /* S */
    if (EC_LOAD(&d->rung, seq_cst) != seen) {                                   /* S */
        EC_FETCH_SUB(&d->waiting, 1, relaxed);
        return false;
    }
    return true;
}

/* Awake again, after a true announce. [consumer] */
static inline void ec_doorbell_withdraw(ec_doorbell *d)
{
    EC_FETCH_SUB(&d->waiting, 1, relaxed);    /* a late alarm costs one system call, nothing else */
}

/* Sleep until the bell rings after `seen`, or the deadline. Any number of
 * threads may. [consumer] */
static inline void ec_doorbell_wait(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)
{
    if (ec_doorbell_announce(d, seen)) {
        ec_doorbell_sleep(d, seen, deadline_ns);
        ec_doorbell_withdraw(d);
    }
}

/* For the one consumer in an event loop: stop the alarms, or do nothing if it
 * is not armed. [consumer] */
static inline void ec_doorbell_disarm(ec_doorbell *d)
{
    if (d->armed) {
        d->armed = false;
        ec_doorbell_withdraw(d);
    }
}

/* As announce, until disarm; the loop then polls the eventfd. [consumer] */
static inline bool ec_doorbell_arm(ec_doorbell *d, uint32_t seen)
{
    ec_doorbell_disarm(d);
    d->armed = ec_doorbell_announce(d, seen);
    return d->armed;
}

#endif

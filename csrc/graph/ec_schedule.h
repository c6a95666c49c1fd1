/* ec_schedule.h - how a group that runs gets another order of nodes and other inputs.
 *
 * A schedule is a list of nodes in an order in which each stands behind those
 * it reads, and a list of inputs. The control thread makes one aside and
 * publishes it; the group's thread goes over to the newest one between two
 * packets. A schedule holds everything that still works, old and new, so it
 * may be taken early or late: which node reads which is said by the records of
 * ec_change.h, not here.
 *
 * One word decides between a new schedule and the end of the thread, so that
 * whatever is published is either taken or refused.
 *
 * Invariants (tests/concurrency/model/rewire.c)
 *   S1  a schedule is either taken by the thread or refused to the control thread, never lost
 *   S2  a packet of a revision finds the schedule of that revision, and with it all records of the revision
 *   S3  what the thread has left behind, a schedule or a thing that is over, is not touched by it again
 * Ordering pairs
 *   N   release CAS of `newest` in publish  ->  acquire load in next: the schedule is whole, and so are the records
 *       that were appended before. A source takes no record of a revision before the schedule of that revision: its
 *       schedule is published last, and that is the moment from which on a change is made
 *   O   release store of `taken`            ->  acquire load by the control thread: schedules before it are free
 *   Q   release CAS of `newest` in end      ->  acquire in publish: who is refused sees all that the thread has done
 *   U   release store of `over`             ->  acquire load by the control thread: the thread has done its last with
 *       this node, or taken its last packet from this edge; counters are final
 */
#ifndef EC_SCHEDULE_H
#define EC_SCHEDULE_H

#include <stddef.h>

#include "../base/ec_atomic.h"

typedef struct ec_schedule ec_schedule;

#define EC_SCHEDULE_ENDED ((ec_schedule *)(uintptr_t)1)

typedef struct ec_turn {
    EC_ATOMIC(ec_schedule *) newest;      /* EC_SCHEDULE_ENDED: the thread takes none any more */
    EC_ATOMIC(ec_schedule *) taken;       /* the thread's; NULL before it comes */
} ec_turn;

/* Let the thread have another schedule. False if it has ended, or is about to: nothing was published then.
 * [control-thread] */
static inline bool ec_turn_publish(ec_turn *t, ec_schedule *fresh)
{
    ec_schedule *seen = EC_LOAD(&t->newest, acquire);                           /* Q */

    return seen != EC_SCHEDULE_ENDED && EC_CAS(&t->newest, &seen, fresh, release, acquire);   /* N; failure is Q */
}

/* The schedule to go over to, NULL if it is the one at work. [group's thread, realtime] */
static inline ec_schedule *ec_turn_next(ec_turn *t)
{
    ec_schedule *const newest = EC_LOAD(&t->newest, acquire);                   /* N */

    return newest != EC_LOAD(&t->taken, relaxed) ? newest : NULL;               /* our own store */
}

/* Go over to it: the one before is not touched any more. [group's thread, realtime] */
static inline void ec_turn_take(ec_turn *t, ec_schedule *schedule)
{
    EC_STORE(&t->taken, schedule, release);                                     /* O */
}

/* Take no schedule any more. False if a new one is there: go over to it first. [group's thread, realtime] */
static inline bool ec_turn_end(ec_turn *t)
{
    ec_schedule *taken = EC_LOAD(&t->taken, relaxed);                           /* our own store */

    return EC_CAS(&t->newest, &taken, EC_SCHEDULE_ENDED, release, relaxed);     /* Q */
}

/* The schedule at work, NULL before the thread has come. Older ones are not touched any more. [control-thread] */
static inline ec_schedule *ec_turn_taken(ec_turn *t)
{
    return EC_LOAD(&t->taken, acquire);                                         /* O */
}

/* True if the thread takes no schedule any more. [control-thread] */
static inline bool ec_turn_has_ended(ec_turn *t)
{
    return EC_LOAD(&t->newest, acquire) == EC_SCHEDULE_ENDED;                   /* Q */
}

/* Say that this thread has done its last with a node or an edge. [group's thread, realtime] */
static inline void ec_over_set(EC_ATOMIC(uint32_t) *over)
{
    EC_STORE(over, 1, release);                                                 /* U */
}

static inline bool ec_over_seen(EC_ATOMIC(uint32_t) *over)
{
    return EC_LOAD(over, acquire) != 0;                                         /* U */
}

#endif

/* ec_change.h - changes of a running graph on their way to the thread that makes them.
 *
 * One mechanism for every change. The control thread prepares it aside (a new
 * instance of a stage, started on the same streams), gives it the next
 * config_rev, and appends one record to the inbox of every node that changes,
 * then one to the inbox of every source. A source takes its record before the
 * first frame that is not earlier than at_frame: it closes the packet it fills
 * and stamps the revision into those that follow. A node takes the records of
 * a revision before the first packet that carries it. The records stay in the
 * list until the control thread collects them: the data path neither
 * allocates nor frees.
 *
 * A record may bring a new instance, other readers of ports (ec_routes.h),
 * other pools, and what is said of the streams. Readers that a port lets go and
 * that nobody feeds afterwards are told of the end in order: they hand over what
 * they hold before the first packet of the revision is handed on. The record of
 * a node that goes (`is_retire`) waits until the node has finished, and says
 * which of its readers are told. At the end of a run a node takes what is said
 * of readers in all records that still wait: nobody waits for ever.
 *
 * Invariants (tests/concurrency/model/change.c, tests/signal/test_live_*.py)
 *   C1  a record is taken once, and records of one inbox in the order in which they were appended
 *   C2  a packet that carries a revision finds every record of that revision, and of those before it
 *   C3  an instance and a record are touched by one thread at a time; what is collected is not touched again
 *   C4  a worker waits for nothing
 * Ordering pairs
 *   J   release store of `next` in append  ->  acquire load of it in ec_inbox_next: the record is whole. A node
 *       of another thread reads it relaxed or not, after a packet: nodes are appended to before sources, so J of
 *       the source and the edge that carries the packet order it too (C2)
 *   K   release store of `state` by the thread that takes  ->  acquire load by the control thread: the instance
 *       that was replaced, and the record before this one, are not touched any more
 */
#ifndef EC_CHANGE_H
#define EC_CHANGE_H

#include <stddef.h>

#include "../base/ec_atomic.h"

typedef enum ec_change_state {
    EC_CHANGE_WAITING = 0,
    EC_CHANGE_TAKEN = 1,                  /* the new instance works; the old one may still run beside it */
    EC_CHANGE_DONE = 2
} ec_change_state;

/* What is left of the old output of one port; see ec_fade.h. */
typedef struct ec_fade_port {
    uint32_t n_channels;                  /* 0: this port does not fade */
    uint32_t room;                        /* frames in `old` */
    uint32_t n_old;                       /* frames that the old instance has put there */
    uint64_t old_index;                   /* device frame of the first of them */
    uint32_t fade_frames;                 /* old to new over so many frames of this port */
    uint32_t rest_frames;                 /* `rest` to nothing over so many */
    uint32_t done;                        /* frames since the change */
    float   *old;                         /* [room][n_channels] */
    float   *rest;                        /* [n_channels]: what an earlier fade had left when this change came */
    float   *last;                        /* [n_channels]: what was added to the newest frame */
} ec_fade_port;

struct ec_routes;
struct ec_pool;

/* Other readers of one port. */
typedef struct ec_port_change {
    struct ec_routes *routes;             /* NULL: as before. The port's once the record is taken */
    struct ec_routes *old;                /* what they took the place of; the control thread's after K says DONE */
    struct ec_routes *ends;               /* readers that are told of the end, or NULL */
    struct ec_pool   *pool;               /* NULL: as before */
} ec_port_change;

typedef struct ec_change {
    uint32_t config_rev;
    uint32_t is_retire;                   /* the node is not part of the revision any more */
    uint32_t n_ports;
    uint64_t at_frame;                    /* sources: not before this frame; 0: at once */
    uint64_t applied_frame;               /* sources: first frame of the revision; read after K */
    void    *self;                        /* new instance; NULL: a source, or only what is said of the streams changes */
    void    *old;                         /* the instance it replaced; the control thread's after K says DONE */
    uint32_t *meta_rev;                   /* [n_ports]: of packets from now on; 0: as before */
    uint32_t default_frames;              /* of input, to fade over if the stage does not say */
    uint32_t fade_input;                  /* frames of input for which the old instance runs along */
    uint32_t rest_input;                  /* and for which `rest` lasts */
    uint32_t seen;                        /* of input since the change */
    ec_fade_port *ports;
    ec_port_change *rewired;              /* [n_ports] */
    EC_ATOMIC(uint32_t) state;
    EC_ATOMIC(struct ec_change *) next;
} ec_change;

typedef struct ec_inbox {
    ec_change *first;                     /* control thread: oldest record not collected; never NULL */
    ec_change *last;                      /* control thread */
    alignas(EC_CACHE_PAIR) ec_change *at; /* taking thread: newest record taken */
} ec_inbox;

/* Begin with `stub`, a record that is DONE and holds nothing. [control-thread, stopped] */
static inline void ec_inbox_init(ec_inbox *q, ec_change *stub)
{
    EC_STORE(&stub->state, EC_CHANGE_DONE, relaxed);
    EC_STORE(&stub->next, NULL, relaxed);
    q->first = q->last = q->at = stub;
}

/* Hand a record over; it belongs to the taking thread until K. [control-thread] */
static inline void ec_inbox_append(ec_inbox *q, ec_change *change)
{
    EC_STORE(&change->state, EC_CHANGE_WAITING, relaxed);                       /* published by J */
    EC_STORE(&change->next, NULL, relaxed);                                     /* published by J */
    EC_STORE(&q->last->next, change, release);                                  /* J */
    q->last = change;
}

/* The oldest record that was not taken, NULL if there is none. [taking thread, realtime] */
static inline ec_change *ec_inbox_next(const ec_inbox *q)
{
    return EC_LOAD(&q->at->next, acquire);                                      /* J */
}

/* Take it: the record before it is not touched any more, once this one's state is stored. [taking thread, realtime] */
static inline void ec_inbox_take(ec_inbox *q, ec_change *change)
{
    q->at = change;
}

/* Say what has become of a record. After DONE its `old` is not touched any more. [taking thread, realtime] */
static inline void ec_change_set(ec_change *change, uint32_t state)
{
    EC_STORE(&change->state, state, release);                                   /* K */
}

static inline uint32_t ec_change_state_of(const ec_change *change)
{
    return EC_LOAD(&change->state, acquire);                                    /* K */
}

/* The oldest record if nobody touches it any more, NULL otherwise; it is off the list then. The taking thread looks
 * at the newest one that it took until it takes another, and is done with all before it by then. [control-thread] */
static inline ec_change *ec_inbox_collect(ec_inbox *q)
{
    ec_change *const change = q->first;

    if (change == q->last || ec_change_state_of(change) != EC_CHANGE_DONE) {   /* it may still fade behind a later one */
        return NULL;
    }
    q->first = EC_LOAD(&change->next, relaxed);                                 /* our own store */
    if (ec_change_state_of(q->first) == EC_CHANGE_WAITING) {
        q->first = change;
        return NULL;
    }
    return change;
}

/* The oldest record if it was taken, NULL otherwise. What it says of itself may be read then (K), until it is
 * collected. [control-thread] */
static inline const ec_change *ec_inbox_taken(const ec_inbox *q)
{
    return ec_change_state_of(q->first) != EC_CHANGE_WAITING ? q->first : NULL;
}

#endif

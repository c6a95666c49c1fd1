/* ec_node.h - the running graph as the worker loops see it.
 *
 * A run owns pools and groups; a group is one thread and its nodes in
 * topological order; a node is one stage instance with its ports; a port is
 * one output and the places its packets go: inputs of later nodes of the same
 * group (by direct call) and edges to other threads. Those of the plan are in
 * `routes`, which change with a revision (ec_change.h); taps are in `fanout`,
 * which changes at once. A node belongs to its group's thread from the first
 * schedule on that holds it (ec_schedule.h), and only counters and the fields
 * marked atomic are read from elsewhere.
 *
 * Ordering pairs
 *   G   seq_cst store of a port's fanout by the control thread  ->  seq_cst load in the worker. The old
 *       list is freed only after the group was seen parked, or its epoch moved
 *       on, both looked at after the store (seq_cst): then no packet is being handed over with the old
 *       list. The epoch to compare with is read after the store too: read before it, any number of
 *       rounds could pass in between, and the last of them would still use the old list.
 *   I   worker: seq_cst store of `ended`, then load of every fanout (G) to end its edges; control thread: store
 *       of a fanout (G), then seq_cst load of `ended`. One of the two sees the other's: an edge added while a
 *       group ends is told of the end by the worker or by the control thread, or by both.
 *   L   release store of `shown` when an instance takes over  ->  acquire load by a reader of counters. The old
 *       instance is destroyed by a thread that excludes readers (the GIL), after K of ec_change.h
 *   H   release in ec_run_fail  ->  acquire of `failed` by the control thread: the record is whole
 */
#ifndef EC_NODE_H
#define EC_NODE_H

#include "../base/ec_counter.h"
#include "../base/ec_sha256.h"
#include "../include/eegcore/plugin.h"
#include "../ring/ec_edge.h"
#include "../ring/ec_mpsc.h"
#include "ec_change.h"
#include "ec_routes.h"
#include "ec_schedule.h"

#define EC_MAX_INPUTS  8
#define EC_MAX_POOLS   64
#define EC_LOG_RECORDS 256
#define EC_BLOCK_HEAD_BYTES offsetof(eegcore_block, flatline)   /* what every block carries; artefact masks are rare */
_Static_assert(EC_MAX_POOLS <= EC_POOLS_MAX, "pool number fits a packet reference");
_Static_assert(EC_MASK_WORDS == EEGCORE_MASK_WORDS, "one mask size inside and outside");
_Static_assert((int)EC_STATUS_NO_MEMORY == (int)EEGCORE_NO_MEMORY, "public status values");
_Static_assert((int)EC_STATUS_BAD_ARGUMENT == (int)EEGCORE_BAD_ARGUMENT, "public status values");
_Static_assert((int)EC_STATUS_BAD_SETTING == (int)EEGCORE_BAD_SETTING, "public status values");
_Static_assert((int)EC_STATUS_BAD_STREAM == (int)EEGCORE_BAD_STREAM, "public status values");
_Static_assert((int)EC_STATUS_STAGE_FAILED == (int)EEGCORE_STAGE_FAILED, "public status values");

typedef enum ec_on_error {
    EC_ON_ERROR_FATAL = 0,                /* the run stops */
    EC_ON_ERROR_DRAIN_THEN_STOP = 1,      /* this node stops, other branches go on */
    EC_ON_ERROR_SKIP_PACKET = 2,          /* count and go on; the next packet begins after a gap */
    EC_ON_ERROR_USE_DEFAULT = 3           /* count, and hand on `substitute` of the port */
} ec_on_error;

typedef struct ec_fanout {
    uint32_t n;
    ec_edge *edges[];
} ec_fanout;

typedef struct ec_port {
    uint32_t  number;                     /* of the run; in every packet as `stream` */
    uint32_t  kind;
    uint32_t  n_channels;
    uint32_t  n_bins;
    uint32_t  max_frames;
    uint32_t  step_num;
    uint32_t  step_den;
    uint32_t  meta_rev;                   /* in every packet: which description of the stream holds for it */
    double    sps;
    ec_pool  *pool;                       /* NULL for ports that only forward */
    ec_ref    spare;                      /* a slot taken and not used yet */
    EC_ATOMIC(ec_routes *) routes;        /* never NULL; the thread's, followed by the control thread, which frees */
    EC_ATOMIC(ec_fanout *) fanout;        /* never NULL */
    ec_routes *planned;                   /* control thread: the newest that was handed over */
    ec_routes *before;                    /* control thread: planned before the revision that is worked out */
    ec_pool   *planned_pool;              /* control thread: as planned */
    float     *substitute;                /* [n_channels], for samples that the stage fails to make; NULL: none */
    ec_counter packets;
    ec_counter frames;                    /* device frames */
} ec_port;

typedef struct ec_node {
    const StageDescriptor *stage;         /* NULL: a source, its loop makes the packets */
    uint32_t  at;                         /* place in the schedule at work */
    void     *self;                       /* the worker's */
    EC_ATOMIC(void *) shown;              /* the same for readers of its counters: L */
    uint32_t  config_rev;                 /* newest that a packet has brought; of a source: that it stamps */
    double    in_step;                    /* device frames between two frames of the first input */
    ec_inbox  inbox;
    ec_change *fade;                      /* the change that an old instance or its rest still fades into, or NULL */
    uint32_t  number;                     /* of the run, for messages */
    uint32_t  on_error;
    uint32_t  is_sink;
    int64_t   budget_ns;                  /* a call that takes longer is counted; 0: no budget */
    uint32_t  dead;                       /* stopped by its policy: packets are counted and released */
    uint32_t  has_skipped;                /* a packet was skipped, and none has gone on since */
    uint32_t  ended;                      /* inputs, one bit each, on which no packet will come any more */
    uint32_t  ending;                     /* those of them the stage has not been told of */
    uint32_t  finished;                   /* all of them: flushed, and its readers know */
    uint32_t  retired;                    /* finished because it is not part of the plan any more */
    uint32_t  let_go;                     /* inputs have got their `ending` bit: they want to be told */
    uint32_t  n_inputs;
    uint32_t  n_outputs;
    ec_ref    pending[EC_MAX_INPUTS];
    ec_port  *ports;
    bool      digest_on;
    ec_sha256 digest;                     /* sinks of a virtual run */
    EC_ATOMIC(struct ec_node *) heir_of;  /* whose state it takes over before its first packet; then NULL: U */
    EC_ATOMIC(uint32_t) over;             /* finished, and not touched by its thread but in the schedule: U */

    uint32_t  fed;                        /* control thread: inputs that a port of the newest plan feeds */
    const void *feeder[EC_MAX_INPUTS];    /* control thread: the port or edge that does */
    const void *feeder_before[EC_MAX_INPUTS];
    uint32_t  reached;                    /* control thread: inputs that a search has come to */
    uint32_t  leaves;                     /* control thread: its retirement was handed over */

    alignas(EC_CACHE_PAIR) ec_counter packets;   /* in */
    ec_counter frames;                    /* in, device frames */
    ec_counter written;                   /* sinks: device frames done with */
    ec_counter skipped;                   /* device frames given up by policy */
    ec_counter substituted;               /* device frames of which the samples are a default */
    ec_counter errors;
    ec_counter overruns;                  /* calls over budget */
    ec_counter last_frame_index;
    ec_histogram process_ns;
    ec_histogram latency_ns;              /* sinks: packet complete at the source -> here */
} ec_node;

/* What an input waits for: packets of this revision, or of a later one, come after all older ones of another edge. */
typedef struct ec_gate {
    ec_edge *edge;
    uint32_t config_rev;
} ec_gate;

typedef struct ec_input {
    ec_edge *edge;
    ec_node *node;
    uint32_t input;
    uint32_t silent;                      /* when the edge is over, somebody else goes on feeding the input */
    uint32_t n_guards;
    uint32_t n_gates;                     /* the thread's: 0 once it is past them */
    uint32_t n_planned_gates;
    ec_local *guards;                     /* inputs a packet of this edge may reach whose stage must have room for it */
    ec_gate *gates;
} ec_input;

struct ec_schedule {
    uint32_t  config_rev;                 /* newest revision whose nodes it holds */
    uint32_t  n_nodes;
    uint32_t  n_inputs;
    ec_node **nodes;
    ec_input *inputs;
    struct ec_schedule *older;            /* control thread: published before it, not freed yet */
};

typedef struct ec_failure {
    int32_t  status;
    uint32_t node;
    uint32_t edge;                        /* UINT32_MAX: none */
    uint64_t frame_index;
} ec_failure;

typedef struct ec_run {
    ec_pool *pools[EC_MAX_POOLS];
    uint32_t n_pools;
    uint32_t is_virtual;                  /* lock-step: sources may wait, edges block */
    EC_ATOMIC(uint32_t) stopping;         /* sources end at the next packet */
    EC_ATOMIC(uint32_t) abort;            /* nobody waits any more */
    EC_ATOMIC(uint32_t) paused;
    EC_ATOMIC(uint32_t) failed;           /* 0 none, 1 being written, 2 whole */
    ec_failure failure;
    ec_mpsc   log;                        /* records for the control thread */
    ec_mpsc_cell *log_cells;
} ec_run;

typedef struct ec_group {
    ec_run   *run;
    ec_node **nodes;                      /* this and the next four: of the schedule at work */
    uint32_t  n_nodes;
    uint32_t  n_inputs;
    ec_input *inputs;
    uint32_t  config_rev;
    uint32_t  started;                    /* control thread: its thread has been there */
    ec_turn   turn;
    ec_schedule *published;               /* control thread: newest; before the start it is still being built */
    int64_t   spin_ns;                    /* look again for so long before sleeping */
    ec_doorbell bell;

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint64_t) epoch;     /* moves once per round */
    EC_ATOMIC(uint32_t) parked;           /* 1 while the thread sleeps or has ended */
    EC_ATOMIC(uint32_t) ended;            /* 1: no packet will be handed over any more */
    ec_counter beat_ns;                   /* last sign of life, monotonic */
    ec_counter at;                        /* node being called, number + 1; 0: none */
    ec_counter rounds;
} ec_group;

/* What a log record says; words: code, node, edge, frame_index, value. */
typedef enum ec_log_code {
    EC_LOG_STAGE_FAILED = 1,
    EC_LOG_EDGE_CLOSED  = 2,              /* a full `fail` edge closed the sink behind it */
    EC_LOG_POOL_EMPTY   = 3,
    EC_LOG_BAD_STATUS   = 4,              /* value: chip << 24 | its status word */
    EC_LOG_READ_FAILED  = 5,              /* value: errno */
    EC_LOG_DEVICE       = 6,              /* value: status; the source gives up */
    EC_LOG_BUS_STUCK    = 7,              /* value: as of BAD_STATUS */
    EC_LOG_RECOVERING   = 8,              /* value: status */
    EC_LOG_RECOVERED    = 9,              /* value: attempts */
    EC_LOG_OUT_OF_STEP  = 10              /* value: line << 32 | thousandths of a period apart */
} ec_log_code;

/* All [control-thread, stopped]. NULL when memory ran out; destroy accepts NULL. */
ec_run   *ec_run_create(bool is_virtual);
void      ec_run_destroy(ec_run *run);             /* pools die here: no packet may be held any more */
int32_t   ec_run_add_pool(ec_run *run, uint32_t slots, uint32_t payload_bytes, bool lock, bool *locked);  /* id or status */
void      ec_run_forget_pool(ec_run *run, uint32_t id);   /* nobody holds or takes slots of it: its number is free */
ec_node  *ec_node_create(uint32_t number, uint32_t n_inputs, uint32_t n_outputs);
void      ec_node_destroy(ec_node *node, ec_run *run);
ec_group *ec_group_create(ec_run *run);
void      ec_group_destroy(ec_group *group);       /* not its nodes */
int32_t   ec_group_add_node(ec_group *group, ec_node *node);
int32_t   ec_group_add_input(ec_group *group, ec_edge *edge, ec_node *node, uint32_t input);
int32_t   ec_port_add_route(ec_port *port, ec_node *node, uint32_t input, ec_edge *edge);   /* `edge` NULL: the input */

/* True when no packet is being handled that was there when this was called; false after 5 s. [control-thread] */
bool      ec_group_quiesce(ec_group *group);

/* Put an edge on, or take it off, a port of a group that may be running. After
 * a removal returns, the group does not know the edge any more. An edge added to
 * a group that has ended is ended. 0, NO_MEMORY, BAD_ARGUMENT (not there) or TIMEOUT (the group did not
 * move on within 5 s: the new list is in force, the old one is leaked rather than freed under the
 * reader, and one packet may still go by it). `group` NULL: the node is in no schedule yet, and nobody has to be
 * waited for. [control-thread, started or stopped] */
int32_t   ec_port_add_edge(ec_group *group, ec_port *port, ec_edge *edge);
int32_t   ec_port_remove_edge(ec_group *group, ec_port *port, ec_edge *edge);

/* Record the first failure of a run and stop its sources. [any-thread, realtime] */
void      ec_run_fail(ec_run *run, int32_t status, uint32_t node, uint32_t edge, uint64_t frame_index);
void      ec_run_log(ec_run *run, uint32_t code, uint32_t node, uint32_t edge, uint64_t frame_index, int64_t value);

/* What a stage may have since revision 1.1 of plugin.h: read only if its own size covers it. */
#define EC_STAGE_HAS(stage, field)                                                                   \
    ((stage)->struct_size >= offsetof(StageDescriptor, field) + sizeof (stage)->field && (stage)->field != NULL)

static inline bool ec_stage_has_room(const StageDescriptor *stage)
{
    return EC_STAGE_HAS(stage, has_room);
}
static inline bool ec_stage_has_end_input(const StageDescriptor *stage)
{
    return EC_STAGE_HAS(stage, end_input);
}
static inline bool ec_stage_has_counters(const StageDescriptor *stage)
{
    return EC_STAGE_HAS(stage, counters);
}

static inline bool ec_stage_has_take_over(const StageDescriptor *stage)
{
    return EC_STAGE_HAS(stage, take_over);
}

/* True if every stage that the next packet of this edge may reach has room for it. [worker-thread, realtime] */
static inline bool ec_input_may_come(const ec_input *input)
{
    for (uint32_t i = 0; i < input->n_guards; i++) {
        const ec_node *n = input->guards[i].node;

        if (!n->dead && !n->finished && !n->stage->has_room(n->self, input->guards[i].input)) {
            return false;
        }
    }
    return true;
}

/* Take the oldest packet of an edge into its hand, and note how far it has come. False: there is none.
 * [worker-thread, realtime] */
static inline bool ec_input_fetch(ec_input *input)
{
    ec_edge *const edge = input->edge;

    if (edge->held == EC_REF_NONE) {
        edge->held = ec_edge_pop(edge);
        if (edge->held == EC_REF_NONE) {
            return false;
        }
        edge->held_rev = ec_pool_packet(edge->pools[ec_ref_pool(edge->held)], ec_ref_slot(edge->held))->config_rev;
        if (edge->held_rev > EC_LOAD(&edge->seen_rev, relaxed)) {
            EC_STORE(&edge->seen_rev, edge->held_rev, relaxed);
        }
    }
    return true;
}

/* True if a packet of this revision need not wait for packets of other edges. The end of an edge waits like a packet of
 * the last revision: an input that others fed before must not end before they are done. [worker-thread, realtime] */
static inline bool ec_input_is_open(ec_input *input, uint32_t config_rev)
{
    bool past = true;

    for (uint32_t i = 0; i < input->n_gates; i++) {
        const ec_gate *gate = &input->gates[i];

        if (config_rev < gate->config_rev) {
            past = false;
        } else if (EC_LOAD(&gate->edge->seen_rev, relaxed) < gate->config_rev && !ec_edge_is_over(gate->edge)) {
            return false;
        }
    }
    if (past) {
        input->n_gates = 0;
    }
    return true;
}

static inline const ec_routes *ec_port_routes(ec_port *port)
{
    return EC_LOAD(&port->routes, relaxed);                                     /* one thread's; whole by J */
}

static inline const ec_fanout *ec_port_fanout(ec_port *port)
{
    return EC_LOAD(&port->fanout, seq_cst);                                     /* G */
}
/* Go over to another schedule, between two packets. [group's thread, realtime] */
static inline void ec_group_take(ec_group *g, ec_schedule *schedule)
{
    g->nodes = schedule->nodes;
    g->n_nodes = schedule->n_nodes;
    g->inputs = schedule->inputs;
    g->n_inputs = schedule->n_inputs;
    g->config_rev = schedule->config_rev;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i]->at = i;
    }
    ec_turn_take(&g->turn, schedule);                                           /* O */
}
static inline void ec_group_next_epoch(ec_group *g)
{
    EC_STORE(&g->epoch, EC_LOAD(&g->epoch, relaxed) + 1, seq_cst);              /* G */
}
static inline void ec_group_park(ec_group *g, uint32_t parked)
{
    EC_STORE(&g->parked, parked, seq_cst);                                      /* G */
}
/* No packet will be handed over any more: say so before the edges are ended. [worker-thread] */
static inline void ec_group_end(ec_group *g)
{
    EC_STORE(&g->ended, 1, seq_cst);                                            /* I */
}
/* True once the thread of a group hands nothing over any more. [any-thread] */
static inline bool ec_group_has_ended(ec_group *g)
{
    return EC_LOAD(&g->ended, seq_cst) != 0;                                    /* I */
}
static inline bool ec_port_is_read(ec_port *port)
{
    const ec_routes *const routes = ec_port_routes(port);

    return routes->n_local != 0 || routes->n_edges != 0 || ec_port_fanout(port)->n != 0;
}
static inline bool ec_run_is(EC_ATOMIC(uint32_t) *flag)
{
    return EC_LOAD(flag, acquire) != 0;
}
/* Give a node its first instance. [control-thread, stopped] */
static inline void ec_node_set_self(ec_node *node, void *self)
{
    node->self = self;
    EC_STORE(&node->shown, self, relaxed);
}
/* The instance whose counters may be read until this thread lets go of the GIL. [any-thread] */
static inline void *ec_node_shown(ec_node *node)
{
    return EC_LOAD(&node->shown, acquire);                                      /* L */
}
/* True once the record of the failure may be read. [control-thread] */
static inline bool ec_run_has_failed(ec_run *run)
{
    return EC_LOAD(&run->failed, acquire) == 2;                                 /* H */
}
static inline void ec_run_set(EC_ATOMIC(uint32_t) *flag, uint32_t value)
{
    EC_STORE(flag, value, release);
}

#endif

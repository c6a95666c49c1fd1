#define _GNU_SOURCE
#include "ec_node.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/ec_clock.h"
#include "ec_fade.h"
#include "ec_rewire.h"

#define QUIESCE_NS 5000000000             /* a group that does not move for so long is stuck in a stage */

static void *new_aligned(size_t bytes)
{
    void *p = NULL;

    if (posix_memalign(&p, EC_CACHE_PAIR, bytes) != 0) {
        return NULL;
    }
    memset(p, 0, bytes);
    return p;
}

ec_run *ec_run_create(bool is_virtual)
{
    ec_run *run = new_aligned(sizeof *run);

    if (run == NULL) {
        return NULL;
    }
    run->is_virtual = is_virtual;
    run->log_cells = new_aligned(EC_LOG_RECORDS * sizeof *run->log_cells);
    if (run->log_cells == NULL || !ec_mpsc_init(&run->log, run->log_cells, EC_LOG_RECORDS, 0)) {
        free(run->log_cells);
        free(run);
        return NULL;
    }
    return run;
}

void ec_run_forget_pool(ec_run *run, uint32_t id)
{
    if (run->pools[id] != NULL) {
        ec_pool_destroy(run->pools[id]);
        free(run->pools[id]);
        run->pools[id] = NULL;
    }
}

void ec_run_destroy(ec_run *run)
{
    if (run == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->n_pools; i++) {
        ec_run_forget_pool(run, i);
    }
    free(run->log_cells);
    free(run);
}

int32_t ec_run_add_pool(ec_run *run, uint32_t slots, uint32_t payload_bytes, bool lock, bool *locked)
{
    uint32_t id = 0;
    ec_pool *pool;
    int32_t status;

    while (id < run->n_pools && run->pools[id] != NULL) {
        id++;
    }
    if (id == EC_MAX_POOLS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    pool = new_aligned(sizeof *pool);
    if (pool == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    status = ec_pool_create(pool, id, slots, payload_bytes, lock, locked);
    if (status != EC_STATUS_OK) {
        free(pool);
        return status;
    }
    run->pools[id] = pool;
    run->n_pools = id == run->n_pools ? id + 1 : run->n_pools;
    return (int32_t)id;
}

ec_node *ec_node_create(uint32_t number, uint32_t n_inputs, uint32_t n_outputs)
{
    ec_node *node;
    ec_change *stub;

    if (n_inputs > EC_MAX_INPUTS) {
        return NULL;
    }
    node = new_aligned(sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->number = number;
    node->n_inputs = n_inputs;
    node->n_outputs = n_outputs;
    node->config_rev = 1;
    node->in_step = 1.0;
    node->ports = new_aligned((n_outputs ? n_outputs : 1) * sizeof *node->ports);
    if (node->ports == NULL) {
        free(node);
        return NULL;
    }
    for (uint32_t i = 0; i < n_outputs; i++) {
        ec_fanout *none = calloc(1, sizeof *none);

        if (none == NULL) {
            ec_node_destroy(node, NULL);
            return NULL;
        }
        EC_STORE(&node->ports[i].fanout, none, relaxed);
        node->ports[i].planned = ec_routes_create(0, 0);
        EC_STORE(&node->ports[i].routes, node->ports[i].planned, relaxed);
        if (node->ports[i].planned == NULL) {
            ec_node_destroy(node, NULL);
            return NULL;
        }
        node->ports[i].meta_rev = 1;
    }
    stub = ec_change_create(node, NULL, 0.0);
    if (stub == NULL) {
        ec_node_destroy(node, NULL);
        return NULL;
    }
    ec_inbox_init(&node->inbox, stub);
    return node;
}

void ec_node_destroy(ec_node *node, ec_run *run)
{
    if (node == NULL) {
        return;
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (run != NULL && node->pending[i] != EC_REF_NONE) {
            ec_pool_release(run->pools[ec_ref_pool(node->pending[i])], node->pending[i]);
        }
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (run != NULL && node->ports[i].spare != EC_REF_NONE) {
            ec_pool_release(node->ports[i].pool, node->ports[i].spare);
        }
        free(EC_LOAD(&node->ports[i].fanout, relaxed));
        free(EC_LOAD(&node->ports[i].routes, relaxed));
        free(node->ports[i].substitute);
    }
    ec_node_forget_changes(node);
    if (node->stage != NULL && node->self != NULL) {
        node->stage->destroy(node->self);
    }
    free(node->ports);
    free(node);
}

ec_group *ec_group_create(ec_run *run)
{
    ec_group *group = new_aligned(sizeof *group);

    if (group == NULL) {
        return NULL;
    }
    group->run = run;
    EC_STORE(&group->parked, 1, relaxed);                 /* until its thread comes */
    group->published = calloc(1, sizeof *group->published);
    if (group->published == NULL || ec_doorbell_init(&group->bell, false) != EC_STATUS_OK) {
        free(group->published);
        free(group);
        return NULL;
    }
    EC_STORE(&group->turn.newest, group->published, relaxed);
    EC_STORE(&group->turn.taken, NULL, relaxed);
    return group;
}

void ec_group_destroy(ec_group *group)
{
    if (group == NULL) {
        return;
    }
    while (group->published != NULL) {
        ec_schedule *const older = group->published->older;

        ec_schedule_destroy(group->published);
        group->published = older;
    }
    ec_doorbell_destroy(&group->bell);
    free(group);
}

int32_t ec_group_add_node(ec_group *group, ec_node *node)
{
    ec_schedule *const plan = group->published;
    ec_node **grown = realloc(plan->nodes, (plan->n_nodes + 1) * sizeof *grown);

    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    plan->nodes = grown;
    plan->nodes[plan->n_nodes++] = node;
    return EC_STATUS_OK;
}

int32_t ec_group_add_input(ec_group *group, ec_edge *edge, ec_node *node, uint32_t input)
{
    ec_schedule *const plan = group->published;
    ec_input *grown = realloc(plan->inputs, (plan->n_inputs + 1) * sizeof *grown);

    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    plan->inputs = grown;
    plan->inputs[plan->n_inputs++] = (ec_input){.edge = edge, .node = node, .input = input};
    return EC_STATUS_OK;
}

int32_t ec_port_add_route(ec_port *port, ec_node *node, uint32_t input, ec_edge *edge)
{
    const ec_routes *old = port->planned;
    ec_routes *fresh = ec_routes_create(old->n_local + 1, old->n_edges + 1);

    if (fresh == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(fresh->local, old->local, old->n_local * sizeof *old->local);
    memcpy(fresh->edges, old->edges, old->n_edges * sizeof *old->edges);
    fresh->n_local = old->n_local;
    fresh->n_edges = old->n_edges;
    if (edge != NULL) {
        fresh->edges[fresh->n_edges++] = edge;
        edge->routed = 1;
    } else {
        fresh->local[fresh->n_local++] = (ec_local){node, input};
    }
    free(port->planned);
    port->planned = fresh;
    EC_STORE(&port->routes, fresh, relaxed);
    return EC_STATUS_OK;
}

bool ec_group_quiesce(ec_group *group)
{
    const int64_t deadline = ec_now_ns() + QUIESCE_NS;
    const struct timespec nap = {0, 200000};
    const uint64_t epoch = EC_LOAD(&group->epoch, seq_cst);                     /* G: not before the caller's store */

    while (!EC_LOAD(&group->parked, seq_cst) && EC_LOAD(&group->epoch, seq_cst) == epoch) {   /* G */
        if (ec_now_ns() > deadline) {
            return false;
        }
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    }
    return true;
}

/* Publish a new list and wait until nobody can be inside the old one. */
static int32_t swap_fanout(ec_group *group, ec_port *port, ec_fanout *fresh)
{
    ec_fanout *old = EC_LOAD(&port->fanout, relaxed);

    EC_STORE(&port->fanout, fresh, seq_cst);                                    /* G */
    if (group != NULL && !ec_group_quiesce(group)) {
        return EC_STATUS_TIMEOUT;
    }
    free(old);
    return EC_STATUS_OK;
}

int32_t ec_port_add_edge(ec_group *group, ec_port *port, ec_edge *edge)
{
    const ec_fanout *old = EC_LOAD(&port->fanout, relaxed);
    ec_fanout *fresh = calloc(1, sizeof *fresh + (old->n + 1) * sizeof fresh->edges[0]);
    int32_t status;

    if (fresh == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(fresh->edges, old->edges, old->n * sizeof fresh->edges[0]);
    fresh->edges[old->n] = edge;
    fresh->n = old->n + 1;
    status = swap_fanout(group, port, fresh);
    if (group != NULL && EC_LOAD(&group->ended, seq_cst)) {                     /* I */
        ec_edge_end(edge);
    }
    return status;
}

int32_t ec_port_remove_edge(ec_group *group, ec_port *port, ec_edge *edge)
{
    const ec_fanout *old = EC_LOAD(&port->fanout, relaxed);
    ec_fanout *fresh = calloc(1, sizeof *fresh + (old->n + 1) * sizeof fresh->edges[0]);

    if (fresh == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < old->n; i++) {
        if (old->edges[i] != edge) {
            fresh->edges[fresh->n++] = old->edges[i];
        }
    }
    if (fresh->n == old->n) {
        free(fresh);
        return EC_STATUS_BAD_ARGUMENT;
    }
    return swap_fanout(group, port, fresh);
}

void ec_run_fail(ec_run *run, int32_t status, uint32_t node, uint32_t edge, uint64_t frame_index)
{
    uint32_t none = 0;

    if (EC_CAS(&run->failed, &none, 1, relaxed, relaxed)) {
        run->failure = (ec_failure){status, node, edge, frame_index};
        EC_STORE(&run->failed, 2, release);                                     /* H */
    }
    ec_run_set(&run->stopping, 1);
}

void ec_run_log(ec_run *run, uint32_t code, uint32_t node, uint32_t edge, uint64_t frame_index, int64_t value)
{
    const ec_record record = {{code, node, edge, frame_index, (uint64_t)value, (uint64_t)ec_now_ns(), 0}};

    ec_mpsc_push(&run->log, &record);     /* full: counted in `refused`, never waited for */
}

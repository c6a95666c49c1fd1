#define _GNU_SOURCE
#include "ec_node.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/ec_clock.h"
#include "ec_fade.h"

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

void ec_run_destroy(ec_run *run)
{
    if (run == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->n_pools; i++) {
        ec_pool_destroy(run->pools[i]);
        free(run->pools[i]);
    }
    free(run->log_cells);
    free(run);
}

int32_t ec_run_add_pool(ec_run *run, uint32_t slots, uint32_t payload_bytes, bool lock, bool *locked)
{
    ec_pool *pool;
    int32_t status;

    if (run->n_pools == EC_MAX_POOLS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    pool = new_aligned(sizeof *pool);
    if (pool == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    status = ec_pool_create(pool, run->n_pools, slots, payload_bytes, lock, locked);
    if (status != EC_STATUS_OK) {
        free(pool);
        return status;
    }
    run->pools[run->n_pools] = pool;
    return (int32_t)run->n_pools++;
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
    if (ec_doorbell_init(&group->bell, false) != EC_STATUS_OK) {
        free(group);
        return NULL;
    }
    return group;
}

void ec_group_destroy(ec_group *group)
{
    if (group == NULL) {
        return;
    }
    for (uint32_t i = 0; i < group->n_inputs; i++) {
        free(group->inputs[i].guards);
    }
    ec_doorbell_destroy(&group->bell);
    free(group->nodes);
    free(group->inputs);
    free(group);
}

int32_t ec_group_add_node(ec_group *group, ec_node *node)
{
    ec_node **grown = realloc(group->nodes, (group->n_nodes + 1) * sizeof *grown);

    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    group->nodes = grown;
    group->nodes[group->n_nodes] = node;
    return (int32_t)group->n_nodes++;
}

int32_t ec_group_add_input(ec_group *group, ec_edge *edge, uint32_t node, uint32_t input)
{
    ec_input *grown = realloc(group->inputs, (group->n_inputs + 1) * sizeof *grown);

    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    group->inputs = grown;
    group->inputs[group->n_inputs] = (ec_input){.edge = edge, .node = node, .input = input};
    return (int32_t)group->n_inputs++;
}

int32_t ec_port_add_local(ec_port *port, uint32_t node, uint32_t input)
{
    if (port->n_local == EC_MAX_LOCAL) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    port->local[port->n_local++] = (ec_local){node, input};
    return EC_STATUS_OK;
}

static int32_t add_guard(ec_group *group, ec_input *input, ec_local at)
{
    const StageDescriptor *stage = group->nodes[at.node]->stage;
    ec_local *grown;

    if (stage == NULL || !ec_stage_has_room(stage)) {
        return EC_STATUS_OK;
    }
    grown = realloc(input->guards, (input->n_guards + 1) * sizeof *grown);
    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    input->guards = grown;
    input->guards[input->n_guards++] = at;
    return EC_STATUS_OK;
}

int32_t ec_group_find_guards(ec_group *group)
{
    bool *reached = calloc(group->n_nodes + 1, sizeof *reached);
    int32_t status = reached != NULL ? EC_STATUS_OK : EC_STATUS_NO_MEMORY;

    for (uint32_t i = 0; i < group->n_inputs && status == EC_STATUS_OK; i++) {
        ec_input *input = &group->inputs[i];

        memset(reached, 0, group->n_nodes * sizeof *reached);
        reached[input->node] = true;
        input->n_guards = 0;
        status = add_guard(group, input, (ec_local){input->node, input->input});
        for (uint32_t n = input->node; n < group->n_nodes && status == EC_STATUS_OK; n++) {   /* topological order */
            const ec_node *node = group->nodes[n];

            for (uint32_t p = 0; reached[n] && p < node->n_outputs; p++) {
                for (uint32_t l = 0; l < node->ports[p].n_local && status == EC_STATUS_OK; l++) {
                    const ec_local at = node->ports[p].local[l];

                    reached[at.node] = true;
                    status = add_guard(group, input, at);
                }
            }
        }
    }
    free(reached);
    return status;
}

/* Publish a new list and wait until nobody can be inside the old one. */
static int32_t swap_fanout(ec_group *group, ec_port *port, ec_fanout *fresh)
{
    ec_fanout *old = EC_LOAD(&port->fanout, relaxed);
    const int64_t deadline = ec_now_ns() + QUIESCE_NS;
    const struct timespec nap = {0, 200000};
    uint64_t epoch;

    EC_STORE(&port->fanout, fresh, seq_cst);                                    /* G */
    epoch = EC_LOAD(&group->epoch, seq_cst);                                    /* G: not before the store */
    while (!EC_LOAD(&group->parked, seq_cst) && EC_LOAD(&group->epoch, seq_cst) == epoch) {   /* G */
        if (ec_now_ns() > deadline) {
            return EC_STATUS_TIMEOUT;
        }
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
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
    if (EC_LOAD(&group->ended, seq_cst)) {                                      /* I */
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

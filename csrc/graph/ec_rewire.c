#include "ec_rewire.h"

#include <stdlib.h>
#include <string.h>

ec_schedule *ec_schedule_create(uint32_t room_nodes, uint32_t room_inputs)
{
    ec_schedule *schedule = calloc(1, sizeof *schedule);

    if (schedule == NULL) {
        return NULL;
    }
    schedule->nodes = calloc(room_nodes + 1, sizeof *schedule->nodes);
    schedule->inputs = calloc(room_inputs + 1, sizeof *schedule->inputs);
    if (schedule->nodes == NULL || schedule->inputs == NULL) {
        ec_schedule_destroy(schedule);
        return NULL;
    }
    return schedule;
}

void ec_schedule_destroy(ec_schedule *schedule)
{
    if (schedule == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schedule->n_inputs; i++) {
        free(schedule->inputs[i].guards);
        free(schedule->inputs[i].gates);
    }
    free(schedule->nodes);
    free(schedule->inputs);
    free(schedule);
}

bool ec_schedule_has_node(const ec_schedule *schedule, const ec_node *node)
{
    for (uint32_t i = 0; i < schedule->n_nodes; i++) {
        if (schedule->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

bool ec_schedule_has_edge(const ec_schedule *schedule, const ec_edge *edge)
{
    for (uint32_t i = 0; i < schedule->n_inputs; i++) {
        if (schedule->inputs[i].edge == edge) {
            return true;
        }
    }
    return false;
}

/* Note one more port or edge that feeds an input; false if there is one already. */
static bool feed(ec_node *node, uint32_t input, const void *feeder)
{
    const uint32_t bit = 1u << input;

    if (node->fed & bit) {
        return false;
    }
    node->fed |= bit;
    node->feeder[input] = feeder;
    return true;
}

void ec_graph_remember(const ec_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        ec_node *const node = graph->nodes[i];

        for (uint32_t p = 0; node != NULL && p < node->n_outputs; p++) {
            node->ports[p].before = node->ports[p].planned;
        }
        if (node != NULL) {
            memcpy(node->feeder_before, node->feeder, sizeof node->feeder);
        }
    }
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        if (graph->edges[i] != NULL) {
            graph->edges[i]->was_routed = graph->edges[i]->routed;
        }
    }
}

const ec_node *ec_graph_find_fed(const ec_graph *graph, ec_schedule *const *schedules)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i] != NULL) {
            graph->nodes[i]->fed = 0;
            memset(graph->nodes[i]->feeder, 0, sizeof graph->nodes[i]->feeder);
        }
    }
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        if (graph->edges[i] != NULL) {
            graph->edges[i]->routed = 0;
        }
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t p = 0; graph->nodes[i] != NULL && p < graph->nodes[i]->n_outputs; p++) {
            const ec_routes *const routes = graph->nodes[i]->ports[p].planned;

            for (uint32_t k = 0; k < routes->n_local; k++) {
                if (!feed(routes->local[k].node, routes->local[k].input, &graph->nodes[i]->ports[p])) {
                    return routes->local[k].node;
                }
            }
            for (uint32_t k = 0; k < routes->n_edges; k++) {
                routes->edges[k]->routed = 1;
            }
        }
    }
    for (uint32_t g = 0; g < graph->n_groups; g++) {
        for (uint32_t i = 0; schedules[g] != NULL && i < schedules[g]->n_inputs; i++) {
            const ec_input *const input = &schedules[g]->inputs[i];

            if (input->edge->routed && !feed(input->node, input->input, input->edge)) {
                return input->node;
            }
        }
    }
    return NULL;
}

/* ---- what a packet may come to ---- */

typedef enum reach {
    REACH_BEFORE,                         /* by the plan before this revision */
    REACH_NOW,                            /* by the newest plan */
    REACH_EVER                            /* by any that is in force somewhere, or waits */
} reach;

static void come_to(reach how, ec_node *node, uint32_t input);

static void follow(reach how, const ec_routes *routes)
{
    for (uint32_t i = 0; routes != NULL && i < routes->n_local; i++) {
        come_to(how, routes->local[i].node, routes->local[i].input);
    }
}

/* The depth is that of the graph of one group. */
static void come_to(reach how, ec_node *node, uint32_t input)
{
    if (node->reached >> input & 1) {
        return;
    }
    node->reached |= 1u << input;
    for (uint32_t p = 0; !ec_over_seen(&node->over) && p < node->n_outputs; p++) {
        follow(how, how == REACH_BEFORE ? node->ports[p].before : node->ports[p].planned);
        if (how != REACH_EVER) {
            continue;
        }
        for (const ec_change *c = node->inbox.first; c != NULL; c = EC_LOAD(&c->next, relaxed)) {
            if (ec_change_state_of(c) == EC_CHANGE_WAITING) {
                follow(how, c->rewired[p].routes);
            }
        }
        follow(how, EC_LOAD(&node->ports[p].routes, relaxed));     /* after them: what was just taken is in force */
    }
}

static void search_from(const ec_graph *graph, reach how, const ec_input *input)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i] != NULL) {
            graph->nodes[i]->reached = 0;
        }
    }
    come_to(how, input->node, input->input);
}

static bool asks_for_room(ec_node *node)
{
    return node->stage != NULL && ec_stage_has_room(node->stage) && !ec_over_seen(&node->over);
}

static int32_t find_guards(const ec_graph *graph, ec_input *input)
{
    uint32_t n = 0;

    search_from(graph, REACH_EVER, input);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i] != NULL && asks_for_room(graph->nodes[i])) {
            n += (uint32_t)__builtin_popcount(graph->nodes[i]->reached);
        }
    }
    input->guards = calloc(n + 1, sizeof *input->guards);
    if (input->guards == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        ec_node *const node = graph->nodes[i];

        for (uint32_t k = 0; node != NULL && asks_for_room(node) && k < node->n_inputs; k++) {
            if (node->reached >> k & 1) {
                input->guards[input->n_guards++] = (ec_local){node, k};
            }
        }
    }
    return EC_STATUS_OK;
}

/* True if an input that has come to by the search gets its packets in another way than before, and the older ones, or
 * those of the node it takes over from, came by what `before` has reached. [n_nodes] */
static bool crosses(const ec_graph *graph, const uint32_t *before)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        ec_node *const node = graph->nodes[i];
        const ec_node *const old = node != NULL ? EC_LOAD(&node->heir_of, relaxed) : NULL;

        for (uint32_t k = 0; node != NULL && k < node->n_inputs; k++) {
            if (!(node->reached >> k & 1)) {
                continue;
            }
            if ((before[i] >> k & 1) && node->feeder[k] != node->feeder_before[k]) {
                return true;
            }
            if (old != NULL && (before[old->number] >> k & 1)) {
                return true;
            }
        }
    }
    return false;
}

/* Add a gate unless it is there. 0 or NO_MEMORY. */
static int32_t add_gate(ec_input *input, ec_gate gate)
{
    ec_gate *grown;

    for (uint32_t i = 0; i < input->n_gates; i++) {
        if (input->gates[i].edge == gate.edge && input->gates[i].config_rev == gate.config_rev) {
            return EC_STATUS_OK;
        }
    }
    grown = realloc(input->gates, (input->n_gates + 1) * sizeof *grown);
    if (grown == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    input->gates = grown;
    input->gates[input->n_gates++] = gate;
    return EC_STATUS_OK;
}

/* Packets of this revision wait for the older ones of other edges that lead to the same inputs. */
static int32_t find_gates(const ec_graph *graph, const ec_schedule *schedule, ec_input *input)
{
    uint32_t *before = calloc(graph->n_nodes + 1, sizeof *before);
    int32_t status = before != NULL ? EC_STATUS_OK : EC_STATUS_NO_MEMORY;

    for (uint32_t i = 0; status == EC_STATUS_OK && input->edge->routed && i < schedule->n_inputs; i++) {
        const ec_input *const other = &schedule->inputs[i];

        if (other == input || !other->edge->was_routed || ec_over_seen(&other->edge->over)) {
            continue;
        }
        search_from(graph, REACH_BEFORE, other);
        for (uint32_t k = 0; k < graph->n_nodes; k++) {
            before[k] = graph->nodes[k] != NULL ? graph->nodes[k]->reached : 0;
        }
        search_from(graph, REACH_NOW, input);
        if (crosses(graph, before)) {
            status = add_gate(input, (ec_gate){other->edge, schedule->config_rev});
        }
    }
    free(before);
    return status;
}

static const ec_input *input_of(const ec_schedule *schedule, const ec_edge *edge)
{
    for (uint32_t i = 0; schedule != NULL && i < schedule->n_inputs; i++) {
        if (schedule->inputs[i].edge == edge) {
            return &schedule->inputs[i];
        }
    }
    return NULL;
}

/* Gates that an edge had and that may be closed still. */
static int32_t keep_gates(const ec_schedule *schedule, ec_input *input, const ec_input *was)
{
    int32_t status = EC_STATUS_OK;

    for (uint32_t i = 0; was != NULL && i < was->n_planned_gates && status == EC_STATUS_OK; i++) {
        const ec_gate gate = was->gates[i];

        if (ec_schedule_has_edge(schedule, gate.edge) && !ec_over_seen(&gate.edge->over)
            && EC_LOAD(&gate.edge->seen_rev, relaxed) < gate.config_rev) {      /* it only grows */
            status = add_gate(input, gate);
        }
    }
    return status;
}

/* Who waits for an edge waits for what that waits for: a packet in its hand has not been worked on. */
static int32_t close_gates(const ec_schedule *schedule)
{
    int32_t status = EC_STATUS_OK;
    bool grew = true;

    while (grew && status == EC_STATUS_OK) {
        grew = false;
        for (uint32_t i = 0; i < schedule->n_inputs; i++) {
            ec_input *const input = &schedule->inputs[i];
            const uint32_t before = input->n_gates;

            for (uint32_t k = 0; k < before && status == EC_STATUS_OK; k++) {
                const ec_input *const other = input_of(schedule, input->gates[k].edge);

                for (uint32_t m = 0; other != NULL && m < other->n_gates && status == EC_STATUS_OK; m++) {
                    if (other->gates[m].edge != input->edge
                        && other->gates[m].config_rev <= input->gates[k].config_rev) {
                        status = add_gate(input, other->gates[m]);
                    }
                }
            }
            grew = grew || input->n_gates != before;
        }
    }
    return status;
}

int32_t ec_schedule_find_inputs(const ec_graph *graph, ec_schedule *schedule, const ec_schedule *before)
{
    const bool is_new = before != NULL && before->config_rev != schedule->config_rev;
    int32_t status = EC_STATUS_OK;

    for (uint32_t i = 0; i < schedule->n_inputs && status == EC_STATUS_OK; i++) {
        ec_input *const input = &schedule->inputs[i];
        const ec_input *const was = input_of(before, input->edge);

        input->silent = (was != NULL && was->silent)
                        || (!input->edge->routed && (input->node->fed >> input->input & 1) != 0);
        status = find_guards(graph, input);
        if (status == EC_STATUS_OK) {
            status = keep_gates(schedule, input, was);
        }
        if (status == EC_STATUS_OK && is_new) {
            status = find_gates(graph, schedule, input);
        }
    }
    status = status == EC_STATUS_OK ? close_gates(schedule) : status;
    for (uint32_t i = 0; i < schedule->n_inputs; i++) {
        schedule->inputs[i].n_planned_gates = schedule->inputs[i].n_gates;
    }
    return status;
}

/* ---- what may be forgotten ---- */

bool ec_group_is_gone(ec_group *group)
{
    return ec_turn_has_ended(&group->turn) && EC_LOAD(&group->parked, seq_cst) != 0;
}

/* The ports of a node that is over lead nowhere. */
static bool any_route(const ec_graph *graph, bool (*leads)(const ec_routes *, const void *), const void *to)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        ec_node *const node = graph->nodes[i];

        for (uint32_t p = 0; node != NULL && p < node->n_outputs; p++) {
            for (const ec_change *c = node->inbox.first; c != NULL; c = EC_LOAD(&c->next, relaxed)) {
                if (ec_change_state_of(c) == EC_CHANGE_WAITING
                    && (leads(c->rewired[p].routes, to) || leads(c->rewired[p].ends, to))) {
                    return true;
                }
            }
            /* after them: what was just taken is in force */
            if (leads(node->ports[p].planned, to)
                || (!ec_over_seen(&node->over) && leads(EC_LOAD(&node->ports[p].routes, relaxed), to))) {
                return true;
            }
        }
    }
    return false;
}

static bool leads_to_edge(const ec_routes *routes, const void *edge) { return ec_routes_has_edge(routes, edge); }
static bool leads_to_node(const ec_routes *routes, const void *node) { return ec_routes_has_node(routes, node); }

bool ec_graph_leads_to_edge(const ec_graph *graph, const ec_edge *edge)
{
    return any_route(graph, leads_to_edge, edge);
}

bool ec_graph_leads_to_node(const ec_graph *graph, const ec_node *node)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i] != NULL && EC_LOAD(&graph->nodes[i]->heir_of, acquire) == node) {   /* U */
            return true;
        }
    }
    return any_route(graph, leads_to_node, node);
}

bool ec_graph_leads_to_pool(const ec_graph *graph, const ec_pool *pool)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        ec_node *const node = graph->nodes[i];

        for (uint32_t p = 0; node != NULL && p < node->n_outputs; p++) {
            if (node->ports[p].planned_pool == pool) {
                return true;
            }
            /* a record that waits has the pool before it still in force */
            for (const ec_change *c = node->inbox.first; c != NULL; c = EC_LOAD(&c->next, relaxed)) {
                if (c->rewired[p].pool != NULL && ec_change_state_of(c) == EC_CHANGE_WAITING) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool input_is_done(const ec_input *input) { return !input->edge->routed && ec_over_seen(&input->edge->over); }
static bool node_is_done(ec_node *node)          { return node->leaves && ec_over_seen(&node->over); }

static int32_t publish_less(const ec_graph *graph, ec_group *group)
{
    const ec_schedule *const now = group->published;
    ec_schedule *less = ec_schedule_create(now->n_nodes, now->n_inputs);

    if (less == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    less->config_rev = now->config_rev;
    for (uint32_t i = 0; i < now->n_nodes; i++) {
        if (!node_is_done(now->nodes[i])) {
            less->nodes[less->n_nodes++] = now->nodes[i];
        }
    }
    for (uint32_t i = 0; i < now->n_inputs; i++) {
        if (!input_is_done(&now->inputs[i])) {
            less->inputs[less->n_inputs++] =
                (ec_input){.edge = now->inputs[i].edge, .node = now->inputs[i].node, .input = now->inputs[i].input};
        }
    }
    if (ec_schedule_find_inputs(graph, less, now) != EC_STATUS_OK) {
        ec_schedule_destroy(less);
        return EC_STATUS_NO_MEMORY;
    }
    if (!ec_turn_publish(&group->turn, less)) {
        ec_schedule_destroy(less);
        return EC_STATUS_OK;
    }
    less->older = group->published;
    group->published = less;
    ec_doorbell_ring(&group->bell);
    return EC_STATUS_OK;
}

/* What a thread that has gone has worked by names things that may be forgotten. */
static void clear_schedules(ec_group *group)
{
    for (ec_schedule *s = group->published; s != NULL; s = s->older) {
        for (uint32_t i = 0; i < s->n_inputs; i++) {
            free(s->inputs[i].guards);
            free(s->inputs[i].gates);
        }
        s->n_nodes = s->n_inputs = 0;
    }
}

int32_t ec_group_tidy(const ec_graph *graph, ec_group *group)
{
    ec_schedule *const taken = ec_turn_taken(&group->turn);
    bool less = false;

    if (ec_group_is_gone(group)) {
        clear_schedules(group);
        return EC_STATUS_OK;
    }
    if (taken == NULL) {
        return EC_STATUS_OK;              /* nobody has come yet */
    }
    while (taken->older != NULL) {
        ec_schedule *const older = taken->older;

        taken->older = older->older;
        ec_schedule_destroy(older);
    }
    if (taken != group->published || ec_turn_has_ended(&group->turn)) {
        return EC_STATUS_OK;              /* the next one first */
    }
    for (uint32_t i = 0; i < taken->n_nodes; i++) {
        less = less || node_is_done(taken->nodes[i]);
    }
    for (uint32_t i = 0; i < taken->n_inputs; i++) {
        less = less || input_is_done(&taken->inputs[i]);
    }
    return less ? publish_less(graph, group) : EC_STATUS_OK;
}

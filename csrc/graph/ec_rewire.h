/* ec_rewire.h - what follows from another plan for the nodes and groups that run.
 *
 * Which inputs are still fed, so that only those that nobody feeds are told of
 * the end; which edges of a group must be drained before a new one is taken
 * from; whose room a packet needs. All of it is worked out by the control
 * thread, from the ports' newest plan and from what is still in force, before
 * any of it is handed over.
 */
#ifndef EC_REWIRE_H
#define EC_REWIRE_H

#include "ec_node.h"

/* The graph by number; what was forgotten is NULL. */
typedef struct ec_graph {
    ec_node  *const *nodes;
    ec_group *const *groups;
    ec_edge  *const *edges;
    uint32_t n_nodes, n_groups, n_edges;
} ec_graph;

/* A schedule with room for so many, empty. NULL without memory. [control-thread] */
ec_schedule *ec_schedule_create(uint32_t room_nodes, uint32_t room_inputs);
void         ec_schedule_destroy(ec_schedule *schedule);
bool         ec_schedule_has_node(const ec_schedule *schedule, const ec_node *node);
bool         ec_schedule_has_edge(const ec_schedule *schedule, const ec_edge *edge);

/* Set `fed` of nodes and `routed` of edges from the ports' `planned` and from the schedules, one per group.
 * NULL, or a node of which two ports feed one input: then no such plan can run. [control-thread] */
const ec_node *ec_graph_find_fed(const ec_graph *graph, ec_schedule *const *schedules);

/* Keep the plan as that before the revision that is worked out. After ec_graph_find_fed. [control-thread] */
void         ec_graph_remember(const ec_graph *graph);

/* Fill in what a schedule says of its inputs beyond edge, node and input; `before` is the one it follows, or NULL.
 * After ec_graph_find_fed. 0 or NO_MEMORY. [control-thread] */
int32_t ec_schedule_find_inputs(const ec_graph *graph, ec_schedule *schedule, const ec_schedule *before);

/* True if a record that waits, or a port that works, may still lead to this. [control-thread] */
bool    ec_graph_leads_to_edge(const ec_graph *graph, const ec_edge *edge);
bool    ec_graph_leads_to_node(const ec_graph *graph, const ec_node *node);
bool    ec_graph_leads_to_pool(const ec_graph *graph, const ec_pool *pool);

/* True if the thread of the group has ended and touches nothing any more. [control-thread] */
bool    ec_group_is_gone(ec_group *group);

/* The newest schedule without what is over, published if there is less in it then; older ones are freed once the
 * thread has left them. 0 or NO_MEMORY. [control-thread] */
int32_t ec_group_tidy(const ec_graph *graph, ec_group *group);

#endif

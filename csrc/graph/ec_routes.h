/* ec_routes.h - the planned readers of a port: inputs of nodes of the same group, and edges.
 *
 * A list is made whole by the control thread and never written again. The one
 * in force belongs to the port; another comes with a record (ec_change.h) and
 * changes places with it, so that the data path neither allocates nor frees.
 */
#ifndef EC_ROUTES_H
#define EC_ROUTES_H

#include "../ring/ec_edge.h"

struct ec_node;

typedef struct ec_local {
    struct ec_node *node;                 /* of the same group */
    uint32_t input;
} ec_local;

typedef struct ec_routes {
    uint32_t  n_local;
    uint32_t  n_edges;
    ec_local *local;
    ec_edge **edges;
} ec_routes;

/* A list with room for so many, empty. NULL without memory. Free with free(). [control-thread] */
ec_routes *ec_routes_create(uint32_t room_local, uint32_t room_edges);

bool       ec_routes_has_local(const ec_routes *routes, const struct ec_node *node, uint32_t input);
bool       ec_routes_has_edge(const ec_routes *routes, const ec_edge *edge);
bool       ec_routes_has_node(const ec_routes *routes, const struct ec_node *node);

/* What is in `old` and not in `fresh`; only inputs (node->fed) and edges (edge->routed) that no port feeds any more: an
 * heir may go on with a ring. `fresh` NULL: nothing. NULL without memory. [control-thread] */
ec_routes *ec_routes_dropped(const ec_routes *old, const ec_routes *fresh);

/* Tell every reader that nothing comes any more: edges at once, inputs by their `ending` bit. True if there is an
 * input among them. [thread of the port's group, realtime] */
bool       ec_routes_end(const ec_routes *routes);

#endif

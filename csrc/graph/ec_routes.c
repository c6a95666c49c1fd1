#include "ec_routes.h"

#include <stdlib.h>

#include "ec_node.h"

ec_routes *ec_routes_create(uint32_t room_local, uint32_t room_edges)
{
    ec_routes *routes = calloc(1, sizeof *routes + room_local * sizeof *routes->local
                                      + room_edges * sizeof *routes->edges);

    if (routes != NULL) {
        routes->local = (ec_local *)(void *)(routes + 1);
        routes->edges = (ec_edge **)(void *)(routes->local + room_local);
    }
    return routes;
}

bool ec_routes_has_local(const ec_routes *routes, const struct ec_node *node, uint32_t input)
{
    for (uint32_t i = 0; routes != NULL && i < routes->n_local; i++) {
        if (routes->local[i].node == node && routes->local[i].input == input) {
            return true;
        }
    }
    return false;
}

bool ec_routes_has_node(const ec_routes *routes, const struct ec_node *node)
{
    for (uint32_t i = 0; routes != NULL && i < routes->n_local; i++) {
        if (routes->local[i].node == node) {
            return true;
        }
    }
    return false;
}

bool ec_routes_has_edge(const ec_routes *routes, const ec_edge *edge)
{
    for (uint32_t i = 0; routes != NULL && i < routes->n_edges; i++) {
        if (routes->edges[i] == edge) {
            return true;
        }
    }
    return false;
}

ec_routes *ec_routes_dropped(const ec_routes *old, const ec_routes *fresh)
{
    ec_routes *dropped = ec_routes_create(old->n_local, old->n_edges);

    if (dropped == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < old->n_local; i++) {
        const ec_local at = old->local[i];

        if (!ec_routes_has_local(fresh, at.node, at.input) && !(at.node->fed >> at.input & 1)) {
            dropped->local[dropped->n_local++] = at;
        }
    }
    for (uint32_t i = 0; i < old->n_edges; i++) {
        if (!ec_routes_has_edge(fresh, old->edges[i]) && !old->edges[i]->routed) {
            dropped->edges[dropped->n_edges++] = old->edges[i];
        }
    }
    return dropped;
}

bool ec_routes_end(const ec_routes *routes)
{
    for (uint32_t i = 0; i < routes->n_local; i++) {
        routes->local[i].node->ending |= 1u << routes->local[i].input;
    }
    for (uint32_t i = 0; i < routes->n_edges; i++) {
        ec_edge_end(routes->edges[i]);
    }
    return routes->n_local != 0;
}

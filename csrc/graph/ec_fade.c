#define _GNU_SOURCE
#include "ec_fade.h"

#include <stdlib.h>
#include <string.h>

#include "../base/ec_grid.h"

#define DEFAULT_FADE_S 0.05               /* of a stage that does not say: longer than a click, shorter than a glance */
#define MAX_OUTPUTS    32

static bool port_fades(const ec_port *port)
{
    return port->planned_pool != NULL && port->n_bins == 0 &&
           (port->kind == EEGCORE_VOLTAGE_F32 || port->kind == EEGCORE_RAW_AND_VOLTAGE);
}

/* Zeros that are there: memory of calloc is only promised, and the data path would meet the page faults. */
static float *new_floats(size_t n)
{
    void *p = NULL;

    if (posix_memalign(&p, EC_CACHE_PAIR, n * sizeof(float)) != 0) {
        return NULL;
    }
    memset(p, 0, n * sizeof(float));
    return p;
}

void ec_change_destroy(ec_change *change)
{
    if (change == NULL) {
        return;
    }
    for (uint32_t i = 0; i < change->n_ports; i++) {
        free(change->ports[i].old);
        free(change->ports[i].rest);
        free(change->ports[i].last);
        if (change->rewired != NULL) {
            if (ec_change_state_of(change) == EC_CHANGE_WAITING) {
                free(change->rewired[i].routes);              /* else the port's */
            }
            free(change->rewired[i].old);
            free(change->rewired[i].ends);
        }
    }
    free(change->rewired);
    free(change->ports);
    free(change->meta_rev);
    free(change);
}

ec_change *ec_change_create(const ec_node *node, void *self, double sps_in)
{
    ec_change *change = calloc(1, sizeof *change);

    if (change == NULL) {
        return NULL;
    }
    change->self = self;
    change->meta_rev = calloc(node->n_outputs + 1, sizeof *change->meta_rev);
    change->ports = calloc(node->n_outputs + 1, sizeof *change->ports);
    change->rewired = calloc(node->n_outputs + 1, sizeof *change->rewired);
    if (change->meta_rev == NULL || change->ports == NULL || change->rewired == NULL) {
        ec_change_destroy(change);
        return NULL;
    }
    change->n_ports = node->n_outputs;
    for (uint32_t i = 0; self != NULL && i < node->n_outputs; i++) {
        const ec_port *port = &node->ports[i];
        ec_fade_port *fade = &change->ports[i];

        if (!port_fades(port)) {
            continue;
        }
        fade->old = new_floats((size_t)port->max_frames * port->n_channels);
        fade->rest = new_floats(port->n_channels);
        fade->last = new_floats(port->n_channels);
        if (fade->old == NULL || fade->rest == NULL || fade->last == NULL) {
            ec_change_destroy(change);
            return NULL;
        }
        fade->n_channels = port->n_channels;
        fade->room = port->max_frames;
        change->default_frames = (uint32_t)(DEFAULT_FADE_S * sps_in);
        if (change->default_frames == 0) {
            change->default_frames = 1;
        }
    }
    return change;
}

/* What a record has left behind once nobody touches it. */
static void free_left(ec_change *change)
{
    for (uint32_t i = 0; i < change->n_ports; i++) {
        free(change->rewired[i].old);
        change->rewired[i].old = NULL;
    }
}

static void destroy_instance(ec_node *node, void *self)
{
    if (self != NULL) {
        node->stage->destroy(self);
    }
}

uint32_t ec_node_collect(ec_node *node)
{
    uint32_t open = 0;
    ec_change *change;

    while (node->stage != NULL && (change = ec_inbox_collect(&node->inbox)) != NULL) {
        destroy_instance(node, change->old);
        ec_change_destroy(change);
    }
    for (change = node->inbox.first; change != NULL; change = EC_LOAD(&change->next, relaxed)) {
        if (ec_change_state_of(change) != EC_CHANGE_DONE) {
            open++;
            continue;
        }
        free_left(change);
        if (change->old != NULL) {
            destroy_instance(node, change->old);
            change->old = NULL;
        }
    }
    return open;
}

void ec_node_forget_changes(ec_node *node)
{
    ec_change *change = node->inbox.first;

    while (change != NULL) {
        ec_change *const next = EC_LOAD(&change->next, relaxed);

        destroy_instance(node, ec_change_state_of(change) == EC_CHANGE_WAITING ? change->self : change->old);
        ec_change_destroy(change);
        change = next;
    }
    node->inbox.first = node->inbox.last = node->inbox.at = NULL;
    node->fade = NULL;
}

static void say_meta(ec_node *node, const ec_change *change)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (change->meta_rev[i] != 0) {
            node->ports[i].meta_rev = change->meta_rev[i];
        }
    }
}

/* Let the ports have their other readers and pools; those that are let go are told of the end. */
static void rewire(ec_node *node, ec_change *change)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        ec_port *const port = &node->ports[i];
        ec_port_change *const to = &change->rewired[i];

        if (to->pool != NULL && to->pool != port->pool) {
            if (port->spare != EC_REF_NONE) {
                ec_pool_release(port->pool, port->spare);
                port->spare = EC_REF_NONE;
            }
            port->pool = to->pool;
        }
        if (to->routes != NULL) {
            to->old = EC_LOAD(&port->routes, relaxed);
            EC_STORE(&port->routes, to->routes, relaxed);
        }
        if (to->ends != NULL && ec_routes_end(to->ends)) {
            node->let_go = 1;
        }
    }
}

/* Frames of a port for so many frames of input: at least so many come out while these go in. */
static uint32_t frames_out(const ec_node *node, const ec_port *port, uint32_t frames)
{
    const double n = (double)frames * node->in_step * (double)port->step_den / (double)port->step_num;

    return n < 4294967295.0 ? (uint32_t)n : UINT32_MAX;
}

static uint32_t at_least_0(uint32_t whole, uint32_t part) { return part < whole ? whole - part : 0; }

/* Let `change` fade from what has come out so far, `before` being the fade it interrupts. False if nothing fades. */
static bool begin_fade(ec_node *node, ec_change *change, uint32_t frames, ec_change *before)
{
    bool any = false;

    change->fade_input = frames;
    if (before != NULL) {
        change->rest_input = before->seen == 0 ? before->rest_input
                                               : at_least_0(before->fade_input > before->rest_input
                                                                ? before->fade_input : before->rest_input, before->seen);
    }
    if (before != NULL && before->seen == 0 && before->fade_input > 0) {
        /* Nothing came out since the change before this one: what has come out is of the instance before that. */
        void *const skipped = change->old;

        change->old = before->old;
        before->old = skipped;
        if (change->fade_input < before->fade_input) {
            change->fade_input = before->fade_input;
        }
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        ec_fade_port *fade = &change->ports[i];

        if (fade->n_channels == 0) {
            continue;
        }
        fade->fade_frames = frames_out(node, &node->ports[i], change->fade_input);
        if (before != NULL && before->seen == 0) {
            fade->rest_frames = before->ports[i].rest_frames;
            memcpy(fade->rest, before->ports[i].rest, fade->n_channels * sizeof *fade->rest);
        } else if (before != NULL) {
            const ec_fade_port *was = &before->ports[i];

            fade->rest_frames = at_least_0(was->fade_frames > was->rest_frames ? was->fade_frames : was->rest_frames,
                                           was->done);
            memcpy(fade->rest, was->last, fade->n_channels * sizeof *fade->rest);
        }
        memcpy(fade->last, fade->rest, fade->n_channels * sizeof *fade->last);
        any = any || fade->fade_frames > 0 || fade->rest_frames > 0;
    }
    return any;
}

void ec_node_end_fade(ec_node *node)
{
    ec_change *const change = node->fade;

    node->fade = NULL;
    ec_change_set(change, EC_CHANGE_DONE);
}

static int32_t take_instance(ec_node *node, ec_change *change)
{
    ec_change *const before = node->fade;
    int32_t status = 0;
    uint32_t frames = change->default_frames;

    if (node->dead) {
        change->old = node->self;
        node->self = change->self;
        EC_STORE(&node->shown, node->self, release);                            /* L */
        return 0;
    }
    if (ec_stage_has_take_over(node->stage)) {
        status = node->stage->take_over(change->self, node->self);
        frames = status >= 0 ? (uint32_t)status : frames;
    }
    change->old = node->self;
    node->self = change->self;
    EC_STORE(&node->shown, node->self, release);                                /* L */
    if (begin_fade(node, change, frames, before)) {
        node->fade = change;
    }
    if (before != NULL) {
        if (node->fade == before) {
            node->fade = NULL;
        }
        ec_change_set(before, EC_CHANGE_DONE);
    }
    return status < 0 ? status : 0;
}

int32_t ec_node_inherit(ec_node *node)
{
    ec_node *const old = EC_LOAD(&node->heir_of, relaxed);
    int32_t status = 0;

    if (old->finished && !old->dead && ec_stage_has_take_over(node->stage)) {
        status = node->stage->take_over(node->self, old->self);
    }
    EC_STORE(&node->heir_of, NULL, release);                                    /* U */
    return status < 0 ? status : 0;
}

int32_t ec_node_take_changes(ec_node *node, uint32_t config_rev)
{
    int32_t worst = 0;
    ec_change *change;

    while ((change = ec_inbox_next(&node->inbox)) != NULL && change->config_rev <= config_rev && !change->is_retire) {
        ec_inbox_take(&node->inbox, change);
        say_meta(node, change);
        rewire(node, change);
        if (change->self != NULL) {
            const int32_t status = take_instance(node, change);

            worst = status < 0 ? status : worst;
        }
        ec_change_set(change, node->fade == change ? EC_CHANGE_TAKEN : EC_CHANGE_DONE);
    }
    node->config_rev = config_rev;
    return worst;
}

void ec_source_take_changes(ec_node *node, uint64_t frame_index, uint32_t newest)
{
    while (ec_source_may_take(node, frame_index, newest)) {
        ec_change *const change = ec_inbox_next(&node->inbox);

        ec_inbox_take(&node->inbox, change);
        say_meta(node, change);
        rewire(node, change);
        node->config_rev = change->config_rev;
        change->applied_frame = frame_index;
        ec_change_set(change, EC_CHANGE_DONE);
    }
}

/* Tell all readers of the end; with a record only those that it has brought. */
static void end_routes(ec_node *node, const ec_change *change)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if ((change == NULL || change->rewired[i].routes != NULL) && ec_routes_end(ec_port_routes(&node->ports[i]))) {
            node->let_go = 1;
        }
    }
}

/* Revisions that a source has not come to begin nowhere: its records stay as they are, and their readers are told. */
static void end_waiting(ec_node *node, uint32_t newest)
{
    for (const ec_change *c = ec_inbox_next(&node->inbox); c != NULL && c->config_rev <= newest;
         c = EC_LOAD(&c->next, acquire)) {                                      /* J */
        for (uint32_t i = 0; i < node->n_outputs; i++) {
            const ec_port_change *const to = &c->rewired[i];

            if (to->ends != NULL && ec_routes_end(to->ends)) {
                node->let_go = 1;
            }
            if (to->routes != NULL && ec_routes_end(to->routes)) {
                node->let_go = 1;
            }
        }
    }
}

void ec_node_end(ec_node *node, uint32_t newest)
{
    const bool again = ec_over_seen(&node->over);   /* its readers know, and may be gone: only new ones are told */
    ec_change *change;

    if (node->stage == NULL) {
        end_waiting(node, newest);
    }
    while (node->stage != NULL && (change = ec_inbox_next(&node->inbox)) != NULL && change->config_rev <= newest) {
        ec_inbox_take(&node->inbox, change);
        rewire(node, change);
        change->old = change->self;       /* it has nothing to work on any more */
        node->retired = node->retired || change->is_retire;
        if (again) {
            end_routes(node, change);
        }
        ec_change_set(change, EC_CHANGE_DONE);
    }
    if (again) {
        return;                           /* its taps are the control thread's: nobody waits for this one with them */
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const ec_fanout *const fanout = ec_port_fanout(&node->ports[i]);

        for (uint32_t k = 0; k < fanout->n; k++) {
            ec_edge_end(fanout->edges[k]);
        }
    }
    if (node->fade != NULL) {
        ec_node_end_fade(node);           /* nothing will come out any more */
    }
    if (!node->retired) {
        end_routes(node, NULL);
    }
    EC_STORE(&node->heir_of, NULL, release);                                    /* U */
    ec_over_set(&node->over);
}

/* Frames of the port between the first frames of two packets. */
static uint64_t steps_between(const ec_port *port, uint64_t from, uint64_t to)
{
    return ec_grid_number(to, port->step_num, port->step_den) - ec_grid_number(from, port->step_num, port->step_den);
}

/* Frames of the old output stand in a row, however the old instance cut them. */
static void note_old(const ec_port *port, ec_fade_port *fade, const eegcore_block *out)
{
    if (out->values == NULL || out->n_frames == 0) {
        return;
    }
    if (fade->n_old == 0) {
        fade->old_index = out->frame_index;
    }
    if (steps_between(port, fade->old_index, out->frame_index) == fade->n_old) {
        fade->n_old += out->n_frames;
    }
}

void ec_node_run_old(ec_node *node, const eegcore_block *in, uint32_t n_frames, const eegcore_block *out)
{
    ec_change *const change = node->fade;
    eegcore_block mine[MAX_OUTPUTS];
    eegcore_block nothing[EC_MAX_INPUTS];
    const eegcore_block *given = in;
    int32_t status = EEGCORE_MORE;

    for (uint32_t i = 0; i < change->n_ports; i++) {
        change->ports[i].n_old = 0;
    }
    if (change->seen >= change->fade_input) {
        change->seen += n_frames;
        return;
    }
    change->seen += n_frames;
    while (status == EEGCORE_MORE) {
        for (uint32_t i = 0; i < change->n_ports; i++) {
            ec_fade_port *fade = &change->ports[i];
            const uint32_t room = at_least_0(fade->room, fade->n_old);

            memcpy(&mine[i], &out[i], sizeof mine[i]);
            mine[i].counts = NULL;
            mine[i].values = out[i].values != NULL && fade->fade_frames > 0 && room > 0 &&
                             (given != in || room >= out[i].n_frames)
                                 ? fade->old + (size_t)fade->n_old * fade->n_channels : NULL;
            if (given != in) {
                mine[i].n_frames = 0;
                mine[i].max_frames = room;
            }
        }
        status = node->stage->process(change->old, given, node->n_inputs, mine, node->n_outputs);
        for (uint32_t i = 0; status >= 0 && i < change->n_ports; i++) {
            note_old(&node->ports[i], &change->ports[i], &mine[i]);
        }
        if (given == in) {
            for (uint32_t i = 0; i < node->n_inputs; i++) {
                memset(&nothing[i], 0, EC_BLOCK_HEAD_BYTES);
                nothing[i].struct_size = sizeof nothing[i];
                nothing[i].config_rev = node->config_rev;
            }
            given = nothing;
        }
    }
}

static void fade_port(const ec_port *port, ec_fade_port *fade, eegcore_block *out)
{
    const uint32_t n = fade->n_channels;
    const uint64_t begin = fade->n_old > 0 && out->frame_index >= fade->old_index
                               ? steps_between(port, fade->old_index, out->frame_index) : UINT32_MAX;

    for (uint32_t f = 0; f < out->n_frames; f++) {
        const uint32_t k = fade->done;
        const bool has_old = k < fade->fade_frames && begin + f < fade->n_old;
        const double of_old = has_old ? 1.0 - (k + 1.0) / (fade->fade_frames + 1.0) : 0.0;
        const double of_rest = k < fade->rest_frames ? 1.0 - (k + 1.0) / (fade->rest_frames + 1.0) : 0.0;
        const float *old = has_old ? fade->old + (begin + f) * n : NULL;
        float *y = out->values + (size_t)f * n;

        fade->done = k < UINT32_MAX ? k + 1 : k;
        for (uint32_t c = 0; c < n; c++) {
            double more = of_rest * (double)fade->rest[c];

            if (old != NULL) {
                more += of_old * ((double)old[c] - (double)y[c]);
            }
            if (more - more != 0.0) {
                more = 0.0;
            }
            fade->last[c] = (float)more;
            if (more != 0.0) {
                y[c] = (float)((double)y[c] + more);
            }
        }
    }
}

void ec_node_fade(ec_node *node, eegcore_block *out)
{
    ec_change *const change = node->fade;

    for (uint32_t i = 0; i < change->n_ports; i++) {
        ec_fade_port *fade = &change->ports[i];

        if (fade->n_channels == 0 || out[i].n_frames == 0 || fade->n_channels != out[i].n_channels) {
            continue;
        }
        if (out[i].values == NULL) {
            fade->done += out[i].n_frames;
            continue;
        }
        fade_port(&node->ports[i], fade, &out[i]);
    }
}

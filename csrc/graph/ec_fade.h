/* ec_fade.h - a node changes its instance while packets go by.
 *
 * When a change is taken, take_over lets the new instance have what it wants
 * of the old one. Where it asks for it, or has no take_over, the old instance
 * runs along for some frames of input and the float planes of the ports go
 * from its output to that of the new one, linearly by the number of frames
 * since the change:
 *     y = new + (1 - (k + 1) / (N + 1)) (old - new),   k = 0 .. N - 1
 * A change that comes during a fade does not wait for its end and lets no
 * third instance run: the difference that the newest frame had to the output
 * of the (then new) instance goes linearly to nothing over what was left of
 * that fade, beside a fade of its own.
 *
 * Invariants
 *   F1  what comes out does not depend on how frames are cut: weights follow from counts of frames
 *   F2  frames of the old and the new output are matched by their frame_index; one that has no partner is new
 *   F3  channels never meet; a difference that is not finite counts as none
 *   F4  spectra and counts do not fade: they change with the first frame
 */
#ifndef EC_FADE_H
#define EC_FADE_H

#include "ec_node.h"

/* A record for a node or a source, with all the memory that a fade can need; NULL if there is none. `self` stays the
 * caller's until the record is appended. [control-thread] */
ec_change *ec_change_create(const ec_node *node, void *self, double sps_in);
void       ec_change_destroy(ec_change *change);      /* the record, not the instances. [control-thread] */

/* Destroy what old instances and records nobody touches any more; return how many changes wait or are under way.
 * Records of a source stay: they say at which frame a revision began. [control-thread] */
uint32_t   ec_node_collect(ec_node *node);
/* Destroy all records and their instances, but not node->self. [control-thread, stopped] */
void       ec_node_forget_changes(ec_node *node);

/* Take every change whose revision is not above `config_rev`. 0, or the last negative status of a take_over: the new
 * instance then begins at rest behind a fade. [worker-thread, realtime] */
int32_t    ec_node_take_changes(ec_node *node, uint32_t config_rev);
/* True for a new node until its first packet: it has the state of another node to take over, perhaps. */
static inline bool ec_node_has_heir_of(ec_node *node)
{
    return EC_LOAD(&node->heir_of, relaxed) != NULL;                            /* the control thread's, whole by N */
}
/* Take over from the node that has finished, if it has; it is not looked at any more. What take_over says of a fade is
 * not done: there is nobody to fade from. 0 or its negative status: the node begins at rest. [worker-thread,
 * realtime] */
int32_t    ec_node_inherit(ec_node *node);
/* After a fade: let the control thread have the old instance. [worker-thread, realtime] */
void       ec_node_end_fade(ec_node *node);
/* Before process: let the old instance have the same input. `out` is as it was opened for the new one.
 * [worker-thread, realtime] */
void       ec_node_run_old(ec_node *node, const eegcore_block *in, uint32_t n_frames, const eegcore_block *out);
/* After process, for every set of outputs. [worker-thread, realtime] */
void       ec_node_fade(ec_node *node, eegcore_block *out);

/* A node that its policy has stopped makes nothing that could fade. */
static inline bool ec_node_fade_is_over(const ec_node *node)
{
    return node->dead || (node->fade->seen >= node->fade->fade_input && node->fade->seen >= node->fade->rest_input);
}

/* True if a packet of this revision must not reach the node before ec_node_take_changes. [worker-thread, realtime] */
static inline bool ec_node_is_behind(const ec_node *node, uint32_t config_rev)
{
    return config_rev > node->config_rev;
}

/* True if the source must begin a packet with another revision at this frame. [source's thread, realtime] */
static inline bool ec_source_is_due(const ec_node *node, uint64_t frame_index)
{
    const ec_change *const change = ec_inbox_next(&node->inbox);

    return change != NULL && change->at_frame <= frame_index;
}
/* The same, and its schedule is at work, so that the revision is whole (N of ec_schedule.h). [source's thread,
 * realtime] */
static inline bool ec_source_may_take(const ec_node *node, uint64_t frame_index, uint32_t newest)
{
    return ec_source_is_due(node, frame_index) && ec_inbox_next(&node->inbox)->config_rev <= newest;
}
/* Take every revision that is due and not above `newest`. [source's thread, realtime] */
void       ec_source_take_changes(ec_node *node, uint64_t frame_index, uint32_t newest);

/* All inputs have ended, and what the node held is handed over: take what is said of readers in records that wait, up
 * to revision `newest`, and tell every reader of the end but those that a retired node leaves to others. Again when
 * there is a new schedule: records may have come since. [group's thread] */
void       ec_node_end(ec_node *node, uint32_t newest);

#endif

/* Changes on their way: the control thread appends a record to a node's inbox,
 * then one to the source's; the source stamps the revision into packets; the
 * node's thread, before a packet with a newer revision, takes what belongs to
 * it, lets the old instance run along for that packet, and hands it back. The
 * control thread destroys what it gets back meanwhile (C1, C2, C3). A revision
 * may bring other readers and no instance: what faded before it goes on. The
 * edge is one word here, with the orders that ec_ring.h has. */
#include "mc.h"

#include "../../../csrc/graph/ec_change.h"

enum { REVS_MAX = 3 };

static struct {
    ec_inbox  node, source;
    ec_change node_stub, source_stub;
    ec_change change[REVS_MAX + 1], stamp[REVS_MAX + 1];
    uint64_t  record[REVS_MAX + 1];       /* stands for the plain fields of change[r]: who touches it is checked */
    uint64_t  notice[REVS_MAX + 1];       /* of stamp[r] */
    uint64_t  instance[REVS_MAX + 1];     /* 0: the one the run began with */
    uint32_t  destroyed, freed, freed_stamps;   /* bits: the control thread's */
    uint32_t  asked;                      /* newest revision handed over */
    uint32_t  bare;                       /* bits: revisions that bring no instance; never written again */
    uint32_t  works;                      /* instance of the node, the worker's */
    uint32_t  taken;                      /* newest revision of the node, the worker's */
    uint32_t  stamped;                    /* revision of the source, the source's */
    ec_change *fading;
    uint64_t  edge;                       /* newest packet: its revision + 1 */
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void make(void)
{
    ec_inbox_init(&w.node, &w.node_stub);
    ec_inbox_init(&w.source, &w.source_stub);
    for (uint32_t r = 1; r <= REVS_MAX; r++) {
        EC_STORE(&w.change[r].state, EC_CHANGE_WAITING, relaxed);
        EC_STORE(&w.change[r].next, NULL, relaxed);
        EC_STORE(&w.stamp[r].state, EC_CHANGE_WAITING, relaxed);
        EC_STORE(&w.stamp[r].next, NULL, relaxed);
    }
    EC_STORE(&w.edge, 0, relaxed);
}

static void make_bare_2(void)
{
    make();
    w.bare = 1u << 2;
}

static uint32_t rev_of(const ec_change *change, const ec_change *first)
{
    return (uint32_t)(change - first);
}

static bool is_bare(uint32_t r)
{
    return w.bare >> r & 1;
}

/* The instance that worked before revision r brought one. */
static uint32_t before(uint32_t r)
{
    do {
        r--;
    } while (is_bare(r));
    return r;
}

static void destroy_old(ec_change *change)
{
    const uint32_t r = rev_of(change, w.change);

    if (change == &w.node_stub || is_bare(r) || (w.destroyed >> r & 1)) {
        return;
    }
    w.destroyed |= 1u << r;
    mc_write(&w.instance[before(r)], 0);  /* C3: nobody works with it any more */
}

static void collect(void)
{
    ec_change *change;

    while ((change = ec_inbox_collect(&w.node)) != NULL) {
        destroy_old(change);
        if (change != &w.node_stub) {
            const uint32_t r = rev_of(change, w.change);

            MC_CHECK((w.freed >> r & 1) == 0, "C1: a record is collected once");
            w.freed |= 1u << r;
            mc_write(&w.record[r], 0);    /* C3 */
        }
    }
    for (change = w.node.first; change != NULL; change = EC_LOAD(&change->next, relaxed)) {
        if (ec_change_state_of(change) == EC_CHANGE_DONE) {
            destroy_old(change);
        }
    }
    while ((change = ec_inbox_collect(&w.source)) != NULL) {
        if (change != &w.source_stub) {
            const uint32_t r = rev_of(change, w.stamp);

            w.freed_stamps |= 1u << r;
            mc_write(&w.notice[r], 0);    /* C3 */
        }
    }
}

static void control(uint32_t revs)
{
    for (uint32_t r = 1; r <= revs; r++) {
        mc_step(r);
        if (!is_bare(r)) {
            mc_write(&w.instance[r], r);
        }
        mc_write(&w.record[r], r);
        mc_write(&w.notice[r], r);
        w.change[r].config_rev = w.stamp[r].config_rev = r;
        ec_inbox_append(&w.node, &w.change[r]);
        ec_inbox_append(&w.source, &w.stamp[r]);
        w.asked = r;
        collect();
    }
    mc_step(0);
    collect();
}

/* C3: the taking thread looks at the newest record that it took. */
static void look_at(const ec_inbox *q, const ec_change *stub, const ec_change *first, const uint64_t *shadow)
{
    if (q->at != stub) {
        (void)mc_read(&shadow[rev_of(q->at, first)]);
    }
}

static void stamp_packets(uint32_t packets)
{
    for (uint32_t p = 1; p <= packets; p++) {
        ec_change *change;

        mc_step(p << 8 | w.stamped);
        look_at(&w.source, &w.source_stub, w.stamp, w.notice);
        while ((change = ec_inbox_next(&w.source)) != NULL) {
            const uint32_t r = rev_of(change, w.stamp);

            MC_CHECK(r == w.stamped + 1, "C1: revisions are taken once and in order");
            MC_CHECK(mc_read(&w.notice[r]) == r, "J: a record is whole");
            ec_inbox_take(&w.source, change);
            w.stamped = r;
            ec_change_set(change, EC_CHANGE_DONE);
        }
        EC_STORE(&w.edge, w.stamped + 1, release);
    }
}

static void end_fade(void)
{
    if (w.fading != NULL) {
        ec_change *const change = w.fading;
        const uint32_t r = rev_of(change, w.change);

        MC_CHECK(mc_read(&w.record[r]) == r, "C3: a record is there while its instance fades in");
        MC_CHECK(mc_read(&w.instance[before(r)]) == before(r),
                 "C3: the old instance is there until it is given back");
        w.fading = NULL;
        ec_change_set(change, EC_CHANGE_DONE);
    }
}

static void work(uint32_t tries)
{
    for (uint32_t i = 0; i < tries; i++) {
        uint32_t rev;
        ec_change *change;

        mc_step(i << 8 | w.taken);
        rev = (uint32_t)EC_LOAD(&w.edge, acquire);
        if (rev == 0) {
            continue;
        }
        rev--;
        look_at(&w.node, &w.node_stub, w.change, w.record);
        while (w.taken < rev && (change = ec_inbox_next(&w.node)) != NULL && change->config_rev <= rev) {
            const uint32_t r = rev_of(change, w.change);

            MC_CHECK(mc_read(&w.record[r]) == r, "J: a record is whole");
            ec_inbox_take(&w.node, change);
            w.taken = r;
            if (is_bare(r)) {
                ec_change_set(change, EC_CHANGE_DONE);    /* before the one that fades */
                continue;
            }
            MC_CHECK(mc_read(&w.instance[r]) == r, "J: and so is the instance in it");
            MC_CHECK(mc_read(&w.instance[before(r)]) == before(r), "C3: take_over looks at the old one");
            end_fade();
            w.works = r;
            w.fading = change;
            ec_change_set(change, EC_CHANGE_TAKEN);
        }
        MC_CHECK(w.taken >= rev, "C2: a packet finds every change of its revision");
        MC_CHECK(mc_read(&w.instance[w.works]) == w.works, "the instance at work is there");
    }
    mc_step(0xFF00 | w.taken);
    end_fade();
}

static void finish(void)
{
    uint32_t replaced = 0;

    collect();
    for (uint32_t r = 1; r <= w.taken; r++) {
        replaced |= is_bare(r) ? 0 : 1u << r;
    }
    MC_CHECK(w.taken <= w.asked && w.stamped <= w.asked, "nothing is taken that was not handed over");
    MC_CHECK(ec_change_state_of(w.node.first) == EC_CHANGE_DONE, "the newest record taken stays on the list");
    MC_CHECK(ec_change_state_of(w.source.first) == EC_CHANGE_DONE, "and that of the source");
    MC_CHECK(w.taken == 0 || w.node.first == &w.change[w.taken], "all records before it are collected");
    MC_CHECK(w.stamped == 0 || w.source.first == &w.stamp[w.stamped], "there as well");
    MC_CHECK(w.destroyed == replaced, "every instance but the one at work is destroyed");
}

static void control_1(void) { control(1); }
static void control_2(void) { control(2); }
static void stamp_1(void)   { stamp_packets(1); }
static void stamp_2(void)   { stamp_packets(2); }
static void work_2(void)    { work(2); }
static void work_3(void)    { work(3); }

#ifdef MC_DEEP
static void control_3(void) { control(3); }
static void stamp_3(void)   { stamp_packets(3); }
#endif

const mc_scenario mc_scenarios[] = {
    {"change_one", make, {control_1, stamp_1, work_2}, finish, NULL, false},
    {"change_two", make, {control_2, stamp_2, work_2}, finish, NULL, false},
    {"change_behind", make, {control_2, stamp_1, work_3}, finish, NULL, false},
    {"change_bare", make_bare_2, {control_2, stamp_2, work_2}, finish, NULL, false},
#ifdef MC_DEEP
    {"change_bare_deep", make_bare_2, {control_3, stamp_3, work_3}, finish, NULL, false},
    {"change_deep", make, {control_3, stamp_3, work_3}, finish, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

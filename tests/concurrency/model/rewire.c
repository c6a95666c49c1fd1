/* Schedules on their way: the control thread publishes them and gives the old
 * ones up; the group's thread goes over to them, does its last with a thing,
 * and ends (S1, S2, S3). The record of a revision is appended before its
 * schedule is published; here it is a plain word. */
#include "mc.h"

#include "../../../csrc/graph/ec_schedule.h"

enum { SCHEDULES = 3 };

struct ec_schedule {
    uint64_t content;
};

static struct {
    ec_turn     turn;
    ec_schedule schedule[SCHEDULES];
    uint64_t    record[SCHEDULES];
    uint64_t    work;                     /* what the thread did; who is refused may look at it */
    uint64_t    thing;                    /* the thread's, until it is over */
    uint32_t    over;
    uint32_t    published, refused, worked, has_ended;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void make(void)
{
    EC_STORE(&w.turn.newest, &w.schedule[0], relaxed);
    EC_STORE(&w.turn.taken, &w.schedule[0], relaxed);
    EC_STORE(&w.over, 0, relaxed);
}

static void control(uint32_t n)
{
    for (uint32_t r = 1; r <= n; r++) {
        mc_step(r << 8 | w.refused);
        mc_write(&w.record[r], r);
        mc_write(&w.schedule[r].content, r);
        if (!ec_turn_publish(&w.turn, &w.schedule[r])) {
            (void)mc_read(&w.work);       /* Q */
            w.refused |= 1u << r;
            continue;
        }
        w.published |= 1u << r;
        if (ec_turn_taken(&w.turn) == &w.schedule[r]) {
            mc_write(&w.schedule[r - 1].content, 99);     /* S3, O: it is free */
        }
        if (ec_over_seen(&w.over)) {
            mc_write(&w.thing, 99);       /* S3, U */
        }
    }
    if (w.refused == 0 && ec_turn_has_ended(&w.turn)) {
        (void)mc_read(&w.work);           /* Q */
    }
}

static void take(ec_schedule *fresh)
{
    const uint32_t r = (uint32_t)(fresh - w.schedule);

    MC_CHECK(mc_read(&fresh->content) == r, "N: a schedule is whole");
    MC_CHECK(mc_read(&w.record[r]) == r, "S2, N: and so are the records of its revision");
    ec_turn_take(&w.turn, fresh);
    w.worked = r;
}

static void work(uint32_t rounds)
{
    ec_schedule *fresh;

    for (uint32_t i = 0; i < rounds; i++) {
        mc_step(i << 8 | w.worked);
        fresh = ec_turn_next(&w.turn);
        if (fresh != NULL) {
            take(fresh);
        }
        (void)mc_read(&w.schedule[w.worked].content);     /* S3: it is there */
    }
    mc_write(&w.thing, 1);
    ec_over_set(&w.over);
    mc_write(&w.work, 1);
    while (!ec_turn_end(&w.turn)) {
        mc_step(0xFF00 | w.worked);
        fresh = ec_turn_next(&w.turn);
        MC_CHECK(fresh != NULL, "S1: who may not end has something to take");
        take(fresh);
        mc_write(&w.work, 2);
    }
    w.has_ended = 1;
}

static void finish(void)
{
    MC_CHECK(w.has_ended, "the thread ends");
    MC_CHECK((w.published & w.refused) == 0, "S1: published or refused");
    MC_CHECK(w.published == 0 || w.published >> w.worked == 1, "S1: the newest that was published was taken");
}

static void control_1(void) { control(1); }
static void control_2(void) { control(2); }
static void work_1(void)    { work(1); }
static void work_2(void)    { work(2); }

#ifdef MC_DEEP
static void work_3(void)    { work(3); }
#endif

const mc_scenario mc_scenarios[] = {
    {"rewire_one", make, {control_1, work_1}, finish, NULL, false},
    {"rewire_two", make, {control_2, work_2}, finish, NULL, false},
#ifdef MC_DEEP
    {"rewire_deep", make, {control_2, work_3}, finish, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

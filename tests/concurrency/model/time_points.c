/* The table of time points: a point is read as it was written as a whole, or
 * not at all (P2), also while it is written over and when the table has gone
 * round; who knows that there are n finds the last of them (P3). */
#include "mc.h"

#define EC_TIME_POINTS 2u
#include "../../../csrc/device/ec_time_points.h"

static struct {
    ec_time_points points;
    uint64_t written;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void begin(void)
{
    for (uint32_t i = 0; i < EC_TIME_POINTS; i++) {
        EC_STORE(&w.points.slots[i].version, 0, relaxed);
        EC_STORE(&w.points.slots[i].frame, 0, relaxed);
        EC_STORE(&w.points.slots[i].t_ns, 0, relaxed);
        EC_STORE(&w.points.slots[i].period, 0, relaxed);
    }
    EC_STORE(&w.points.n, 0, relaxed);
}

/* Point k in frames, time and period: whoever mixes two of them is found out. */
static void note(uint64_t k, int64_t spacing_ns)
{
    mc_step((uint32_t)k);
    ec_time_points_note(&w.points, 10 * k, (int64_t)k * spacing_ns, (double)k, false);
    w.written = k;
}

static void look(uint64_t number, int64_t spacing_ns)
{
    ec_time_point point;

    if (ec_time_points_read(&w.points, number, &point)) {
        MC_CHECK(point.frame == (uint64_t)(point.period_ns * 10.0), "P2: frame and period of one write");
        MC_CHECK(point.t_ns == (int64_t)(point.frame / 10) * spacing_ns, "P2: frame and time of one write");
    }
}

static void look_at_newest(int64_t spacing_ns)
{
    const uint64_t n = ec_time_points_count(&w.points);

    if (n > 0) {
        const uint64_t version = EC_LOAD(&w.points.slots[(n - 1) % EC_TIME_POINTS].version, relaxed);

        MC_CHECK(version >= ((n - 1) << 32 | 2), "P3: the last point is there");
        look(n - 1, spacing_ns);
    }
}

static void write_over(void)  { note(1, 1); note(2, 1); note(3, 1); }
static void go_round(void)    { note(1, INT64_C(20000000000)); note(2, INT64_C(20000000000)); note(3, INT64_C(20000000000)); }
static void read_newest(void) { look_at_newest(1); }
static void read_second(void) { look(1, 1); }
static void read_first(void)  { look(0, INT64_C(20000000000)); }
static void read_round(void)  { look_at_newest(INT64_C(20000000000)); }

static void end_over(void)
{
    ec_time_point point;

    MC_CHECK(ec_time_points_count(&w.points) == 2, "the newest point is written over");
    MC_CHECK(ec_time_points_read(&w.points, 1, &point) && point.frame == 30, "the last write stays");
    MC_CHECK(ec_time_points_read(&w.points, 0, &point) && point.frame == 10, "the first point stays");
}

static void end_round(void)
{
    ec_time_point point;

    MC_CHECK(ec_time_points_count(&w.points) == 3, "points far apart are kept");
    MC_CHECK(!ec_time_points_read(&w.points, 0, &point), "what is kept no more is not found");
    MC_CHECK(ec_time_points_read(&w.points, 2, &point) && point.frame == 30, "the newest is found");
}

const mc_scenario mc_scenarios[] = {
    {"points_newest", begin, {write_over, read_newest}, end_over, NULL, false},
    {"points_over", begin, {write_over, read_second}, end_over, NULL, false},
    {"points_first", begin, {go_round, read_first}, end_round, NULL, false},
    {"points_round", begin, {go_round, read_round}, end_round, NULL, false},
#ifdef MC_DEEP
    {"points_deep", begin, {go_round, read_round, read_first}, end_round, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false}};

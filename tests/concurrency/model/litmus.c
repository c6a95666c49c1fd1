/* The checker itself: small programs whose possible outcomes under C11 (RC11)
 * are known. Each must yield exactly those. Outcomes are hexadecimal digits,
 * one per value read, first reader first. */
#include "mc.h"

static struct {
    uint32_t x, y, z;
    uint32_t r[6];
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void zero(void)
{
    EC_STORE(&w.x, 0, relaxed);
    EC_STORE(&w.y, 0, relaxed);
    EC_STORE(&w.z, 0, relaxed);
}
static void two(void)  { mc_outcome(w.r[0] << 4 | w.r[1]); }
static void last(void) { mc_outcome(EC_LOAD(&w.x, relaxed) << 4 | EC_LOAD(&w.y, relaxed)); }

#define STORE(name, at, v, order)  static void name(void) { EC_STORE(&w.at, v, order); }

/* Message passing. */
#define WRITE_TWO(name, o1, o2)    static void name(void) { EC_STORE(&w.x, 1, o1); EC_STORE(&w.y, 1, o2); }
#define READ_TWO(name, a, b, i, o1, o2) \
    static void name(void) { w.r[i] = EC_LOAD(&w.a, o1); w.r[i + 1] = EC_LOAD(&w.b, o2); }
WRITE_TWO(mp_write, relaxed, release)
WRITE_TWO(mp_write_weak, relaxed, relaxed)
READ_TWO(mp_read, y, x, 0, acquire, relaxed)
READ_TWO(mp_read_weak, y, x, 0, relaxed, relaxed)
static const uint32_t mp_ok[] = {0x00, 0x01, 0x11, MC_END}, all_four[] = {0x00, 0x01, 0x10, 0x11, MC_END};

/* Store buffering. */
#define WRITE_READ(name, a, b, i, ow, or) \
    static void name(void) { EC_STORE(&w.a, 1, ow); w.r[i] = EC_LOAD(&w.b, or); }
WRITE_READ(sb_1, x, y, 0, seq_cst, seq_cst)
WRITE_READ(sb_2, y, x, 1, seq_cst, seq_cst)
WRITE_READ(sb_2_load, y, x, 1, seq_cst, acquire)
WRITE_READ(sb_2_store, y, x, 1, release, seq_cst)
static const uint32_t sb_ok[] = {0x01, 0x10, 0x11, MC_END};

/* Load buffering is not RC11. */
#define READ_WRITE(name, a, b, i) static void name(void) { w.r[i] = EC_LOAD(&w.a, relaxed); EC_STORE(&w.b, 1, relaxed); }
READ_WRITE(lb_1, x, y, 0)
READ_WRITE(lb_2, y, x, 1)
static const uint32_t lb_ok[] = {0x00, 0x01, 0x10, MC_END};

/* Two readers of two independent writers. */
STORE(x_relaxed, x, 1, release)
STORE(y_relaxed, y, 1, release)
STORE(x_sc, x, 1, seq_cst)
STORE(y_sc, y, 1, seq_cst)
READ_TWO(iriw_1, x, y, 0, acquire, acquire)
READ_TWO(iriw_2, y, x, 2, acquire, acquire)
READ_TWO(iriw_1_sc, x, y, 0, seq_cst, seq_cst)
READ_TWO(iriw_2_sc, y, x, 2, seq_cst, seq_cst)
static void iriw(void) { mc_outcome((w.r[0] == 1 && w.r[1] == 0 && w.r[2] == 1 && w.r[3] == 0)); }
static const uint32_t both[] = {0, 1, MC_END}, never[] = {0, MC_END};

/* Coherence: two reads of one location never go back; two writers, two readers agree. */
READ_TWO(corr, x, x, 0, relaxed, relaxed)
READ_TWO(corr_2, x, x, 2, relaxed, relaxed)
static void x_one_two(void) { EC_STORE(&w.x, 1, relaxed); EC_STORE(&w.x, 2, relaxed); }
static const uint32_t corr_ok[] = {0x00, 0x01, 0x02, 0x11, 0x12, 0x22, MC_END};
STORE(x_one, x, 1, relaxed)
STORE(x_two, x, 2, relaxed)
static void disagree(void) { mc_outcome(w.r[0] == 1 && w.r[1] == 2 && w.r[2] == 2 && w.r[3] == 1); }

/* Both writers may end first: 2+2W. */
static void ww_1(void) { EC_STORE(&w.x, 1, relaxed); EC_STORE(&w.y, 2, relaxed); }
static void ww_2(void) { EC_STORE(&w.y, 1, relaxed); EC_STORE(&w.x, 2, relaxed); }
static void ww_1_sc(void) { EC_STORE(&w.x, 1, seq_cst); EC_STORE(&w.y, 2, seq_cst); }
static void ww_2_sc(void) { EC_STORE(&w.y, 1, seq_cst); EC_STORE(&w.x, 2, seq_cst); }
static const uint32_t ww_all[] = {0x11, 0x12, 0x21, 0x22, MC_END}, ww_ok[] = {0x12, 0x21, 0x22, MC_END};

/* A release sequence goes on through another thread's relaxed RMW, not through its store. */
static void rs_write(void) { EC_STORE(&w.x, 1, relaxed); EC_STORE(&w.y, 1, release); }
static void rs_rmw(void)   { uint32_t one = 1; EC_CAS(&w.y, &one, 2, relaxed, relaxed); }
static void rs_store(void) { if (EC_LOAD(&w.y, relaxed) == 1) { EC_STORE(&w.y, 2, relaxed); } }
static void rs_read(void)  { w.r[0] = EC_LOAD(&w.y, acquire); w.r[1] = EC_LOAD(&w.x, relaxed); }
static const uint32_t rs_ok[] = {0x00, 0x01, 0x11, 0x21, MC_END};
static const uint32_t rs_broken[] = {0x00, 0x01, 0x11, 0x20, 0x21, MC_END};

/* RMWs are atomic: three increments, no number twice. */
static void add_1(void) { w.r[0] = EC_FETCH_ADD(&w.x, 1, relaxed); }
static void add_2(void) { w.r[1] = EC_FETCH_ADD(&w.x, 1, relaxed); }
static void add_3(void) { w.r[2] = EC_FETCH_ADD(&w.x, 1, relaxed); }
static void added(void)
{
    mc_outcome((1u << w.r[0] | 1u << w.r[1] | 1u << w.r[2]) << 4 | EC_LOAD(&w.x, relaxed));
}
static const uint32_t add_ok[] = {0x73, MC_END};

/* A seq_cst write that a third thread saw in passing does not order a seq_cst read (RC11 is weaker than one
 * global time): x is written seq_cst, then y relaxed; who reads y may still miss x. */
static void pass_1(void) { EC_STORE(&w.x, 1, seq_cst); EC_STORE(&w.y, 1, relaxed); }
static void pass_2(void) { w.r[0] = EC_LOAD(&w.y, relaxed); w.r[1] = EC_LOAD(&w.x, seq_cst); }

const mc_scenario mc_scenarios[] = {
    {"litmus_mp", zero, {mp_write, mp_read}, two, mp_ok, false},
    {"litmus_mp_release_relaxed", zero, {mp_write, mp_read_weak}, two, all_four, false},
    {"litmus_mp_relaxed_acquire", zero, {mp_write_weak, mp_read}, two, all_four, false},
    {"litmus_sb", zero, {sb_1, sb_2}, two, sb_ok, false},
    {"litmus_sb_one_load_acquire", zero, {sb_1, sb_2_load}, two, all_four, false},
    {"litmus_sb_one_store_release", zero, {sb_1, sb_2_store}, two, all_four, false},
    {"litmus_lb", zero, {lb_1, lb_2}, two, lb_ok, false},
    {"litmus_iriw", zero, {x_relaxed, y_relaxed, iriw_1, iriw_2}, iriw, both, false},
    {"litmus_iriw_seq_cst", zero, {x_sc, y_sc, iriw_1_sc, iriw_2_sc}, iriw, never, false},
    {"litmus_coherence", zero, {x_one_two, corr}, two, corr_ok, false},
    {"litmus_coherence_agree", zero, {x_one, x_two, corr, corr_2}, disagree, never, false},
    {"litmus_2_2w", zero, {ww_1, ww_2}, last, ww_all, false},
    {"litmus_2_2w_seq_cst", zero, {ww_1_sc, ww_2_sc}, last, ww_ok, false},
    {"litmus_release_sequence", zero, {rs_write, rs_rmw, rs_read}, two, rs_ok, false},
    {"litmus_release_sequence_store", zero, {rs_write, rs_store, rs_read}, two, rs_broken, false},
    {"litmus_add", zero, {add_1, add_2, add_3}, added, add_ok, false},
    {"litmus_passing", zero, {pass_1, pass_2}, two, all_four, false},
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

/* The single order of seq_cst accesses, as far as RC11 demands one.
 *
 * Events are ordered by program order, by happens-before on one location, by
 * the modification order and by reads-before (what I read is older than what
 * you wrote). An access that would close a cycle is not possible.
 */
#include "mc_state.h"

static uint8_t rank_of(int message)
{
    return mc.message[message].rank;
}

/* Ranks in half steps, so that a message still to be written has one too. */
static int write_rank(const mc_sc_event *e)
{
    return 2 * rank_of(e->wrote - 1);
}

bool mc_sc_add(int t, uint8_t loc, int read, int behind, int wrote, mc_clock clock, bool keep)
{
    const bool writes = behind >= 0 || wrote >= 0;
    const int rank = wrote >= 0 ? 2 * rank_of(wrote) : behind >= 0 ? 2 * rank_of(behind) + 1 : 0;
    uint32_t before = 0, after = 0, reached = 0;

    for (uint32_t i = 0; i < mc.n_sc; i++) {
        const mc_sc_event *e = &mc.sc[i];

        if (e->thread == t) {
            before |= 1u << i;
        }
        if (e->loc != loc) {
            continue;
        }
        if (e->thread != t && mc_known(clock, e->thread, e->epoch)) {
            before |= 1u << i;
        }
        if (writes && e->wrote) {
            *(write_rank(e) < rank ? &before : &after) |= 1u << i;
        }
        if (read >= 0 && e->wrote && rank_of(e->wrote - 1) > rank_of(read)) {
            after |= 1u << i;                             /* it wrote what I was too early to read */
        }
        if (writes && e->read && 2 * rank_of(e->read - 1) < rank) {
            before |= 1u << i;
        }
    }
    for (uint32_t i = 0; i < mc.n_sc; i++) {
        if (after >> i & 1) {
            reached |= 1u << i | mc.sc[i].reaches;
        }
    }
    if (reached & before) {
        return false;
    }
    if (keep) {
        const uint32_t me = mc.n_sc++;

        if (me == MC_SC_EVENTS) {
            mc_fail("checker: too many seq_cst accesses");
        }
        mc.sc[me] = (mc_sc_event){(uint8_t)t, mc.thread[t].n_sc++, loc, mc.thread[t].clock.at[t],
                                  (uint8_t)(read + 1), (uint8_t)(wrote + 1), reached};
        for (uint32_t i = 0; i < me; i++) {
            if (before >> i & 1 || mc.sc[i].reaches & before) {
                mc.sc[i].reaches |= 1u << me | reached;
            }
        }
    }
    return true;
}

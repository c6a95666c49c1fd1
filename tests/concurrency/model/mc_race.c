/* Plain data: two accesses, one of them a write, need a happens-before path.
 *
 * Epochs advance at release operations only: accesses between two releases of
 * one thread become known together.
 */
#include <stdio.h>

#include "mc_state.h"

bool mc_known(mc_clock clock, uint8_t thread, uint8_t epoch)
{
    return epoch <= clock.at[thread];
}

static _Noreturn void race(const char *what, uint8_t plain, int other)
{
    static char text[120];

    snprintf(text, sizeof text, "race: %s of plain data %d is not ordered with thread %d", what, plain, other);
    mc_fail(text);
}

void mc_race_read(int t, uint8_t plain, uint8_t epoch)
{
    mc_plain *p = &mc.plain[plain];

    if (t < 0) {
        return;
    }
    if (!mc_known(mc.thread[t].clock, p->writer, p->wrote_at)) {
        race("a read", plain, p->writer);
    }
    p->read_at[t] = epoch;
}

void mc_race_write(int t, uint8_t plain)
{
    mc_plain *p = &mc.plain[plain];

    if (t < 0) {
        return;
    }
    if (!mc_known(mc.thread[t].clock, p->writer, p->wrote_at)) {
        race("a write", plain, p->writer);
    }
    for (uint8_t u = 0; u < mc_n_threads; u++) {
        if (!mc_known(mc.thread[t].clock, u, p->read_at[u])) {
            race("a write after a read", plain, u);
        }
    }
    p->writer = (uint8_t)t;
    p->wrote_at = mc.thread[t].clock.at[t];
}

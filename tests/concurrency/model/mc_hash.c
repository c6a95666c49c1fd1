/* Which states were here before.
 *
 * A state is named by what its future can depend on: messages that some thread
 * may still read, views and clocks cut to what not everybody knows, what each
 * thread has read, the world. Numbers that only tell how we came here (message
 * numbers, absolute epochs) stay out, so that equal states are equal. 128 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "mc_state.h"

static mc_key *table;
static size_t table_size, table_used;

typedef struct cut {
    uint8_t base[MC_LOCATIONS];           /* oldest rank anybody may read */
    uint8_t epoch[MC_THREADS];            /* known to everybody */
} cut;

static cut cut_now(void)
{
    cut c;

    memset(&c, 0xFF, sizeof c);
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        if (mc.thread[t].status == MC_DONE) {
            continue;
        }
        for (uint32_t l = 0; l < mc_n_locations; l++) {
            const uint8_t rank = mc.message[mc.thread[t].view.seen[l]].rank;

            c.base[l] = rank < c.base[l] ? rank : c.base[l];
        }
        for (uint32_t u = 0; u < mc_n_threads; u++) {
            const uint8_t at = mc.thread[t].clock.at[u];

            c.epoch[u] = at < c.epoch[u] ? at : c.epoch[u];
        }
    }
    for (uint32_t l = 0; l < mc_n_locations; l++) {
        const uint8_t newest = (uint8_t)(mc.loc[l].n - 1);

        c.base[l] = c.base[l] > newest ? newest : c.base[l];   /* nobody is left */
    }
    return c;
}

static uint64_t over(uint8_t value, uint8_t base)
{
    return value > base ? (uint64_t)(value - base) : 0;
}

static uint64_t of_view(uint64_t h, const cut *c, const mc_view *v, const mc_clock *k)
{
    uint64_t packed = 0;

    for (uint32_t l = 0; l < mc_n_locations; l++) {
        packed = packed << 8 | over(mc.message[v->seen[l]].rank, c->base[l]);
        if (l % 8 == 7) {
            h = mc_mix(h, packed);
        }
    }
    h = mc_mix(h, packed);
    packed = 0;
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        packed = packed << 8 | over(k->at[t], c->epoch[t]);
    }
    return mc_mix(h, packed);
}

static uint64_t of_locations(uint64_t h, const cut *c)
{
    for (uint32_t l = 0; l < mc_n_locations; l++) {
        const mc_location *loc = &mc.loc[l];

        h = mc_mix(h, (uint64_t)(loc->n - c->base[l]) << 16 | (uint64_t)loc->rung << 8
                      | (loc->alarm_seen ? over(mc.message[loc->alarm_seen - 1].rank, c->base[l]) : 0));
        for (uint32_t i = c->base[l]; i < loc->n; i++) {
            const mc_message *m = &mc.message[loc->order[i]];

            h = of_view(mc_mix(mc_mix(h, m->value), m->rmw), c, &m->view, &m->clock);
        }
    }
    return h;
}

static uint64_t of_threads(uint64_t h, const cut *c)
{
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        const mc_thread *th = &mc.thread[t];

        h = mc_mix(h, (uint64_t)th->status << 8 | (uint64_t)th->op.kind);
        if (th->status != MC_DONE) {
            h = mc_mix(h, th->history);
            h = mc_mix(h, (uint64_t)th->word << 8 | (th->awaited ? mc.message[th->awaited - 1].rank + 1u : 0));
            h = of_view(h, c, &th->view, &th->clock);
        }
    }
    return h;
}

static uint64_t of_plain(uint64_t h, const cut *c)
{
    for (uint32_t p = 0; p < mc_n_plain; p++) {
        const mc_plain *plain = &mc.plain[p];
        const uint64_t wrote = over(plain->wrote_at, c->epoch[plain->writer]);
        uint64_t packed = wrote ? wrote << 8 | plain->writer : 0;

        for (uint32_t t = 0; t < mc_n_threads; t++) {
            packed = packed << 8 | over(plain->read_at[t], c->epoch[t]);
        }
        h = mc_mix(h, packed);
    }
    return h;
}

/* Independent of the order in which the events were explored. */
static uint64_t of_order(uint64_t seed, const cut *c)
{
    uint64_t name[MC_SC_EVENTS], sum = 0;

    for (uint32_t i = 0; i < mc.n_sc; i++) {
        const mc_sc_event *e = &mc.sc[i];

        name[i] = mc_mix(mc_mix(seed, (uint64_t)e->thread << 24 | (uint64_t)e->nth << 16 | (uint64_t)e->loc << 8
                                      | over(e->epoch, c->epoch[e->thread])),
                         (e->read ? mc.message[e->read - 1].rank + 1u : 0) << 8
                         | (e->wrote ? mc.message[e->wrote - 1].rank + 1u : 0));
        sum += mc_mix(seed, name[i]);
    }
    for (uint32_t i = 0; i < mc.n_sc; i++) {
        for (uint32_t j = 0; j < mc.n_sc; j++) {
            if (mc.sc[i].reaches >> j & 1) {
                sum += mc_mix(mc_mix(seed, name[i]), name[j]);
            }
        }
    }
    return sum;
}

static uint64_t of_state(uint64_t h, const cut *c)
{
    const char *world = mc_world;

    h = of_plain(of_threads(of_locations(h, c), c), c);
    h = mc_mix(h, of_order(h, c));
    for (size_t i = 0; i + 8 <= mc_world_bytes; i += 8) {
        uint64_t word;

        memcpy(&word, world + i, 8);
        if (word != 0) {
            h = mc_mix(h, word + i);
        }
    }
    return h;
}

mc_key mc_state_key(void)
{
    const cut c = cut_now();

    return (mc_key){of_state(UINT64_C(0x243F6A8885A308D3), &c) | 1, of_state(UINT64_C(0x13198A2E03707344), &c)};
}

static bool insert(mc_key key)
{
    size_t i = (size_t)key.b & (table_size - 1);

    while (table[i].a != 0) {
        if (table[i].a == key.a && table[i].b == key.b) {
            return false;
        }
        i = (i + 1) & (table_size - 1);
    }
    table[i] = key;
    table_used++;
    return true;
}

bool mc_remember(mc_key key)
{
    if (2 * table_used >= table_size) {
        mc_key *old = table;
        const size_t n = table_size;

        table_size = n ? 4 * n : (size_t)1 << 16;
        table = calloc(table_size, sizeof *table);
        if (table == NULL) {
            mc_fail("checker: no memory for the states");
        }
        table_used = 0;
        for (size_t i = 0; i < n; i++) {
            if (old[i].a != 0) {
                insert(old[i]);
            }
        }
        free(old);
    }
    return insert(key);
}

void mc_forget_all(void)
{
    free(table);
    table = NULL;
    table_size = table_used = 0;
}

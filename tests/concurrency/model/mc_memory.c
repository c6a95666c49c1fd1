/* The memory: which messages an access may read or stand behind, and what
 * every thread learns from it. */
#include <string.h>

#include "mc_state.h"

static bool acquires(mc_order order) { return order == mc_acquire || order == mc_acq_rel || order == mc_seq_cst; }
static bool releases(mc_order order) { return order == mc_release || order == mc_acq_rel || order == mc_seq_cst; }

static uint64_t narrow(uint64_t value, uint8_t bytes)
{
    return bytes == 4 ? (uint32_t)value : value;
}

static void join(mc_view *view, mc_clock *clock, const mc_view *v, const mc_clock *c)
{
    for (uint32_t l = 0; l < mc_n_locations; l++) {
        if (mc.message[v->seen[l]].rank > mc.message[view->seen[l]].rank) {
            view->seen[l] = v->seen[l];
        }
    }
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        if (c->at[t] > clock->at[t]) {
            clock->at[t] = c->at[t];
        }
    }
}

/* May a seq_cst access read `read` and write behind `behind` (-1: does not)? */
static bool orderly(int t, const mc_op *op, mc_order order, int read, int behind)
{
    mc_clock clock = mc.thread[t].clock;

    if (order != mc_seq_cst) {
        return true;
    }
    if (read >= 0) {
        for (uint32_t u = 0; u < mc_n_threads; u++) {
            if (mc.message[read].clock.at[u] > clock.at[u]) {
                clock.at[u] = mc.message[read].clock.at[u];
            }
        }
    }
    return mc_sc_add(t, op->loc, read, behind, -1, clock, false);
}

uint32_t mc_options(int t, mc_option *options)
{
    const mc_thread *th = &mc.thread[t];
    const mc_op *op = &th->op;
    const mc_location *loc = &mc.loc[op->loc];
    uint32_t n = 0, from = mc.message[th->view.seen[op->loc]].rank;

    if (op->kind == MC_ALARM || op->kind == MC_POLL || op->kind == MC_WAKE || op->kind == MC_PLAIN_CODE) {
        options[0] = (mc_option){0, true};
        return 1;
    }
    if (op->kind == MC_FUTEX && loc->alarm_seen && mc.message[loc->alarm_seen - 1].rank > from) {
        from = mc.message[loc->alarm_seen - 1].rank;      /* the kernel orders its calls on one word */
    }
    if (op->kind == MC_LOAD && mc_uses[op->loc].await && th->awaited) {
        from = mc.message[th->awaited - 1].rank + 1u;
    }
    for (uint32_t i = from; i < loc->n; i++) {
        const uint8_t m = loc->order[i];
        const bool room = i + 1 == loc->n || !mc.message[loc->order[i + 1]].rmw;
        const bool equal = mc.message[m].value == op->expected;
        mc_option option = {m, true};

        switch (op->kind) {
        case MC_LOAD:
            if (!orderly(t, op, op->order, m, -1)) { continue; }
            break;
        case MC_STORE:
            if (!room || !orderly(t, op, op->order, -1, m)) { continue; }
            break;
        case MC_ADD:
            if (!room || !orderly(t, op, op->order, m, m)) { continue; }
            break;
        case MC_CAS:
            option.success = equal;
            if (equal ? !room || !orderly(t, op, op->order, m, m) : !orderly(t, op, op->failure, m, -1)) { continue; }
            break;
        default:
            break;
        }
        if (n == MC_OPTIONS) {
            mc_fail("checker: too many options");
        }
        options[n++] = option;
    }
    return n;
}

static void learn(int t, uint8_t loc, uint8_t m, bool acquire)
{
    mc_thread *th = &mc.thread[t];

    th->view.seen[loc] = m;
    if (acquire) {
        join(&th->view, &th->clock, &mc.message[m].view, &mc.message[m].clock);
    }
}

/* Put a message behind `behind`; an RMW also hands on what its predecessor carries. */
static uint8_t put(int t, uint8_t loc, uint8_t behind, uint64_t value, bool release, bool rmw)
{
    mc_thread *th = &mc.thread[t];
    mc_location *l = &mc.loc[loc];
    const uint8_t at = (uint8_t)(mc.message[behind].rank + 1), id = (uint8_t)mc.n_messages;
    mc_message *m = &mc.message[id];

    if (mc.n_messages + 1 >= MC_MESSAGES || l->n == sizeof l->order) {
        mc_fail("checker: too many messages");
    }
    mc.n_messages++;
    memmove(&l->order[at + 1], &l->order[at], (size_t)(l->n - at));
    l->order[at] = id;
    l->n++;
    for (uint32_t i = at; i < l->n; i++) {
        mc.message[l->order[i]].rank = (uint8_t)i;
    }
    m->value = value;
    m->rmw = rmw;
    th->view.seen[loc] = id;
    if (rmw) {
        m->view = mc.message[behind].view;
        m->clock = mc.message[behind].clock;
    } else {
        memset(&m->clock, 0, sizeof m->clock);
        for (uint32_t i = 0; i < mc_n_locations; i++) {
            m->view.seen[i] = mc.loc[i].order[0];
        }
    }
    m->view.seen[loc] = id;
    if (release) {
        join(&m->view, &m->clock, &th->view, &th->clock);
    }
    return id;
}

static void touch(int t, const mc_op *op, bool writes)
{
    const mc_use *use = &mc_uses[op->loc];
    const uint8_t epoch = mc.thread[t].clock.at[t];

    if (use->owned && writes) {
        mc_race_write(t, (uint8_t)(use->owned - 1));
    } else if (use->owned && use->checked) {
        mc.thread[t].word = use->owned;
        mc.thread[t].word_at = epoch;
    } else if (use->owned) {
        mc_race_read(t, (uint8_t)(use->owned - 1), epoch);
    }
    if (use->guarded && writes && use->is_write(op->value)) {
        mc_race_write(t, (uint8_t)(use->guarded - 1));
    } else if (use->guarded && writes) {
        mc_race_read(t, (uint8_t)(use->guarded - 1), epoch);
    }
}

static void alarm_all(int t, uint8_t loc)
{
    mc_location *l = &mc.loc[loc];
    const uint8_t mine = mc.thread[t].view.seen[loc];

    if (!l->alarm_seen || mc.message[mine].rank > mc.message[l->alarm_seen - 1].rank) {
        l->alarm_seen = (uint8_t)(mine + 1);
    }
    l->rung = 1;
    for (uint32_t u = 0; u < mc_n_threads; u++) {
        if (mc.thread[u].status == MC_ASLEEP && mc.thread[u].op.loc == loc) {
            mc.thread[u].status = MC_READY;
            if (mc.thread[u].op.kind == MC_FUTEX) {
                mc.thread[u].op.kind = MC_WAKE;           /* a poll looks at the counter again */
            }
        }
    }
}

void mc_perform(int t, mc_option option)
{
    mc_thread *th = &mc.thread[t];
    const mc_op *op = &th->op;
    const uint8_t m = option.message;
    const bool writes = op->kind == MC_STORE || op->kind == MC_ADD || (op->kind == MC_CAS && option.success);
    const bool reads = op->kind == MC_LOAD || op->kind == MC_ADD || op->kind == MC_CAS;
    const mc_order order = op->kind == MC_CAS && !option.success ? op->failure : op->order;
    uint8_t wrote = 0;

    th->history = mc_mix(th->history, (uint64_t)op->kind << 8 | op->loc);   /* also for stores: where the thread is */
    switch (op->kind) {
    case MC_ALARM: alarm_all(t, op->loc); return;
    case MC_WAKE:
    case MC_PLAIN_CODE: return;
    case MC_POLL:
        th->status = mc.loc[op->loc].rung ? MC_READY : MC_ASLEEP;
        mc.loc[op->loc].rung = 0;
        return;
    case MC_FUTEX:
        th->status = mc.message[m].value == op->value ? MC_ASLEEP : MC_READY;
        learn(t, op->loc, m, false);                      /* the kernel reads on this thread's behalf: coherence */
        return;
    default: break;
    }
    touch(t, op, writes);
    if (reads) {
        th->result = mc.message[m].value;
        th->success = option.success;
        th->history = mc_mix(th->history, th->result * 2 + option.success);
        th->awaited = mc_uses[op->loc].await && !writes ? (uint8_t)(m + 1) : th->awaited;
        learn(t, op->loc, m, acquires(order));
    }
    if (writes) {
        const uint64_t value = op->kind == MC_ADD ? mc.message[m].value + op->value : op->value;

        wrote = put(t, op->loc, m, narrow(value, op->bytes), releases(order), op->kind != MC_STORE);
    }
    if (order == mc_seq_cst) {
        mc_sc_add(t, op->loc, reads ? m : -1, -1, writes ? wrote : -1, th->clock, true);
    }
    if (writes && releases(order) && ++th->clock.at[t] == UINT8_MAX) {
        mc_fail("checker: too many releases of one thread");
    }
}

/* Setup and finish, counters and constants: the newest message, in place. */
void mc_perform_alone(mc_op *op, uint64_t *result, bool *success)
{
    const mc_location *l = &mc.loc[op->loc];
    uint64_t *value = &mc.message[l->order[l->n - 1]].value;

    *result = *value;
    *success = *value == op->expected;
    if (op->kind == MC_STORE || (op->kind == MC_CAS && *success)) {
        *value = narrow(op->value, op->bytes);
    } else if (op->kind == MC_ADD) {
        *value = narrow(*value + op->value, op->bytes);
    }
}

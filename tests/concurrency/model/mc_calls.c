/* What a scenario and the headers call: an access becomes an operation that the
 * thread waits to be given. Setup and finish are given theirs at once. */
#include <string.h>

#include "mc_state.h"

static uint64_t access_of(mc_op op, bool *success)
{
    mc_use *use = &mc_uses[op.loc];
    uint64_t result = 0;
    bool done = false;

    if (mc_current >= 0 && ((use->counter && op.kind != MC_ADD) || (use->constant && op.kind != MC_LOAD))) {
        mc_fail("checker: a location is used otherwise than declared");
    }
    if (mc_current >= 0 && use->private) {
        if (use->owner != 0 && use->owner != mc_current + 1) {
            mc_fail("checker: a private location has two users");
        }
        use->owner = (uint8_t)(mc_current + 1);           /* the same in every run */
        mc_know(mc.message[mc.loc[op.loc].order[0]].value);
    }
    if (mc_current < 0 || use->counter || use->constant || use->private) {
        mc_perform_alone(&op, &result, &done);
    } else {
        mc.thread[mc_current].op = op;
        mc_yield();
        result = mc.thread[mc_current].result;
        done = mc.thread[mc_current].success;
    }
    if (success != NULL) {
        *success = done;
    }
    return result;
}

uint64_t mc_load(const volatile void *p, mc_order order, const char *text)
{
    return access_of((mc_op){.kind = MC_LOAD, .loc = mc_location_of(p, text), .order = order}, NULL);
}

void mc_store(volatile void *p, uint64_t value, mc_order order, const char *text)
{
    access_of((mc_op){.kind = MC_STORE, .loc = mc_location_of(p, text), .order = order, .value = value}, NULL);
}

uint64_t mc_fetch_add(volatile void *p, size_t bytes, uint64_t value, mc_order order, const char *text)
{
    return access_of((mc_op){.kind = MC_ADD, .loc = mc_location_of(p, text), .bytes = (uint8_t)bytes, .order = order,
                             .value = value}, NULL);
}

bool mc_cas(volatile void *p, size_t bytes, void *expected, uint64_t desired, mc_order success, mc_order failure,
            const char *text)
{
    mc_op op = {.kind = MC_CAS, .loc = mc_location_of(p, text), .bytes = (uint8_t)bytes, .order = success,
                .failure = failure, .value = desired};
    uint64_t found;
    bool done;

    if (bytes == 0) {
        mc_fail("checker: a CAS whose expected value has another size");
    }
    memcpy(&op.expected, expected, bytes);                /* little-endian */
    found = access_of(op, &done);
    if (!done) {
        memcpy(expected, &found, bytes);
    }
    return done;
}

static void call_kernel(mc_kind kind, volatile void *word, uint64_t seen)
{
    if (mc_current < 0) {
        return;
    }
    access_of((mc_op){.kind = kind, .loc = mc_location_of(word, "word"), .value = seen}, NULL);
}

void mc_alarm(volatile void *word)                    { call_kernel(MC_ALARM, word, 0); }
void mc_futex_wait(volatile void *word, uint64_t seen) { call_kernel(MC_FUTEX, word, seen); }
void mc_poll(volatile void *word)                     { call_kernel(MC_POLL, word, 0); }

void mc_step(uint32_t state)
{
    if (mc_current >= 0) {
        mc.thread[mc_current].history = mc_mix(0, state);
        mc.thread[mc_current].awaited = mc.thread[mc_current].word = 0;
    }
}

void mc_know(uint64_t value)
{
    if (mc_current >= 0) {
        mc.thread[mc_current].history = mc_mix(mc.thread[mc_current].history, value);
    }
}

void mc_took(void)
{
    if (mc_current >= 0 && mc.thread[mc_current].word) {
        const mc_thread *th = &mc.thread[mc_current];

        mc_race_read(mc_current, (uint8_t)(th->word - 1), th->word_at);
    }
}

uint64_t mc_read(const uint64_t *p)
{
    mc_race_read(mc_current, mc_plain_of(p), mc_current >= 0 ? mc.thread[mc_current].clock.at[mc_current] : 0);
    mc_know(*p);
    return *p;
}

void mc_write(uint64_t *p, uint64_t value)
{
    mc_race_write(mc_current, mc_plain_of(p));
    *p = value;
}

static mc_use *use_of(const volatile void *p) { return &mc_uses[mc_location_of(p, "?")]; }

void mc_own(const volatile void *p)     { use_of(p)->owned = (uint8_t)(mc_plain_of((const void *)p) + 1); }
void mc_own_checked(const volatile void *p) { mc_own(p); use_of(p)->checked = true; }
void mc_counter(const volatile void *p) { use_of(p)->counter = true; }
void mc_private(const volatile void *p) { use_of(p)->private = true; }
void mc_constant(const volatile void *p) { use_of(p)->constant = true; }
void mc_await(const volatile void *p)   { use_of(p)->await = true; }

void mc_guard(const volatile void *seq, const void *data, bool (*is_write)(uint64_t seq_value))
{
    mc_use *use = use_of(seq);

    use->guarded = (uint8_t)(mc_plain_of(data) + 1);
    use->is_write = is_write;
}

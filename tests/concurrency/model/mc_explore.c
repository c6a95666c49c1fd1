/* The search: depth first over threads and over what each access may do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mc_state.h"

const mc_scenario *mc_scenario_now;

typedef struct taken {                    /* one step of the way here, for the report */
    int      thread;
    mc_op    op;
    uint64_t read;
    bool     success;
    uint8_t  place, places;
} taken;

static taken way[MC_DEPTH];
static uint32_t depth, deepest;
static uint64_t states, steps, executions, merged;
static char *snapshots;
static size_t snapshots_used, snapshots_size;
static uint32_t outcomes[64], n_outcomes;
static bool every;                        /* explore known states again: the proof that merging loses nothing */

/* ---- what a thread calls ---- */

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

void mc_outcome(uint32_t value)
{
    for (uint32_t i = 0; i < n_outcomes; i++) {
        if (outcomes[i] == value) {
            return;
        }
    }
    outcomes[n_outcomes++ % 64] = value;
}

/* ---- the search ---- */

void mc_fail(const char *what)
{
    static const char *const kinds[] = {"load", "store", "add", "cas", "alarm", "futex", "poll", "wake", "plain"};
    static const char *const orders[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};

    printf("%s: FAILED: %s\n", mc_scenario_now->name, what);
    for (uint32_t i = 0; i < depth; i++) {
        const taken *s = &way[i];

        printf("  %3u  thread %d  %-5s %-34s %-8s", i, s->thread, kinds[s->op.kind], mc_uses[s->op.loc].text,
               s->op.kind <= MC_CAS ? orders[s->success ? s->op.order : s->op.failure] : "");
        if (s->op.kind == MC_STORE || s->op.kind == MC_ADD || s->op.kind == MC_CAS) {
            printf("  value %llx", (unsigned long long)s->op.value);
        }
        if (s->op.kind != MC_STORE && s->op.kind <= MC_CAS) {
            printf("  read %llx%s", (unsigned long long)s->read, s->success ? "" : " (failed)");
        }
        printf(s->place + 1 < s->places ? "  [%u of %u]\n" : "\n", s->place + 1, s->places);
    }
    fflush(stdout);
    exit(1);
}

static void note_way(int t, mc_option option)
{
    const mc_op *op = &mc.thread[t].op;

    if (depth == MC_DEPTH) {
        mc_fail("checker: too deep");
    }
    way[depth++] = (taken){t, *op, mc.message[option.message].value, option.success,
                           mc.message[option.message].rank, mc.loc[op->loc].n};
    deepest = depth > deepest ? depth : deepest;
}

static void ended(void)
{
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        if (mc.thread[t].status == MC_ASLEEP) {
            mc_fail("W1: a thread sleeps and nobody is left to wake it");
        }
        if (mc.thread[t].status != MC_DONE) {
            mc_fail("a thread waits for a message that nobody writes");
        }
    }
    if (!every || mc_remember(mc_state_key())) {
        executions++;                                     /* counted once per final state, either way */
    }
    mc_scenario_now->finish();
}

/* After an access: on to the next one, or stop before the plain code if that is a step. */
static void go_on(int t)
{
    mc_thread *th = &mc.thread[t];

    if (th->status != MC_READY) {
        return;
    }
    if (mc_scenario_now->plain_steps && th->op.kind != MC_PLAIN_CODE) {
        th->op.kind = MC_PLAIN_CODE;
    } else {
        mc_resume(t);
    }
}

static void explore(void)
{
    mc_option options[MC_OPTIONS];
    const size_t saved_at = snapshots_used;
    bool any = false;

    if (!every && !mc_remember(mc_state_key())) {
        merged++;
        return;
    }
    states++;
    if (snapshots_used + mc_snapshot_bytes() > snapshots_size) {
        mc_fail("checker: no room for snapshots");
    }
    snapshots_used += mc_save(snapshots + saved_at) + 63;
    snapshots_used &= ~(size_t)63;
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        const uint32_t n = mc.thread[t].status == MC_READY ? mc_options((int)t, options) : 0;

        for (uint32_t i = 0; i < n; i++) {
            any = true;
            steps++;
            note_way((int)t, options[i]);
            mc_perform((int)t, options[i]);
            go_on((int)t);
            explore();
            depth--;
            mc_restore(snapshots + saved_at);
        }
    }
    if (!any) {
        ended();
        mc_restore(snapshots + saved_at);
    }
    snapshots_used = saved_at;
}

static void compare_outcomes(const uint32_t *expected)
{
    uint32_t n = 0;

    for (; expected[n] != MC_END; n++) {
        bool found = false;

        for (uint32_t i = 0; i < n_outcomes; i++) {
            found = found || outcomes[i] == expected[n];
        }
        if (!found) {
            printf("%s: FAILED: outcome %x is allowed and was not seen\n", mc_scenario_now->name, expected[n]);
            exit(1);
        }
    }
    if (n != n_outcomes) {
        printf("%s: FAILED: %u outcomes, %u are allowed:", mc_scenario_now->name, n_outcomes, n);
        for (uint32_t i = 0; i < n_outcomes; i++) {
            printf(" %x", outcomes[i]);
        }
        printf("\n");
        exit(1);
    }
}

static void run(const mc_scenario *scenario)
{
    const clock_t begin = clock();

    mc_scenario_now = scenario;
    mc_memory_reset();
    mc_forget_all();
    memset(mc_world, 0, mc_world_bytes);
    depth = deepest = n_outcomes = 0;
    states = steps = executions = merged = 0;
    scenario->setup();
    for (mc_n_threads = 0; mc_n_threads < MC_THREADS && scenario->threads[mc_n_threads] != NULL; mc_n_threads++) {
        mc.thread[mc_n_threads].status = MC_READY;
    }
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        mc_spawn((int)t, scenario->threads[t]);
    }
    explore();
    if (executions == 0) {
        mc_fail("no execution ends");
    }
    if (scenario->outcomes != NULL) {
        compare_outcomes(scenario->outcomes);
    }
    printf("%s: complete: %llu states, %llu steps, %llu ends, %llu merged, depth %u, %.2f s\n", scenario->name,
           (unsigned long long)states, (unsigned long long)steps, (unsigned long long)executions,
           (unsigned long long)merged, deepest, (double)(clock() - begin) / CLOCKS_PER_SEC);
    fflush(stdout);
}

/* Arguments: beginnings of the names of scenarios, none for all; --every to merge nothing. */
int main(int argc, char **argv)
{
    bool any = false;

    if (argc > 1 && strcmp(argv[1], "--every") == 0) {
        every = true;
        argv++;
        argc--;
    }
    snapshots_size = (size_t)MC_DEPTH * mc_snapshot_bytes();
    snapshots = malloc(snapshots_size);
    for (const mc_scenario *s = mc_scenarios; s->name != NULL && snapshots != NULL; s++) {
        bool wanted = argc < 2;

        for (int i = 1; i < argc; i++) {
            wanted = wanted || strncmp(s->name, argv[i], strlen(argv[i])) == 0;
        }
        if (wanted) {
            any = true;
            run(s);
        }
    }
    if (!any) {
        printf("no such scenario\n");
        return 2;
    }
    return 0;
}

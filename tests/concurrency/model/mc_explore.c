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

void mc_outcome(uint32_t value)
{
    for (uint32_t i = 0; i < n_outcomes; i++) {
        if (outcomes[i] == value) {
            return;
        }
    }
    outcomes[n_outcomes++ % 64] = value;
}

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

/* Coroutines, and the copies that let the explorer step back.
 *
 * A context is made once per scenario with makecontext; after that _setjmp and
 * _longjmp switch, which make no system call.
 */
#include <string.h>
#include <ucontext.h>

#include "mc_state.h"

enum { STACK_BYTES = 16384, FRAME_BYTES = 512 };          /* FRAME_BYTES: more than mc_yield's own frame */

static _Alignas(64) char stacks[MC_THREADS][STACK_BYTES];
static jmp_buf explorer;
static void (*volatile bodies[MC_THREADS])(void);

static void entry(int t)
{
    bodies[t]();
    mc.thread[t].status = MC_DONE;
    mc.thread[t].stack_low = stacks[t] + STACK_BYTES;
    _longjmp(explorer, 1);
}

void mc_spawn(int t, void (*body)(void))
{
    static ucontext_t start, unused;

    bodies[t] = body;
    mc_current = t;
    getcontext(&start);
    start.uc_stack.ss_sp = stacks[t];
    start.uc_stack.ss_size = STACK_BYTES;
    start.uc_link = NULL;
    makecontext(&start, (void (*)(void))entry, 1, t);
    if (_setjmp(explorer) == 0) {
        swapcontext(&unused, &start);
    }
    mc_current = -1;
}

__attribute__((noinline)) void mc_yield(void)
{
    mc_thread *th = &mc.thread[mc_current];

    th->stack_low = (char *)__builtin_frame_address(0) - FRAME_BYTES;
    if (_setjmp(th->context) == 0) {
        _longjmp(explorer, 1);
    }
}

__attribute__((noinline)) void mc_resume(int t)
{
    mc_current = t;
    if (_setjmp(explorer) == 0) {
        _longjmp(mc.thread[t].context, 1);
    }
    mc_current = -1;
}

static size_t state_bytes(void)
{
    return offsetof(mc_state, message) + mc.n_messages * sizeof mc.message[0];
}

size_t mc_snapshot_bytes(void)
{
    return sizeof mc + mc_world_bytes + sizeof stacks;
}

size_t mc_save(char *to)
{
    char *const begin = to;

    memcpy(to, &mc, state_bytes());
    to += state_bytes();
    memcpy(to, mc_world, mc_world_bytes);
    to += mc_world_bytes;
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        const size_t used = (size_t)(stacks[t] + STACK_BYTES - mc.thread[t].stack_low);

        memcpy(to, mc.thread[t].stack_low, used);
        to += used;
    }
    return (size_t)(to - begin);
}

void mc_restore(const char *from)
{
    memcpy(&mc, from, offsetof(mc_state, message));
    memcpy(&mc, from, state_bytes());
    from += state_bytes();
    memcpy(mc_world, from, mc_world_bytes);
    from += mc_world_bytes;
    for (uint32_t t = 0; t < mc_n_threads; t++) {
        const size_t used = (size_t)(stacks[t] + STACK_BYTES - mc.thread[t].stack_low);

        memcpy(mc.thread[t].stack_low, from, used);
        from += used;
    }
}

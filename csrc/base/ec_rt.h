/* ec_rt.h - marks the stretches of a thread that must be real-time clean.
 *
 * In production the two calls test a null pointer, and entering touches the
 * stack the section may need, so that it meets no page fault there. A test
 * preloads a library that defines eegcore_rt_section and watches the allocator,
 * locks, stdio and page faults of every thread between enter and leave
 * (tests/house/rt_trap.c).
 */
#ifndef EC_RT_H
#define EC_RT_H

#define EC_RT_STACK_BYTES (64 * 1024)     /* well above the deepest call of a worker */
#define EC_RT_PAGE_BYTES  4096

extern void eegcore_rt_section(int entering) __attribute__((weak));

static __attribute__((noinline)) void ec_rt_touch_stack(void)
{
    volatile unsigned char stack[EC_RT_STACK_BYTES];
    for (int i = 0; i < EC_RT_STACK_BYTES; i += EC_RT_PAGE_BYTES) {
        stack[i] = 0;
    }
}

static inline void ec_rt_enter(void)
{
    ec_rt_touch_stack();
    if (eegcore_rt_section) {
        eegcore_rt_section(1);
    }
}
static inline void ec_rt_leave(void)
{
    if (eegcore_rt_section) {
        eegcore_rt_section(0);
    }
}

#endif

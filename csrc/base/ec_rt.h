/* ec_rt.h - marks the stretches of a thread that must be real-time clean.
 *
 * In production the two calls test a null pointer. A test preloads a library
 * that defines eegcore_rt_section and watches the allocator, locks and stdio of
 * every thread between enter and leave (tests/concurrency/rt_trap).
 */
#ifndef EC_RT_H
#define EC_RT_H

extern void eegcore_rt_section(int entering) __attribute__((weak));

static inline void ec_rt_enter(void)
{
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

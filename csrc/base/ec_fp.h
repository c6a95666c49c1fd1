/* ec_fp.h - the floating-point mode of a worker thread.
 *
 * The tail of a filter that no longer has input decays into denormal numbers,
 * and an operation on those costs a hundred cycles on many cores. In the data
 * path they are zero: 2.2e-308 uV is nothing. Rounding stays to nearest even.
 */
#ifndef EC_FP_H
#define EC_FP_H

#include <stdint.h>

/* Treat denormals as zero, as input and as result, from here on in the calling
 * thread (MXCSR.FTZ and DAZ, FPCR.FZ). Threads started later do not inherit
 * it reliably: each calls this itself. Elsewhere: nothing. [worker-thread] */
static inline void ec_fp_flush_denormals(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    fpcr |= UINT64_C(1) << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#endif
}

/* The mode of the calling thread, to be put back by a thread that is only lent
 * to a worker loop: a notebook or a test must not go on with flushed numbers. [any-thread] */
static inline uint64_t ec_fp_mode(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#else
    return 0;
#endif
}

static inline void ec_fp_restore(uint64_t mode)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

#endif

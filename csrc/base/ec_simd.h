/* ec_simd.h - how one source becomes code for several vector widths.
 *
 * Two ways, both without fused multiply-add and without reassociation, so that
 * every width gives the same bits:
 *   EC_CLONES   in front of a function made of plain loops: the compiler makes a
 *               copy per instruction set and the loader picks one. Plain
 *               functions where that is not to be had (aarch64, musl, sanitizers,
 *               old compilers).
 *   EC_TARGET_* in front of a kernel written with vector types of one width; the
 *               caller asks ec_simd_level() which of them may run.
 * The baselines are SSE2 on x86-64 and NEON on aarch64: nothing to choose there.
 */
#ifndef EC_SIMD_H
#define EC_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EC_SANITIZED 1
#endif
#endif

/* __GLIBC__ comes with stdint.h. An ifunc resolver runs before a sanitizer is
 * ready, and musl has no ifunc. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(EC_SANITIZED) && !defined(EC_NO_CLONES)
#define EC_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define EC_CLONES
#endif

/* In front of a loop whose iterations do not depend on each other, where the
 * compiler cannot see it. */
#if defined(__GNUC__) && !defined(__clang__)
#define EC_INDEPENDENT _Pragma("GCC ivdep")
#else
#define EC_INDEPENDENT
#endif

enum { EC_SIMD_BASE = 0, EC_SIMD_AVX2 = 1, EC_SIMD_AVX512 = 2 };

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(EC_NO_CLONES)
#define EC_SIMD_X86 1
#include <cpuid.h>
#define EC_TARGET_AVX2   __attribute__((target("avx2")))
#define EC_TARGET_AVX512 __attribute__((target("avx2,avx512f,avx512dq,avx512vl,avx512bw")))
#endif

/* Ask the processor, and whether the kernel saves its vector registers at a task
 * switch. Not __builtin_cpu_supports: it needs libgcc, which not every clang links. */
static inline uint32_t ec_simd_ask(void)
{
#if defined(EC_SIMD_X86)
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;   /* F, DQ, BW, VL */
    unsigned a, b, c, d, saved, saved_high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) {            /* OSXSAVE: xgetbv exists */
        return EC_SIMD_BASE;
    }
    __asm__("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
    if ((saved & 0x06u) != 0x06u || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5)) {
        return EC_SIMD_BASE;                                             /* YMM state, AVX2 */
    }
    return (saved & 0xE0u) == 0xE0u && (b & avx512) == avx512 ? EC_SIMD_AVX512 : EC_SIMD_AVX2;
#else
    return EC_SIMD_BASE;
#endif
}

/* The widest kernels this machine runs. Asked once per source file: cpuid costs
 * microseconds in a virtual machine. Threads that meet here store the same
 * number, so relaxed is enough. [any-thread, realtime] */
static inline uint32_t ec_simd_level(void)
{
    static uint32_t level_plus_one;
    uint32_t known = __atomic_load_n(&level_plus_one, __ATOMIC_RELAXED);

    if (known == 0) {
        known = ec_simd_ask() + 1;
        __atomic_store_n(&level_plus_one, known, __ATOMIC_RELAXED);
    }
    return known - 1;
}

#define EC_LINE_BYTES 64                  /* alignment of every array of doubles */

/* `n` doubles, all zero, on a 64-byte boundary, for free(); NULL without
 * memory. [control-thread] */
static inline double *ec_new_doubles(size_t n)
{
    size_t bytes;
    void *p;

    if (n > (SIZE_MAX - EC_LINE_BYTES) / sizeof(double)) {
        return NULL;
    }
    bytes = (n * sizeof(double) + EC_LINE_BYTES) & ~(size_t)(EC_LINE_BYTES - 1);
    p = aligned_alloc(EC_LINE_BYTES, bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return (double *)p;
}

#endif

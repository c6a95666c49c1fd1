#include "ec_peak.h"

#include "../base/ec_simd.h"

#define CHAINS 12                         /* latency of multiply + add, times the pipes that start one a cycle */

/* x = x * a + b on independent chains: a multiplication and an addition each, never fused
 * (-ffp-contract=off). The empty asm makes the values needed without storing them. */
#define EC_PEAK(WIDTH, TARGET)                                                                               \
    typedef double peak_vector##WIDTH __attribute__((vector_size(WIDTH * 8)));                               \
    TARGET static void peak##WIDTH(uint64_t rounds)                                                          \
    {                                                                                                        \
        peak_vector##WIDTH x[CHAINS];                                                                        \
        const peak_vector##WIDTH a = (peak_vector##WIDTH){0} + 0.999, b = (peak_vector##WIDTH){0} + 0.001;   \
                                                                                                             \
        _Pragma("GCC unroll 12")                                                                             \
        for (int c = 0; c < CHAINS; c++) {                                                                   \
            x[c] = (peak_vector##WIDTH){0} + (double)c;                                                      \
        }                                                                                                    \
        for (uint64_t i = 0; i < rounds; i++) {                                                              \
            _Pragma("GCC unroll 12")                                                                         \
            for (int c = 0; c < CHAINS; c++) {                                                               \
                x[c] = x[c] * a + b;                                                                         \
            }                                                                                                \
        }                                                                                                    \
        _Pragma("GCC unroll 12")                                                                             \
        for (int c = 0; c < CHAINS; c++) {                                                                   \
            __asm__ volatile("" : : "m"(x[c]));                                                              \
        }                                                                                                    \
    }

EC_PEAK(2, )
#if defined(EC_SIMD_X86)
EC_PEAK(4, EC_TARGET_AVX2)
EC_PEAK(8, EC_TARGET_AVX512)
#endif

uint32_t ec_peak_lanes(void)
{
    return 2u << ec_simd_level();
}

uint64_t ec_peak_run(uint64_t rounds)
{
#if defined(EC_SIMD_X86)
    if (ec_simd_level() == EC_SIMD_AVX512) {
        peak8(rounds);
    } else if (ec_simd_level() == EC_SIMD_AVX2) {
        peak4(rounds);
    } else {
        peak2(rounds);
    }
#else
    peak2(rounds);
#endif
    return rounds * CHAINS * 2 * ec_peak_lanes();
}

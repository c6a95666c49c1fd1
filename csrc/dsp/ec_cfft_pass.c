#include "ec_cfft_pass.h"

#include "../base/ec_simd.h"
#include "ec_cfft.h"

#define EC_WIDTH 1
#define EC_TARGET
#include "ec_cfft_kernel.h"
#undef EC_WIDTH

#define EC_WIDTH 2
#include "ec_cfft_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#if defined(EC_SIMD_X86)
#define EC_WIDTH 4
#define EC_TARGET EC_TARGET_AVX2
#include "ec_cfft_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET

#define EC_WIDTH 8
#define EC_TARGET EC_TARGET_AVX512
#include "ec_cfft_kernel.h"
#undef EC_WIDTH
#undef EC_TARGET
#endif

const ec_cfft_kernels *ec_cfft_kernels_for(uint32_t simd, size_t s)
{
#if defined(EC_SIMD_X86)
    if (simd >= EC_SIMD_AVX512 && s % 8 == 0) {
        return &kernels8;
    }
    if (simd >= EC_SIMD_AVX2 && s % 4 == 0) {
        return &kernels4;
    }
#else
    (void)simd;
#endif
    return s % 2 == 0 ? &kernels2 : &kernels1;
}

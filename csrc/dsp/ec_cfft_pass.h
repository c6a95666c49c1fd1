/* ec_cfft_pass.h - the butterflies of ec_cfft.c, one pass per radix.
 *
 * A pass of radix p splits transforms of length p * l, interleaved with stride s,
 * into p times as many of length l with stride p * s:
 *     y[s (p j + k) + q] = w^(j k) sum_i x[s (j + l i) + q] exp(-2 pi i k i / p)
 * for j < l, q < s, with w = exp(-2 pi i / (p l)) from the table tw[l][p - 1][2]. The loop over q
 * is contiguous in every array and is the one that becomes vector code.
 */
#ifndef EC_CFFT_PASS_H
#define EC_CFFT_PASS_H

#include <stddef.h>
#include <stdint.h>

/* xr, xi: the real and the imaginary plane that are read; yr, yi: written. */
typedef void ec_cfft_pass(const double *restrict xr, const double *restrict xi, double *restrict yr,
                          double *restrict yi, const double *restrict tw, uint32_t l, size_t s);

/* Any odd p <= EC_CFFT_MAX_PRIME; roots[p][2] = exp(-2 pi i k / p). */
typedef void ec_cfft_pass_odd(const double *restrict xr, const double *restrict xi, double *restrict yr,
                              double *restrict yi, const double *restrict tw, const double *restrict roots,
                              uint32_t p, uint32_t l, size_t s);

typedef struct ec_cfft_kernels {
    ec_cfft_pass     *pass2, *pass3, *pass4, *pass5;
    ec_cfft_pass_odd *pass_odd;
} ec_cfft_kernels;

/* The widest kernels that a processor of level `simd` (EC_SIMD_...) runs and
 * that divide s. All of them give the same bits. [any-thread, realtime] */
const ec_cfft_kernels *ec_cfft_kernels_for(uint32_t simd, size_t s);

#endif

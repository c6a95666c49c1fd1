/* ec_cfft.h - complex FFT of any length, several lanes at once, planes apart.
 *
 * Stockham's self-sorting algorithm: each pass reads one buffer and writes the
 * other, so there is no bit reversal and every inner loop runs over contiguous
 * numbers. Real and imaginary parts are separate planes [n][n_lanes]; a lane is
 * one transform and the lanes of one call share every twiddle factor. Radices
 * 4, 2, 3, 5 are written out, other primes up to EC_CFFT_MAX_PRIME are a plain
 * sum, and a length with a larger prime goes through Bluestein's chirp
 * convolution. Forward only: sign -1 in the exponent, no scaling.
 *
 * Invariants (tests/c/dsp/test_rfft.py)
 *   F1  run allocates nothing, and depends on nothing but plan and input
 *   F2  a lane's result does not depend on the other lanes or their number, nor
 *       on the vector width the processor offers
 */
#ifndef EC_CFFT_H
#define EC_CFFT_H

#include <stddef.h>
#include <stdint.h>

#include "../base/ec_status.h"

#define EC_CFFT_MAX_LENGTH (1u << 24)
#define EC_CFFT_MAX_PRIME  31u
#define EC_CFFT_MAX_PASSES 24

typedef struct ec_cfft {
    uint32_t n;
    uint32_t simd;                        /* kernels in use, EC_SIMD_...; may be lowered for a comparison */
    uint32_t n_passes;
    uint32_t radix[EC_CFFT_MAX_PASSES];   /* in the order of the passes */
    double  *twiddle[EC_CFFT_MAX_PASSES]; /* [length / radix][radix - 1][2], into `tables` */
    double  *roots[EC_CFFT_MAX_PASSES];   /* [radix][2], into `tables` */
    double  *tables;
    struct ec_cfft *chirp_fft;            /* Bluestein: of length >= 2n - 1; else NULL */
    double  *chirp;                       /* [n][2]: exp(-i pi k^2 / n) */
    double  *chirp_spectrum;              /* [chirp_fft->n][2], divided by its length */
} ec_cfft;

/* BAD_ARGUMENT for n == 0 or n > EC_CFFT_MAX_LENGTH; NO_MEMORY. After an error
 * *plan owns nothing. [control-thread] */
int32_t ec_cfft_init(ec_cfft *plan, uint32_t n);
void ec_cfft_destroy(ec_cfft *plan);      /* may be called twice. [control-thread] */

/* Doubles of each of the two buffers of a run: 2 planes of this many / 2. */
size_t ec_cfft_buffer_doubles(const ec_cfft *plan, uint32_t n_lanes);

/* Transform the planes re, im = buffer, buffer + plane, each [n][n_lanes]. Both
 * buffers are overwritten; returns the one the result is in, with the same
 * layout. `plane` >= ec_cfft_buffer_doubles / 2. [worker-thread, realtime] */
double *ec_cfft_run(const ec_cfft *plan, double *buffer, double *other, size_t plane, uint32_t n_lanes);

#endif

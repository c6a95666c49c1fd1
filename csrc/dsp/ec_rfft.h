/* ec_rfft.h - FFT of real numbers, any length, as numpy.fft.rfft.
 *
 * An even length n is one complex FFT of n / 2 on pairs of samples and one pass
 * that untangles them; an odd length is a complex FFT with zeros beside it.
 * No scaling; bin k is k * sps / n Hz, k = 0 .. n / 2.
 */
#ifndef EC_RFFT_H
#define EC_RFFT_H

#include "ec_cfft.h"

typedef struct ec_rfft {
    uint32_t n;
    ec_cfft  core;                        /* of n / 2 if n is even, else of n */
    double  *untangle;                    /* [n / 4 + 1][2]: exp(-2 pi i k / n); NULL for odd n */
} ec_rfft;

/* BAD_ARGUMENT for n == 0 or n > EC_CFFT_MAX_LENGTH; NO_MEMORY. After an error
 * *plan owns nothing. [control-thread] */
int32_t ec_rfft_init(ec_rfft *plan, uint32_t n);
void ec_rfft_destroy(ec_rfft *plan);      /* may be called twice. [control-thread] */

/* Doubles of scratch for runs of so many lanes. */
size_t ec_rfft_scratch_doubles(const ec_rfft *plan, uint32_t n_lanes);

/* out[n / 2 + 1] = re, im of in[n]. `scratch`: ec_rfft_scratch_doubles(plan, 1),
 * 64-byte aligned is faster. in and out may not overlap scratch. [worker-thread, realtime] */
void ec_rfft_run(const ec_rfft *plan, const double *in, double *out /* [n / 2 + 1][2] */, double *scratch);

/* Several lanes, without a copy. The caller stores sample t of lane l at
 * ec_rfft_place(plan, scratch, n_lanes, t)[l], for all t < n, then runs;
 * *re and *im point to the planes [n / 2 + 1][n_lanes] inside scratch. [worker-thread, realtime] */
double *ec_rfft_place(const ec_rfft *plan, double *scratch, uint32_t n_lanes, uint32_t t);
void ec_rfft_run_lanes(const ec_rfft *plan, double *scratch, uint32_t n_lanes, const double **re, const double **im);

#endif

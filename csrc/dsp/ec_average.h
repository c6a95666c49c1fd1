/* ec_average.h - mean or median of the newest spectra, rounded once.
 *
 * The last step of scipy.signal.welch: average="mean", or "median" divided by the
 * bias that the median of n exponentially distributed powers has against their
 * mean, 1 + sum over k = 2, 4 .. of 1 / (k + 1) - 1 / k (Allen et al. 2012,
 * FINDCHIRP, appendix B). Spectra are kept in double and in order, so the result
 * depends on nothing but them.
 *
 * Invariants (tests/c/dsp/test_average.py)
 *   V1  nothing is allocated after init; a value depends on the values of its own
 *       place only (NaN stays alone and is the one quiet NaN)
 */
#ifndef EC_AVERAGE_H
#define EC_AVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EC_AVERAGE_MAX 1000u

typedef struct ec_average {
    uint32_t most;                        /* spectra of a full average */
    uint32_t n;                           /* spectra there are, 0 .. most */
    uint32_t at;                          /* where the next one goes */
    bool     is_median;
    bool     is_db;
    size_t   size;                        /* values of a spectrum */
    double  *spectra;                     /* [most][size] */
    double  *work;                        /* of the median */
} ec_average;

/* BAD_ARGUMENT if most is not in 1 .. EC_AVERAGE_MAX or size < 1; NO_MEMORY. After
 * an error *a owns nothing. [control-thread] */
int32_t ec_average_init(ec_average *a, uint32_t most, bool is_median, bool is_db, size_t size);
void ec_average_destroy(ec_average *a);   /* may be called twice. [control-thread] */

/* Where the next spectrum is to be written, [size]; then ec_average_add takes it
 * in and forgets the oldest if there were `most`. [worker-thread, realtime] */
double *ec_average_place(const ec_average *a);
void ec_average_add(ec_average *a);

/* Forget all spectra. [worker-thread, realtime] */
void ec_average_clear(ec_average *a);

/* Take over the newest spectra of another average of the same size; it may not
 * be used afterwards but for destroy. [worker-thread, realtime] */
void ec_average_take(ec_average *a, ec_average *from);

/* out[size] = the average of the spectra there are, at least one. [worker-thread, realtime] */
void ec_average_read(const ec_average *a, float *out);

#endif

/* ec_analytic.h - the envelope of a narrow-band signal, two ways.
 *
 * The magnitude of the analytic signal: the signal delayed by the middle of a
 * Hilbert transformer, and what the transformer makes of it, are the two parts of
 * a complex signal without negative frequencies; its magnitude
 *     y[n] = sqrt(x[n - reach / 2]^2 + h[n]^2)
 * is the envelope (Oppenheim and Schafer, Discrete-Time Signal Processing, section
 * 12.4). The transformer is an ec_fir whose taps are antisymmetric; every second
 * tap of such a filter is zero and left out, so it is made with spacing 2.
 *
 * Or the size of every sample, which a low-pass then smooths: cheaper, and 2 / pi of
 * the amplitude of a sine.
 */
#ifndef EC_ANALYTIC_H
#define EC_ANALYTIC_H

#include "ec_fir.h"

/* Turn work[n_frames][n_padded] into its envelope in place, by a transformer of an even reach; 64-byte aligned.
 * [worker-thread, realtime] */
void ec_analytic_run(ec_fir *hilbert, double *work, uint32_t n_frames);

/* Replace every sample of work[n_frames][n_padded] by its size. [any-thread, realtime] */
void ec_rectify_f64(double *work, uint32_t n_frames, uint32_t n_padded);

#endif

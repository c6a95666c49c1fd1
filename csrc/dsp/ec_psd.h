/* ec_psd.h - power spectrum of one window, all channels.
 *
 * What scipy.signal.welch gives for nperseg = n and a signal of that length:
 * remove the mean, or the straight line of least squares, multiply by the periodic
 * window w, |rfft|^2 / (sps sum w^2) for a density and / (sum w)^2 for a spectrum,
 * and twice that for every bin that has a negative twin (all but 0 and, for even
 * n, n / 2). Computed in double. Input in uV gives uV^2/Hz or uV^2.
 *
 * Invariants (tests/c/dsp/test_psd.py)
 *   P1  a run allocates nothing; the result depends on the frames only, not on
 *       where a ring of frames wraps nor on the other channels (NaN stays alone)
 */
#ifndef EC_PSD_H
#define EC_PSD_H

#include <stdbool.h>

#include "ec_rfft.h"
#include "ec_window.h"

typedef enum ec_detrend { EC_DETREND_NONE, EC_DETREND_CONSTANT, EC_DETREND_LINEAR } ec_detrend;

typedef struct ec_psd_config {
    uint32_t n;                           /* frames of a window, 1 .. EC_CFFT_MAX_LENGTH */
    uint32_t n_channels;
    double   sps;
    uint32_t window;                      /* ec_window */
    uint32_t detrend;                     /* ec_detrend */
    double   beta;                        /* of a Kaiser window */
    bool     is_spectrum;                 /* uV^2 instead of uV^2/Hz */
    uint32_t bin_from;                    /* first bin of the output */
    uint32_t n_bins;
} ec_psd_config;

typedef struct ec_psd {
    ec_psd_config config;
    ec_rfft  fft;
    double  *window;                      /* [n] */
    double  *scale;                       /* [n_bins] */
    double  *scratch;
} ec_psd;

/* "constant" -> EC_DETREND_CONSTANT, "linear", "none"; -1 if unknown. [any-thread] */
int32_t ec_detrend_number(const char *name);

/* BAD_ARGUMENT if n < 1, n_channels < 1, sps is not a positive number, a name
 * number or beta is unknown, or bin_from + n_bins > n / 2 + 1; NO_MEMORY. After an
 * error *p owns nothing. [control-thread] */
int32_t ec_psd_init(ec_psd *p, const ec_psd_config *config);
void ec_psd_destroy(ec_psd *p);           /* may be called twice. [control-thread] */

/* A window that lies in a ring: n1 frames at part1, then n2 at part2, both
 * [n_frames][n_channels], n1 + n2 == n; a part of 0 frames may be NULL.
 * -> out[n_bins][n_channels]. [worker-thread, realtime] */
void ec_psd_run(ec_psd *p, const float *part1, uint32_t n1, const float *part2, uint32_t n2, double *out);

#endif

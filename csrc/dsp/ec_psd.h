/* ec_psd.h - power spectral density of one window, all channels.
 *
 * What scipy.signal.welch gives for nperseg = n and a signal of that length:
 * remove the mean, multiply by the periodic window w, |rfft|^2 / (sps sum w^2),
 * and twice that for every bin that has a negative twin (all but 0 and, for even
 * n, n / 2). Computed in double, rounded once. Input in uV gives uV^2/Hz.
 *
 * Invariants (tests/c/dsp/test_psd.py)
 *   P1  a run allocates nothing; the result depends on the frames only, not on
 *       where a ring of frames wraps nor on the other channels (NaN stays alone)
 */
#ifndef EC_PSD_H
#define EC_PSD_H

#include "ec_rfft.h"

typedef enum ec_window { EC_WINDOW_HANN, EC_WINDOW_HAMMING, EC_WINDOW_BLACKMAN, EC_WINDOW_RECTANGULAR } ec_window;
typedef enum ec_detrend { EC_DETREND_NONE, EC_DETREND_CONSTANT } ec_detrend;

typedef struct ec_psd {
    uint32_t n;                           /* frames of a window */
    uint32_t n_channels;
    uint32_t bin_from;                    /* first bin of the output */
    uint32_t n_bins;
    uint32_t detrend;
    ec_rfft  fft;
    double  *window;                      /* [n] */
    double  *scale;                       /* [n_bins] */
    double  *scratch;
} ec_psd;

/* "hann" -> EC_WINDOW_HANN ...; -1 if unknown. Likewise "constant", "none". [any-thread] */
int32_t ec_window_number(const char *name);
int32_t ec_detrend_number(const char *name);

/* Fill w[n] with the periodic window, as scipy.signal.get_window(name, n). [control-thread] */
int32_t ec_window_fill(double *w, uint32_t n, uint32_t window);

/* BAD_ARGUMENT if n < 1, n_channels < 1, sps is not a positive number, a name
 * number is unknown, or bin_from + n_bins > n / 2 + 1; NO_MEMORY. After an error
 * *p owns nothing. [control-thread] */
int32_t ec_psd_init(ec_psd *p, uint32_t n, double sps, uint32_t window, uint32_t detrend, uint32_t n_channels,
                    uint32_t bin_from, uint32_t n_bins);
void ec_psd_destroy(ec_psd *p);           /* may be called twice. [control-thread] */

/* frames[n][n_channels] -> out[n_bins][n_channels]. [worker-thread, realtime] */
void ec_psd_run(ec_psd *p, const float *frames, float *out);

/* The same for a window that lies in a ring: n1 frames at part1, then n2 at
 * part2, n1 + n2 == n. A part of 0 frames may be NULL. [worker-thread, realtime] */
void ec_psd_run_parts(ec_psd *p, const float *part1, uint32_t n1, const float *part2, uint32_t n2, float *out);

#endif

/* ec_window.h - the windows of a spectrum, the same bits everywhere.
 *
 * Periodic, as scipy.signal.get_window(name, n) gives them: a window of n + 1
 * symmetric points without its last. All are made of + - * / and sqrt: cosine
 * sums (hann, hamming, blackman; blackmanharris: Harris 1978, four terms, -92 dB;
 * flattop: D'Antona and Ferrero 2006, five terms) from ec_trig.h, and the Kaiser
 * window from the power series of the modified Bessel function I0.
 */
#ifndef EC_WINDOW_H
#define EC_WINDOW_H

#include <stdint.h>

typedef enum ec_window {
    EC_WINDOW_HANN,
    EC_WINDOW_HAMMING,
    EC_WINDOW_BLACKMAN,
    EC_WINDOW_RECTANGULAR,
    EC_WINDOW_BLACKMANHARRIS,
    EC_WINDOW_FLATTOP,
    EC_WINDOW_KAISER                      /* the only one that has a shape: beta */
} ec_window;

#define EC_WINDOW_MAX_BETA 50.0

/* "hann" -> EC_WINDOW_HANN ...; -1 if unknown. [any-thread] */
int32_t ec_window_number(const char *name);

/* Fill w[n]; beta is read for EC_WINDOW_KAISER only. BAD_ARGUMENT if n < 1, the
 * number is unknown, or beta is not in 0 .. EC_WINDOW_MAX_BETA. [control-thread] */
int32_t ec_window_fill(double *w, uint32_t n, uint32_t window, double beta);

#endif

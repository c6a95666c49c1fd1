#include "ec_window.h"

#include <math.h>
#include <string.h>

#include "../base/ec_status.h"
#include "../base/ec_trig.h"

#define TERMS 5

int32_t ec_window_number(const char *name)
{
    static const char *const NAMES[] = {"hann",           "hamming", "blackman", "rectangular",
                                        "blackmanharris", "flattop", "kaiser"};

    for (int32_t i = 0; i < (int32_t)(sizeof NAMES / sizeof *NAMES); i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* w[t] = a0 - a1 cos(2 pi t / n) + a2 cos(4 pi t / n) - ... */
static void cosine_sum(double *w, uint32_t n, const double *a)
{
    for (uint32_t t = 0; t < n; t++) {
        const double turns = (double)t / (double)n;
        double sum = a[0], s, c;
        for (uint32_t k = 1; k < TERMS; k++) {
            ec_sincos_turns((double)k * turns, &s, &c);
            sum += (k % 2 != 0 ? -a[k] : a[k]) * c;
        }
        w[t] = n == 1 ? 1.0 : sum;
    }
}

/* I0(x) = sum over k of (x / 2)^2k / k!^2: every term is positive, nothing cancels. */
static double bessel_i0(double x)
{
    const double q = 0.25 * x * x;
    double term = 1.0, sum = 1.0;

    for (double k = 1.0; term > 1e-18 * sum; k += 1.0) {
        term *= q / (k * k);
        sum += term;
    }
    return sum;
}

static void kaiser(double *w, uint32_t n, double beta)
{
    const double whole = bessel_i0(beta);

    for (uint32_t t = 0; t < n; t++) {
        const double x = 2.0 * ((double)t / (double)n) - 1.0;
        w[t] = n == 1 ? 1.0 : bessel_i0(beta * sqrt(1.0 - x * x)) / whole;
    }
}

int32_t ec_window_fill(double *w, uint32_t n, uint32_t window, double beta)
{
    static const double COSINES[][TERMS] = {
        [EC_WINDOW_HANN] = {0.5, 0.5},
        [EC_WINDOW_HAMMING] = {0.54, 0.46},
        [EC_WINDOW_BLACKMAN] = {0.42, 0.5, 0.08},
        [EC_WINDOW_RECTANGULAR] = {1.0},
        [EC_WINDOW_BLACKMANHARRIS] = {0.35875, 0.48829, 0.14128, 0.01168},
        [EC_WINDOW_FLATTOP] = {0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368},
    };

    if (n == 0 || window > EC_WINDOW_KAISER) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    if (window == EC_WINDOW_KAISER) {
        if (!(beta >= 0.0 && beta <= EC_WINDOW_MAX_BETA)) {
            return EC_STATUS_BAD_ARGUMENT;
        }
        kaiser(w, n, beta);
    } else {
        cosine_sum(w, n, COSINES[window]);
    }
    return EC_STATUS_OK;
}

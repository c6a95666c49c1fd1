/* ec_decibel.h - 10 log10 of a power, the same bits everywhere.
 *
 * No libm: the number is split into m 2^e with m in sqrt(1/2) .. sqrt(2), and
 * log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.1716, is its odd power series
 * up to s^21; what is left out is below 2e-18. Error < 4e-15 dB + 2 units in the
 * last place (tests/c/dsp/test_average.py), far below a float32.
 * 0 is -inf as in NumPy, and so is a denormal number: worker threads flush them.
 */
#ifndef EC_DECIBEL_H
#define EC_DECIBEL_H

#include <stdint.h>
#include <string.h>

/* NaN and numbers below 0 give NaN, inf gives inf. [any-thread, realtime] */
static inline double ec_decibel(double power)
{
    const double db_per_octave = 3.01029995663981195;                    /* 10 log10(2) */
    const double db_per_neper = 4.34294481903251828;                     /* 10 / ln(10) */
    uint64_t bits;
    int32_t exponent;
    double m, s, z, sum;

    memcpy(&bits, &power, sizeof bits);
    exponent = (int32_t)(bits >> 52 & 0x7FF);
    if (exponent == 0x7FF || bits >> 63 != 0) {
        if (exponent == 0 || power == 0.0) {
            return -__builtin_inf();                                     /* minus zero */
        }
        return power > 0.0 ? power : __builtin_nan("");
    }
    if (exponent == 0) {
        return -__builtin_inf();
    }
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    memcpy(&m, &bits, sizeof m);
    exponent -= 1023;
    if (m > 1.41421356237309505) {
        m *= 0.5;
        exponent += 1;
    }
    s = (m - 1.0) / (m + 1.0);
    z = s * s;
    sum = 1.0 / 21.0;
    for (int32_t k = 19; k >= 1; k -= 2) {
        sum = sum * z + 1.0 / (double)k;
    }
    return (double)exponent * db_per_octave + 2.0 * s * sum * db_per_neper;
}

#endif

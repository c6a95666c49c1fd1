#include "ec_format_csv.h"

#include <string.h>

#include "../base/ec_grid.h"

static const uint32_t POWER_OF_TEN[EC_FORMAT_MAX_DECIMALS + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
};

static const char PAIRS[201] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

static uint32_t count_digits(uint64_t v)
{
    uint32_t n = 1;

    for (; v >= 10000; v /= 10000) {
        n += 4;
    }
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* Exactly n digits of v, zeros in front. */
static void put_digits(char *p, uint64_t v, uint32_t n)
{
    for (; n >= 2; n -= 2, v /= 100) {
        memcpy(p + n - 2, PAIRS + 2 * (v % 100), 2);
    }
    if (n == 1) {
        p[0] = (char)('0' + v % 10);
    }
}

size_t ec_format_u64(char *p, uint64_t v)
{
    const uint32_t n = count_digits(v);

    put_digits(p, v, n);
    return n;
}

size_t ec_format_i32(char *p, int32_t v)
{
    if (v >= 0) {
        return ec_format_u64(p, (uint32_t)v);
    }
    *p = '-';
    return 1 + ec_format_u64(p + 1, 0u - (uint32_t)v);
}

size_t ec_format_seconds(char *p, int64_t t_ns)
{
    const uint64_t ns = t_ns < 0 ? 0u - (uint64_t)t_ns : (uint64_t)t_ns;
    char *const begin = p;

    if (t_ns < 0) {
        *p++ = '-';
    }
    p += ec_format_u64(p, ns / 1000000000u);
    *p++ = '.';
    put_digits(p, ns % 1000000000u, 9);
    return (size_t)(p + 9 - begin);
}

/* mantissa * 2^exponent, exponent > 0: an integer below 2^128. */
static char *put_large(char *p, uint32_t mantissa, int exponent)
{
    unsigned __int128 left = (unsigned __int128)mantissa << exponent;
    uint32_t nines[5], n = 0;                                            /* groups of nine digits, low first */

    for (; left > 0; left /= 1000000000u) {
        nines[n++] = (uint32_t)(left % 1000000000u);
    }
    p += ec_format_u64(p, nines[--n]);
    while (n > 0) {
        put_digits(p, nines[--n], 9);
        p += 9;
    }
    return p;
}

/* value * 10^decimals = mantissa * 10^decimals * 2^exponent as an integer,
 * rounded half to even. The product is below 2^24 * 2^30, so nothing is lost. */
static uint64_t scaled(uint32_t mantissa, int exponent, uint32_t decimals)
{
    const uint64_t product = (uint64_t)mantissa * POWER_OF_TEN[decimals];
    const uint32_t shift = (uint32_t)-exponent;
    uint64_t whole, rest, half;

    if (exponent >= 0) {
        return product << exponent;                                      /* exponent <= 6: below 2^60 */
    }
    if (shift > 55) {
        return 0;                                                        /* less than a half */
    }
    whole = product >> shift;
    rest = product & ((UINT64_C(1) << shift) - 1);
    half = UINT64_C(1) << (shift - 1);
    return whole + (rest > half || (rest == half && (whole & 1)));
}

static char *put_f32(char *p, float v, uint32_t decimals)
{
    uint32_t bits, mantissa;
    int exponent;

    memcpy(&bits, &v, sizeof bits);
    mantissa = bits & 0x7FFFFFu;
    exponent = (int)(bits >> 23 & 0xFFu);
    if (exponent == 0xFF && mantissa != 0) {
        memcpy(p, "nan", 3);
        return p + 3;
    }
    if (bits >> 31) {
        *p++ = '-';
    }
    if (exponent == 0xFF) {
        memcpy(p, "inf", 3);
        return p + 3;
    }
    mantissa |= exponent > 0 ? 0x800000u : 0;
    exponent = (exponent > 0 ? exponent : 1) - 150;

    if (exponent > 6) {                                                  /* 2^30 and more */
        p = put_large(p, mantissa, exponent);
        if (decimals > 0) {
            *p++ = '.';
            memset(p, '0', decimals);
            p += decimals;
        }
    } else {
        const uint64_t value = scaled(mantissa, exponent, decimals);
        const uint64_t whole = value / POWER_OF_TEN[decimals];
        p += ec_format_u64(p, whole);
        if (decimals > 0) {
            *p++ = '.';
            put_digits(p, value - whole * POWER_OF_TEN[decimals], decimals);
            p += decimals;
        }
    }
    return p;
}

static uint32_t bounded(uint32_t decimals)
{
    return decimals < EC_FORMAT_MAX_DECIMALS ? decimals : EC_FORMAT_MAX_DECIMALS;
}

size_t ec_format_f32(char *p, float v, uint32_t decimals)
{
    return (size_t)(put_f32(p, v, bounded(decimals)) - p);
}

size_t ec_format_row(char *buf, size_t cap, uint64_t frame_index, int64_t t_ns, const int32_t *counts,
                     uint32_t n_counts, const float *values, uint32_t n_values, uint32_t decimals)
{
    char *p = buf;

    if (cap < ec_format_row_bytes(n_counts, n_values)) {
        return 0;
    }
    decimals = bounded(decimals);
    p += ec_format_u64(p, frame_index);
    *p++ = ',';
    p += ec_format_seconds(p, t_ns);
    for (uint32_t i = 0; i < n_counts; i++) {
        *p++ = ',';
        p += ec_format_i32(p, counts[i]);
    }
    for (uint32_t i = 0; i < n_values; i++) {
        *p++ = ',';
        p = put_f32(p, values[i], decimals);
    }
    *p++ = '\n';
    return (size_t)(p - buf);
}

size_t ec_format_rows(char *buf, size_t cap, uint32_t n_frames, uint64_t frame_index, uint32_t step_num,
                      uint32_t step_den, int64_t t_ns, double sps, const int32_t *counts, uint32_t n_counts,
                      const float *values, uint32_t n_values, uint32_t decimals, uint32_t *n_done)
{
    size_t used = 0;
    uint32_t f = 0;

    for (; f < n_frames; f++) {
        const uint64_t index = ec_grid_frame(frame_index, f, step_num, step_den);
        const int64_t at_ns = t_ns + (int64_t)((double)f * 1e9 / sps + 0.5);
        const size_t n = ec_format_row(buf + used, cap - used, index, at_ns, counts, n_counts, values, n_values,
                                       decimals);
        if (n == 0) {
            break;
        }
        used += n;
        counts = counts != NULL ? counts + n_counts : NULL;
        values = values != NULL ? values + n_values : NULL;
    }
    *n_done = f;
    return used;
}

/* ec_trig.h - sine and cosine of an angle in turns, the same bits everywhere.
 *
 * The emulator's signals and the twiddle factors of the FFT must not depend on
 * the C library of the machine, so nothing here calls one: only comparisons,
 * conversions and + - * of doubles, in a fixed order (build with
 * -ffp-contract=off, otherwise a compiler may fuse a multiply into an add).
 *
 * Angles are turns (1.0 = 360 degrees) because turns can be reduced exactly:
 * a phase that is kept modulo 1 never drifts.
 *
 * Invariants (tests/c/dsp/test_trig.py)
 *   T1  absolute error < 2.3e-16 for every finite argument, which is less than
 *       two units in the last place of a result near 1
 *   T2  multiples of a quarter turn give exactly 0, 1 or -1
 *   T3  sine is odd and cosine even, bit for bit (a zero may change its sign)
 *   T4  NaN and infinities give NaN in both; no argument is undefined behaviour
 *
 * The polynomials are those of the kernels __kernel_sin and __kernel_cos of
 * fdlibm (Sun Microsystems, 1993), minimax on [-pi/4, pi/4], errors 2^-58.
 */
#ifndef EC_TRIG_H
#define EC_TRIG_H

#include <stdint.h>

/* sin(2 pi turns) and cos(2 pi turns). [any-thread, realtime] */
static inline void ec_sincos_turns(double turns, double *s, double *c)
{
    if (!(turns > -9007199254740992.0 && turns < 9007199254740992.0)) {
        *s = turns - turns;               /* 2^53 and more are whole turns: 0; inf and NaN: NaN */
        *c = *s + 1.0;
        return;
    }

    /* quarter + r = 4 turns with |r| <= 1/2; every step is exact. */
    const double quarters = turns * 4.0;
    int64_t quarter = (int64_t)quarters;
    double r = quarters - (double)quarter;
    if (r > 0.5) {
        r -= 1.0;
        quarter += 1;
    } else if (r < -0.5) {
        r += 1.0;
        quarter -= 1;
    }

    /* x + tail = r pi/2; the tail is what the double nearest to pi/2 leaves out. */
    const double x = r * 1.57079632679489655800e+00;
    const double tail = r * 6.12323399573676603587e-17;
    const double z = x * x;
    const double w = z * z;

    const double sin_high = 8.33333333332248946124e-03 +
        z * (-1.98412698298579493134e-04 + z * 2.75573137070700676789e-06) +
        z * w * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10);
    const double v = z * x;
    const double sin_x = x - ((z * (0.5 * tail - v * sin_high) - tail) - v * -1.66666666666666324348e-01);

    const double cos_high = z * (4.16666666666666019037e-02 +
        z * (-1.38888888888741095749e-03 + z * 2.48015872894767294178e-05)) +
        w * w * (-2.75573143513906633035e-07 +
        z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11));
    const double half_z = 0.5 * z;
    const double one = 1.0 - half_z;
    const double cos_x = one + (((1.0 - one) - half_z) + (z * cos_high - x * tail));

    switch (quarter & 3) {                /* two's complement: right for negative quarters too */
    case 0:  *s = sin_x;       *c = cos_x;       break;
    case 1:  *s = cos_x;       *c = 0.0 - sin_x; break;
    case 2:  *s = 0.0 - sin_x; *c = 0.0 - cos_x; break;
    default: *s = 0.0 - cos_x; *c = sin_x;       break;
    }
}

#endif

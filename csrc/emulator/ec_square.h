/* ec_square.h - square waves as the converter's sinc3 filter shows them.
 *
 * The chip makes two: its test signal (data sheet 9.6.1.3) and the lead-off
 * tone (9.3.2.4.3). Both divide the clock that the conversions divide, so a half
 * period is a whole number of conversions, or a fixed fraction for the emulator's other rates. A step takes three
 * conversions: 1/6, 5/6 and all of it (reference section 7), for steps that fall on a conversion.
 */
#ifndef EC_SQUARE_H
#define EC_SQUARE_H

/* Response to a unit step, x conversions after it: the integral of the filter's kernel. [any-thread, realtime] */
static inline double ec_sinc3_step(double x)
{
    if (x <= 0.0) {
        return 0.0;
    }
    if (x < 1.0) {
        return x * x * x / 6.0;
    }
    if (x < 2.0) {
        return (-2.0 * x * x * x + 9.0 * x * x - 9.0 * x + 3.0) / 6.0;
    }
    if (x < 3.0) {
        return 1.0 - (3.0 - x) * (3.0 - x) * (3.0 - x) / 6.0;
    }
    return 1.0;
}

/* Value of conversion n (from 0) of a square wave that has been +1, -1, +1 ... since ever, with a step up at
 * conversion 0 and one every `half` conversions (> 0). Within [-1, 1]. [any-thread, realtime] */
static inline double ec_sinc3_square(double n, double half)
{
    const double oldest = n - 3.0;
    double from = (double)(long long)(oldest / half);         /* step that made the level three conversions ago */

    if (from * half > oldest) {
        from -= 1.0;                      /* the cast rounds towards zero */
    }
    double value = (long long)from % 2 == 0 ? 1.0 : -1.0;
    for (double step = from + 1.0; step * half < n; step += 1.0) {
        const double up = (long long)step % 2 == 0 ? 2.0 : -2.0;
        value += up * ec_sinc3_step(n - step * half);
    }
    return value;
}

#endif

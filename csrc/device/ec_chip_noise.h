/* ec_chip_noise.h - input-referred noise of an ADS1299, from its data sheet.
 *
 * Typical rms values, inputs shorted, 25 C, VREF 4.5 V (SBAS499C tables 1 to 4)
 * for every gain and data rate of the chip. Noise power is linear in the
 * bandwidth between two neighbours of the table; below 250 SPS it falls in
 * proportion to the rate, above 16 000 SPS it grows as between 8000 and 16 000.
 */
#ifndef EC_CHIP_NOISE_H
#define EC_CHIP_NOISE_H

#include <stdint.h>

/* 1 if `gain` is one the chip has: 1 2 4 6 8 12 24. [any-thread] */
int32_t ec_gain_is_known(uint32_t gain);

/* Noise in uV rms at `gain` (a known one) and `sps` (> 0). [any-thread] */
double ec_chip_noise_uv(uint32_t gain, double sps);

#endif

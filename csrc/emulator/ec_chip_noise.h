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

/* Sums of four bytes, less their mean: variance 4 (256^2 - 1) / 12 = 21845, never beyond 3.45
 * sigma; the data sheet's peak-to-peak figures are 7 times its rms figures too. */
#define EC_NOISE_SD      147.80054127099805
#define EC_NOISE_LANES   8u
#define EC_NOISE_FRAMES  64u

/* 1 if `gain` is one the chip has: 1 2 4 6 8 12 24. [any-thread] */
int32_t ec_gain_is_known(uint32_t gain);

/* Noise in uV rms at `gain` (a known one) and `sps` (> 0). [any-thread] */
double ec_chip_noise_uv(uint32_t gain, double sps);

/* Two independent, nearly normal integers of standard deviation EC_NOISE_SD for each of the 64 frames from
 * `first`: functions of (key of the lane, number of the frame). [realtime] */
void ec_chip_noise_block(const uint64_t key[EC_NOISE_LANES], uint64_t first,
                         int32_t low[EC_NOISE_FRAMES][EC_NOISE_LANES],
                         int32_t high[EC_NOISE_FRAMES][EC_NOISE_LANES]);

#endif

/* ec_peak.h - how fast this core multiplies and adds, for the roofline of `eegcore bench`.
 *
 * The kernels of the core never fuse a multiplication with an addition, so their
 * roof is not the number on the processor's data sheet: it is the rate of
 * separate multiplications and additions, measured here with as many independent
 * chains as the registers hold and nothing else in the loop.
 */
#ifndef EC_PEAK_H
#define EC_PEAK_H

#include <stdint.h>

/* Do `rounds` multiplications and as many additions on every lane of every chain
 * with the widest vectors that run here. Returns the number of operations on single
 * doubles, multiplications and additions together. [any-thread] */
uint64_t ec_peak_run(uint64_t rounds);

/* Doubles per vector in use. [any-thread] */
uint32_t ec_peak_lanes(void);

#endif

/* ec_lanes.h - one group of channels of a work row as a vector, for kernels that choose between two
 * values per channel: compilers do not always see that a ternary has no branch.
 *
 * The compiler cuts a group into the vectors there are. Operations are per lane,
 * so every width gives the same bits.
 */
#ifndef EC_LANES_H
#define EC_LANES_H

#include <stdint.h>

#include "ec_sos.h"

typedef double ec_lanes __attribute__((vector_size(8 * EC_LANES), may_alias));
typedef int64_t ec_lane_bits __attribute__((vector_size(8 * EC_LANES), may_alias));   /* of a comparison: -1 or 0 */

#define EC_LANES_AT(row) (*(ec_lanes *)(row))             /* row is 64-byte aligned */
#define EC_LANES_OF(row) (*(const ec_lanes *)(row))

/* yes where the bits are set, else no. Macros: vectors this wide are no arguments of a function on every target. */
#define EC_CHOOSE(bits, yes, no) \
    ((ec_lanes)(((bits) & (ec_lane_bits)(yes)) | (~(bits) & (ec_lane_bits)(no))))
#define EC_IS_FINITE(x) ((x) - (x) == (ec_lanes){0})

#endif

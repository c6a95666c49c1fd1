/* ec_format_csv.h - numbers as text, exactly, and rows of a CSV file.
 *
 * A float32 is an integer times a power of two, so its decimal expansion is
 * finite: it is rounded once, half to even, in integer arithmetic. The text is
 * that of Python's '%.*f' for every float32, 'nan', 'inf', '-inf' and '-0.000'
 * included. No locale, no libm, no allocation.
 *
 * A row:  frame_index,seconds,counts...,values...\n
 * seconds is t_ns with nine decimals, exactly.
 */
#ifndef EC_FORMAT_CSV_H
#define EC_FORMAT_CSV_H

#include <stddef.h>
#include <stdint.h>

#define EC_FORMAT_MAX_DECIMALS 9
#define EC_FORMAT_U64_BYTES    20         /* the longest texts, without a terminator */
#define EC_FORMAT_I32_BYTES    11
#define EC_FORMAT_SECONDS_BYTES 21
#define EC_FORMAT_F32_BYTES    50         /* -3.4e38 with nine decimals */

/* Room that one row can need. */
static inline size_t ec_format_row_bytes(uint32_t n_counts, uint32_t n_values)
{
    return EC_FORMAT_U64_BYTES + 1 + EC_FORMAT_SECONDS_BYTES + 1 + (size_t)n_counts * (EC_FORMAT_I32_BYTES + 1) +
           (size_t)n_values * (EC_FORMAT_F32_BYTES + 1);
}

/* Write one number at p, return how many bytes; no terminator. `decimals` above
 * nine counts as nine. [any-thread, realtime] */
size_t ec_format_u64(char *p, uint64_t v);
size_t ec_format_i32(char *p, int32_t v);
size_t ec_format_seconds(char *p, int64_t t_ns);
size_t ec_format_f32(char *p, float v, uint32_t decimals);

/* Write one row with its line end; counts and values may be NULL if there are
 * none of them. Returns the bytes, or 0 if `cap` < ec_format_row_bytes. [any-thread, realtime] */
size_t ec_format_row(char *buf, size_t cap, uint64_t frame_index, int64_t t_ns, const int32_t *counts,
                     uint32_t n_counts, const float *values, uint32_t n_values, uint32_t decimals);

/* Rows of a packet: frame i has index frame_index + i * step_num / step_den, in
 * whole device frames whatever the packet (base/ec_grid.h), and time t_ns + i / sps, rounded to the nearest ns. counts[n_frames][n_counts],
 * values[n_frames][n_values]. Stops before a row that might not fit; returns the
 * bytes, *n_done the rows written. [any-thread, realtime] */
size_t ec_format_rows(char *buf, size_t cap, uint32_t n_frames, uint64_t frame_index, uint32_t step_num,
                      uint32_t step_den, int64_t t_ns, double sps, const int32_t *counts, uint32_t n_counts,
                      const float *values, uint32_t n_values, uint32_t decimals, uint32_t *n_done);

#endif

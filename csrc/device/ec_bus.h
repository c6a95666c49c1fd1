/* ec_bus.h - what the acquisition loop needs from a chip, real or emulated.
 *
 * One bus reads all chips of one source that share a data-ready line. The loop
 * in pyx/parts/acquire.pxi owns the order of calls:
 *     start -> (wait -> read every chip)* -> stop
 * All functions are called from the acquire thread only.
 */
#ifndef EC_BUS_H
#define EC_BUS_H

#include <stdint.h>

/* One falling edge of the data-ready line. */
typedef struct ec_drdy {
    uint64_t seqno;                       /* 1 for the first edge after start, no edge is skipped */
    int64_t  t_ns;                        /* clock of the run (monotonic, or virtual from 0) */
} ec_drdy;

typedef struct ec_bus {
    void *self;
    uint32_t n_chips;
    uint32_t patient;                     /* 1: unread conversions wait in the device; read gives the oldest */

    /* Begin converting; edges count from 1. 0 or a negative ec_status. */
    int32_t (*start)(void *self);

    /* Wait for edges not reported yet. Returns how many were written to `edges`
     * (oldest first, at most `max`), 0 when `deadline_ns` passed without one,
     * or a negative ec_status. `want` (>= 1) lets a patient device sleep until so many edges
     * are there; a device with one latch ignores it. A deadline of 0 is a poll. When `max` were
     * written there may be more: poll again. EC_STATUS_END_OF_DATA: a file is exhausted. */
    int32_t (*wait)(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *edges, uint32_t max);

    /* Read one conversion of one chip, status word first, as it comes over the wire.
     * `*t_begin_ns` and `*t_end_ns` bracket the transfer: an edge between them
     * may have torn the frame, and the newest edge not after *t_begin_ns is the conversion
     * that was read. (A patient device sets both to the stamp of that edge.) 0 or a negative
     * ec_status. */
    int32_t (*read)(void *self, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                    int64_t *t_begin_ns, int64_t *t_end_ns);

    /* Stop converting. `*last_seqno` is the last edge that happened. */
    int32_t (*stop)(void *self, uint64_t *last_seqno);
} ec_bus;

#endif

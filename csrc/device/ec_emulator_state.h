/* ec_emulator_state.h - what an emulator knows; private to csrc/device/ec_emulator*.c.
 *
 * Invariant: `now_ns` under the real clock is the end of the last transfer, or,
 * once stopped, the moment of the stop; under the virtual clock it is the time.
 */
#ifndef EC_EMULATOR_STATE_H
#define EC_EMULATOR_STATE_H

#include "ec_edge_clock.h"
#include "ec_emulator.h"
#include "ec_emulator_chip.h"

/* What one chip has given so far. */
typedef struct ec_chip_reading {
    uint64_t newest;                      /* largest conversion given, 0: none */
    ec_emulator_chip_truth truth;         /* never_read: up to `newest` */
} ec_chip_reading;

struct ec_emulator {
    ec_edge_clock clock;
    uint64_t limit;                       /* last conversion; UINT64_MAX: endless */
    uint64_t spi_hz;
    uint32_t n_chips;
    uint32_t lose;
    uint32_t virtual_clock;
    uint32_t started;

    int64_t  now_ns;   
    uint64_t reported;
    uint64_t overflowed;

    /* The line, for `lose`: rounds over all chips. */
    uint64_t round;                       /* conversion the open round began on; 0: none open */
    uint64_t line_newest;                 /* newest conversion a round began on */
    uint64_t line_begun;                  /* conversions with a round */
    uint64_t line_clean;
    uint64_t line_never_read;             /* below line_newest */

    ec_chip_reading reading[EC_EMULATOR_MAX_CHIPS];
    ec_chip  chip[];                      /* n_chips */
};

/* Edges that have happened at t_ns. [acquire, realtime] */
static inline uint64_t ec_emulator_edges_until(const ec_emulator *emulator, int64_t t_ns)
{
    const uint64_t n = ec_edge_count(&emulator->clock, t_ns);
    return n < emulator->limit ? n : emulator->limit;
}

/* The four functions of the bus, on this emulator. (ec_emulator_bus.c) [acquire, realtime] */
int32_t ec_emulator_start(void *self);
int32_t ec_emulator_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *edges, uint32_t max);
int32_t ec_emulator_read(void *self, uint32_t chip, uint8_t *frame, uint32_t n_bytes,
                         int64_t *t_begin_ns, int64_t *t_end_ns);
int32_t ec_emulator_stop(void *self, uint64_t *last_seqno);

#endif

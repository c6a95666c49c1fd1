/* ec_emulator_state.h - what an emulator knows; private to csrc/emulator/ec_emulator*.c.
 *
 * Invariants
 *   now_ns   virtual and patient clock: the time. Real clock: the end of the last transfer, which may
 *            lie ahead of the clock
 *   lines    every call of the bus ends with the lines synchronised to the time it ends at
 */
#ifndef EC_EMULATOR_STATE_H
#define EC_EMULATOR_STATE_H

#include "ec_emulated_chip.h"
#include "ec_emulator.h"
#include "ec_emulator_truth.h"

#define EC_WIRE_BYTES  4096u              /* of one message: bufsiz of spidev */

/* One data-ready line as the host's kernel sees it. */
typedef struct ec_line {
    int64_t  t_extra;                     /* a spurious edge to come; EC_NEVER: none */
    uint32_t seqno;
    uint64_t jitter_key;
} ec_line;

/* What is counted since the run began; a START that nobody made use of is taken back. */
typedef struct ec_tally {
    uint64_t events, overflowed, dropped, spurious;
    ec_books books;
} ec_tally;

struct ec_emulator {
    ec_emulator_config config;            /* `faults` points to our copy */
    ec_faults faults;
    uint32_t n_chips;
    uint32_t first_chip[EC_BUS_MAX_SELECTS];
    uint32_t read_bytes[EC_BUS_MAX_SELECTS];                  /* of a read that holds the frames of all its chips */
    int32_t  has_slaves;                  /* some chip is clocked by another */
    uint32_t fastest_hz;                  /* SCLK the chips keep up with; 0: the host has the wrong mode */

    int64_t  now_ns;
    int32_t  converting;                  /* patient: a START has been paced */
    int64_t  t_sclk;                      /* last falling edge of SCLK, whoever was selected (B-15) */
    int64_t  next_line_ns;                /* earliest edge of any line */

    ec_line  line[EC_BUS_MAX_CHIPS];
    ec_drdy  queue[EC_BUS_EVENT_QUEUE];
    uint32_t queue_head, queue_count;     /* oldest, how many */

    ec_tally tally;
    ec_tally tally_at_start;
    uint64_t base_at_start;
    uint64_t failed_transfers;
    int32_t  asked;                       /* real clock: the last call was `now` ... */
    uint64_t asked_conversion;            /* ... and this was on the latch of chip 0 */
    int32_t  begin_run;                   /* the next START is the first of a run */
    int32_t  in_use;                      /* a round was completed since the run began, before the last START */

    uint32_t wire_bytes_known;            /* length of a transfer, from the last one like it */
    uint32_t wire_hz_known;
    int64_t  wire_ns_known;
    uint8_t  wire[EC_WIRE_BYTES];         /* MISO of a message, in one piece */

    ec_emulated_chip chip[];              /* n_chips */
};

/* ---- time (ec_emulator_time.c) [realtime] ---- */
int64_t ec_emulator_now(const ec_emulator *e);
/* Let time reach t (paced only where the clock is). The time it then is. */
int64_t ec_emulator_until(ec_emulator *e, int64_t t, int64_t pace_ns);
/* A START: the patient clock joins the real one. */
void ec_emulator_pace_start(ec_emulator *e);
/* The real clock's bus is busy beyond its time: wait before more is asked of it. */
void ec_emulator_wait_for_wire(const ec_emulator *e);
void ec_emulator_sleep(void *self, int64_t ns);
int64_t ec_emulator_bus_now(void *self);

/* ---- lines and conversions (ec_emulator_lines.c) [realtime] ---- */
void ec_lines_sync_slow(ec_emulator *e, int64_t t);
void ec_lines_init(ec_emulator *e);
void ec_lines_update(ec_emulator *e);
/* After commands and line changes: clocks that came or went, appointments that moved. */
void ec_lines_after(ec_emulator *e, int64_t t);
/* `chip` has been given a START (the pin is common: chip 0 stands for all). */
void ec_lines_started(ec_emulator *e, uint32_t chip);
/* F-20 */
int32_t ec_emulator_gone(ec_emulator *e);

static inline void ec_lines_sync(ec_emulator *e, int64_t t)
{
    if (e->next_line_ns <= t) {
        ec_lines_sync_slow(e, t);
    }
}

static inline int32_t ec_chip_has_line(const ec_emulator *e, uint32_t chip)
{
    return chip < e->config.n_drdy;
}

/* What chip 0 has on its latch, of the run; 0: nothing since it began. */
static inline uint64_t ec_line_conversion(const ec_emulator *e)
{
    return e->chip[0].k == 0 ? 0 : ec_chip_conversion(&e->chip[0]);
}

/* One chip to t, its line with it. */
static inline void ec_emulator_sync_chip(ec_emulator *e, uint32_t chip, int64_t t)
{
    if (ec_chip_has_line(e, chip)) {
        ec_lines_sync(e, t);
    } else {
        ec_chip_sync(&e->chip[chip], t);
    }
}

/* A call of the bus begins that is not `now`: a round that waited for its end had it. Conversion of the line that the
 * caller may have seen last. */
static inline uint64_t ec_books_enter(ec_emulator *e)
{
    const uint64_t before = e->asked ? e->asked_conversion : ec_line_conversion(e);
    e->asked = 0;
    ec_books_close(&e->tally.books, e->tally.books.round.after);
    return before;
}

/* ---- the wire (ec_emulator_wire.c) [realtime] ---- */
/* SCLK the chips keep up with (data sheet 7.6). */
uint32_t ec_wire_fastest_hz(const ec_emulator_config *config);
int64_t ec_wire_ns(uint32_t n_bytes, uint32_t speed_hz);

/* One message that begins at `begin`; when it ends. `before`: conversion of the line when it was called. */
int64_t ec_wire_message(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n, int64_t begin,
                        uint64_t before);

/* Bits of the data of a select, gaps included. */
uint32_t ec_wire_data_bits(const ec_emulator *e, uint32_t select);

/* ---- the bus (ec_emulator_transfer.c, ec_emulator_bus.c) [realtime] ---- */
int32_t ec_emulator_transfer(void *self, uint32_t select, const ec_transfer *transfers, uint32_t n);
int32_t ec_emulator_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max);
int32_t ec_emulator_set_line(void *self, ec_bus_line line, uint32_t level);

#endif

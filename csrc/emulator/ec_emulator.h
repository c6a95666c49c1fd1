/* ec_emulator.h - ADS1299 chips in software behind an ec_bus: registers, timing, front end, faults.
 *
 * The driver cannot tell this bus from spidev and GPIO. Behaviours are those of
 * the data sheet as listed in the reference (B-01..B-35), faults those of F-01..F-22.
 * Conversion k of a chip (from 1, since START) is a pure function of the
 * configuration, the registers and k: the same bytes under every clock, in
 * every order of reading and on every machine.
 *
 * Clocks
 *   virtual  time starts at 0 and moves only in wait (to the next event), in transfers (wire time) and
 *            in sleep: as fast as the reader goes
 *   patient  time moves in the same way and by the same amounts, but an edge is not reported before CLOCK_MONOTONIC has
 *            reached it: a late reader finds that the emulated world has waited. Time before START is not
 *            paced (it runs some seconds behind the clock); START moves it up to the clock
 *   real     CLOCK_MONOTONIC; a late reader loses conversions, as with the chip. A transfer costs its wire time: the
 *            time of the bus is the later of the clock and the end of the last transfer
 *
 * One thread at a time, as the bus itself. After create: no allocation, no lock, no stdio; the only
 * system calls are clock_gettime and clock_nanosleep, none under the virtual clock.
 */
#ifndef EC_EMULATOR_H
#define EC_EMULATOR_H

#include <stdint.h>

#include "../base/ec_status.h"
#include "../device/ec_bus.h"

#define EC_EMULATOR_MAX_CHANNELS  256u
#define EC_EMULATOR_MAX_FAULTS    4096u

typedef enum ec_emulator_time { EC_TIME_VIRTUAL = 0, EC_TIME_PATIENT = 1, EC_TIME_REAL = 2 } ec_emulator_time;
typedef enum ec_stamp_jitter { EC_JITTER_LATE = 0, EC_JITTER_BOTH = 1 } ec_stamp_jitter;

/* What is injected. `at` counts conversions of `chip` since the run began, from 1 (below); `n` how many: 0 for one
 * of what happens once, and without end for the rest; `chip`: the chip, its line, or the select it is on. */
typedef enum ec_fault_kind {
    EC_FAULT_NONE = 0,
    EC_FAULT_DROP_EDGE,                   /* F-01: edges at..at+n-1 raise no event and no seqno */
    EC_FAULT_COALESCE,                    /* F-02: edges at and at+1 become one event with the later stamp; n: edges
                                             that go into the one behind them */
    EC_FAULT_OVERFLOW,                    /* F-03: events at..at+n-1 are lost from the queue: line_seqno jumps */
    EC_FAULT_SPURIOUS,                    /* F-04: an extra event `value` ns after edge `at` */
    EC_FAULT_EIO,                         /* F-05: the next n transfers to the select of `chip` from conversion `at` on
                                             fail with EIO, after wire time and `value` ns; n = 0: all */
    EC_FAULT_ETIMEDOUT,                   /* F-06: the same with ETIMEDOUT */
    EC_FAULT_SLOW,                        /* F-07: transfers to the select of `chip` in conversions at..at+n-1 begin
                                             `value` ns late */
    EC_FAULT_BIT_FLIP,                    /* F-08: bit `value` of the data (not status) of conversions at..at+n-1 */
    EC_FAULT_BAD_STATUS,                  /* F-09, F-12: prefix bit `value` (0..3) flipped in conversions at..at+n-1 */
    EC_FAULT_BIT_SLIP,                    /* F-10: from bit `value` on everything is one bit late in at..at+n-1 */
    EC_FAULT_MISO_STUCK,                  /* F-11: value 0, 0xFF, or 0x100 noise, for conversions at..at+n-1 */
    EC_FAULT_RESET,                       /* F-13: the chip falls back to its reset state at conversion `at` */
    EC_FAULT_DRDY,                        /* F-14: value 0 stuck low, 1 stuck high, 2 double rate, 3 half rate, for n
                                             conversions (the line only: the chip converts on) */
    EC_FAULT_WRITE_LOST,                  /* F-15: the next n WREG from `at` on are ignored (before START: at = 0) */
    EC_FAULT_LATE_START,                  /* F-17: `chip` begins `n` samples late; heals at the next START */
    EC_FAULT_SATURATE,                    /* F-18: all channels of `chip` at full scale in conversions at..at+n-1 */
    EC_FAULT_ELECTRODE_OFF,               /* F-19: channel `value` of `chip` is off in conversions at..at+n-1 */
    EC_FAULT_GONE                         /* F-20: from conversion `at` on every call gives ENODEV */
} ec_fault_kind;

typedef struct ec_fault {
    int32_t  kind;
    uint32_t chip;
    uint64_t at;
    uint64_t n;
    int64_t  value;
} ec_fault;

typedef struct ec_emulator_config {
    /* wiring, as the driver's configuration has it */
    uint32_t n_selects;
    uint8_t  chips_in[EC_BUS_MAX_SELECTS];
    uint8_t  n_channels[EC_BUS_MAX_CHIPS];               /* 4, 6 or 8 */
    uint8_t  id[EC_BUS_MAX_CHIPS];                       /* whole ID byte; 0: as n_channels says (F-21: another) */
    uint8_t  clock_master[EC_BUS_MAX_CHIPS];             /* 0: clocked by the nearest chip before it that has 1 */
    uint8_t  gap_bits;                                   /* of daisy chains, 0 or 1 */
    uint32_t n_drdy;                                     /* 1: line 0 is chip 0's; or one line per chip */
    uint8_t  start_wired, reset_wired, pwdn_wired;
    uint8_t  miso_idle;                                  /* level of undriven MISO: 00h or FFh */
    uint8_t  strict;                                     /* 1: wrong reserved bits are violations */
    uint8_t  spi_mode;                                   /* the host's: 1 is right, others shift a bit (B-35) */
    uint8_t  wreg_in_rdatac;                             /* 1: WREG works in RDATAC (B-07; not documented) */
    uint8_t  gpio_level[EC_BUS_MAX_CHIPS];               /* levels at the pins GPIO4..GPIO1, bits 3..0 */
    double   dvdd_v;                                     /* 3.3; below 2.7 SCLK ends at 15 MHz */
    int64_t  select_high_ns;                             /* the host leaves it high so long at least: 2000 */

    /* time */
    int32_t  time;                                       /* ec_emulator_time */
    double   rate_scale;                                 /* fDR of the table times this; 1 */
    double   clock_hz;                                   /* 2.048e6 */
    double   drift_ppm[EC_BUS_MAX_CHIPS];                /* of each oscillator; positive: slow */
    double   drift_ppm_per_s;
    double   jitter_us;                                  /* the edge itself is up to so much late; below the period */
    double   stamp_jitter_us;                            /* of the event's stamp alone: mean (LATE) or sd (BOTH) */
    int32_t  stamp_jitter;                               /* LATE: exponential; BOTH: normal */
    uint64_t seed;
    uint64_t n_frames_max;                               /* conversions since START before -ENODATA; 0: endless */
    int64_t  powered_ns;                                 /* how long supplies and clock are up at create; 1e9 */

    /* front end; see ec_front_end.h */
    int32_t  signal;                                     /* ec_signal_kind: what the electrodes see */
    double   vref_v;                                     /* reference at the chip: 4.5 internal, or what is connected */
    double   noise_scale;                                /* 1: data sheet tables 1 to 4; 0: none */
    double   offset_scale;                               /* 1: electrode offsets and drifts of signal eeg; 0: none */
    double   mains_hz, mains_uv, sine_hz, sine_uv;
    double   alpha_weight[EC_EMULATOR_MAX_CHANNELS];
    double   blink_weight[EC_EMULATOR_MAX_CHANNELS];
    double   electrode_kohm[EC_EMULATOR_MAX_CHANNELS];   /* positive input; 0: ideal */
    double   reference_kohm[EC_BUS_MAX_CHIPS];
    double   lead_off_scale[EC_EMULATOR_MAX_CHANNELS];   /* true lead-off current / nominal: 0.8..1.2 in silicon */

    /* signal file: one of the two, borrowed until destroy */
    const uint8_t *spi_frames;                           /* per conversion the frames of chip 0, chip 1, ... as sent */
    uint64_t       spi_bytes;
    const int32_t *counts;                               /* [n_frames][all channels]; clipped to 24 bits */
    uint64_t       counts_n_frames;
    uint8_t        loop;

    const ec_fault *faults;                              /* copied by create; in order of `at` */
    uint32_t        n_faults;
} ec_emulator_config;

/* What really happened, counted by the emulator and not by its reader.
 *
 * A run begins with the first START after create or after ec_emulator_run_begin; a further START (a recovery) counts
 * on. While no round was completed a START is taken back by the next one, with the conversions it made: so
 * the chips may be brought in step. Failed transfers, resets and violations count since create.
 * Edges that come after STOP (the conversion in progress ends) count once the bus was called after
 * them: a host that polls `wait` once after STOP has seen every one. */
typedef struct ec_emulator_truth {
    uint64_t conversions;                 /* of chip 0, until now or until stop */
    uint64_t events;                      /* handed out by wait, all lines */
    uint64_t overflowed;                  /* events the full queue (or F-03) forgot */
    uint64_t dropped;                     /* edges of line 0 without an event: F-01, F-02, F-14; F-03: overflowed */
    uint64_t spurious;
    /* Rounds. A round reads chip 0, chip 1 ... the last chip; judged as one transfer, by conversions of the
     * line: conversions == clean + spoiled + torn + never_read. Under the real clock it reaches from the `now` asked
     * directly before it to the `now` asked directly behind it, as the host must judge it. */
    uint64_t clean;                       /* every chip gave it whole with a good status word, in one round */
    uint64_t spoiled;                     /* whole, but to be refused: a prefix that is not 1100, or (DAISY_EN = 1, read
                                             on past the frame) a repeated status word that differs */
    uint64_t torn;                        /* a round began on it, and an edge came before its end */
    uint64_t never_read;                  /* no round began on it that reached the last chip */
    uint64_t repeated;                    /* rounds on a conversion already given; in none of the above */
    uint64_t failed_transfers;            /* EIO and ETIMEDOUT given */
    uint64_t resets;                      /* of any chip, commanded or not */
    uint64_t violations;                  /* data sheet rules broken by the host: reserved bits, tSDECODE, tSCCS... */
    uint32_t last_violation;              /* B-number of the last, 0: none */
} ec_emulator_truth;

typedef struct ec_emulator ec_emulator;

/* One chip of 8 channels, 4.5 V, signal eeg, virtual clock, START and RESET wired, one data-ready line, a quiet room:
 * no faults. [any-thread] */
void ec_emulator_config_default(ec_emulator_config *config);

/* NULL if the configuration can run, else one static sentence that begins with the field. [any-thread] */
const char *ec_emulator_check(const ec_emulator_config *config);

/* Allocate everything. NULL and *status (BAD_SETTING, NO_MEMORY) on failure; `status` may be NULL. [control-thread] */
ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status);
void         ec_emulator_destroy(ec_emulator *emulator);       /* NULL is allowed. [control-thread] */

/* Valid until destroy. [control-thread] */
ec_bus ec_emulator_bus(ec_emulator *emulator);

/* [the thread of the bus, or any-thread while it is quiet] */
void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth);

/* The next START is the first of a run: truth and faults count from it. For hosts that read data
 * while they bring the chips up. [thread of the bus] */
void ec_emulator_run_begin(ec_emulator *emulator);

/* Level of the DRDY pin of `chip` now, as a probe on the board would show it. [thread of the bus] */
uint32_t ec_emulator_drdy_level(ec_emulator *emulator, uint32_t chip);

/* Let virtual time pass, as a reader that does something else would. BAD_ARGUMENT under other
 * clocks. [thread of the bus] */
int32_t ec_emulator_advance(ec_emulator *emulator, int64_t ns);

#endif

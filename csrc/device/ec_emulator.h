/* ec_emulator.h - one to 64 ADS1299 chips made of arithmetic, behind an ec_bus.
 *
 * All chips share one data-ready line. Conversion k (from 1, the seqno of its
 * edge) is a pure function of the configuration and k: the bytes are the same
 * under both clocks, in every order of reading and on every machine.
 *
 * Invariants (tests/emulator/test_emulator_*.py check each by its number)
 *   M1  edge k happens at t_start + k * period * (1 + drift), rounded down to a
 *       nanosecond from exact integers, plus a jitter in [0, jitter_us] that
 *       depends on (seed, k) only; stamps are strictly increasing
 *   M2  the stamp is the moment: reports, latches and tearing are all judged by it
 *   M3  channel c depends on (seed, c) and its own settings, not on n_chips
 *   M4  edges == clean + torn + never_read, for the line and for every chip
 *   M5  after create: no allocation, no lock, no stdio; the only system calls
 *       are clock_gettime and clock_nanosleep, none under the virtual clock
 *
 * Two kinds of lateness
 *   buffer  A patient device: unread conversions wait for ever. `read` returns
 *           the oldest conversion this chip has not given yet and that `wait` has
 *           reported; *t_begin_ns = *t_end_ns = the stamp of its edge.
 *   lose    One latch, as in the chip. `read` takes the newest conversion whose
 *           stamp is <= t_begin; an edge in (t_begin, t_end] tears the frame: from
 *           the byte on the wire at that moment the bytes are those of the newer
 *           conversion (B-17). A transfer lasts 8 * n_bytes / spi_hz. Nothing
 *           sleeps for it: the emulator's clock is the later of the run's clock and
 *           the end of the last transfer, so a poll right after a read already
 *           sees the edges inside it. The kernel's queue holds 1024 edges;
 *           beyond that the oldest are lost and seqno shows it.
 *           Before the first edge a read returns zeros (B-18).
 *
 * Virtual clock: time starts at 0 and moves only in wait (to the edge waited
 * for), in a `lose` transfer, and in ec_emulator_advance. There an edge always
 * comes: a deadline of 0 makes wait a poll, any later one is not looked at.
 *
 * One thread at a time: start, wait, read and stop belong to [acquire]; the
 * rest is called while stopped, or by the same thread.
 */
#ifndef EC_EMULATOR_H
#define EC_EMULATOR_H

#include <stdint.h>

#include "../base/ec_status.h"
#include "ec_bus.h"
#include "ec_signal.h"

#define EC_EMULATOR_MAX_CHIPS     64u
#define EC_EMULATOR_MAX_CHANNELS  256u
#define EC_EMULATOR_EDGE_QUEUE    1024u   /* edges the kernel keeps for a late reader */

typedef enum ec_emulator_late {
    EC_LATE_BUFFER = 0,
    EC_LATE_LOSE   = 1
} ec_emulator_late;

typedef struct ec_emulator_config {
    uint32_t n_chips;                     /* 1..64, at most 256 channels together */
    uint8_t  channels_per_chip[EC_EMULATOR_MAX_CHIPS];        /* 4, 6 or 8; a frame has 3 + 3 n bytes */
    double   sps;                         /* 1..1 000 000, whole millihertz */
    double   vref_v;                      /* above 0, at most 10 */
    uint8_t  gain[EC_EMULATOR_MAX_CHANNELS];                  /* 1 2 4 6 8 12 24, one per channel */

    int32_t  signal;                      /* ec_signal_kind */
    int32_t  late;                        /* ec_emulator_late */
    uint32_t virtual_clock;               /* 0: CLOCK_MONOTONIC */
    uint32_t loop;                        /* file: begin again at its end */
    uint64_t seed;
    uint64_t n_frames_max;                /* conversions before END_OF_DATA; 0: endless */

    double   drift_ppm;                   /* +-100 000; positive: every period longer, the true rate lower */
    double   jitter_us;                   /* an edge is stamped up to so much late; 0 .. below the period */
    double   spi_hz;                      /* wire speed of `lose`; 10 kHz..100 MHz */

    double   mains_hz;                    /* eeg; 0: no mains. Lines at or above sps / 2 are left out */
    double   mains_uv;                    /* eeg; a channel has between 1/8 and 1 of this amplitude */
    double   sine_hz;                     /* sine; below sps / 2. Channel c is c/16 turn ahead */
    double   sine_uv;                     /* sine; amplitude */
    double   alpha_weight[EC_EMULATOR_MAX_CHANNELS];          /* eeg; 1: 20 uV at its strongest */
    double   blink_weight[EC_EMULATOR_MAX_CHANNELS];          /* eeg; 1: 150 uV */

    /* signal file: one of the two, borrowed until destroy. */
    const uint8_t *spi_frames;            /* per conversion the frame of chip 0, chip 1, ..., as they are */
    uint64_t       spi_bytes;             /* a whole number of conversions */
    const int32_t *counts;                /* [n_frames][n_channels]; clipped to 24 bits, status C0 00 00 */
    uint64_t       counts_n_frames;
} ec_emulator_config;

/* What really happened, counted by the emulator and not by its reader. */
typedef struct ec_emulator_chip_truth {
    uint64_t clean;                       /* conversions given whole at least once */
    uint64_t torn;                        /* conversions of which only a torn frame was given */
    uint64_t never_read;
    uint64_t repeated;                    /* reads of a conversion already given; in none of the above */
    uint64_t early;                       /* reads before the first edge */
} ec_emulator_chip_truth;

typedef struct ec_emulator_truth {
    uint64_t edges;                       /* that happened until now, or until stop */
    uint64_t reported;                    /* seqno of the newest edge wait has reported */
    uint64_t overflowed;                  /* edges the full queue forgot */
    /* Conversions of the whole line. A round reads chip 0, chip 1 ... the last chip; it
     * is judged as one transfer, since frames of two conversions make no wide frame. */
    uint64_t clean;                       /* every chip gave it whole, in one round */
    uint64_t torn;                        /* a round began on it, and an edge came before its end */
    uint64_t never_read;                  /* no round began on it */
    uint32_t n_chips;
    ec_emulator_chip_truth chip[EC_EMULATOR_MAX_CHIPS];
} ec_emulator_truth;

typedef struct ec_emulator ec_emulator;

/* Fill *config with one chip of 8 channels, 250 SPS, gain 24, VREF 4.5 V, signal
 * eeg with mains of 50 Hz and up to 40 uV, spi_hz 8 MHz, late buffer, real clock,
 * and weights of a cap (Fp1 Fp2 C3 C4 P7 P8 O1 O2, repeated). [any-thread] */
void ec_emulator_config_default(ec_emulator_config *config);

/* NULL if the configuration can run, else one static sentence that names the
 * field. [any-thread] */
const char *ec_emulator_check(const ec_emulator_config *config);

/* Allocate everything a run needs. NULL and *status (BAD_SETTING, NO_MEMORY) on
 * failure; `status` may be NULL. The caller owns the result. [control-thread] */
ec_emulator *ec_emulator_create(const ec_emulator_config *config, int32_t *status);

/* The bus; valid until destroy. Every start begins the signal, the seqno and
 * the truth anew. [control-thread, stopped] */
ec_bus ec_emulator_bus(ec_emulator *emulator);

void ec_emulator_destroy(ec_emulator *emulator);           /* NULL is allowed. [control-thread, stopped] */

/* [acquire, or any-thread while stopped] */
void ec_emulator_truth_get(const ec_emulator *emulator, ec_emulator_truth *truth);

/* Bytes of one frame of `chip`: 3 + 3 n. 0 for a chip that does not exist. [any-thread] */
uint32_t ec_emulator_frame_bytes(const ec_emulator *emulator, uint32_t chip);

/* Emulator's time now, ns: what the next read would begin with. [acquire] */
int64_t ec_emulator_now(const ec_emulator *emulator);

/* Let virtual time pass, as a reader that does something else would. BAD_ARGUMENT
 * under the real clock or for ns < 0. [acquire, started] */
int32_t ec_emulator_advance(ec_emulator *emulator, int64_t ns);

#endif

/* ec_ads1299.h - the driver: one to 64 ADS1299 chips that share a sample clock.
 *
 *     open a bus -> ec_ads1299_init -> bring_up -> start -> (wait for an edge -> read)* -> stop
 *
 * The registers to write come as an image of 24 bytes per chip; the driver
 * enforces the fixed bits before anything reaches the bus (F-22), writes,
 * reads back, compares, and derives rate and gains from what it read back.
 * It knows nothing of packets and nothing of which bus it is on.
 *
 * Invariants
 *   D1  no byte but 00h is sent while data are read (the chip decodes DIN meanwhile)
 *   D2  commands go at command_hz (at most 2 * fCLK), data at spi_hz
 *   D3  every wait named by the data sheet is at least that long on the bus's own clock
 *   D4  read() gives frames of one round: chip 0 of select 0 first, all behind one edge
 *   D5  a failed step leaves `report` with the step, the chip, what was expected and what was seen
 *   D6  nothing is allocated; everything lives in the struct and on the stack
 */
#ifndef EC_ADS1299_H
#define EC_ADS1299_H

#include <stdint.h>

#include "../base/ec_counter.h"
#include "../base/ec_status.h"
#include "ec_bus.h"
#include "ec_registers.h"

#define EC_FRAME_BYTES_MAX  27u
#define EC_NO_REGISTER      0xFFu                      /* `address` of a report that is about no register */
#define EC_PENDING_MAX      256u

typedef struct ec_ads1299_config {
    uint32_t n_selects;
    uint8_t  chips_in[EC_BUS_MAX_SELECTS];             /* 1, or the length of the daisy chain behind the select */
    uint8_t  n_channels[EC_BUS_MAX_CHIPS];             /* 4, 6 or 8: the variant expected, nearest chip first */
    uint8_t  registers[EC_BUS_MAX_CHIPS][EC_N_REGISTERS];   /* ID and LOFF_STAT entries are ignored; in a chain
                                                               the chips of one select have equal images */
    uint8_t  clock_master[EC_BUS_MAX_CHIPS];           /* 1: drives CLK for the chips that have 0 (then they have
                                                          no clock before CLK_EN of the master); all 1: own clocks */
    uint32_t spi_hz;                                   /* data; commands go at the lower of this and 2 MHz */
    double   clock_hz;                                 /* fCLK, 2.048e6 unless clocked from outside */
    double   rate_scale;                               /* 1; the emulator's other rates: fDR of the table times this */
    uint32_t n_drdy;                                   /* data-ready lines that are wired: 1, or one per chip */
    uint32_t trailer;                                  /* 1: read 3 bytes more of every chip that is alone on its select and not
                                                          in chain mode: they repeat the status word, or a bit slipped (F-10) */
} ec_ads1299_config;

typedef enum ec_ads1299_step {
    EC_STEP_NONE = 0, EC_STEP_RULES, EC_STEP_RESET, EC_STEP_ID, EC_STEP_RESET_VALUES, EC_STEP_CLOCK, EC_STEP_WRITE,
    EC_STEP_READ_BACK, EC_STEP_CHAIN, EC_STEP_START, EC_STEP_SYNC, EC_STEP_CHECK
} ec_ads1299_step;

/* What went wrong, for a sentence. */
typedef struct ec_ads1299_report {
    ec_ads1299_step step;
    uint32_t chip;
    uint32_t address;                                  /* register, where it is one */
    uint32_t expected;
    uint32_t seen;
    uint32_t attempts;
    int32_t  error;                                    /* errno of the bus, positive; 0: none */
} ec_ads1299_report;

typedef struct ec_ads1299 {
    ec_bus   bus;
    ec_ads1299_config config;
    uint32_t n_chips;
    uint32_t first_chip[EC_BUS_MAX_SELECTS];
    uint32_t gap_bits[EC_BUS_MAX_SELECTS];             /* daisy chains: 0 or 1 bit between devices, found at bring-up */
    uint8_t  seen[EC_BUS_MAX_CHIPS][EC_N_REGISTERS];   /* as read back */
    double   sps;                                      /* nominal, from CONFIG1 as read back, clock_hz and rate_scale */
    ec_ads1299_report report;
    uint32_t seqno_last[EC_BUS_MAX_CHIPS];             /* per data-ready line: line_seqno of the last edge seen, 0: none */
    uint32_t seqno_at_start[EC_BUS_MAX_CHIPS];         /* the same just before START: the first edge behind it is one more */
    ec_drdy  pending[EC_PENDING_MAX];                  /* edges start() looked at and ec_ads1299_wait has still to give */
    uint32_t n_pending;
    uint32_t next_pending;
    ec_counter retries;                                /* transfers repeated after EIO or ETIMEDOUT */
    ec_counter io_errors;                              /* transfers that failed for good */
    ec_counter slips;                                  /* frames whose trailer was not their status word */
    ec_counter start_toggles;                          /* STARTs repeated because chips were out of step (F-17) */
} ec_ads1299;

/* [control-thread] */
void ec_ads1299_init(ec_ads1299 *d, const ec_bus *bus, const ec_ads1299_config *config);

/* Reset, identify, write, read back, lock the gap of daisy chains. 0 or BAD_SETTING (fixed bits, reserved codes, single shot,
 * unequal rates, wiring that cannot be), DEVICE_IO (bus, or "stuck" when the ID reads 00h or FFh), BAD_DEVICE (wrong
 * part, or registers that do not hold), DEVICE_GONE, NO_DRDY (a chain that does not convert). A chain converts for
 * a few frames meanwhile. May take a second on a real clock. [control-thread, or acquire to recover] */
int32_t ec_ads1299_bring_up(ec_ads1299 *d);

/* What is wrong with the configuration, before any device is opened: 0 or BAD_SETTING with `report`. The first step of
 * bring_up. [any-thread] */
int32_t ec_ads1299_rules(const ec_ads1299_config *config, ec_ads1299_report *report);

/* RDATAC, empty the event queue, START low then high (line preferred, else STOP and START to every select): RDATAC first,
 * because it must keep 4 tCLK away from an edge and before START there is none. With several data-ready lines:
 * first edges further apart than half a period are brought together by toggling START, at most 3 times
 * (F-17); then BAD_DEVICE, or NO_DRDY if a line stays silent. *t_start_ns: the bus's clock just before
 * START rose. [acquire] */
int32_t ec_ads1299_start(ec_ads1299 *d, int64_t *t_start_ns);

/* The bus's wait, behind the edges that start() had to look at: use this one after start(). [acquire, realtime] */
int32_t ec_ads1299_wait(ec_ads1299 *d, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max);

/* Read the newest conversion of every chip: frames[chip] holds status word and channels, as on the wire. A frame whose
 * trailer differs from its status word gets the prefix 0000, so that whoever looks for 1100 refuses it.
 * A transfer that fails with EIO or ETIMEDOUT is repeated while `deadline_ns` (bus clock: the last moment a read may
 * begin) is not passed, at most 3 times. *t_begin_ns and *t_end_ns bracket the round. 0; DEVICE_IO (given up:
 * the frame is lost, the chip may be well); DEVICE_GONE (ENODEV, ESHUTDOWN). [acquire, realtime] */
int32_t ec_ads1299_read(ec_ads1299 *d, int64_t deadline_ns, uint8_t frames[][EC_FRAME_BYTES_MAX],
                        int64_t *t_begin_ns, int64_t *t_end_ns);

/* Read the configuration registers of every chip and compare with what was written; SDATAC before, RDATAC after. A
 * difference is read once more before it counts. Fits between two edges only if ec_ads1299_check_ns is below
 * the period. 0, BAD_DEVICE (a chip that fell back to its reset state, F-13), DEVICE_IO (also: not even the ID
 * is there, or the answers differ each time, F-11), DEVICE_GONE. [acquire] */
int32_t ec_ads1299_check(ec_ads1299 *d);
int64_t ec_ads1299_check_ns(const ec_ads1299 *d);

/* Bytes and time on the wire for one round over all chips, ns, without any host overhead. [any-thread] */
int64_t ec_ads1299_wire_ns(const ec_ads1299_config *config);

/* STOP (line or opcode) and SDATAC. Errors are ignored: the device may be gone. [acquire] */
void ec_ads1299_stop(ec_ads1299 *d);

#endif

/* ec_emulated_chip.h - one ADS1299: registers, opcodes, conversions and its serial interface.
 *
 * A chip lives in the time it is told: every function gets the moment it happens at, and
 * moments never go back. It knows nothing of other chips; what they share
 * (lines, clocks, the wire) is the emulator's.
 *
 * Invariants
 *   H1  between two conversions nothing about a chip changes by itself: t_next is the only appointment
 *   H2  conversion k is on the latch from t_edge (included) to t_next (not included)
 *   H3  registers hold what a read would show, but for GPIO levels and ID, which are composed
 */
#ifndef EC_EMULATED_CHIP_H
#define EC_EMULATED_CHIP_H

#include <stdint.h>

#include "ec_edge_clock.h"
#include "ec_faults.h"
#include "ec_front_end.h"

#define EC_NEVER  INT64_MAX

/* What the next byte on DIN is (data sheet 9.5.3). */
typedef enum ec_chip_in {
    EC_IN_COMMAND = 0, EC_IN_READ_COUNT, EC_IN_WRITE_COUNT, EC_IN_WRITE_VALUE
} ec_chip_in;

/* What DOUT shifts. */
typedef enum ec_chip_out {
    EC_OUT_ZERO = 0,
    EC_OUT_LIVE,                          /* RDATAC: the latch, which the next conversion overwrites (B-17) */
    EC_OUT_HELD,                          /* RDATA: a copy of it (B-18) */
    EC_OUT_REGISTERS
} ec_chip_out;

typedef struct ec_emulated_chip {
    /* fixed */
    const ec_emulator_config *config;
    const ec_faults *faults;
    uint32_t number;
    uint32_t oscillator;                  /* the chip that drives its CLK: itself, or the clock master before it */
    uint32_t frame_bytes;
    uint8_t  id;
    uint8_t  channel_mask;                /* bits that exist */
    double   tclk_ns;

    /* power and clock */
    uint32_t clocked;
    uint32_t powered;
    int64_t  alive_from;                  /* tPOR is over; EC_NEVER while it cannot even begin */
    int64_t  deaf_until;                  /* after a reset, or awake from */

    /* registers and modes */
    uint8_t  registers[EC_N_REGISTERS];
    uint8_t  gpio_out;                    /* what was written to GPIOD */
    uint32_t rdatac;
    uint32_t standby;
    uint32_t start_pin, start_command;
    int64_t  reset_low;                   /* the RESET pin went low; EC_NEVER: it is high */
    int64_t  reference_from;              /* the reference buffer was switched on */

    /* conversions: k since the filter began, base + k since the run began */
    ec_edge_clock clock;
    uint64_t base;
    uint64_t k;
    uint64_t k_last;                      /* the one to finish with */
    uint64_t limit;                       /* of base + k */
    int64_t  t_edge, t_next;              /* of k (if > 0) and k + 1; t_next EC_NEVER: halted */
    uint64_t skip;                        /* conversions the next start leaves out (F-17) */
    ec_front_end front_end;

    /* serial interface */
    ec_chip_in  in;
    ec_chip_out out;
    uint32_t address, left;               /* of the register command in hand */
    uint64_t out_bits;                    /* shifted since `out` was chosen */
    int64_t  decoder_free;                /* a command byte that ends before is not seen (tSDECODE) */
    int64_t  select_end;                  /* the select went high */
    int32_t  ignore_next;                 /* it had not been high for 2 tCLK */
    uint32_t bytes_in;                    /* since it went low */
    uint8_t  held[EC_SPI_FRAME_STRIDE];
    uint8_t  spoiled[EC_SPI_FRAME_STRIDE];
    uint64_t spoiled_conversion;
    int64_t  slip_bit;                    /* of the spoiled one: from here on it is one bit late; -1: it is not */

    uint64_t quiet_until;                 /* conversions below are untouched by faults (L1) */
    uint64_t loud_conversion;             /* one that is known not to be; UINT64_MAX: none */
    uint64_t reset_at;                    /* F-13 */

    /* books */
    uint64_t resets;
    uint64_t starts;
    uint64_t violations;
    uint32_t last_violation;
} ec_emulated_chip;

/* A chip that has been powered for config->powered_ns at t. [control-thread] */
void ec_chip_init(ec_emulated_chip *chip, const ec_emulator_config *config, const ec_faults *faults,
                  uint32_t number, int64_t t, uint64_t limit);

/* ---- lines [realtime] ---- */
void ec_chip_start_pin(ec_emulated_chip *chip, uint32_t level, int64_t t);
void ec_chip_reset_pin(ec_emulated_chip *chip, uint32_t level, int64_t t);
void ec_chip_reset(ec_emulated_chip *chip, int64_t t);
void ec_chip_power(ec_emulated_chip *chip, uint32_t on, int64_t t);
void ec_chip_clock(ec_emulated_chip *chip, uint32_t on, int64_t t);

/* ---- conversions (ec_chip_conversions.c) [realtime] ---- */

/* The next conversion ends: t_next becomes t_edge. Only while t_next is not EC_NEVER. */
void ec_chip_step(ec_emulated_chip *chip);

static inline void ec_chip_sync(ec_emulated_chip *chip, int64_t t)
{
    while (chip->t_next <= t) {
        ec_chip_step(chip);
    }
}

/* The filter begins anew at t; the first result is there after tSETTLE. */
void ec_chip_begin(ec_emulated_chip *chip, int64_t t);
/* No more than the conversion in progress, or the next one if that ends within 16 tCLK. */
void ec_chip_finish(ec_emulated_chip *chip, int64_t t);
void ec_chip_halt(ec_emulated_chip *chip);

/* Count on from `base` conversions of the run. Between START and the first conversion. */
void ec_chip_count_from(ec_emulated_chip *chip, uint64_t base);

/* Conversions that will have ended at t >= now, of the run. */
uint64_t ec_chip_count_at(const ec_emulated_chip *chip, int64_t t);

/* Level of the DRDY pin; `t_sclk`: last falling edge of SCLK until t, whoever was selected (B-15). */
uint32_t ec_chip_drdy(const ec_emulated_chip *chip, int64_t t, int64_t t_sclk);

/* The frame on the latch, faults included; zeros before the first. Until the next call. */
const uint8_t *ec_chip_latch(ec_emulated_chip *chip);

/* ---- serial interface (ec_chip_serial.c) [realtime] ---- */
void ec_chip_select(ec_emulated_chip *chip, int64_t t);
void ec_chip_deselect(ec_emulated_chip *chip, int64_t t);

/* One byte on DIN, its last bit clocked at t; the select goes high `hold_ns` after that
 * (EC_NEVER: more bytes follow). */
void ec_chip_receive(ec_emulated_chip *chip, uint8_t byte, int64_t t, int64_t hold_ns);

/* Registers take effect at the front end from the next conversion on. */
void ec_chip_apply(ec_emulated_chip *chip);

/* What RREG shows. */
uint8_t ec_chip_read_register(const ec_emulated_chip *chip, uint32_t address);

void ec_chip_violation(ec_emulated_chip *chip, uint32_t b_number);

static inline int64_t ec_chip_tclk(const ec_emulated_chip *chip, uint32_t n)
{
    return (int64_t)(chip->tclk_ns * (double)n);
}

static inline uint64_t ec_chip_conversion(const ec_emulated_chip *chip)
{
    return chip->base + chip->k;
}

/* 1: no fault touches the conversion on the latch. */
static inline int32_t ec_chip_is_quiet(ec_emulated_chip *chip)
{
    const uint64_t conversion = ec_chip_conversion(chip);
    if (conversion < chip->quiet_until) {
        return 1;
    }
    if (conversion == chip->loud_conversion) {
        return 0;
    }
    chip->quiet_until = ec_faults_next(chip->faults, chip->number, conversion);
    chip->loud_conversion = conversion < chip->quiet_until ? UINT64_MAX : conversion;
    return conversion < chip->quiet_until;
}

/* The schedule, or the number of the conversion, is another than it was. */
static inline void ec_chip_look_again(ec_emulated_chip *chip)
{
    chip->quiet_until = 0;
    chip->loud_conversion = UINT64_MAX;
    chip->spoiled_conversion = UINT64_MAX;
}

static inline int32_t ec_chip_alive(const ec_emulated_chip *chip, int64_t t)
{
    return chip->powered && chip->clocked && t >= chip->alive_from;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Simulated ADS1299 chips behind real kernel devices: a test tool, loaded in a virtual machine only.
 *
 * The module registers one SPI controller with a chip select per chip, to which the kernel's own spidev driver
 * binds, and one gpio_chip whose DRDY lines fall from a high-resolution timer in hard interrupt context. A client
 * that opens /dev/spidev0.C and /dev/gpiochipN runs the production code of the kernel down to the controller.
 *
 * What an electrode input reads is a pattern that proves identity, order and loss:
 *     code = n << 5 | chip << 3 | channel          24 bits, n modulo 2^19
 * with n the number of the conversion since the filter was last restarted, 1 for the first. Chips started by one
 * START edge carry the same n in the same instant.
 *
 * Locking: board->lock (raw, interrupts off) guards every chip and the fault list. DRDY interrupts are raised with
 * it held; the callbacks of the interrupt chip never take it. Timers are cancelled without waiting for them, since
 * a tick may be waiting for the lock: a tick that comes too early or to a chip at rest does nothing.
 */
#ifndef ADS1299_SIM_H
#define ADS1299_SIM_H

#include <linux/gpio/driver.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/spi/spi.h>
#include <linux/spinlock.h>

#define SIM_MAX_CHIPS 4
#define SIM_CHANNELS 8
#define SIM_FRAME (3 + 3 * SIM_CHANNELS) /* status word and channels, 3 bytes each (data sheet 9.4.4.2) */
#define SIM_REGISTERS 24
#define SIM_MAX_FAULTS 128
#define SIM_TCLK4_NS 1953  /* 4 tCLK at 2.048 MHz: decoding of a byte, hold of CS (data sheet 7.6) */
#define SIM_RESET_NS 8790  /* 18 tCLK of silence after a reset (9.4.2) */
#define SIM_POR_NS 128000000ull /* 2^18 tCLK from power-up to reset (11.1) */
#define SIM_SETTLE 4       /* conversions from a start to the first DRDY (9.4.1.1) */

enum { REG_ID = 0x00, REG_CONFIG1 = 0x01, REG_CONFIG2 = 0x02, REG_CH1SET = 0x05, REG_LOFF_STATP = 0x12,
       REG_LOFF_STATN = 0x13, REG_GPIO = 0x14 };

/* The lines behind the DRDYs: offset n_drdy + one of these. */
enum { LINE_START, LINE_RESET, LINE_PWDN, N_SHARED_LINES };

/*
 * What the module knows and a host can only conclude. Counted per chip since the module was loaded or `truth` written.
 * conversions  made, each numbered           edges        falling edges of DRDY, spurious ones left out
 * suppressed   conversions without an edge   stuck        conversions while DRDY was held
 * spurious     edges without a conversion    reads        frames shifted out whole
 * repeats      of these, seen before         overruns     conversions replaced before they were read
 * torn         frames replaced while shifted bad_status   frames begun with a wrong status word
 * eio          messages failed               resets       spontaneous
 * restarts     of the filter: START, CONFIG1 late_ticks   conversions the timer itself was late for
 * the rest are broken rules of the chip: too_fast (bytes of a register command closer than 4 tCLK: lost),
 * short_cs (CS raised within 4 tCLK of a command), deaf (bytes within 18 tCLK of a reset or before power-up: lost),
 * wrong_mode (SPI mode not 1), in_rdatac (register commands in RDATAC: ignored), reserved (fixed bits written
 * otherwise), filler (bytes other than 00h while data are read)
 */
#define SIM_TRUTH(X) \
    X(conversions) X(edges) X(suppressed) X(stuck) X(spurious) X(reads) X(repeats) X(overruns) X(torn) X(bad_status) \
    X(eio) X(resets) X(restarts) X(late_ticks) \
    X(too_fast) X(short_cs) X(deaf) X(wrong_mode) X(in_rdatac) X(reserved) X(filler)

struct sim_truth {
#define X(name) u64 name;
    SIM_TRUTH(X)
#undef X
};

enum sim_kind { FAULT_MISS, FAULT_STATUS, FAULT_EXTRA, FAULT_STUCK, FAULT_RESET, FAULT_EIO, N_FAULT_KINDS };

struct sim_fault {
    enum sim_kind kind;
    unsigned int chip;
    u32 at;      /* first conversion it strikes */
    u32 count;   /* conversions (messages for eio) in a row */
    u32 every;   /* conversions from one strike to the next, 0: strikes once */
    u32 left;    /* of count */
    u64 served;
};

struct sim_board;

struct sim_chip {
    struct sim_board *board;
    unsigned int number;
    int line;                 /* offset of its DRDY, -1 if not wired (behind the first of a daisy chain) */
    unsigned int offset;      /* of its frame in the frame of the chain, bytes */

    u8 reg[SIM_REGISTERS];
    bool rdatac, standby, commanded, converting, finishing;
    ktime_t ready_at;         /* deaf before */

    struct hrtimer tick, glitch;
    ktime_t due;              /* of the next conversion; an earlier tick is stale */
    u64 period_ns;
    u32 n;
    bool fresh, held, latch_bad;
    u8 latch[SIM_FRAME];

    unsigned int pos;         /* bytes since CS fell */
    bool reading, lost;       /* data are shifted out; the command was mis-decoded */
    u8 op, address, last;     /* last: register count - 1 */
    u8 rdata[SIM_FRAME];
    bool rdata_bad;
    ktime_t byte_end;
    struct sim_truth truth;
};

struct sim_board {
    raw_spinlock_t lock;
    unsigned int n_chips, n_selects, n_drdy, n_faults;
    int ppm;                  /* error of the oscillator */
    struct sim_chip chip[SIM_MAX_CHIPS];
    struct sim_fault fault[SIM_MAX_FAULTS];

    struct gpio_chip gpio;
    unsigned int edge_type[SIM_MAX_CHIPS + N_SHARED_LINES];
    bool masked[SIM_MAX_CHIPS + N_SHARED_LINES];
    u8 level[SIM_MAX_CHIPS + N_SHARED_LINES];

    struct spi_controller *spi;
};

/* sim_chip.c: power, registers, conversions. All but sim_chip_init with board->lock held. */
void sim_chip_init(struct sim_chip *chip, struct sim_board *board, unsigned int number);
void sim_chip_reset(struct sim_chip *chip, ktime_t now);
void sim_chip_follow_lines(struct sim_chip *chip, ktime_t now);
void sim_chip_restart(struct sim_chip *chip, ktime_t now);
unsigned int sim_chip_sps(const struct sim_chip *chip);

/* sim_codes.c: what a conversion yields. */
void sim_codes(struct sim_chip *chip, bool bad_status);

/* sim_faults.c: with board->lock held, except the two of sysfs. */
bool sim_fault_strikes(struct sim_chip *chip, enum sim_kind kind);
ssize_t sim_faults_show(struct sim_board *board, char *text);
ssize_t sim_faults_store(struct sim_board *board, const char *text, size_t size);

/* sim_gpio.c */
int sim_gpio_add(struct sim_board *board, struct device *parent);
void sim_gpio_remove(struct sim_board *board);
u8 sim_gpio_level(const struct sim_board *board, unsigned int shared_line);
void sim_gpio_drive(struct sim_board *board, int line, u8 level); /* DRDY, with board->lock held */

/* sim_spi.c */
int sim_spi_add(struct sim_board *board, struct device *parent);
void sim_spi_remove(struct sim_board *board);

#endif

/* ec_bus.h - the wires between a host and its ADS1299 chips, real or emulated.
 *
 *     acquire loop -> ec_ads1299 (the driver) -> ec_bus -> spidev and the GPIO character device
 *                                                       -> emulated chips
 *
 * A bus has selects (one chip select each; behind it one chip, or a daisy
 * chain), data-ready lines that raise events, lines the host drives, and a
 * clock. Everything above it is the same code for both kinds.
 *
 * Errors are negative errno values, as the kernel gives them: -EIO, -ETIMEDOUT, -ENODEV (the device is
 * gone), -ESHUTDOWN, -EMSGSIZE, -EINVAL. One thread at a time: the control thread until the run starts, then [acquire].
 */
#ifndef EC_BUS_H
#define EC_BUS_H

#include <stdint.h>

#define EC_BUS_MAX_CHIPS     64u
#define EC_BUS_MAX_SELECTS   64u
#define EC_BUS_EVENT_QUEUE   1024u        /* events the kernel keeps; beyond it the oldest are lost */

/* One falling edge of a data-ready line, as the kernel saw it. */
typedef struct ec_drdy {
    int64_t  t_ns;                        /* clock of the bus (CLOCK_MONOTONIC, or emulated) */
    uint32_t line;                        /* index of the data-ready line, from 0 */
    uint32_t line_seqno;                  /* of that line, from 1, modulo 2^32; a jump: the queue overflowed */
} ec_drdy;

/* One transfer; the transfers of a message share one window of the chip select. */
typedef struct ec_transfer {
    const uint8_t *tx;                    /* n_bytes; never NULL (linux_io: transmit-less transfers had bugs) */
    uint8_t       *rx;                    /* n_bytes; never NULL */
    uint32_t       n_bytes;
    uint32_t       speed_hz;
    uint32_t       delay_us;              /* select stays low for so long after the last clock (tSCCS) */
} ec_transfer;

/* Lines the host may drive. A line that is not wired gives -ENOENT. */
typedef enum ec_bus_line {
    EC_LINE_START = 0,
    EC_LINE_RESET = 1,                    /* active low at the chip; 1 here is the level high */
    EC_LINE_PWDN  = 2                     /* active low at the chip; 1 here is the level high */
} ec_bus_line;

typedef struct ec_bus {
    void *self;

    /* One SPI message. 0 or a negative errno. */
    int32_t (*transfer)(void *self, uint32_t select, const ec_transfer *transfers, uint32_t n);

    /* Wait for data-ready events. Returns how many were written to `events` (oldest first, at most `max`), 0 when
     * `deadline_ns` passed without one, or a negative errno. A deadline of 0 is a poll. When `max` were
     * written there may be more: poll again. `want` (>= 1): an emulated device that waits for its reader may
     * sleep until so many edges are due, and must still report them one by one as its time
     * reaches them; others ignore it. -ENODATA: an emulated device has nothing more to give. */
    int32_t (*wait)(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max);

    /* 0, -ENOENT (not wired) or another negative errno. */
    int32_t (*set_line)(void *self, ec_bus_line line, uint32_t level);

    /* The time on the clock of the events, and a sleep on it. */
    int64_t (*now)(void *self);
    void    (*sleep)(void *self, int64_t ns);
} ec_bus;

#endif

/* ec_linux_bus.h - the bus on spidev and the GPIO character device: what a Raspberry Pi has.
 *
 * Selects are nodes /dev/spidevB.C opened by path; lines are found on the
 * GPIO chip with one of the labels, never by its number. Data-ready lines are one
 * request, so that the kernel's order and numbers are common to them; what the host drives is
 * another. Everything is plain open, ioctl, fcntl, read, poll, close and the monotonic clock.
 *
 * Invariants
 *   L1  SPI mode 1, 8 bits, set and read back at open; speed and bits in every transfer
 *   L2  never spidev10.0 (the boot EEPROM of a Pi 5), never lines 28 to 53 of a pinctrl chip (board functions)
 *   L3  events carry the kernel's CLOCK_MONOTONIC stamp and line_seqno as they are; the queue holds 1024, beyond it the
 *       kernel forgets the oldest and line_seqno jumps
 *   L4  nothing is allocated; after open no call but ioctl, read, poll, clock_gettime and clock_nanosleep
 *   L5  a failed open leaves everything closed, and says what, where and why
 */
#ifndef EC_LINUX_BUS_H
#define EC_LINUX_BUS_H

#include <stdint.h>

#include "../base/ec_status.h"
#include "ec_bus.h"

#define EC_LINUX_PATH    64u
#define EC_LINUX_NAME    32u              /* with its end, as in the kernel */
#define EC_LINUX_LABELS  8u
#define EC_LINUX_FOUND   256u

/* Names are those of lines ("GPIO25", "ADS1299_DRDY0"); on the pinctrl chips of a Pi GPIOn is line n, named or not.
 * An empty name: not wired. */
typedef struct ec_linux_config {
    uint32_t n_selects;
    char     spi[EC_BUS_MAX_SELECTS][EC_LINUX_PATH];   /* the same path twice is allowed, with a `cs` each */
    char     cs[EC_BUS_MAX_SELECTS][EC_LINUX_NAME];    /* line that selects the chip; empty: the controller's own */
    uint32_t n_drdy;
    char     drdy[EC_BUS_MAX_CHIPS][EC_LINUX_NAME];
    char     start[EC_LINUX_NAME];
    char     reset[EC_LINUX_NAME];
    char     pwdn[EC_LINUX_NAME];
    uint32_t n_labels;                                 /* 0: pinctrl-rp1, pinctrl-bcm2711, pinctrl-bcm2835 */
    char     labels[EC_LINUX_LABELS][EC_LINUX_NAME];
    uint32_t pull_up;                                  /* 1: bias of the data-ready lines, where the board has none */
} ec_linux_config;

typedef enum ec_linux_step {
    EC_LINUX_NONE = 0,
    EC_LINUX_COUNT,                       /* n_selects, n_drdy or n_labels out of range: `seen` */
    EC_LINUX_SPI_FORBIDDEN,               /* spidev10.0 */
    EC_LINUX_SPI_OPEN,
    EC_LINUX_SPI_MODE,                    /* not a spidev, or the controller refuses mode 1; `seen`: the mode read back */
    EC_LINUX_SPI_BITS,
    EC_LINUX_GPIO_CHIP,                   /* no chip has one of the labels; `found` lists those there are */
    EC_LINUX_LINE_UNKNOWN,                /* no line of that name on the chip */
    EC_LINUX_LINE_FORBIDDEN,              /* lines 28 to 53 of a Pi; `seen` */
    EC_LINUX_LINE_TWICE,                  /* one line for two purposes */
    EC_LINUX_LINE_REQUEST                 /* `holder`: who has it, when busy */
} ec_linux_step;

typedef struct ec_linux_error {
    ec_linux_step step;
    int32_t  error;                       /* errno; 0: none */
    uint32_t seen;
    char     place[EC_LINUX_PATH];        /* path, or name of the line */
    char     holder[EC_LINUX_NAME];
    char     found[EC_LINUX_FOUND];       /* "gpiochip0 (pinctrl-bcm2835), ..." */
} ec_linux_error;

typedef struct ec_linux_bus {
    uint32_t n_selects;
    int32_t  spi_fd[EC_BUS_MAX_SELECTS];
    uint8_t  cs_bit[EC_BUS_MAX_SELECTS];  /* of the outputs; EC_LINUX_NO_BIT: the controller selects */
    uint32_t n_drdy;
    uint32_t drdy_offset[EC_BUS_MAX_CHIPS];
    int32_t  drdy_fd;
    int32_t  output_fd;
    uint8_t  line_bit[3];                 /* START, RESET, PWDN among the outputs */
    uint8_t  own_cs_pulses;               /* 1: the controller knows no NO_CS, its own select moves beside the line */
    char     gpio_path[EC_LINUX_PATH];    /* the chip that was found */
    char     gpio_label[EC_LINUX_NAME];
} ec_linux_bus;

#define EC_LINUX_NO_BIT  0xFFu

/* Open nodes, request lines: START low, RESET and PWDN high, selects high. 0; BAD_SETTING (COUNT, FORBIDDEN, UNKNOWN, TWICE);
 * SYSTEM with `error->error`. Nothing is sent to any chip. [control-thread] */
int32_t ec_linux_bus_open(ec_linux_bus *b, const ec_linux_config *config, ec_linux_error *error);

/* Give everything back; may be called twice, and after a failed open. [control-thread] */
void ec_linux_bus_close(ec_linux_bus *b);

/* Valid until close. [control-thread] */
ec_bus ec_linux_bus_bus(ec_linux_bus *b);

#endif

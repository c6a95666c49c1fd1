/* shim.h - device nodes that are not there: emulated ADS1299 behind open, ioctl, read, poll and close.
 *
 *     gcc -shared -fPIC ... -o shim.so shim*.c csrc/emulator/ *.c
 *     EEGCORE_SHIM="selects=1,1 drdy=25 start=22" LD_PRELOAD=./shim.so program
 *
 * /dev/spidev0.0, 0.1, ... are the selects, /dev/gpiochip0 has the lines. The
 * numbers, structs, checks and errors are the kernel's (spidev.c, gpiolib-cdev.c), the chips
 * behind are the emulator's, in real time. The settings are `key=value`, parted by white space,
 * in the variable or in the file it names; shim_config.c has the table of keys.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdint.h>

#include "device/ec_linux_abi.h"
#include "emulator/ec_emulator.h"

#define SHIM_LINES     64u
#define SHIM_NO_LINE   UINT32_MAX
#define SHIM_FAULTS    64u
#define SHIM_PATHS     8u

typedef struct shim_settings {
    ec_emulator_config emulator;
    ec_fault faults[SHIM_FAULTS];
    /* which line of the chip is what */
    uint32_t drdy[EC_BUS_MAX_CHIPS];
    uint32_t line[3];                     /* START, RESET, PWDN; SHIM_NO_LINE: not wired */
    uint32_t cs[EC_BUS_MAX_SELECTS];      /* SHIM_NO_LINE: the controller's own select */
    /* the host */
    uint32_t gpio_number;                 /* N of /dev/gpiochipN */
    uint32_t n_lines;
    char     label[32];
    char     names[SHIM_LINES][32];
    char     busy[SHIM_LINES][32];        /* somebody else's consumer */
    char     deny[SHIM_PATHS][64];        /* EACCES */
    char     absent[SHIM_PATHS][64];      /* ENOENT */
    uint32_t n_deny;
    uint32_t n_absent;
    uint32_t refuse_no_cs;                /* the controller knows no NO_CS, as that of a Pi 5 */
    uint32_t refuse_mode;                 /* the mode reads back as 0 */
    char     truth[256];                  /* file for the emulator's counters, written at the end */
    /* what a reader that uses this table writes into the chips */
    uint32_t dr;
    uint32_t spi_hz;
    uint32_t trailer;
} shim_settings;

typedef struct shim_world {
    shim_settings settings;
    ec_emulator  *emulator;
    ec_bus        bus;
    uint64_t      levels;                 /* of the outputs, bit: offset */
    uint64_t      used;                   /* lines that are requested */
    char          consumer[SHIM_LINES][32];
} shim_world;

/* Fill from text; NULL or the word that is not understood. */
const char *shim_parse(const char *text, shim_settings *settings);
/* The text of EEGCORE_SHIM: the variable, or what is in the file it names. NULL if there is none. */
const char *shim_text(void);

/* Everything below answers as a system call: negative errno. */
int32_t shim_spi_open(shim_world *w, const char *path);                       /* number of the node */
int32_t shim_spi_ioctl(shim_world *w, uint32_t node, unsigned long request, void *argument);

int32_t shim_gpio_is_chip(const shim_world *w, const char *path);
int32_t shim_chip_ioctl(shim_world *w, unsigned long request, void *argument);        /* GET_LINE: fd is made by the caller */
/* A request granted by shim_chip_ioctl becomes a set of lines with a number of its own. */
int32_t shim_lines_take(shim_world *w, const ec_gpio_request *request);
void    shim_lines_close(shim_world *w, uint32_t set);
int32_t shim_lines_ioctl(shim_world *w, uint32_t set, unsigned long request, void *argument);
int64_t shim_lines_read(shim_world *w, uint32_t set, void *buffer, uint64_t n_bytes, int is_blocking);
/* 1 with *revents when something can be read or the device is gone, 0 at the deadline. */
int32_t shim_lines_poll(shim_world *w, uint32_t set, int64_t deadline_ns, short *revents);

#endif

/* ec_linux_parts.h - what the files of the Linux bus share; nobody else includes it. */
#ifndef EC_LINUX_PARTS_H
#define EC_LINUX_PARTS_H

#include "ec_linux_bus.h"

/* Fill the error: step, errno (positive, 0 if none) and place; gives BAD_SETTING without errno, else SYSTEM. */
int32_t ec_linux_failed(ec_linux_error *error, ec_linux_step step, int number, const char *place);

/* ec_linux_spi.c. A file descriptor ready for messages, or a negative status. `no_cs`: the select is a line. [control-thread] */
int32_t ec_linux_spi_open(const char *path, int no_cs, uint8_t *own_cs_pulses, ec_linux_error *error);
/* 0 or a negative errno. [acquire, realtime] */
int32_t ec_linux_spi_message(int32_t fd, const ec_transfer *transfers, uint32_t n);

/* ec_linux_gpio.c. Chip, lines, both requests: fills the GPIO half of the bus. [control-thread] */
int32_t ec_linux_gpio_open(ec_linux_bus *b, const ec_linux_config *config, ec_linux_error *error);
/* 0 or a negative errno. [acquire, realtime] */
int32_t ec_linux_gpio_set(const ec_linux_bus *b, uint32_t bit, uint32_t level);
/* Events waiting, at most `max`; 0 if there are none, or a negative errno. [acquire, realtime] */
int32_t ec_linux_gpio_read(const ec_linux_bus *b, ec_drdy *events, uint32_t max);

#endif

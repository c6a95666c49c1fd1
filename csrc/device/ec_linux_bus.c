/* ec_linux_bus.c - open and close, and the five calls of a bus on the two devices. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/ec_clock.h"
#include "ec_linux_parts.h"

#define NS_PER_MS   INT64_C(1000000)
#define SPIN_NS     20000                 /* a sleep of a thread that is not real-time costs 50 us and more */
#define POLL_MS     1000                  /* longer waits are asked for again */

int32_t ec_linux_failed(ec_linux_error *error, ec_linux_step step, int number, const char *place)
{
    error->step = step;
    error->error = number;
    (void)snprintf(error->place, sizeof error->place, "%s", place);
    return number == 0 ? EC_STATUS_BAD_SETTING : EC_STATUS_SYSTEM;
}

static int32_t count_is_wrong(const ec_linux_config *config, ec_linux_error *error)
{
    error->seen = config->n_selects;
    if (config->n_selects == 0 || config->n_selects > EC_BUS_MAX_SELECTS) {
        return ec_linux_failed(error, EC_LINUX_COUNT, 0, "selects");
    }
    error->seen = config->n_drdy;
    if (config->n_drdy == 0 || config->n_drdy > EC_BUS_MAX_CHIPS) {
        return ec_linux_failed(error, EC_LINUX_COUNT, 0, "data-ready lines");
    }
    error->seen = config->n_labels;
    if (config->n_labels > EC_LINUX_LABELS) {
        return ec_linux_failed(error, EC_LINUX_COUNT, 0, "labels");
    }
    error->seen = 0;
    return 0;
}

int32_t ec_linux_bus_open(ec_linux_bus *b, const ec_linux_config *config, ec_linux_error *error)
{
    int32_t status;

    memset(b, 0, sizeof *b);
    memset(error, 0, sizeof *error);
    memset(b->spi_fd, 0xFF, sizeof b->spi_fd);
    memset(b->cs_bit, EC_LINUX_NO_BIT, sizeof b->cs_bit);
    memset(b->line_bit, EC_LINUX_NO_BIT, sizeof b->line_bit);
    b->drdy_fd = b->output_fd = -1;
    status = count_is_wrong(config, error);
    if (status < 0) {
        return status;
    }
    b->n_selects = config->n_selects;
    b->n_drdy = config->n_drdy;
    for (uint32_t i = 0; i < config->n_selects && status >= 0; i++) {
        status = ec_linux_spi_open(config->spi[i], config->cs[i][0] != '\0', &b->own_cs_pulses, error);
        b->spi_fd[i] = status;
    }
    if (status >= 0) {
        status = ec_linux_gpio_open(b, config, error);
    }
    if (status < 0) {
        ec_linux_bus_close(b);
        return status;
    }
    memset(error, 0, sizeof *error);
    return 0;
}

static void close_one(int32_t *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void ec_linux_bus_close(ec_linux_bus *b)
{
    for (uint32_t i = 0; i < EC_BUS_MAX_SELECTS; i++) {
        close_one(&b->spi_fd[i]);
    }
    close_one(&b->drdy_fd);
    close_one(&b->output_fd);
}

static int32_t bus_transfer(void *self, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    const ec_linux_bus *b = self;
    const uint32_t cs = select < b->n_selects ? b->cs_bit[select] : EC_LINUX_NO_BIT;
    int32_t error, back;

    if (select >= b->n_selects) {
        return -EINVAL;
    }
    if (cs == EC_LINUX_NO_BIT) {
        return ec_linux_spi_message(b->spi_fd[select], transfers, n);
    }
    error = ec_linux_gpio_set(b, cs, 0);
    if (error == 0) {
        error = ec_linux_spi_message(b->spi_fd[select], transfers, n);
    }
    back = ec_linux_gpio_set(b, cs, 1);
    return error != 0 ? error : back;
}

/* Whole milliseconds until the deadline, upwards, so that a poll never ends before it. */
static int remaining_ms(int64_t deadline_ns)
{
    const int64_t left = deadline_ns - ec_now_ns();

    if (left <= 0) {
        return 0;                         /* and not a negative number: that would be for ever */
    }
    return left / NS_PER_MS >= POLL_MS ? POLL_MS : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

static int32_t bus_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max)
{
    const ec_linux_bus *b = self;

    (void)want;                           /* this device waits for nobody */
    for (;;) {
        struct pollfd ready = { .fd = b->drdy_fd, .events = POLLIN };
        const int32_t got = ec_linux_gpio_read(b, events, max);

        if (got != 0) {
            return got;
        }
        if (deadline_ns == 0 || ec_now_ns() >= deadline_ns) {
            return 0;
        }
        if (poll(&ready, 1, remaining_ms(deadline_ns)) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        if ((ready.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 && (ready.revents & POLLIN) == 0) {
            return -ENODEV;               /* the chip was removed */
        }
    }
}

static int32_t bus_set_line(void *self, ec_bus_line line, uint32_t level)
{
    const ec_linux_bus *b = self;
    const uint32_t bit = (uint32_t)line < 3u ? b->line_bit[line] : EC_LINUX_NO_BIT;

    return bit == EC_LINUX_NO_BIT ? -ENOENT : ec_linux_gpio_set(b, bit, level);
}

static int64_t bus_now(void *self)
{
    (void)self;
    return ec_now_ns();
}

static void bus_sleep(void *self, int64_t ns)
{
    const int64_t until = ec_now_ns() + ns;
    const struct timespec at = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };

    (void)self;
    if (ns >= SPIN_NS) {
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
        }
    }
    while (ec_now_ns() < until) {
    }
}

ec_bus ec_linux_bus_bus(ec_linux_bus *b)
{
    return (ec_bus){ .self = b, .transfer = bus_transfer, .wait = bus_wait, .set_line = bus_set_line,
                     .now = bus_now, .sleep = bus_sleep };
}

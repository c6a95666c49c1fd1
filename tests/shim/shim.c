/* shim.c - the calls that are stood below: everything that is not a fake node goes straight to the kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ec_clock.h"
#include "shim.h"
#include "shim_files.h"

#define EXPORT  __attribute__((visibility("default")))
#define FDS     1024

enum node { REAL = 0, SPI, CHIP, LINES };

static shim_world world;
static struct { enum node node; uint32_t number; } opened[FDS];
static int state;                         /* 0: not asked, 1: no shim wanted, 2: chips are there */

static int64_t answer(int64_t result)
{
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

__attribute__((destructor)) static void write_truth(void)
{
    ec_emulator_truth t;
    FILE *file;

    if (state != 2 || world.settings.truth[0] == '\0' || (file = fopen(world.settings.truth, "we")) == NULL) {
        return;
    }
    ec_emulator_truth_get(world.emulator, &t);
    fprintf(file, "conversions=%llu\nevents=%llu\noverflowed=%llu\ndropped=%llu\nspurious=%llu\nclean=%llu\n"
            "spoiled=%llu\ntorn=%llu\nnever_read=%llu\nrepeated=%llu\nfailed_transfers=%llu\nresets=%llu\n"
            "violations=%llu\nlast_violation=%u\n", (unsigned long long)t.conversions, (unsigned long long)t.events,
            (unsigned long long)t.overflowed, (unsigned long long)t.dropped, (unsigned long long)t.spurious,
            (unsigned long long)t.clean, (unsigned long long)t.spoiled, (unsigned long long)t.torn,
            (unsigned long long)t.never_read, (unsigned long long)t.repeated, (unsigned long long)t.failed_transfers,
            (unsigned long long)t.resets, (unsigned long long)t.violations, t.last_violation);
    fclose(file);
}

/* The chips, made when a node is first asked for. */
static int is_on(void)
{
    if (state == 0) {
        const char *text, *wrong;

        state = 1;                        /* what follows opens files itself */
        text = shim_text();
        if (text != NULL && text[0] != '\0') {
            wrong = shim_parse(text, &world.settings);
            wrong = wrong != NULL ? wrong : ec_emulator_check(&world.settings.emulator);
            world.emulator = wrong == NULL ? ec_emulator_create(&world.settings.emulator, NULL) : NULL;
            if (world.emulator == NULL) {
                fprintf(stderr, "EEGCORE_SHIM: not understood: %s\n", wrong != NULL ? wrong : "(memory)");
                _exit(97);
            }
            world.bus = ec_emulator_bus(world.emulator);
            state = 2;
        }
    }
    return state == 2;
}

/* Which fake node a path is; REAL also for those that the settings take away. */
static enum node node_of(const char *path, uint32_t *number, int *error)
{
    const shim_settings *s = &world.settings;
    enum node node = REAL;
    int32_t spi;

    *error = 0;
    if (path == NULL || (strncmp(path, "/dev/spidev", 11) != 0 && strncmp(path, "/dev/gpiochip", 13) != 0) || !is_on()) {
        return REAL;
    }
    spi = shim_spi_open(&world, path);
    *number = spi >= 0 ? (uint32_t)spi : 0;
    node = spi >= 0 ? SPI : shim_gpio_is_chip(&world, path) ? CHIP : REAL;
    for (uint32_t i = 0; i < s->n_absent; i++) {
        node = strcmp(s->absent[i], path) == 0 ? REAL : node;
    }
    for (uint32_t i = 0; i < s->n_deny; i++) {
        *error = strcmp(s->deny[i], path) == 0 ? EACCES : *error;
    }
    return node;
}

int shim_has_node(const char *path, int *error)
{
    uint32_t number;
    int denied;
    const enum node node = node_of(path, &number, &denied);

    if (error != NULL) {
        *error = denied;
    }
    return node != REAL;
}

int shim_node_path(uint32_t i, char *path, size_t n)
{
    if (!is_on() || i > world.settings.emulator.n_selects) {
        return 0;
    }
    if (i == 0) {
        return snprintf(path, n, "/dev/gpiochip%u", world.settings.gpio_number) > 0;
    }
    return snprintf(path, n, "/dev/spidev0.%u", i - 1) > 0;
}

static int adopt(enum node node, uint32_t number)
{
    const int fd = eventfd(0, EFD_CLOEXEC);

    if (fd >= 0 && fd < FDS) {
        opened[fd].number = number;
        opened[fd].node = node;
    }
    return fd;
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    uint32_t number = 0;
    int error;
    const enum node node = node_of(path, &number, &error);

    if (node != REAL) {
        return error != 0 ? (int)answer(-error) : adopt(node, number);
    }
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = (mode_t)va_arg(rest, unsigned); \
        va_end(rest); \
    }

EXPORT int open(const char *path, int flags, ...) { MODE_OF(flags) return open_any(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_any(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_any(at, path, flags, mode); }
EXPORT int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_any(at, path, flags, mode); }

EXPORT int close(int fd)
{
    if (fd >= 0 && fd < FDS && opened[fd].node != REAL) {
        if (opened[fd].node == LINES) {
            shim_lines_close(&world, opened[fd].number);
        }
        opened[fd].node = REAL;
    }
    return (int)syscall(SYS_close, fd);
}

static int32_t get_line(ec_gpio_request *request)
{
    int32_t result = shim_chip_ioctl(&world, EC_GPIO_GET_LINE, request);

    if (result == 0) {
        result = shim_lines_take(&world, request);
    }
    if (result >= 0) {
        request->fd = adopt(LINES, (uint32_t)result);
        result = 0;
    }
    return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    void *argument;
    const enum node node = fd >= 0 && fd < FDS ? opened[fd].node : REAL;

    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    request &= UINT32_MAX;
    if ((request >> 8) == 'T') {          /* FIONBIO, FIOCLEX: the kernel answers them for every file */
        return (int)syscall(SYS_ioctl, fd, request, argument);
    }
    switch (node) {
    case SPI: return (int)answer(shim_spi_ioctl(&world, opened[fd].number, request, argument));
    case LINES: return (int)answer(shim_lines_ioctl(&world, opened[fd].number, request, argument));
    case CHIP:
        return (int)answer(request == EC_GPIO_GET_LINE ? get_line(argument)
                                                       : shim_chip_ioctl(&world, request, argument));
    default: return (int)syscall(SYS_ioctl, fd, request, argument);
    }
}

EXPORT ssize_t read(int fd, void *buffer, size_t n)
{
    if (fd >= 0 && fd < FDS && opened[fd].node != REAL) {
        const int is_blocking = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
        return (ssize_t)answer(opened[fd].node == LINES
                               ? shim_lines_read(&world, opened[fd].number, buffer, n, is_blocking) : -EINVAL);
    }
    return syscall(SYS_read, fd, buffer, n);
}

/* The C library says that poll only writes its array: true for callers, not for whoever stands in for it. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct timespec timeout = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L };

    if (n == 1 && fds[0].fd >= 0 && fds[0].fd < FDS && opened[fds[0].fd].node == LINES) {
        const int64_t deadline = timeout_ms < 0 ? INT64_MAX : ec_now_ns() + timeout_ms * INT64_C(1000000);
        return shim_lines_poll(&world, opened[fds[0].fd].number, timeout_ms == 0 ? 0 : deadline, &fds[0].revents);
    }
    return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}

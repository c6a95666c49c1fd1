/* ec_linux_spi.c - spidev: a node opened and checked, messages in one window of the select (linux_io section 2). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ec_linux_abi.h"
#include "ec_linux_parts.h"

#define BITS  8u

static int is_forbidden(const char *path)
{
    char resolved[PATH_MAX];
    const char *real = realpath(path, resolved) != NULL ? resolved : path;
    const char *name = strrchr(real, '/');

    return strcmp(name != NULL ? name + 1 : real, "spidev10.0") == 0;
}

/* Mode 1 in, mode 1 out. CS_HIGH is left out: kernels with selects on GPIO lines set it by themselves. */
static int32_t set_mode(int fd, uint32_t mode, const char *path, ec_linux_error *error)
{
    uint32_t seen = 0;

    if (ioctl(fd, EC_SPI_WR_MODE32, &mode) < 0 || ioctl(fd, EC_SPI_RD_MODE32, &seen) < 0) {
        return ec_linux_failed(error, EC_LINUX_SPI_MODE, errno, path);
    }
    if (((seen ^ mode) & ~EC_SPI_CS_HIGH) != 0) {
        error->seen = seen;
        return ec_linux_failed(error, EC_LINUX_SPI_MODE, EINVAL, path);
    }
    return 0;
}

static int32_t set_bits(int fd, const char *path, ec_linux_error *error)
{
    uint8_t bits = BITS;

    if (ioctl(fd, EC_SPI_WR_BITS_PER_WORD, &bits) < 0 || ioctl(fd, EC_SPI_RD_BITS_PER_WORD, &bits) < 0) {
        return ec_linux_failed(error, EC_LINUX_SPI_BITS, errno, path);
    }
    if (bits != BITS && bits != 0) {
        error->seen = bits;
        return ec_linux_failed(error, EC_LINUX_SPI_BITS, EINVAL, path);
    }
    return 0;
}

int32_t ec_linux_spi_open(const char *path, int no_cs, uint8_t *own_cs_pulses, ec_linux_error *error)
{
    int32_t status = -1;
    int fd;

    if (is_forbidden(path)) {
        return ec_linux_failed(error, EC_LINUX_SPI_FORBIDDEN, 0, path);
    }
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return ec_linux_failed(error, EC_LINUX_SPI_OPEN, errno, path);
    }
    if (no_cs) {                          /* not every controller knows NO_CS; then its own pin moves too, wired to nothing */
        status = set_mode(fd, EC_SPI_CPHA | EC_SPI_NO_CS, path, error);
        *own_cs_pulses |= status < 0 && error->error == EINVAL;
    }
    if (status < 0) {
        status = set_mode(fd, EC_SPI_CPHA, path, error);
    }
    if (status == 0) {
        status = set_bits(fd, path, error);
    }
    if (status < 0) {
        close(fd);
        return status;
    }
    return fd;
}

int32_t ec_linux_spi_message(int32_t fd, const ec_transfer *transfers, uint32_t n)
{
    ec_spi_transfer message[EC_SPI_TRANSFERS_MAX];
    int64_t total = 0;
    int done;

    if (n == 0 || n > EC_SPI_TRANSFERS_MAX) {
        return -EMSGSIZE;
    }
    memset(message, 0, n * sizeof message[0]);
    for (uint32_t i = 0; i < n; i++) {
        message[i].tx_buf = (uint64_t)(uintptr_t)transfers[i].tx;
        message[i].rx_buf = (uint64_t)(uintptr_t)transfers[i].rx;
        message[i].len = transfers[i].n_bytes;
        message[i].speed_hz = transfers[i].speed_hz;
        message[i].delay_usecs = (uint16_t)transfers[i].delay_us;
        message[i].bits_per_word = BITS;
        total += transfers[i].n_bytes;
    }
    done = ioctl(fd, EC_SPI_MESSAGE(n), message);
    if (done < 0) {
        return -errno;
    }
    return done == total ? 0 : -EIO;
}

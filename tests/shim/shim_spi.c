/* shim_spi.c - spidev's ioctls with the kernel's checks, in front of an emulated bus (linux_io section 2). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/ec_clock.h"
#include "shim.h"

#define BUFSIZ_BYTES   4096u              /* of spidev, each direction; every transfer counts as a multiple of 128 */
#define DMA_ALIGN      128u
#define MODE_MASK      0x000FFFFFu
#define MODE_NO_CS     0x40u

static uint32_t modes[EC_BUS_MAX_SELECTS], speeds[EC_BUS_MAX_SELECTS];

int32_t shim_spi_open(shim_world *w, const char *path)
{
    uint32_t node = 0, used = 0;
    char name[64];

    for (; node < w->settings.emulator.n_selects; node++) {
        (void)snprintf(name, sizeof name, "/dev/spidev0.%u", node);
        if (strcmp(path, name) == 0) {
            speeds[node] = speeds[node] == 0 ? 500000 : speeds[node];
            return (int32_t)node;
        }
        used++;
    }
    return -ENOENT;
}

/* The select that a message reaches: that of the node, or the one whose line is low. -1: none, -2: more than one. */
static int32_t selected(const shim_world *w, uint32_t node)
{
    int32_t found = -1;

    if (w->settings.cs[node] == SHIM_NO_LINE) {
        return (int32_t)node;
    }
    for (uint32_t i = 0; i < w->settings.emulator.n_selects; i++) {
        const uint32_t line = w->settings.cs[i];
        if (line != SHIM_NO_LINE && (w->levels >> line & 1u) == 0) {
            found = found == -1 ? (int32_t)i : -2;
        }
    }
    return found;
}

/* In another mode than 1 every bit comes one clock late (B-35). */
static void slip(const ec_transfer *transfers, uint32_t n)
{
    uint32_t carry = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < transfers[i].n_bytes; k++) {
            const uint32_t byte = transfers[i].rx[k];
            transfers[i].rx[k] = (uint8_t)(carry << 7 | byte >> 1);
            carry = byte & 1u;
        }
    }
}

/* The kernel returns when the last bit is on the wire. Earlier, an edge between then and now would tear the frame
 * behind the back of a reader that compares the end of its read with the edges. */
static void wait_for_last_bit(const shim_world *w)
{
    const int64_t end_ns = w->bus.now(w->bus.self);

    while (ec_now_ns() < end_ns) {
    }
}

static int32_t message(shim_world *w, uint32_t node, const ec_spi_transfer *parts, uint32_t n)
{
    static const uint8_t zeros[BUFSIZ_BYTES];
    static uint8_t sink[BUFSIZ_BYTES];
    ec_transfer transfers[EC_SPI_TRANSFERS_MAX];
    uint32_t total = 0, rounded = 0;
    const int32_t select = selected(w, node);
    int32_t error = 0;

    for (uint32_t i = 0; i < n; i++) {
        rounded += (parts[i].len + DMA_ALIGN - 1) / DMA_ALIGN * DMA_ALIGN;
        total += parts[i].len;
        if (parts[i].len > BUFSIZ_BYTES || rounded > BUFSIZ_BYTES) {
            return -EMSGSIZE;
        }
        if (parts[i].pad != 0 || parts[i].tx_nbits > 1 || parts[i].rx_nbits > 1 || parts[i].cs_change != 0
            || (parts[i].bits_per_word != 0 && parts[i].bits_per_word != 8)) {
            return -EINVAL;
        }
        transfers[i] = (ec_transfer){
            .tx = parts[i].tx_buf != 0 ? (const uint8_t *)(uintptr_t)parts[i].tx_buf : zeros,
            .rx = parts[i].rx_buf != 0 ? (uint8_t *)(uintptr_t)parts[i].rx_buf : sink,
            .n_bytes = parts[i].len, .delay_us = parts[i].delay_usecs,
            .speed_hz = parts[i].speed_hz != 0 ? parts[i].speed_hz : speeds[node] };
    }
    if (select >= 0) {
        error = w->bus.transfer(w->bus.self, (uint32_t)select, transfers, n);
        wait_for_last_bit(w);
    } else {
        for (uint32_t i = 0; i < n; i++) {      /* nobody answers, or all at once */
            memset(transfers[i].rx, 0xFF, transfers[i].n_bytes);
        }
    }
    if ((modes[node] & 3u) != 1u) {
        slip(transfers, n);
    }
    return error < 0 ? error : (int32_t)total;
}

static int32_t set_mode(const shim_world *w, uint32_t node, uint32_t mode)
{
    if ((mode & ~MODE_MASK) != 0 || ((mode & MODE_NO_CS) != 0 && w->settings.refuse_no_cs)) {
        return -EINVAL;
    }
    modes[node] = w->settings.refuse_mode ? 0 : mode;
    return 0;
}

int32_t shim_spi_ioctl(shim_world *w, uint32_t node, unsigned long request, void *argument)
{
    const uint32_t size = (uint32_t)(request >> 16 & 0x3FFFu);

    if ((request >> 8 & 0xFFu) != 'k') {
        return -ENOTTY;
    }
    switch (request) {
    case EC_SPI_WR_MODE32: return set_mode(w, node, *(uint32_t *)argument);
    case EC_SPI_RD_MODE32: *(uint32_t *)argument = modes[node]; return 0;
    case 0x40016B01u: return set_mode(w, node, *(uint8_t *)argument);
    case 0x80016B01u: *(uint8_t *)argument = (uint8_t)modes[node]; return 0;
    case EC_SPI_WR_BITS_PER_WORD: return *(uint8_t *)argument == 8 || *(uint8_t *)argument == 0 ? 0 : -EINVAL;
    case EC_SPI_RD_BITS_PER_WORD: *(uint8_t *)argument = 8; return 0;
    case 0x40046B04u:
        speeds[node] = *(uint32_t *)argument;
        return speeds[node] != 0 ? 0 : -EINVAL;
    case 0x80046B04u: *(uint32_t *)argument = speeds[node]; return 0;
    default: break;
    }
    if ((request & 0xFFu) != 0 || (request >> 30) != 1u || size % sizeof(ec_spi_transfer) != 0) {
        return -ENOTTY;
    }
    if (size / sizeof(ec_spi_transfer) > EC_SPI_TRANSFERS_MAX) {
        return -EMSGSIZE;
    }
    return size == 0 ? 0 : message(w, node, argument, size / (uint32_t)sizeof(ec_spi_transfer));
}

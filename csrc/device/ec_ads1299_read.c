/* ec_ads1299_read.c - the newest conversion of every chip, one message a select (reference sections 8 and 9). */
#include <errno.h>
#include <string.h>

#include "ec_ads1299_parts.h"

#define ATTEMPTS       4u                 /* once, and 3 repeats */

int32_t ec_ads1299_read_select(ec_ads1299 *d, uint32_t select, uint8_t *bytes, uint32_t n_bytes)
{
    ec_transfer transfers[EC_CHAIN_PARTS_MAX];
    uint32_t n = 0;

    for (uint32_t at = 0; at < n_bytes; at += EC_TRANSFER_BYTES_MAX) {
        const uint32_t left = n_bytes - at;
        transfers[n++] = (ec_transfer){ .tx = ec_ads1299_zeros, .rx = bytes + at, .speed_hz = d->config.spi_hz,
                                        .n_bytes = left < EC_TRANSFER_BYTES_MAX ? left : EC_TRANSFER_BYTES_MAX };
    }
    return d->bus.transfer(d->bus.self, select, transfers, n);
}

/* A bit lost or doubled on the way moves everything behind it: the status word does not come back as it was. */
static void take_frame(ec_ads1299 *d, uint32_t chip, const uint8_t *bytes, uint8_t *frame)
{
    const uint32_t n = 3u + 3u * d->config.n_channels[chip];

    memcpy(frame, bytes, n);
    if (ec_ads1299_trailer(&d->config, chip) != 0 && memcmp(bytes + n, bytes, EC_TRAILER_BYTES) != 0) {
        d->slipped |= UINT64_C(1) << chip;
    }
}

int32_t ec_ads1299_read(ec_ads1299 *d, int64_t deadline_ns, uint8_t frames[][EC_FRAME_BYTES_MAX],
                        int64_t *t_begin_ns, int64_t *t_end_ns)
{
    int32_t error = 0;

    d->slipped = 0;
    for (uint32_t select = 0; select < d->config.n_selects && error == 0; select++) {
        const uint32_t chip = d->first_chip[select];
        const uint32_t n_chips = d->config.chips_in[select];
        const uint8_t *n_channels = d->config.n_channels + chip;
        const uint32_t n_bytes = ec_ads1299_bytes(&d->config, select, chip, d->gap_bits[select]);
        uint8_t bytes[EC_CHAIN_BYTES_MAX];

        for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (attempt > 0) {
                d->bus.sleep(d->bus.self, ec_ads1299_pause_ns(&d->config));
                if (d->bus.now(d->bus.self) > deadline_ns) {
                    break;
                }
                ec_counter_add(&d->retries, 1);
            }
            if (select == 0) {
                *t_begin_ns = d->bus.now(d->bus.self);
            }
            error = ec_ads1299_read_select(d, select, bytes, n_bytes);
            if (error != -EIO && error != -ETIMEDOUT) {
                break;
            }
        }
        if (error == 0 && n_chips > 1) {
            const uint32_t gap_bits = d->gap_bits[select] == EC_GAP_UNKNOWN ? 0 : d->gap_bits[select];
            ec_chain_unpack(bytes, n_channels, n_chips, gap_bits, frames + chip);
        }
        if (error == 0 && n_chips == 1) {
            take_frame(d, chip, bytes, frames[chip]);
        }
        if (error != 0) {
            d->report.step = EC_STEP_NONE;
            ec_counter_add(&d->io_errors, 1);
            *t_end_ns = d->bus.now(d->bus.self);
            return ec_ads1299_bus_failed(d, chip, error);
        }
    }
    *t_end_ns = d->bus.now(d->bus.self);
    return 0;
}

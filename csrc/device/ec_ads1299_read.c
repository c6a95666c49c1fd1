/* ec_ads1299_read.c - the newest conversion of every chip, one message a select (reference sections 8 and 9). */
#include <errno.h>

#include "ec_ads1299_parts.h"

#define ATTEMPTS  4u                      /* once, and 3 repeats */

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

int32_t ec_ads1299_read(ec_ads1299 *d, int64_t deadline_ns, uint8_t frames[][EC_FRAME_BYTES_MAX],
                        int64_t *t_begin_ns, int64_t *t_end_ns)
{
    int32_t error = 0;

    for (uint32_t select = 0; select < d->config.n_selects && error == 0; select++) {
        const uint32_t chip = d->first_chip[select];
        const uint32_t n_chips = d->config.chips_in[select];
        const uint8_t *n_channels = d->config.n_channels + chip;
        const uint32_t n_bytes = ec_chain_bytes(n_channels, n_chips, d->gap_bits[select]);
        uint8_t chain[EC_CHAIN_BYTES_MAX];

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
            error = ec_ads1299_read_select(d, select, n_chips > 1 ? chain : frames[chip], n_bytes);
            if (error != -EIO && error != -ETIMEDOUT) {
                break;
            }
        }
        if (error == 0 && n_chips > 1) {
            const uint32_t gap_bits = d->gap_bits[select] == EC_GAP_UNKNOWN ? 0 : d->gap_bits[select];
            ec_chain_unpack(chain, n_channels, n_chips, gap_bits, frames + chip);
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

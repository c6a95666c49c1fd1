/* ec_ads1299_read.c - the newest conversion of every chip, one message a select (reference sections 8 and 9). */
#include <errno.h>
#include <string.h>

#include "ec_ads1299_parts.h"

#define ATTEMPTS  4u                      /* once, and 3 repeats */
#define STATUS_BYTES  3u

/* Behind the last word the frame begins again, if the chip is in multiple read-back mode (data sheet 9.4.4.2). */
static int has_trailer(const ec_ads1299_config *config, uint32_t select, uint32_t first_chip)
{
    return config->trailer != 0 && config->chips_in[select] == 1
           && (config->registers[first_chip][EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) != 0;
}

uint32_t ec_ads1299_select_bytes(const ec_ads1299_config *config, uint32_t select, uint32_t first_chip,
                                 uint32_t gap_bits)
{
    return ec_chain_bytes(config->n_channels + first_chip, config->chips_in[select], gap_bits)
           + (has_trailer(config, select, first_chip) ? STATUS_BYTES : 0u);
}

/* Out of the bytes of a select, its frames. */
static void unpack(ec_ads1299 *d, uint32_t select, const uint8_t *bytes, uint8_t frames[][EC_FRAME_BYTES_MAX])
{
    const uint32_t chip = d->first_chip[select];
    const uint32_t gap_bits = d->gap_bits[select] == EC_GAP_UNKNOWN ? 0 : d->gap_bits[select];

    ec_chain_unpack(bytes, d->config.n_channels + chip, d->config.chips_in[select], gap_bits, frames + chip);
    if (has_trailer(&d->config, select, chip)
        && memcmp(bytes, bytes + 3u + 3u * d->config.n_channels[chip], STATUS_BYTES) != 0) {
        ec_counter_add(&d->slips, 1);
        frames[chip][0] &= 0x0F;
    }
}

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
        const uint32_t n_bytes = ec_ads1299_select_bytes(&d->config, select, chip, d->gap_bits[select]);
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
        if (error == 0) {
            unpack(d, select, bytes, frames);
        } else {
            d->report.step = EC_STEP_NONE;
            ec_counter_add(&d->io_errors, 1);
            *t_end_ns = d->bus.now(d->bus.self);
            return ec_ads1299_bus_failed(d, chip, error);
        }
    }
    *t_end_ns = d->bus.now(d->bus.self);
    return 0;
}

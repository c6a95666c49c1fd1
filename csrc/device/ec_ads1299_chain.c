/* ec_ads1299_chain.c - frames of a daisy chain: bits in one stream, nearest chip first, with 0 or 1 bit between
 * chips (reference section 8: old data sheets ask for the bit, the current one is silent). */
#include <errno.h>

#include "ec_ads1299_parts.h"

#define CHAIN_TRIES       8u

static uint32_t frame_bytes(uint32_t n_channels)
{
    return 3u + 3u * n_channels;
}

uint32_t ec_chain_bytes(const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits)
{
    uint32_t bits = (n_chips - 1u) * (gap_bits == EC_GAP_UNKNOWN ? 1u : gap_bits);

    for (uint32_t i = 0; i < n_chips; i++) {
        bits += 8u * frame_bytes(n_channels[i]);
    }
    return (bits + 7u) / 8u;
}

/* Eight bits from bit `at` on; a byte beyond the last bit asked for is not read. */
static uint8_t byte_at(const uint8_t *bytes, uint32_t at)
{
    const uint32_t shift = at % 8u;
    const uint8_t *p = bytes + at / 8u;

    return shift == 0 ? p[0] : (uint8_t)((uint32_t)p[0] << shift | (uint32_t)p[1] >> (8u - shift));
}

void ec_chain_unpack(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits,
                     uint8_t frames[][EC_FRAME_BYTES_MAX])
{
    uint32_t at = 0;

    for (uint32_t chip = 0; chip < n_chips; chip++) {
        const uint32_t n = frame_bytes(n_channels[chip]);

        for (uint32_t i = 0; i < n; i++) {
            frames[chip][i] = byte_at(bytes, at + 8u * i);
        }
        at += 8u * n + gap_bits;
    }
}

uint32_t ec_chain_find_gap(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips)
{
    /* Both cannot fit: behind one bit 1100 reads x110, and a bit early 1100 reads 100x. */
    for (uint32_t gap_bits = 0; gap_bits < 2u; gap_bits++) {
        uint32_t at = 0, good = 0;

        for (uint32_t chip = 0; chip < n_chips; chip++) {
            good += (byte_at(bytes, at) & 0xF0u) == 0xC0u;
            at += 8u * frame_bytes(n_channels[chip]) + gap_bits;
        }
        if (good == n_chips) {
            return gap_bits;
        }
    }
    return EC_GAP_UNKNOWN;
}

/* Convert for a few frames and look where the frames of a chain begin. */
static int32_t lock_gap(ec_ads1299 *d, uint32_t select)
{
    const uint32_t chip = d->first_chip[select];
    const uint8_t *n_channels = d->config.n_channels + chip;
    const uint32_t n_chips = d->config.chips_in[select];
    uint8_t bytes[EC_CHAIN_BYTES_MAX];
    ec_drdy events[64];
    uint8_t frames[EC_BUS_MAX_CHIPS][EC_FRAME_BYTES_MAX];
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < CHAIN_TRIES; i++) {
        const int64_t deadline = d->bus.now(d->bus.self) + 8 * ec_ads1299_period_ns(d) + EC_TREF_NS;
        const int32_t got = d->bus.wait(d->bus.self, 1, deadline, events, 64);
        int32_t error;

        d->report.attempts++;
        if (got <= 0) {
            return got == 0 || got == -ENODATA ? ec_ads1299_failed(d, EC_STATUS_NO_DRDY, chip, EC_NO_REGISTER, 1, 0)
                                               : ec_ads1299_bus_failed(d, chip, got);
        }
        error = ec_ads1299_read_select(d, select, bytes, ec_chain_bytes(n_channels, n_chips, 1));
        if (error < 0 && error != -EIO && error != -ETIMEDOUT) {
            return ec_ads1299_bus_failed(d, chip, error);
        }
        d->gap_bits[select] = error < 0 ? EC_GAP_UNKNOWN : ec_chain_find_gap(bytes, n_channels, n_chips);
        if (d->gap_bits[select] != EC_GAP_UNKNOWN) {
            return 0;
        }
    }
    ec_chain_unpack(bytes, n_channels, n_chips, 0, frames);
    for (uint32_t i = n_chips; i-- > 0;) {
        wrong = (frames[i][0] & 0xF0u) != 0xC0u ? i : wrong;
    }
    return ec_ads1299_failed(d, EC_STATUS_BAD_DEVICE, chip + wrong, EC_NO_REGISTER, 0xC, frames[wrong][0] >> 4);
}

int32_t ec_ads1299_lock_gaps(ec_ads1299 *d)
{
    int32_t status = 0;
    int64_t t_start_ns;

    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        if (d->config.chips_in[select] < 2) {
            continue;
        }
        ec_ads1299_enter(d, EC_STEP_CHAIN);
        status = ec_ads1299_halt(d);
        if (status == 0) {
            status = ec_ads1299_command_all(d, EC_OP_RDATAC);
        }
        if (status == 0) {
            status = ec_ads1299_go(d, &t_start_ns);
        }
        if (status == 0) {
            status = lock_gap(d, select);
        }
        ec_ads1299_stop(d);
    }
    return status;
}

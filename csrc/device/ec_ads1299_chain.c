/* ec_ads1299_chain.c - frames of a daisy chain: bits in one stream, nearest chip first, with 0 or 1 bit between
 * chips (reference section 8: old data sheets ask for the bit, the current one is silent). */
#include <string.h>

#include "ec_ads1299_parts.h"

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

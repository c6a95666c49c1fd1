/* ec_spi_frame.h - counts into the bytes of one RDATAC frame.
 *
 * 24 status bits, then 24 bits per channel, two's complement, most significant
 * byte first (data sheet 9.4.4.2). Status of the emulator: C0 00 00, no lead-off,
 * GPIO low.
 */
#ifndef EC_SPI_FRAME_H
#define EC_SPI_FRAME_H

#include <stdint.h>

#define EC_SPI_FRAME_MAX  27u             /* bytes for eight channels */
#define EC_COUNTS_MAX     8388607
#define EC_COUNTS_MIN     (-8388608)

/* Bytes for `n_channels`. [any-thread, realtime] */
static inline uint32_t ec_spi_frame_bytes(uint32_t n_channels)
{
    return 3u + 3u * n_channels;
}

/* Write a frame; counts must fit 24 bits, n_channels <= 8. [any-thread, realtime] */
static inline void ec_spi_frame_pack(uint8_t *frame, const int32_t *counts, uint32_t n_channels)
{
    frame[0] = 0xC0;
    frame[1] = 0x00;
    frame[2] = 0x00;
    for (uint32_t c = 0; c < n_channels && c < 8u; c++) {
        const uint32_t code = (uint32_t)counts[c];
        frame[3 * c + 3] = (uint8_t)(code >> 16);
        frame[3 * c + 4] = (uint8_t)(code >> 8);
        frame[3 * c + 5] = (uint8_t)code;
    }
}

#endif

/* ec_spi_frame.h - status word and counts into the bytes of one frame.
 *
 * 24 status bits, then 24 bits per channel, two's complement, most significant
 * byte first (data sheet 9.4.4.2).
 */
#ifndef EC_SPI_FRAME_H
#define EC_SPI_FRAME_H

#include <stdint.h>

#define EC_SPI_FRAME_MAX     27u          /* bytes for eight channels */
#define EC_SPI_FRAME_STRIDE  32u          /* room for one frame in a table of them */
#define EC_COUNTS_MAX        8388607
#define EC_COUNTS_MIN        (-8388608)
#define EC_STATUS_IDLE       0xC00000u    /* 1100, no electrode off, GPIO low */

/* Bytes for `n_channels`. [any-thread, realtime] */
static inline uint32_t ec_spi_frame_bytes(uint32_t n_channels)
{
    return 3u + 3u * n_channels;
}

static inline void ec_spi_put24(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 16);
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)value;
}

/* Write a frame; counts must fit 24 bits, n_channels <= 8. [any-thread, realtime] */
static inline void ec_spi_frame_pack(uint8_t *frame, uint32_t status, const int32_t *counts, uint32_t n_channels)
{
    ec_spi_put24(frame, status);
    for (uint32_t c = 0; c < n_channels && c < 8u; c++) {
        ec_spi_put24(frame + 3 * c + 3, (uint32_t)counts[c]);
    }
}

#endif

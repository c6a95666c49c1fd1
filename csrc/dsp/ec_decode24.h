/* ec_decode24.h - frames of an ADS1299 as they come over SPI, to int32 and back.
 *
 * A frame is a 24-bit status word, then 24 bits per channel, two's complement,
 * most significant byte first: 3 + 3 n_channels bytes, 27 for eight channels
 * (data sheet SBAS499C, 9.4.4). The status word is 1100, LOFF_STATP[7:0],
 * LOFF_STATN[7:0], GPIO[7:4]. A frame whose first four bits are not 1100 did not
 * begin where we think; none of it is believed. n_channels is 1 or more.
 */
#ifndef EC_DECODE24_H
#define EC_DECODE24_H

#include <stddef.h>
#include <stdint.h>

#include "../base/ec_status.h"

#define EC_COUNTS_MAX 0x7FFFFF            /* full scale: the code of this and every higher voltage */
#define EC_COUNTS_MIN (-0x800000)

static inline uint32_t ec_frame_bytes(uint32_t n_channels)        { return 3 + 3 * n_channels; }
static inline uint32_t ec_status_loff_p(uint32_t status_word)     { return status_word >> 12 & 0xFFu; }
static inline uint32_t ec_status_loff_n(uint32_t status_word)     { return status_word >> 4 & 0xFFu; }
static inline uint32_t ec_status_gpio(uint32_t status_word)       { return status_word & 0xFu; }

/* Decode one frame into out[n_channels]; `status_word` may be NULL. 0, or
 * BAD_STATUS_WORD: then `out` is untouched and *status_word still holds the 24
 * bits, for the message. [acquire, realtime] */
int32_t ec_decode_frame(const uint8_t *frame, uint32_t n_channels, int32_t *out, uint32_t *status_word);

/* Decode a run of frames of one chip, frame i from frames + i * frame_stride bytes
 * to out + i * out_stride int32: with out_stride the channels of all chips and
 * `out` the first channel of this one, several chips share one wide frame.
 * `status_words` [n_frames] and `good` [n_frames], 1 or 0, may be NULL. Rows of bad frames are
 * untouched. Returns how many frames were good. [acquire, realtime] */
uint32_t ec_decode_frames(const uint8_t *frames, size_t frame_stride, uint32_t n_frames, uint32_t n_channels,
                          int32_t *out, size_t out_stride, uint32_t *status_words, uint8_t *good);

/* The other way, for the emulator: writes ec_frame_bytes(n_channels) bytes.
 * Counts beyond 24 bits become full scale, as in the chip. [acquire, realtime] */
void ec_encode24(uint8_t *frame, uint32_t status_word, const int32_t *counts, uint32_t n_channels);

/* Set bit c of mask[c / 64] for every channel that is at full scale in some
 * frame of counts[n_frames][n_channels]; other bits stay. 1 if any is. [any-thread, realtime] */
uint32_t ec_saturated_mask(const int32_t *counts, uint32_t n_frames, uint32_t n_channels, uint64_t *mask);

#endif

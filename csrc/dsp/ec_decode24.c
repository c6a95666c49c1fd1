#include "ec_decode24.h"

#include <stdbool.h>
#include <string.h>

/* The 24 bits at p, sign extended. Reads the byte before p too: one load and
 * two shifts, and p - 1 is always inside the frame, behind the status word. */
static inline int32_t load24(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p - 1, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return (int32_t)(v << 8) >> 8;
}

static inline uint32_t load_status(const uint8_t *frame)
{
    return (uint32_t)frame[0] << 16 | (uint32_t)frame[1] << 8 | frame[2];
}

static inline bool is_status(uint32_t status_word)
{
    return (status_word & 0xF00000u) == 0xC00000u;
}

static inline void load_channels(const uint8_t *frame, uint32_t n_channels, int32_t *out)
{
    for (uint32_t c = 0; c < n_channels; c++) {
        out[c] = load24(frame + 3 + 3 * c);
    }
}

int32_t ec_decode_frame(const uint8_t *frame, uint32_t n_channels, int32_t *out, uint32_t *status_word)
{
    const uint32_t status = load_status(frame);

    if (status_word != NULL) {
        *status_word = status;
    }
    if (!is_status(status)) {
        return EC_STATUS_BAD_STATUS_WORD;
    }
    load_channels(frame, n_channels, out);
    return EC_STATUS_OK;
}

uint32_t ec_decode_frames(const uint8_t *frames, size_t frame_stride, uint32_t n_frames, uint32_t n_channels,
                          int32_t *out, size_t out_stride, uint32_t *status_words, uint8_t *good)
{
    uint32_t n_good = 0;

    for (uint32_t f = 0; f < n_frames; f++) {
        const uint32_t status = load_status(frames);
        const bool is_good = is_status(status);

        if (status_words != NULL) {
            status_words[f] = status;
        }
        if (good != NULL) {
            good[f] = is_good;
        }
        if (is_good) {
            n_good++;
            if (n_channels == 8) {
                load_channels(frames, 8, out);                           /* one chip: unrolled */
            } else {
                load_channels(frames, n_channels, out);
            }
        }
        frames += frame_stride;
        out += out_stride;
    }
    return n_good;
}

static inline void store24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}

void ec_encode24(uint8_t *frame, uint32_t status_word, const int32_t *counts, uint32_t n_channels)
{
    store24(frame, status_word);
    for (uint32_t c = 0; c < n_channels; c++) {
        const int32_t low = counts[c] < EC_COUNTS_MIN ? EC_COUNTS_MIN : counts[c];
        store24(frame + 3 + 3 * c, (uint32_t)(low > EC_COUNTS_MAX ? EC_COUNTS_MAX : low));
    }
}

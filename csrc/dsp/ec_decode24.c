#include "ec_decode24.h"

#include <stdbool.h>
#include <string.h>

#include "../base/ec_simd.h"

#if defined(__has_builtin) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && \
    (defined(EC_SIMD_X86) || defined(__aarch64__))
#if __has_builtin(__builtin_shufflevector)
#define EC_SHUFFLES 1                     /* one instruction moves 16 bytes: pshufb, tbl */
#endif
#endif

static inline uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

/* The 24 bits at p, sign extended. Reads the byte before p too: one load and
 * two shifts, and p - 1 is always inside the frame, behind the status word. */
static inline int32_t load24(const uint8_t *p)
{
    return (int32_t)(load_be32(p - 1) << 8) >> 8;
}

/* Reads four bytes: a frame has at least one channel behind the status word. */
static inline uint32_t load_status(const uint8_t *frame)
{
    return load_be32(frame) >> 8;
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

#if defined(EC_SHUFFLES)
typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t counts4 __attribute__((vector_size(16), aligned(4), may_alias));

/* Eight channels of a frame of 27 bytes: each count to the upper three bytes of
 * its int32 and back down with its sign. The loads take bytes 0..15 and 11..26. */
static inline __attribute__((always_inline)) void load_eight(const uint8_t *frame, int32_t *out)
{
    const bytes16 zero = {0}, low = *(const bytes16 *)frame, high = *(const bytes16 *)(frame + 11);
    const bytes16 first = __builtin_shufflevector(low, zero, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11, 10, 9, 16, 14, 13, 12);
    const bytes16 second = __builtin_shufflevector(high, zero, 16, 6, 5, 4, 16, 9, 8, 7, 16, 12, 11, 10, 16, 15, 14,
                                                   13);

    *(counts4 *)out = (counts4)first >> 8;
    *(counts4 *)(out + 4) = (counts4)second >> 8;
}
#else
static inline __attribute__((always_inline)) void load_eight(const uint8_t *frame, int32_t *out)
{
    load_channels(frame, 8, out);
}
#endif

typedef struct frame_run {
    const uint8_t *frames;
    size_t         frame_stride;
    uint32_t       n_frames;
    uint32_t       n_channels;
    int32_t       *out;
    size_t         out_stride;
    uint32_t      *status_words;
    uint8_t       *good;
} frame_run;

static inline __attribute__((always_inline)) uint32_t decode_run(const frame_run *run, const bool eight_shuffled)
{
    const frame_run r = *run;             /* a copy: no store of the loop can change it */
    const uint8_t *frame = r.frames;
    int32_t *out = r.out;
    uint32_t n_good = 0;

    for (uint32_t f = 0; f < r.n_frames; f++) {
        const uint32_t status = load_status(frame);
        const bool is_good = is_status(status);

        if (r.status_words != NULL) {
            r.status_words[f] = status;
        }
        if (r.good != NULL) {
            r.good[f] = is_good;
        }
        if (is_good) {
            n_good++;
            if (eight_shuffled) {
                load_eight(frame, out);
            } else {
                load_channels(frame, r.n_channels, out);
            }
        }
        frame += r.frame_stride;
        out += r.out_stride;
    }
    return n_good;
}

#if defined(EC_SIMD_X86)
EC_TARGET_AVX2
#endif
static uint32_t decode_eight(const frame_run *run)
{
    return decode_run(run, true);
}

uint32_t ec_decode_frames(const uint8_t *frames, size_t frame_stride, uint32_t n_frames, uint32_t n_channels,
                          int32_t *out, size_t out_stride, uint32_t *status_words, uint8_t *good)
{
    const frame_run run = {frames, frame_stride, n_frames, n_channels, out, out_stride, status_words, good};

#if defined(EC_SIMD_X86)
    if (n_channels == 8 && ec_simd_level() >= EC_SIMD_AVX2) {
        return decode_eight(&run);
    }
#else
    if (n_channels == 8) {
        return decode_eight(&run);
    }
#endif
    return decode_run(&run, false);
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

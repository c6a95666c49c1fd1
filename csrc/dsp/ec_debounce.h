/* ec_debounce.h - a channel mask that follows another one once it has made up its mind.
 *
 * A bit of the result turns over with the frame at which the given bit has been the
 * other way for n_frames frames in succession. One call has one result: no call
 * reaches beyond the frame before the next turn, which ec_debounce_until tells.
 */
#ifndef EC_DEBOUNCE_H
#define EC_DEBOUNCE_H

#include <stdint.h>

#define EC_DEBOUNCE_WORDS 4

typedef struct ec_debounce {
    uint32_t n_frames;                    /* 0: the result is the given mask */
    uint64_t state[EC_DEBOUNCE_WORDS];
    uint32_t since[64 * EC_DEBOUNCE_WORDS];   /* frames for which the given bit was the other way */
} ec_debounce;

static inline void ec_debounce_init(ec_debounce *d, uint32_t n_frames)
{
    *d = (ec_debounce){.n_frames = n_frames};
}

/* Frames are missing: what was seen before them proves nothing, the state stays. [worker-thread, realtime] */
static inline void ec_debounce_gap(ec_debounce *d)
{
    for (uint32_t i = 0; i < 64 * EC_DEBOUNCE_WORDS; i++) {
        d->since[i] = 0;
    }
}

/* Frames until a bit of the result turns over if the given bits stay as they are: the most that the next call may
 * take. One that turns with the next frame is no limit. UINT32_MAX if none will. [worker-thread, realtime] */
static inline uint32_t ec_debounce_until(const ec_debounce *d, const uint64_t *mask)
{
    uint32_t until = UINT32_MAX;

    for (uint32_t w = 0; w < EC_DEBOUNCE_WORDS; w++) {
        for (uint64_t other = mask[w] ^ d->state[w]; other != 0; other &= other - 1) {
            const uint32_t since = d->since[64 * w + (uint32_t)__builtin_ctzll(other)];

            if (d->n_frames > since + 1 && d->n_frames - since - 1 < until) {
                until = d->n_frames - since - 1;
            }
        }
    }
    return until;
}

/* Replace mask[4], which was given for n_frames frames, by the state. [worker-thread, realtime] */
static inline void ec_debounce_run(ec_debounce *d, uint64_t *mask, uint32_t n_frames)
{
    for (uint32_t w = 0; w < EC_DEBOUNCE_WORDS; w++) {
        const uint64_t other = mask[w] ^ d->state[w];

        for (uint32_t b = 0; b < 64; b++) {
            uint32_t *const since = &d->since[64 * w + b];

            if ((other >> b & 1) == 0) {
                *since = 0;
                continue;
            }
            *since = *since > UINT32_MAX - n_frames ? UINT32_MAX : *since + n_frames;
            if (*since >= d->n_frames) {
                d->state[w] ^= (uint64_t)1 << b;
                *since = 0;
            }
        }
        mask[w] = d->state[w];
    }
}

#endif

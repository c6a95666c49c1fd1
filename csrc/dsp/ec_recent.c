#include "ec_recent.h"

#include <string.h>

/* Mask i of EC_RECENT_MASKS, and the flag it belongs to. */
static const uint32_t FLAG_OF[EC_RECENT_MASKS] = {
    EEGCORE_FLAG_SATURATED, EEGCORE_FLAG_LEAD_OFF, EEGCORE_FLAG_FLATLINE, EEGCORE_FLAG_BLINK, EEGCORE_FLAG_MUSCLE,
};

static const uint64_t *mask_of(const eegcore_block *b, uint32_t i)
{
    const uint64_t *const masks[EC_RECENT_MASKS] = {b->saturated, b->lead_off, b->flatline, b->blink, b->muscle};

    return masks[i];
}

/* A mask counts only while its flag is set. */
static int32_t counts(const eegcore_block *b, uint32_t i)
{
    return (b->flags & FLAG_OF[i]) != 0;
}

void ec_recent_begin(ec_recent *r, uint64_t span)
{
    memset(r, 0, sizeof *r);
    r->span = span;
}

void ec_recent_add(ec_recent *r, const eegcore_block *block, uint32_t n_frames)
{
    uint32_t flags = block->flags & ~(uint32_t)EEGCORE_FLAG_GAP;

    r->now += n_frames;
    for (; flags != 0; flags &= flags - 1) {
        r->flag_end[__builtin_ctz(flags)] = r->now;
    }
    for (uint32_t i = 0; i < EC_RECENT_MASKS; i++) {
        for (uint32_t w = 0; counts(block, i) && w < EEGCORE_MASK_WORDS; w++) {
            for (uint64_t bits = mask_of(block, i)[w]; bits != 0; bits &= bits - 1) {
                r->mask_end[i][64 * w + (uint32_t)__builtin_ctzll(bits)] = r->now;
            }
        }
    }
}

static int32_t is_recent(const ec_recent *r, uint64_t end)
{
    return end != 0 && r->now - end < r->span;
}

void ec_recent_read(const ec_recent *r, eegcore_block *out)
{
    out->flags = 0;
    for (uint32_t bit = 0; bit < 32; bit++) {
        out->flags |= is_recent(r, r->flag_end[bit]) ? UINT32_C(1) << bit : 0;
    }
    for (uint32_t i = 0; i < EC_RECENT_MASKS; i++) {
        uint64_t *const mask = (uint64_t *)mask_of(out, i);
        memset(mask, 0, EEGCORE_MASK_WORDS * sizeof *mask);
        for (uint32_t c = 0; counts(out, i) && c < EEGCORE_MAX_CHANNELS; c++) {
            mask[c / 64] |= is_recent(r, r->mask_end[i][c]) ? UINT64_C(1) << c % 64 : 0;
        }
    }
}

int32_t ec_recent_same(const eegcore_block *a, const eegcore_block *b)
{
    if (a->flags != b->flags) {
        return 0;
    }
    for (uint32_t i = 0; i < EC_RECENT_MASKS; i++) {
        if (counts(a, i) && memcmp(mask_of(a, i), mask_of(b, i), EEGCORE_MASK_WORDS * sizeof(uint64_t)) != 0) {
            return 0;
        }
    }
    return 1;
}

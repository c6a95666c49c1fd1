#include "ec_marks.h"

#include <string.h>

#define OF_A_MOMENT ((uint32_t)(EEGCORE_FLAG_GAP | EEGCORE_FLAG_LATE_READ))

static const uint32_t FLAG_OF[EC_MARKS_MASKS] = {EEGCORE_FLAG_SATURATED, EEGCORE_FLAG_LEAD_OFF, EEGCORE_FLAG_FLATLINE,
                                                 EEGCORE_FLAG_BLINK, EEGCORE_FLAG_MUSCLE};

void ec_marks_init(ec_marks *m, uint64_t window)
{
    memset(m, 0, sizeof *m);
    m->window = window;
}

void ec_marks_clear(ec_marks *m)
{
    m->flags = 0;
    memset(m->mask, 0, sizeof m->mask);
}

static void take_mask(ec_marks *m, uint32_t which, const uint64_t *given, uint64_t end)
{
    for (uint32_t w = 0; w < EEGCORE_MASK_WORDS; w++) {
        m->mask[which][w] |= given[w];
        for (uint64_t left = given[w]; left != 0; left &= left - 1) {
            m->mask_end[which][64 * w + (uint32_t)__builtin_ctzll(left)] = end;
        }
    }
}

void ec_marks_take(ec_marks *m, const eegcore_block *block, uint64_t first)
{
    const uint64_t *const masks[EC_MARKS_MASKS] = {block->saturated, block->lead_off, block->flatline, block->blink,
                                                   block->muscle};
    const uint32_t flags = block->flags & ~OF_A_MOMENT;
    const uint64_t end = first + block->n_frames - 1 + m->window;

    for (uint32_t left = flags; left != 0; left &= left - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctz(left);

        /* an own settling may last longer than what the block says */
        if (!(m->flags >> bit & 1) || m->flag_end[bit] < end) {
            m->flag_end[bit] = end;
        }
    }
    m->flags |= flags;
    for (uint32_t which = 0; which < EC_MARKS_MASKS; which++) {
        if (flags & FLAG_OF[which]) {
            take_mask(m, which, masks[which], end);
        }
    }
}

void ec_marks_settle(ec_marks *m, uint64_t first)
{
    if (m->window > 1) {
        const uint32_t bit = (uint32_t)__builtin_ctz(EEGCORE_FLAG_SETTLING);

        m->flags |= EEGCORE_FLAG_SETTLING;
        m->flag_end[bit] = first + m->window - 1;
    }
}

static uint64_t drop_mask(ec_marks *m, uint32_t which, uint64_t newest, uint64_t until)
{
    for (uint32_t w = 0; w < EEGCORE_MASK_WORDS; w++) {
        for (uint64_t left = m->mask[which][w]; left != 0; left &= left - 1) {
            const uint32_t bit = (uint32_t)__builtin_ctzll(left);
            const uint64_t end = m->mask_end[which][64 * w + bit];

            if (end <= newest) {
                m->mask[which][w] &= ~(UINT64_C(1) << bit);
            } else if (end < until) {
                until = end;
            }
        }
    }
    return until;
}

uint64_t ec_marks_until(ec_marks *m, uint64_t newest)
{
    uint64_t until = EC_MARKS_EVER;

    for (uint32_t left = m->flags; left != 0; left &= left - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctz(left);
        const uint64_t end = m->flag_end[bit];

        if (end <= newest) {
            m->flags &= ~(UINT32_C(1) << bit);
        } else if (end < until) {
            until = end;
        }
    }
    for (uint32_t which = 0; which < EC_MARKS_MASKS; which++) {
        until = drop_mask(m, which, newest, until);
    }
    return until;
}

void ec_marks_take_over(ec_marks *m, const ec_marks *old)
{
    const uint64_t window = m->window, longer = window - old->window;           /* modulo 2^64 */

    *m = *old;
    m->window = window;
    for (uint32_t bit = 0; bit < 32; bit++) {
        m->flag_end[bit] += longer;
    }
    for (uint32_t which = 0; which < EC_MARKS_MASKS; which++) {
        for (uint32_t c = 0; c < EEGCORE_MAX_CHANNELS; c++) {
            m->mask_end[which][c] += longer;
        }
    }
}

void ec_marks_write(const ec_marks *m, eegcore_block *out)
{
    out->flags = m->flags;
    memcpy(out->saturated, m->mask[0], sizeof out->saturated);
    memcpy(out->lead_off, m->mask[1], sizeof out->lead_off);
    if (m->flags & EEGCORE_FLAGS_ARTEFACT) {
        memcpy(out->flatline, m->mask[2], sizeof out->flatline);
        memcpy(out->blink, m->mask[3], sizeof out->blink);
        memcpy(out->muscle, m->mask[4], sizeof out->muscle);
    }
}

/* ec_emulator_truth.h - the books of an emulator: what became of every conversion of the line.
 *
 * A round reads chip 0, chip 1 ... the last chip. It began on the conversion that chip 0 had on its latch
 * when the first transfer was called, and ends when the last one returns: an edge in
 * between tears it, as the host must assume that brackets a round with its clock. Under the real clock
 * time passes between that clock and the transfers: there the round reaches to the `now` that was called directly
 * before and directly behind it. A chip with an oscillator of its own also tears the round by an edge during its
 * own transfer.
 *
 * Invariants
 *   T1  conversions == clean + spoiled + torn + never_read: a conversion is judged once, by the first
 *       round that began on it and reached the last chip
 *   T2  a transfer that failed has read nothing: the round goes on with the next one of the same select
 */
#ifndef EC_EMULATOR_TRUTH_H
#define EC_EMULATOR_TRUTH_H

#include <stdint.h>

typedef struct ec_round {
    uint64_t conversion;                  /* began on it; 0: none open */
    uint64_t after;                       /* conversion when the last transfer returned */
    uint32_t next_select;
    uint32_t spoiled;
    uint32_t torn;
    uint32_t whole;                       /* the last chip was read: to be closed */
} ec_round;

typedef struct ec_books {
    uint64_t clean, spoiled, torn, repeated;
    uint64_t judged;                      /* newest conversion in clean, spoiled or torn */
    uint64_t rounds;                      /* that reached the last chip since the last START */
    ec_round round;
} ec_books;

/* The round that has reached the last chip is over; `after`: conversion of chip 0 then. [realtime] */
static inline void ec_books_close(ec_books *b, uint64_t after)
{
    const ec_round *r = &b->round;
    const uint32_t torn = r->torn || after != r->conversion;
    if (!r->whole) {
        return;
    }
    b->rounds += 1;
    if (r->conversion <= b->judged) {
        b->repeated += 1;
    } else {
        b->judged = r->conversion;
        b->torn += torn;
        b->spoiled += r->spoiled && !torn;
        b->clean += !r->spoiled && !torn;
    }
    b->round.whole = 0;
    b->round.conversion = 0;
}

/* One transfer that covered the frames of all chips of `select`. `before` and `after`: conversion of chip 0 when it
 * was called and when it returned (of RDATA: both the one that was held). [realtime] */
static inline void ec_books_read(ec_books *b, uint32_t select, uint32_t n_selects, uint64_t before, uint64_t after,
                                 uint32_t spoiled, uint32_t torn)
{
    ec_round *r = &b->round;
    if (select == 0) {
        r->conversion = before;           /* 0: before the first edge */
        r->next_select = 0;
        r->torn = 0;
        r->spoiled = 0;
    }
    if (r->conversion == 0 || select != r->next_select) {
        r->conversion = 0;                /* out of order: no round */
        return;
    }
    r->spoiled |= spoiled;
    r->torn |= torn;
    r->after = after;
    r->next_select = select + 1;
    r->whole = r->next_select == n_selects;
}

#endif

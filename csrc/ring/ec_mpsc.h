/* ec_mpsc.h - bounded queue of small fixed records, many producers, one consumer.
 *
 * For log records and control messages only, never for samples. Each cell
 * carries a sequence number (after D. Vyukov's bounded queue): a producer owns
 * a cell when the number equals its ticket, the consumer when it equals
 * ticket + 1. A full queue refuses; the caller counts what it could not say.
 *
 * Invariants
 *   M1  a record is delivered at most once and whole
 *   M2  records of one producer arrive in its order
 *   M3  capacity is a power of two; at most capacity records wait
 * Ordering pairs
 *   A   release-store of seq in push  ->  acquire-load of seq in pop
 *   B   release-store of seq in pop   ->  acquire-load of seq in push
 */
#ifndef EC_MPSC_H
#define EC_MPSC_H

#include "../base/ec_atomic.h"

#define EC_RECORD_WORDS 7

typedef struct ec_record {
    uint64_t words[EC_RECORD_WORDS];
} ec_record;

typedef struct ec_mpsc_cell {
    EC_ATOMIC(uint32_t) seq;
    ec_record record;                     /* plain: owned by whoever seq names */
} ec_mpsc_cell;
_Static_assert(sizeof(ec_mpsc_cell) == 64, "one cell, one line");

typedef struct ec_mpsc {
    ec_mpsc_cell *cells;
    uint32_t    capacity;
    uint32_t    mask;
    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) head;   /* next ticket; producers race for it */
    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) refused;
    uint32_t    tail;                     /* consumer's alone */
} ec_mpsc;

/* As ec_ring_init; capacity at least 2. [control-thread] */
static inline bool ec_mpsc_init(ec_mpsc *q, ec_mpsc_cell *cells, uint32_t capacity, uint32_t start)
{
    if (capacity < 2 || capacity > (1u << 16) || (capacity & (capacity - 1)) != 0) {
        return false;
    }
    q->cells = cells;
    q->capacity = capacity;
    q->mask = capacity - 1;
    q->tail = start;
    for (uint32_t i = 0; i < capacity; i++) {
        EC_STORE(&cells[(start + i) & q->mask].seq, start + i, relaxed);
    }
    EC_STORE(&q->head, start, relaxed);
    EC_STORE(&q->refused, 0, relaxed);
    return true;
}

/* Copy one record in. False, counted in `refused`, if full. [any-thread, realtime] */
static inline bool ec_mpsc_push(ec_mpsc *q, const ec_record *record)
{
    uint32_t ticket = EC_LOAD(&q->head, relaxed);

    for (;;) {
        ec_mpsc_cell *cell = &q->cells[ticket & q->mask];
        const uint32_t seq = EC_LOAD(&cell->seq, acquire);                      /* B */

        if (seq == ticket) {
            if (EC_CAS(&q->head, &ticket, ticket + 1, relaxed, relaxed)) {
                cell->record = *record;
                EC_STORE(&cell->seq, ticket + 1, release);                      /* A */
                return true;
            }
        } else if ((int32_t)(seq - ticket) < 0) {
            EC_FETCH_ADD(&q->refused, 1, relaxed);
            return false;
        } else {
            ticket = EC_LOAD(&q->head, relaxed);
        }
    }
}

/* Copy the oldest record out. False if none is complete. [consumer, realtime] */
static inline bool ec_mpsc_pop(ec_mpsc *q, ec_record *record)
{
    ec_mpsc_cell *cell = &q->cells[q->tail & q->mask];

    if (EC_LOAD(&cell->seq, acquire) != q->tail + 1) {                          /* A */
        return false;
    }
    *record = cell->record;
    EC_STORE(&cell->seq, q->tail + q->capacity, release);                       /* B */
    q->tail++;
    return true;
}

#endif

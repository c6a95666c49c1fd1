/* lockfree.c - the production headers as plain functions, for ctypes.
 *
 * Nothing is decided here: each function is one call into a header. Indices,
 * tickets, generations and the tag may start anywhere, so that the tests pass
 * their ends instead of waiting for them.
 */
#include <stdlib.h>
#include <string.h>

#include "../../csrc/packet/ec_pool.h"
#include "../../csrc/ring/ec_drop_ring.h"
#include "../../csrc/ring/ec_mpsc.h"
#include "../../csrc/ring/ec_ring.h"

static void *zeroed(size_t bytes)
{
    void *p = NULL;

    if (posix_memalign(&p, EC_CACHE_PAIR, (bytes + EC_CACHE_PAIR - 1) / EC_CACHE_PAIR * EC_CACHE_PAIR) != 0) {
        abort();
    }
    return memset(p, 0, bytes);
}

/* ---- ring ---- */
ec_ring *ring_new(uint32_t capacity, uint32_t start)
{
    ec_ring *r = zeroed(sizeof *r);
    void *slots = zeroed(8 * ((size_t)capacity + 1));

    if (!ec_ring_init(r, slots, capacity, start)) {
        free(slots);
        free(r);
        return NULL;
    }
    return r;
}
void ring_free(ec_ring *r)                     { free(r->slots); free(r); }
int ring_push(ec_ring *r, uint64_t slot)       { return ec_ring_push(r, slot); }
int ring_pop(ec_ring *r, uint64_t *slot)       { return ec_ring_pop(r, slot); }
uint32_t ring_count(ec_ring *r)                { return ec_ring_count(r); }
uint32_t ring_head(ec_ring *r)                 { return EC_LOAD(&r->head, relaxed); }
uint32_t ring_tail(ec_ring *r)                 { return EC_LOAD(&r->tail, relaxed); }
uint64_t ring_word(ec_ring *r, uint32_t index) { return EC_LOAD(&r->slots[index & r->mask], relaxed); }

/* ---- drop ring ---- */
ec_drop_ring *drop_new(uint32_t capacity, uint32_t start)
{
    ec_drop_ring *r = zeroed(sizeof *r);
    void *slots = zeroed(8 * ((size_t)capacity + 1));

    if (!ec_drop_ring_init(r, slots, capacity, start)) {
        free(slots);
        free(r);
        return NULL;
    }
    return r;
}
void drop_free(ec_drop_ring *r)                { free(r->slots); free(r); }
int drop_push(ec_drop_ring *r, uint64_t slot, uint64_t *evicted) { return ec_drop_ring_push(r, slot, evicted); }
int drop_pop(ec_drop_ring *r, uint64_t *slot)  { return ec_drop_ring_pop(r, slot); }
uint32_t drop_count(ec_drop_ring *r)           { return ec_drop_ring_count(r); }
uint32_t drop_head(ec_drop_ring *r)            { return EC_LOAD(&r->head, relaxed); }
uint32_t drop_tail(ec_drop_ring *r)            { return EC_LOAD(&r->tail, relaxed); }

/* ---- queue of records ---- */
ec_mpsc *mpsc_new(uint32_t capacity, uint32_t start)
{
    ec_mpsc *q = zeroed(sizeof *q);
    void *cells = zeroed(sizeof(ec_mpsc_cell) * ((size_t)capacity + 1));

    if (!ec_mpsc_init(q, cells, capacity, start)) {
        free(cells);
        free(q);
        return NULL;
    }
    return q;
}
void mpsc_free(ec_mpsc *q)                     { free(q->cells); free(q); }
int mpsc_push(ec_mpsc *q, const uint64_t *words)
{
    ec_record record;

    memcpy(&record, words, sizeof record);
    return ec_mpsc_push(q, &record);
}
int mpsc_pop(ec_mpsc *q, uint64_t *words)      { return ec_mpsc_pop(q, (ec_record *)words); }
uint32_t mpsc_refused(ec_mpsc *q)              { return EC_LOAD(&q->refused, relaxed); }

/* ---- doorbell ---- */
ec_doorbell *bell_new(int with_eventfd)
{
    ec_doorbell *d = zeroed(sizeof *d);

    if (ec_doorbell_init(d, with_eventfd) != EC_STATUS_OK) {
        free(d);
        return NULL;
    }
    return d;
}
void bell_free(ec_doorbell *d)                 { ec_doorbell_destroy(d); free(d); }
uint32_t bell_look(ec_doorbell *d)             { return ec_doorbell_look(d); }
void bell_ring(ec_doorbell *d)                 { ec_doorbell_ring(d); }
int bell_arm(ec_doorbell *d, uint32_t seen)    { return ec_doorbell_arm(d, seen); }
void bell_disarm(ec_doorbell *d)               { ec_doorbell_disarm(d); }
void bell_wait(ec_doorbell *d, uint32_t seen, int64_t deadline_ns) { ec_doorbell_wait(d, seen, deadline_ns); }
uint32_t bell_waiting(ec_doorbell *d)          { return EC_LOAD(&d->waiting, relaxed); }
int bell_fd(ec_doorbell *d)                    { return d->event_fd; }

/* ---- pool ---- */
ec_pool *pool_new(uint32_t id, uint32_t slots, uint32_t payload_bytes, uint32_t generation, uint32_t tag)
{
    ec_pool *p = zeroed(sizeof *p);
    bool locked;

    if (ec_pool_create(p, id, slots, payload_bytes, false, &locked) != EC_STATUS_OK) {
        free(p);
        return NULL;
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        EC_STORE(&p->state[slot], (uint64_t)generation << 32, relaxed);
    }
    EC_STORE(&p->free_head, (uint64_t)tag << 32 | (uint32_t)EC_LOAD(&p->free_head, relaxed), relaxed);
    return p;
}
void pool_free(ec_pool *p)                     { ec_pool_destroy(p); free(p); }
uint64_t pool_try_acquire(ec_pool *p)          { return ec_pool_try_acquire(p); }
uint64_t pool_acquire(ec_pool *p, int64_t deadline_ns) { return ec_pool_acquire(p, deadline_ns); }
int32_t pool_retain(ec_pool *p, uint64_t ref)  { return ec_pool_retain(p, ref); }
int32_t pool_release(ec_pool *p, uint64_t ref) { return ec_pool_release(p, ref); }
int pool_is_sole(ec_pool *p, uint64_t ref)     { return ec_pool_is_sole(p, ref); }
int32_t pool_grow(ec_pool *p)                  { return ec_pool_grow(p); }
uint32_t pool_size(ec_pool *p)                 { return EC_LOAD(&p->size, relaxed); }
uint32_t pool_free_count(ec_pool *p)           { return ec_pool_free_count(p); }
uint32_t pool_stale(ec_pool *p)                { return EC_LOAD(&p->stale, relaxed); }
uint32_t pool_exhausted(ec_pool *p)            { return EC_LOAD(&p->exhausted, relaxed); }
uint32_t pool_high_water(ec_pool *p)           { return EC_LOAD(&p->high_water, relaxed); }
uint32_t pool_waiting(ec_pool *p)              { return EC_LOAD(&p->returned.waiting, relaxed); }
uint64_t *pool_payload(ec_pool *p, uint32_t slot) { return ec_packet_payload(ec_pool_packet(p, slot)); }

/* The free list as it is: slot numbers into `slots` (room for all), their number; -1 if it does not end. */
int32_t pool_free_list(ec_pool *p, uint32_t *slots)
{
    const uint32_t size = EC_LOAD(&p->size, relaxed);
    uint32_t n = 0;

    for (uint32_t link = (uint32_t)EC_LOAD(&p->free_head, relaxed); link != 0;
         link = EC_LOAD(&p->next[link - 1], relaxed)) {
        if (n == size) {
            return -1;
        }
        slots[n++] = link - 1;
    }
    return (int32_t)n;
}

#define _GNU_SOURCE
#include "ec_pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void prefault(unsigned char *from, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < bytes; i += page) {
        from[i] = 0;
    }
}

static void add_slots(ec_pool *p, uint32_t from, uint32_t to)
{
    for (uint32_t slot = to; slot-- > from;) {            /* lowest first off the list */
        EC_STORE(&p->state[slot], UINT64_C(1) << 32, relaxed);   /* generation 1: reference 0 is nobody's */
        ec_pool_free_push(p, slot);
    }
}

int32_t ec_pool_create(ec_pool *p, uint32_t id, uint32_t slots, uint32_t payload_bytes, bool lock, bool *locked)
{
    const uint64_t stride = ((uint64_t)payload_bytes + EC_PACKET_HEADER_BYTES + 127) & ~UINT64_C(127);
    const uint64_t reserved = (uint64_t)slots * 2;

    memset(p, 0, sizeof *p);
    p->memfd = -1;
    p->returned.event_fd = -1;
    *locked = false;
    if (id >= EC_POOLS_MAX || slots == 0 || reserved > EC_POOL_SLOTS_MAX || stride > UINT32_MAX
        || stride * reserved > (uint64_t)1 << 40) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    p->id = id;
    p->stride = (uint32_t)stride;
    p->payload_bytes = payload_bytes;
    p->slots_reserved = (uint32_t)reserved;
    p->state = calloc(reserved, sizeof *p->state);
    p->next = calloc(reserved, sizeof *p->next);
    if (p->state == NULL || p->next == NULL) {
        ec_pool_destroy(p);
        return EC_STATUS_NO_MEMORY;
    }
    p->memfd = memfd_create("eegcore-pool", MFD_CLOEXEC);
    if (p->memfd < 0 || ftruncate(p->memfd, (off_t)(stride * reserved)) != 0) {
        ec_pool_destroy(p);
        return EC_STATUS_SYSTEM;
    }
    p->slab = mmap(NULL, stride * reserved, PROT_READ | PROT_WRITE, MAP_SHARED, p->memfd, 0);
    if (p->slab == MAP_FAILED) {
        p->slab = NULL;
        ec_pool_destroy(p);
        return EC_STATUS_NO_MEMORY;
    }
    if (ec_doorbell_init(&p->returned, false) != EC_STATUS_OK) {
        ec_pool_destroy(p);
        return EC_STATUS_SYSTEM;
    }
    prefault(p->slab, stride * slots);
    if (lock) {
        *locked = mlock(p->slab, stride * slots) == 0;
    }
    EC_STORE(&p->size, slots, relaxed);
    add_slots(p, 0, slots);
    return EC_STATUS_OK;
}

void ec_pool_destroy(ec_pool *p)
{
    if (p->slab != NULL) {
        munmap(p->slab, (uint64_t)p->stride * p->slots_reserved);
    }
    if (p->memfd >= 0) {
        close(p->memfd);
    }
    free(p->state);
    free(p->next);
    ec_doorbell_destroy(&p->returned);
    memset(p, 0, sizeof *p);
    p->memfd = -1;
    p->returned.event_fd = -1;
}

int32_t ec_pool_grow(ec_pool *p)
{
    const uint32_t size = EC_LOAD(&p->size, relaxed);

    if (size == p->slots_reserved) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    prefault(p->slab + (uint64_t)size * p->stride, (size_t)(p->slots_reserved - size) * p->stride);
    EC_STORE(&p->size, p->slots_reserved, relaxed);       /* before any reference to a new slot can exist */
    add_slots(p, size, p->slots_reserved);
    ec_doorbell_ring(&p->returned);
    return EC_STATUS_OK;
}

ec_ref ec_pool_acquire(ec_pool *p, int64_t deadline_ns)
{
    for (;;) {
        const uint32_t seen = ec_doorbell_look(&p->returned);
        const ec_ref ref = ec_pool_try_acquire(p);
        struct timespec now;

        if (ref != EC_REF_NONE) {
            return ref;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (deadline_ns >= 0 && (int64_t)now.tv_sec * 1000000000 + now.tv_nsec >= deadline_ns) {
            return EC_REF_NONE;
        }
        ec_doorbell_wait(&p->returned, seen, deadline_ns);
    }
}

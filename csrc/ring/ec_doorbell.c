#define _GNU_SOURCE
#include "ec_doorbell.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../base/ec_status.h"

_Static_assert(sizeof(_Atomic uint32_t) == sizeof(uint32_t), "the kernel reads `rung` as a plain word");

int32_t ec_doorbell_init(ec_doorbell *d, bool with_eventfd)
{
    EC_STORE(&d->rung, 0, relaxed);
    EC_STORE(&d->waiting, 0, relaxed);
    d->armed = false;
    d->event_fd = -1;
    if (with_eventfd) {
        d->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (d->event_fd < 0) {
            return EC_STATUS_SYSTEM;
        }
    }
    return EC_STATUS_OK;
}

void ec_doorbell_destroy(ec_doorbell *d)
{
    if (d->event_fd >= 0) {
        close(d->event_fd);
        d->event_fd = -1;
    }
}

void ec_doorbell_alarm(ec_doorbell *d)
{
    if (d->event_fd >= 0) {
        const uint64_t one = 1;
        /* EAGAIN means the counter is at its maximum: the loop is awake anyway. */
        ssize_t written = write(d->event_fd, &one, sizeof one);
        (void)written;
    } else {
        /* All sleepers: one ring may stand for many slots (ec_pool_grow). */
        syscall(SYS_futex, (uint32_t *)&d->rung, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}

void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)
{
    struct timespec until, *timeout = NULL;

    if (deadline_ns >= 0) {
        until.tv_sec = (time_t)(deadline_ns / 1000000000);
        until.tv_nsec = (long)(deadline_ns % 1000000000);
        timeout = &until;
    }
    /* FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time. EINTR and
     * EAGAIN come back as a wake-up: the caller looks again in any case. */
    syscall(SYS_futex, (uint32_t *)&d->rung, FUTEX_WAIT_BITSET_PRIVATE, seen, timeout, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

/* The three clocks of an emulator. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L           /* clock_nanosleep */
#endif

#include <time.h>

#include "../base/ec_clock.h"
#include "ec_emulator_state.h"

#define NS_PER_S  INT64_C(1000000000)
#define AHEAD_NS  INT64_C(1000000)        /* transfers may be booked so far ahead of the real clock */

static void sleep_until(int64_t t)
{
    const struct timespec until = { .tv_sec = t / NS_PER_S, .tv_nsec = t % NS_PER_S };
    while (ec_now_ns() < t) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);         /* EINTR: look again */
    }
}

int64_t ec_emulator_now(const ec_emulator *e)
{
    if (e->config.time != EC_TIME_REAL) {
        return e->now_ns;
    }
    const int64_t now = ec_now_ns();
    return now > e->now_ns ? now : e->now_ns;                 /* a transfer may still be on the wire */
}

int64_t ec_emulator_until(ec_emulator *e, int64_t t, int64_t pace_ns)
{
    if (e->config.time == EC_TIME_REAL) {
        sleep_until(t);
        return ec_emulator_now(e);
    }
    if (e->config.time == EC_TIME_PATIENT && e->converting) {
        sleep_until(pace_ns);
    }
    e->now_ns = t > e->now_ns ? t : e->now_ns;
    return e->now_ns;
}

void ec_emulator_pace_start(ec_emulator *e)
{
    if (e->config.time == EC_TIME_PATIENT) {
        const int64_t now = ec_now_ns();
        e->now_ns = now > e->now_ns ? now : e->now_ns;
        e->converting = 1;
    }
}

/* A bus that is asked for more than its wire carries must wait for the wire, or
 * the device's time runs away from the clock. Not for every transfer: a sleep
 * would cost more than most of them. */
void ec_emulator_wait_for_wire(const ec_emulator *e)
{
    if (e->config.time == EC_TIME_REAL && e->now_ns - ec_now_ns() > AHEAD_NS) {
        sleep_until(e->now_ns);
    }
}

int64_t ec_emulator_bus_now(void *self)
{
    ec_emulator *e = self;
    const int64_t now = ec_emulator_now(e);
    if (e->config.time == EC_TIME_REAL) {
        ec_lines_sync(e, now);
        e->asked_conversion = ec_line_conversion(e);
        e->asked = 1;
        ec_books_close(&e->tally.books, e->asked_conversion);
    }
    return now;
}

void ec_emulator_sleep(void *self, int64_t ns)
{
    ec_emulator *e = self;
    if (ns <= 0) {
        return;
    }
    const int64_t until = ec_emulator_now(e) + ns;
    (void)ec_books_enter(e);
    if (e->config.time == EC_TIME_REAL) {
        sleep_until(until);
        ec_lines_sync(e, ec_emulator_now(e));
    } else {
        e->now_ns = until;
        ec_lines_sync(e, until);
    }
}

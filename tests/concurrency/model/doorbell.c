/* The doorbell with a ring before it: a consumer that sleeps for ever with an
 * item in its ring is a failure (W1). Once as a futex, once as an eventfd, and
 * with two producers on two rings that share the bell (fan-in). */
#include "mc.h"

#include "../../../csrc/ring/ec_doorbell.h"
#include "../../../csrc/ring/ec_ring.h"

static struct {
    ec_doorbell bell;
    ec_ring  ring[2];
    uint64_t slots[2][4];
    uint64_t alarms, rings;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

void ec_doorbell_alarm(ec_doorbell *d)
{
    w.alarms++;
    mc_alarm(&d->rung);
}

void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)
{
    (void)deadline_ns;
    mc_futex_wait(&d->rung, seen);
}

static void make_rings(uint32_t capacity)
{
    EC_STORE(&w.bell.rung, UINT32_MAX, relaxed);
    EC_STORE(&w.bell.waiting, 0, relaxed);
    for (uint32_t i = 0; i < 2; i++) {
        ec_ring_init(&w.ring[i], w.slots[i], capacity, UINT32_MAX);
        for (uint32_t k = 0; k < capacity; k++) {
            EC_STORE(&w.slots[i][k], 0, relaxed);
        }
    }
}

static void push(uint32_t ring, uint32_t items)
{
    for (uint32_t i = 0; i < items; i++) {
        mc_step(i);
        MC_CHECK(ec_ring_push(&w.ring[ring], i + 1), "the ring has room");
        ec_doorbell_ring(&w.bell);
    }
}

static uint32_t look_at_rings(uint32_t *got)
{
    const uint32_t before = *got;
    uint64_t ref;

    for (uint32_t i = 0; i < 2; i++) {
        while (ec_ring_pop(&w.ring[i], &ref)) {
            ++*got;
        }
    }
    return *got - before;
}

/* Until `items` came: look, take what is there, sleep if nothing was. */
static void pop_futex(uint32_t items)
{
    uint32_t got = 0;

    while (got < items) {
        uint32_t seen;

        mc_step(got);
        seen = ec_doorbell_look(&w.bell);
        if (look_at_rings(&got) == 0) {
            ec_doorbell_wait(&w.bell, seen, -1);
        }
    }
}

/* The same inside an event loop: armed, the loop polls the eventfd. It disarms
 * whether or not it was armed, as a reader does that was called without need. */
static void pop_eventfd(uint32_t items)
{
    uint32_t got = 0;

    while (got < items) {
        uint32_t seen;

        mc_step(got);
        ec_doorbell_disarm(&w.bell);
        seen = ec_doorbell_look(&w.bell);
        if (look_at_rings(&got) == 0 && ec_doorbell_arm(&w.bell, seen)) {
            mc_poll(&w.bell.rung);
        }
    }
}

static void rested(void)
{
    ec_doorbell_disarm(&w.bell);
    ec_doorbell_disarm(&w.bell);
    MC_CHECK(EC_LOAD(&w.bell.waiting, relaxed) == 0, "W2: nobody sleeps, nobody is said to");
}

static void no_alarm(void)
{
    rested();
    MC_CHECK(w.alarms == 0, "W2: no system call without a sleeper");
}

static void make(void)          { make_rings(2); }
static void push_1(void)        { push(0, 1); }
static void push_2(void)        { push(0, 2); }
static void push_1_other(void)  { push(1, 1); }
static void futex_1(void)       { pop_futex(1); }
static void futex_2(void)       { pop_futex(2); }
static void eventfd_1(void)     { pop_eventfd(1); }
static void eventfd_2(void)     { pop_eventfd(2); }

#ifdef MC_DEEP
static void make_3(void)        { make_rings(4); }
static void push_3(void)        { push(0, 3); }
static void futex_3(void)       { pop_futex(3); }
static void eventfd_3(void)     { pop_eventfd(3); }
#endif

const mc_scenario mc_scenarios[] = {
    {"doorbell_alone", make, {push_2}, no_alarm, NULL, false},
    {"doorbell_futex_once", make, {push_1, futex_1}, rested, NULL, false},
    {"doorbell_futex", make, {push_2, futex_2}, rested, NULL, false},
    {"doorbell_eventfd_once", make, {push_1, eventfd_1}, rested, NULL, false},
    {"doorbell_eventfd", make, {push_2, eventfd_2}, rested, NULL, false},
    {"doorbell_fan_in", make, {push_1, push_1_other, futex_2}, rested, NULL, false},
#ifdef MC_DEEP
    {"doorbell_deep_futex", make_3, {push_3, futex_3}, rested, NULL, false},
    {"doorbell_deep_eventfd", make_3, {push_3, eventfd_3}, rested, NULL, false},
    {"doorbell_deep_fan_in", make_3, {push_2, push_1_other, futex_3}, rested, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

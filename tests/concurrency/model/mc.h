/* mc.h - a small model checker for the lock-free headers of the core.
 *
 * A scenario includes this file and then the production headers, compiled with
 * -DEC_MODEL: every EC_LOAD, EC_STORE... becomes a call into the checker, which
 * runs the threads as coroutines and tries every order of their accesses and
 * every value that each access may read.
 *
 * The memory (mc_memory.c) is RC11 in its operational form: per location an
 * ordered list of messages (the modification order), per thread a view (the
 * oldest message of each location it may still read).
 *   - a load reads any message that is not older than the thread's view
 *   - a store may be put anywhere behind the view, not only at the end
 *   - a read-modify-write sits directly behind what it read
 *   - a release message carries its writer's view, a chain of RMWs hands it on
 *     (C++20 release sequences), an acquire load joins it
 *   - seq_cst accesses must admit one order (mc_order.c): psc of RC11 without
 *     its sb;hb;sb part, so the checker allows a little more than C11
 *   - sb and rf form no cycle; C11 and Arm allow that for relaxed accesses. To
 *     lose nothing by it, words that change hands are declared owned (below):
 *     a rewrite must be ordered behind the last read, not merely come later
 * Plain data is checked for races with vector clocks (mc_race.c).
 *
 * States are remembered (mc_hash.c) and none is explored twice. A run that
 * ends without a word is complete: no bound was reached, nothing was sampled.
 */
#ifndef MC_H
#define MC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef EC_MODEL
#error "scenarios are compiled with -DEC_MODEL"
#endif

typedef enum mc_order { mc_relaxed, mc_acquire, mc_release, mc_acq_rel, mc_seq_cst } mc_order;

/* What ec_atomic.h leaves to the checker. */
#define EC_ATOMIC(type) type
#define EC_LOAD(p, order)          ((__typeof__(*(p)))mc_load((p), mc_##order, #p))
#define EC_STORE(p, v, order)      mc_store((p), (uint64_t)(__typeof__(*(p)))(v), mc_##order, #p)
#define EC_FETCH_ADD(p, v, order)  mc_fetch_add((p), sizeof *(p), (uint64_t)(v), mc_##order, #p)
#define EC_FETCH_SUB(p, v, order)  mc_fetch_add((p), sizeof *(p), -(uint64_t)(v), mc_##order, #p)
#define EC_CAS(p, expected, desired, success, failure)                                        \
    mc_cas((p), sizeof *(p) == sizeof *(expected) ? sizeof *(p) : 0, (expected),              \
           (uint64_t)(__typeof__(*(p)))(desired), mc_##success, mc_##failure, #p)

uint64_t mc_load(const volatile void *p, mc_order order, const char *text);
void mc_store(volatile void *p, uint64_t value, mc_order order, const char *text);
uint64_t mc_fetch_add(volatile void *p, size_t bytes, uint64_t value, mc_order order, const char *text);
bool mc_cas(volatile void *p, size_t bytes, void *expected, uint64_t desired, mc_order success, mc_order failure,
            const char *text);

/* One scenario. `world` holds everything the threads share; it is put back
 * after every step back, so nothing else may be written. */
typedef struct mc_scenario {
    const char *name;
    void      (*setup)(void);             /* atomics written here are the initial messages */
    void      (*threads[4])(void);        /* NULL ends the list */
    void      (*finish)(void);            /* all threads joined: loads read the newest */
    const uint32_t *outcomes;             /* litmus: exactly these, ended by MC_END; NULL: none */
    bool        plain_steps;              /* plain code between accesses is a step of its own: where the header copies */
} mc_scenario;
#define MC_END UINT32_MAX

/* Supplied by the scenario file. */
extern const mc_scenario mc_scenarios[];  /* ended by .name == NULL */
extern void *const mc_world;
extern const size_t mc_world_bytes;

/* In setup: how a location is used. */
void mc_own(const volatile void *p);        /* changes hands: each access needs happens-before, as plain data does */
void mc_own_checked(const volatile void *p);/* as mc_own, but a load counts only if mc_took follows */
void mc_counter(const volatile void *p);    /* only fetch_add whose result decides nothing: done at once, and as if
                                               relaxed, so that no order depends on it */
void mc_private(const volatile void *p);    /* one thread's, checked: read and written at once */
void mc_constant(const volatile void *p);   /* never written again: loaded at once */
void mc_await(const volatile void *p);      /* reloaded in a loop: the same message twice in one call is skipped */
void mc_guard(const volatile void *seq, const void *data, bool (*is_write)(uint64_t seq_value));
                                            /* a store to seq follows an access to the plain *data */

/* In a thread: a call begins, and `state` is all the caller knows. Two
 * threads with the same state here are the same, whatever they read before. */
void mc_step(uint32_t state);
void mc_know(uint64_t value);               /* a value that came from plain data, for the hash */
void mc_took(void);                         /* the last mc_own_checked word loaded is ours now */
uint64_t mc_read(const uint64_t *p);        /* plain data of the world, checked for races */
void mc_write(uint64_t *p, uint64_t value);

/* The system calls of the doorbell: a futex on a word, an eventfd beside it. */
void mc_alarm(volatile void *word);
void mc_futex_wait(volatile void *word, uint64_t seen);
void mc_poll(volatile void *word);          /* until an alarm came since the last mc_poll; clears it */

void mc_outcome(uint32_t value);            /* litmus: this result is possible */
_Noreturn void mc_fail(const char *what);   /* prints the way here and ends the process with 1 */

#define MC_CHECK(condition, what) do { if (!(condition)) { mc_fail(what " (" #condition ")"); } } while (0)

#endif

/* ec_atomic.h - the only door to atomic memory.
 *
 * Every atomic access of the core goes through these macros, with its order
 * written at the call. The model checker (tests/concurrency) defines EC_MODEL
 * and supplies its own set, so that it explores the production headers and not
 * a copy; the mutator weakens one order at a time by line. No standalone
 * fences: ThreadSanitizer cannot see them.
 */
#ifndef EC_ATOMIC_H
#define EC_ATOMIC_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#define EC_CACHE_PAIR 128     /* two lines: adjacent-line prefetch on x86-64, 128-byte granules on some Arm */

#ifndef EC_MODEL
#include <stdatomic.h>

#define EC_ATOMIC(type) _Atomic(type)

#define EC_LOAD(p, order)            atomic_load_explicit((p), memory_order_##order)
#define EC_STORE(p, v, order)        atomic_store_explicit((p), (v), memory_order_##order)
#define EC_FETCH_ADD(p, v, order)    atomic_fetch_add_explicit((p), (v), memory_order_##order)
#define EC_FETCH_SUB(p, v, order)    atomic_fetch_sub_explicit((p), (v), memory_order_##order)
/* True and *p = desired if *p was *expected; else *expected = *p. Never fails spuriously. */
#define EC_CAS(p, expected, desired, success, failure) \
    atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
                                            memory_order_##success, memory_order_##failure)
#endif

/* Add to a counter that only the calling thread writes; others may read it at
 * any time. Cheaper than a read-modify-write, and 64 bits never tear. */
#define EC_COUNT(p, v) EC_STORE((p), EC_LOAD((p), relaxed) + (v), relaxed)

#endif

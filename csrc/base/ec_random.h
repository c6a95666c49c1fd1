/* ec_random.h - random numbers made of integers only, the same on every machine.
 *
 * SplitMix64 (Steele, Lea, Flood 2014): a counter that grows by an odd constant,
 * followed by a mixing function. There is no other state, so number n of a
 * stream is found without the n-1 before it, and a stream is named by its key
 * alone: what one channel draws can never shift what another channel gets.
 *
 * Invariants (tests/emulator/test_emulator_random.py)
 *   N1  ec_random(key, n) is a function of its arguments: no hidden state
 *   N2  ec_random(key, n) equals the n-th call (from 0) of ec_random_next on a
 *       state that began as key
 *   N3  ec_uniform and ec_uniform_signed use 53 bits and never return 1
 */
#ifndef EC_RANDOM_H
#define EC_RANDOM_H

#include <stdint.h>

#define EC_RANDOM_STEP UINT64_C(0x9E3779B97F4A7C15)      /* 2^64 / golden ratio, odd */

/* Scatter the bits of x: a bijection of 64-bit numbers. [any-thread, realtime] */
static inline uint64_t ec_random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* Number n of the stream `key`. [any-thread, realtime] */
static inline uint64_t ec_random(uint64_t key, uint64_t n)
{
    return ec_random_mix(key + (n + 1) * EC_RANDOM_STEP);
}

/* Next number of a stream whose state began as its key. [any-thread, realtime] */
static inline uint64_t ec_random_next(uint64_t *state)
{
    *state += EC_RANDOM_STEP;
    return ec_random_mix(*state);
}

/* A key of its own for (seed, purpose, index); purposes are numbered by the caller. [any-thread, realtime] */
static inline uint64_t ec_random_key(uint64_t seed, uint32_t purpose, uint32_t index)
{
    return ec_random_mix(ec_random_mix(seed + EC_RANDOM_STEP) ^ ((uint64_t)purpose << 32 | index));
}

/* Number n of the stream as a double in [0, 1). [any-thread, realtime] */
static inline double ec_uniform(uint64_t key, uint64_t n)
{
    return (double)(int64_t)(ec_random(key, n) >> 11) * 0x1p-53;
}

/* Number n of the stream as a double in [-1, 1). [any-thread, realtime] */
static inline double ec_uniform_signed(uint64_t key, uint64_t n)
{
    return 2.0 * ec_uniform(key, n) - 1.0;
}

#endif

/* ec_sha256.h - streaming SHA-256 (FIPS 180-4), for the digests of the ledger.
 *
 * Uses the SHA instructions of x86 where the processor has them. Any split of
 * the same bytes into updates gives the same digest.
 */
#ifndef EC_SHA256_H
#define EC_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define EC_SHA256_BYTES 32

typedef struct ec_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;                     /* taken so far */
    uint8_t  block[64];                   /* n_bytes % 64 of them are waiting */
    uint32_t fast;                        /* 1: the processor's own instructions; may be cleared for a comparison */
} ec_sha256;

void ec_sha256_init(ec_sha256 *h);        /* [any-thread, realtime] */

/* Take n more bytes; data may be NULL if n is 0. [any-thread, realtime] */
void ec_sha256_update(ec_sha256 *h, const void *data, size_t n);

/* Write the digest of everything so far. Afterwards `h` must be started again
 * by ec_sha256_init; to look at a running digest, finish a copy. [any-thread, realtime] */
void ec_sha256_final(ec_sha256 *h, uint8_t *out /* [EC_SHA256_BYTES] */);

#endif

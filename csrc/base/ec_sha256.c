#include "ec_sha256.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define EC_SHA_X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t v, unsigned bits)
{
    return v >> bits | v << (32 - bits);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void compress_plain(uint32_t *state, const uint8_t *data, size_t n_blocks)
{
    for (; n_blocks > 0; n_blocks--, data += 64) {
        uint32_t w[64];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

        for (unsigned i = 0; i < 16; i++) {
            w[i] = load_be32(data + 4 * i);
        }
        for (unsigned i = 16; i < 64; i++) {
            const uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[i - 7] +
                   (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
        }
        for (unsigned i = 0; i < 64; i++) {
            const uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + K[i] + w[i];
            const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}

#if defined(EC_SHA_X86)

static int has_sha(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 19)) || !(c & (1u << 9))) {
        return 0;                                                        /* SSE4.1 and SSSE3 */
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29)) != 0;
}

/* Four rounds per step. The instructions want the state as ABEF and CDGH, and
 * the message schedule four words at a time:
 *     w[t] .. w[t + 3] from msg1(w[t - 16], w[t - 12]) + w[t - 7], finished by msg2 */
__attribute__((target("sha,sse4.1,ssse3")))
static void compress_sha(uint32_t *state, const uint8_t *data, size_t n_blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);          /* CDAB */
    const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);    /* EFGH */
    __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, dcba, 0xF0);
    __m128i out;

    for (; n_blocks > 0; n_blocks--, data += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];

#pragma GCC unroll 16
        for (unsigned step = 0; step < 16; step++) {
            __m128i *const now = &w[step % 4];
            __m128i round;

            if (step < 4) {
                *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * step)), swap);
            } else {
                const __m128i w7 = _mm_alignr_epi8(w[(step + 3) % 4], w[(step + 2) % 4], 4);
                *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(step + 1) % 4]), w7);
                *now = _mm_sha256msg2_epu32(*now, w[(step + 3) % 4]);
            }
            round = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(K + 4 * step)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, round);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(round, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    out = _mm_shuffle_epi32(abef, 0x1B);                                 /* FEBA */
    cdgh = _mm_shuffle_epi32(cdgh, 0xB1);                                /* DCHG */
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(out, cdgh, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(cdgh, out, 8));
}

#endif

static void compress(ec_sha256 *h, const void *data, size_t n_blocks)
{
#if defined(EC_SHA_X86)
    if (h->fast) {
        compress_sha(h->state, data, n_blocks);
        return;
    }
#endif
    compress_plain(h->state, data, n_blocks);
}

void ec_sha256_init(ec_sha256 *h)
{
    static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memset(h, 0, sizeof *h);
    memcpy(h->state, START, sizeof START);
#if defined(EC_SHA_X86)
    h->fast = (uint32_t)has_sha();
#endif
}

void ec_sha256_update(ec_sha256 *h, const void *data, size_t n)
{
    const uint8_t *p = data;
    const size_t waiting = h->n_bytes % 64;

    if (n == 0) {
        return;
    }
    h->n_bytes += n;
    if (waiting > 0) {
        const size_t room = 64 - waiting;
        if (n < room) {
            memcpy(h->block + waiting, p, n);
            return;
        }
        memcpy(h->block + waiting, p, room);
        compress(h, h->block, 1);
        p += room;
        n -= room;
    }
    compress(h, p, n / 64);
    memcpy(h->block, p + n / 64 * 64, n % 64);
}

void ec_sha256_final(ec_sha256 *h, uint8_t *out)
{
    static const uint8_t PAD[64] = {0x80};
    const uint64_t n_bits = h->n_bytes * 8;
    uint8_t length[8];

    store_be32(length, (uint32_t)(n_bits >> 32));
    store_be32(length + 4, (uint32_t)n_bits);
    ec_sha256_update(h, PAD, 1 + (119 - h->n_bytes % 64) % 64);          /* up to 56 mod 64 */
    ec_sha256_update(h, length, 8);
    for (unsigned i = 0; i < 8; i++) {
        store_be32(out + 4 * i, h->state[i]);
    }
}

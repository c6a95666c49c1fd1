/* ec_sos_kernel.h - one pass of K sections over G vectors of channels.
 *
 * Included by ec_sos.c once per vector width, with EC_WIDTH (doubles per vector)
 * and EC_TARGET (instruction set) defined; everything defined here carries the width in its
 * name. K and G are constants where a pass is instantiated, so the state of all
 * sections lives in registers while the frames go by.
 *
 * A section alone waits for itself: its state is four dependent operations per
 * frame. K sections of one frame, or G vectors of channels, are independent
 * chains that fill the gap; four or five chains are enough on the cores measured,
 * and their states should not leave the registers (16 of AVX2, 32 of AVX-512).
 */
#define EC_JOIN2(a, b) a##b
#define EC_JOIN(a, b) EC_JOIN2(a, b)
#define EC_SIZED(name) EC_JOIN(name, EC_WIDTH)

typedef double EC_SIZED(vector) __attribute__((vector_size(EC_WIDTH * 8), may_alias));

EC_TARGET static inline __attribute__((always_inline))
void EC_SIZED(pass)(const double *restrict coefs, double *restrict state, size_t n_padded,
                    double *restrict work, uint32_t n_frames, const uint32_t K, const uint32_t G)
{
    typedef EC_SIZED(vector) vector;
    vector s0[EC_PASS_SECTIONS][EC_PASS_VECTORS], s1[EC_PASS_SECTIONS][EC_PASS_VECTORS];

    _Pragma("GCC unroll 8")
    for (uint32_t k = 0; k < K; k++) {
        _Pragma("GCC unroll 8")
        for (uint32_t g = 0; g < G; g++) {
            s0[k][g] = *(const vector *)(state + 2 * k * n_padded + g * EC_WIDTH);
            s1[k][g] = *(const vector *)(state + (2 * k + 1) * n_padded + g * EC_WIDTH);
        }
    }
    for (uint32_t f = 0; f < n_frames; f++, work += n_padded) {
        _Pragma("GCC unroll 8")
        for (uint32_t g = 0; g < G; g++) {
            vector x = *(const vector *)(work + g * EC_WIDTH);
            _Pragma("GCC unroll 8")
            for (uint32_t k = 0; k < K; k++) {
                const double *c = coefs + 5 * k;
                const vector y = c[0] * x + s0[k][g];                    /* S1 */
                s0[k][g] = (c[1] * x - c[3] * y) + s1[k][g];
                s1[k][g] = c[2] * x - c[4] * y;
                x = y;
            }
            *(vector *)(work + g * EC_WIDTH) = x;
        }
    }
    _Pragma("GCC unroll 8")
    for (uint32_t k = 0; k < K; k++) {
        _Pragma("GCC unroll 8")
        for (uint32_t g = 0; g < G; g++) {
            *(vector *)(state + 2 * k * n_padded + g * EC_WIDTH) = s0[k][g];
            *(vector *)(state + (2 * k + 1) * n_padded + g * EC_WIDTH) = s1[k][g];
        }
    }
}

#define EC_PASS(K, G)                                                                                        \
    EC_TARGET static void EC_SIZED(EC_JOIN(pass_##K##_##G##_w, ))(const double *coefs, double *state,         \
                                                   size_t n_padded, double *work, uint32_t n_frames)         \
    {                                                                                                        \
        EC_SIZED(pass)(coefs, state, n_padded, work, n_frames, K, G);                                        \
    }
EC_PASS(1, 1)
EC_PASS(1, 2)
EC_PASS(1, 3)
EC_PASS(1, 4)
EC_PASS(2, 1)
EC_PASS(2, 2)
EC_PASS(2, 3)
EC_PASS(2, 4)
EC_PASS(3, 1)
EC_PASS(3, 2)
EC_PASS(3, 3)
EC_PASS(3, 4)
EC_PASS(4, 1)
EC_PASS(5, 1)

static const sos_kernels EC_SIZED(kernels) = {
    .width = EC_WIDTH,
    .most_vectors = {0, 4, EC_WIDTH == 8 ? 4 : 2, EC_WIDTH == 8 ? 4 : 2, 1, 1},
    .pass = {
        {NULL},
        {NULL, EC_SIZED(pass_1_1_w), EC_SIZED(pass_1_2_w), EC_SIZED(pass_1_3_w), EC_SIZED(pass_1_4_w)},
        {NULL, EC_SIZED(pass_2_1_w), EC_SIZED(pass_2_2_w), EC_SIZED(pass_2_3_w), EC_SIZED(pass_2_4_w)},
        {NULL, EC_SIZED(pass_3_1_w), EC_SIZED(pass_3_2_w), EC_SIZED(pass_3_3_w), EC_SIZED(pass_3_4_w)},
        {NULL, EC_SIZED(pass_4_1_w)},
        {NULL, EC_SIZED(pass_5_1_w)},
    },
};

#undef EC_PASS
#undef EC_SIZED
#undef EC_JOIN
#undef EC_JOIN2

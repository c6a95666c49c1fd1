/* ec_fir_kernel.h - the sums of B frames in a row, for one vector of channels.
 *
 * Included by ec_fir.c once per vector width, with EC_WIDTH (doubles per vector)
 * and EC_TARGET (instruction set) defined; everything defined here carries the width in its
 * name. B, MIRROR and SPACING are constants where a pass is instantiated: B sums
 * live in registers, each a chain of its own, while the taps go by. Four chains
 * hide the latency of an addition on the cores measured. Several taps a round,
 * because frames in a row share most rows, and the compiler loads them once.
 */
#define EC_JOIN2(a, b) a##b
#define EC_JOIN(a, b) EC_JOIN2(a, b)
#define EC_SIZED(name) EC_JOIN(name, EC_WIDTH)

typedef double EC_SIZED(vector) __attribute__((vector_size(EC_WIDTH * 8), may_alias));

/* One tap, or one mirrored pair of them, of B sums. */
EC_TARGET static inline __attribute__((always_inline))
void EC_SIZED(add_tap)(EC_SIZED(vector) *sum, double tap, const double *newer, const double *older,
                       const uint32_t MIRROR, const uint32_t B)
{
    typedef EC_SIZED(vector) vector;

    _Pragma("GCC unroll 4")
    for (uint32_t b = 0; b < B; b++) {                                   /* R1 */
        const vector x = *(const vector *)(newer + b * EC_LANES);
        if (MIRROR == 0) {
            sum[b] += tap * x;
        } else if (MIRROR == 1) {
            sum[b] += tap * (x + *(const vector *)(older + b * EC_LANES));
        } else {
            sum[b] += tap * (x - *(const vector *)(older + b * EC_LANES));
        }
    }
}

/* `newer`: the newest row that the first of the B frames sees, its own. */
EC_TARGET static inline __attribute__((always_inline))
void EC_SIZED(pass)(const double *restrict taps, uint32_t n_taps, const double *newer, double *restrict out,
                    size_t stride, const uint32_t MIRROR, const ptrdiff_t SPACING, const uint32_t B)
{
    typedef EC_SIZED(vector) vector;
    const ptrdiff_t step = SPACING * EC_LANES, at_once = MIRROR != 0 ? 2 : 4;
    const double *older = newer - (ptrdiff_t)(n_taps - 1) * step;
    const double *const end = taps + (MIRROR != 0 ? n_taps / 2 : n_taps);
    vector sum[EC_FIR_CHAINS];

    _Pragma("GCC unroll 4")
    for (uint32_t b = 0; b < B; b++) {
        sum[b] = (vector){0};
    }
    for (; end - taps >= at_once; taps += at_once, newer -= at_once * step, older += at_once * step) {
        _Pragma("GCC unroll 4")
        for (ptrdiff_t i = 0; i < at_once; i++) {
            EC_SIZED(add_tap)(sum, taps[i], newer - i * step, older + i * step, MIRROR, B);
        }
    }
    for (; taps < end; taps++, newer -= step, older += step) {
        EC_SIZED(add_tap)(sum, *taps, newer, older, MIRROR, B);
    }
    if (MIRROR != 0 && n_taps % 2 != 0) {
        EC_SIZED(add_tap)(sum, *taps, newer, NULL, 0, B);
    }
    _Pragma("GCC unroll 4")
    for (uint32_t b = 0; b < B; b++) {
        *(vector *)(out + b * stride) = sum[b];
    }
}

#define EC_PASS(MIRROR, SPACING, B)                                                                            \
    EC_TARGET static void EC_SIZED(EC_JOIN(pass_##MIRROR##_##SPACING##_##B##_w, ))(                            \
        const double *taps, uint32_t n_taps, const double *newer, double *out, size_t stride)                  \
    {                                                                                                          \
        EC_SIZED(pass)(taps, n_taps, newer, out, stride, MIRROR, SPACING, B);                                  \
    }
#define EC_PASSES(MIRROR, SPACING) EC_PASS(MIRROR, SPACING, 1) EC_PASS(MIRROR, SPACING, 2) EC_PASS(MIRROR, SPACING, 4)
EC_PASSES(0, 1)
EC_PASSES(1, 1)
EC_PASSES(2, 1)
EC_PASSES(0, 2)
EC_PASSES(1, 2)
EC_PASSES(2, 2)

#define EC_ROW(MIRROR, SPACING)                                                                                \
    {EC_SIZED(pass_##MIRROR##_##SPACING##_1_w), EC_SIZED(pass_##MIRROR##_##SPACING##_2_w),                     \
     EC_SIZED(pass_##MIRROR##_##SPACING##_4_w)}

static const fir_kernels EC_SIZED(kernels) = {
    .width = EC_WIDTH,
    .pass = {{EC_ROW(0, 1), EC_ROW(1, 1), EC_ROW(2, 1)}, {EC_ROW(0, 2), EC_ROW(1, 2), EC_ROW(2, 2)}},
};

#undef EC_ROW
#undef EC_PASSES
#undef EC_PASS
#undef EC_SIZED
#undef EC_JOIN
#undef EC_JOIN2

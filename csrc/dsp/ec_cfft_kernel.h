/* ec_cfft_kernel.h - the butterflies for one vector width.
 *
 * Included by ec_cfft_pass.c once per width, with EC_WIDTH (doubles per vector) and EC_TARGET
 * (instruction set) defined; everything defined here carries the width in its name.
 * Every kernel needs s to be a multiple of the width. What a pass computes is said
 * in ec_cfft_pass.h; the operations and their order are the same for all widths.
 */
#define EC_JOIN2(a, b) a##b
#define EC_JOIN(a, b) EC_JOIN2(a, b)
#define EC_SIZED(name) EC_JOIN(name, EC_WIDTH)

#if EC_WIDTH == 1
typedef double EC_SIZED(vector);
#else
typedef double EC_SIZED(vector) __attribute__((vector_size(EC_WIDTH * 8), aligned(8), may_alias));
#endif
#define VECTOR EC_SIZED(vector)
#define AT(plane, at) (*(const VECTOR *)((plane) + (at) + q))
#define TO(plane, at) (*(VECTOR *)((plane) + (at) + q))

/* y[k] = (re + i im) * w, w from the table entry of this j and output k >= 1. */
#define STORE_TURNED(k, re, im)                                                                              \
    do {                                                                                                     \
        const VECTOR turned_re = (re), turned_im = (im);                                                     \
        TO(yr, (k) * s) = turned_re * tw[2 * (k) - 2] - turned_im * tw[2 * (k) - 1];                         \
        TO(yi, (k) * s) = turned_re * tw[2 * (k) - 1] + turned_im * tw[2 * (k) - 2];                         \
    } while (0)

#define STORE_FIRST(re, im)                                                                                  \
    do {                                                                                                     \
        TO(yr, 0) = (re);                                                                                    \
        TO(yi, 0) = (im);                                                                                    \
    } while (0)

EC_TARGET static void EC_SIZED(pass2_w)(const double *restrict xr, const double *restrict xi, double *restrict yr,
                                         double *restrict yi, const double *restrict tw, uint32_t l, size_t s)
{
    const size_t far = s * l;

    for (uint32_t j = 0; j < l; j++) {
        for (size_t q = 0; q < s; q += EC_WIDTH) {
            STORE_FIRST(AT(xr, 0) + AT(xr, far), AT(xi, 0) + AT(xi, far));
            STORE_TURNED(1, AT(xr, 0) - AT(xr, far), AT(xi, 0) - AT(xi, far));
        }
        xr += s, xi += s, yr += 2 * s, yi += 2 * s, tw += 2;
    }
}

EC_TARGET static void EC_SIZED(pass3_w)(const double *restrict xr, const double *restrict xi, double *restrict yr,
                                         double *restrict yi, const double *restrict tw, uint32_t l, size_t s)
{
    const double sin60 = 0.86602540378443864676;
    const size_t far = s * l;

    for (uint32_t j = 0; j < l; j++) {
        for (size_t q = 0; q < s; q += EC_WIDTH) {
            const VECTOR sum_r = AT(xr, far) + AT(xr, 2 * far), sum_i = AT(xi, far) + AT(xi, 2 * far);
            const VECTOR dif_r = (AT(xr, far) - AT(xr, 2 * far)) * sin60;
            const VECTOR dif_i = (AT(xi, far) - AT(xi, 2 * far)) * sin60;
            const VECTOR mid_r = AT(xr, 0) - 0.5 * sum_r, mid_i = AT(xi, 0) - 0.5 * sum_i;
            STORE_FIRST(AT(xr, 0) + sum_r, AT(xi, 0) + sum_i);
            STORE_TURNED(1, mid_r + dif_i, mid_i - dif_r);
            STORE_TURNED(2, mid_r - dif_i, mid_i + dif_r);
        }
        xr += s, xi += s, yr += 3 * s, yi += 3 * s, tw += 4;
    }
}

EC_TARGET static void EC_SIZED(pass4_w)(const double *restrict xr, const double *restrict xi, double *restrict yr,
                                         double *restrict yi, const double *restrict tw, uint32_t l, size_t s)
{
    const size_t far = s * l;

    for (uint32_t j = 0; j < l; j++) {
        for (size_t q = 0; q < s; q += EC_WIDTH) {
            const VECTOR even_sum_r = AT(xr, 0) + AT(xr, 2 * far), even_sum_i = AT(xi, 0) + AT(xi, 2 * far);
            const VECTOR even_dif_r = AT(xr, 0) - AT(xr, 2 * far), even_dif_i = AT(xi, 0) - AT(xi, 2 * far);
            const VECTOR odd_sum_r = AT(xr, far) + AT(xr, 3 * far), odd_sum_i = AT(xi, far) + AT(xi, 3 * far);
            const VECTOR odd_dif_r = AT(xr, far) - AT(xr, 3 * far), odd_dif_i = AT(xi, far) - AT(xi, 3 * far);
            STORE_FIRST(even_sum_r + odd_sum_r, even_sum_i + odd_sum_i);
            STORE_TURNED(1, even_dif_r + odd_dif_i, even_dif_i - odd_dif_r);
            STORE_TURNED(2, even_sum_r - odd_sum_r, even_sum_i - odd_sum_i);
            STORE_TURNED(3, even_dif_r - odd_dif_i, even_dif_i + odd_dif_r);
        }
        xr += s, xi += s, yr += 4 * s, yi += 4 * s, tw += 6;
    }
}

EC_TARGET static void EC_SIZED(pass5_w)(const double *restrict xr, const double *restrict xi, double *restrict yr,
                                         double *restrict yi, const double *restrict tw, uint32_t l, size_t s)
{
    const double cos72 = 0.30901699437494742410, cos144 = -0.80901699437494742410;
    const double sin72 = 0.95105651629515357212, sin144 = 0.58778525229247312917;
    const size_t far = s * l;

    for (uint32_t j = 0; j < l; j++) {
        for (size_t q = 0; q < s; q += EC_WIDTH) {
            const VECTOR sum1_r = AT(xr, far) + AT(xr, 4 * far), sum1_i = AT(xi, far) + AT(xi, 4 * far);
            const VECTOR dif1_r = AT(xr, far) - AT(xr, 4 * far), dif1_i = AT(xi, far) - AT(xi, 4 * far);
            const VECTOR sum2_r = AT(xr, 2 * far) + AT(xr, 3 * far), sum2_i = AT(xi, 2 * far) + AT(xi, 3 * far);
            const VECTOR dif2_r = AT(xr, 2 * far) - AT(xr, 3 * far), dif2_i = AT(xi, 2 * far) - AT(xi, 3 * far);
            const VECTOR mid1_r = AT(xr, 0) + cos72 * sum1_r + cos144 * sum2_r;
            const VECTOR mid1_i = AT(xi, 0) + cos72 * sum1_i + cos144 * sum2_i;
            const VECTOR mid2_r = AT(xr, 0) + cos144 * sum1_r + cos72 * sum2_r;
            const VECTOR mid2_i = AT(xi, 0) + cos144 * sum1_i + cos72 * sum2_i;
            const VECTOR turn1_r = sin72 * dif1_r + sin144 * dif2_r, turn1_i = sin72 * dif1_i + sin144 * dif2_i;
            const VECTOR turn2_r = sin144 * dif1_r - sin72 * dif2_r, turn2_i = sin144 * dif1_i - sin72 * dif2_i;
            STORE_FIRST(AT(xr, 0) + (sum1_r + sum2_r), AT(xi, 0) + (sum1_i + sum2_i));
            STORE_TURNED(1, mid1_r + turn1_i, mid1_i - turn1_r);
            STORE_TURNED(2, mid2_r + turn2_i, mid2_i - turn2_r);
            STORE_TURNED(3, mid2_r - turn2_i, mid2_i + turn2_r);
            STORE_TURNED(4, mid1_r - turn1_i, mid1_i + turn1_r);
        }
        xr += s, xi += s, yr += 5 * s, yi += 5 * s, tw += 8;
    }
}

EC_TARGET static void EC_SIZED(pass_odd_w)(const double *restrict xr, const double *restrict xi, double *restrict yr,
                                           double *restrict yi, const double *restrict tw,
                                           const double *restrict roots, uint32_t p, uint32_t l, size_t s)
{
    enum { HALF = EC_CFFT_MAX_PRIME / 2 };
    const uint32_t half = p / 2;
    const size_t far = s * l;

    for (uint32_t j = 0; j < l; j++) {
        for (size_t q = 0; q < s; q += EC_WIDTH) {
            VECTOR sum_r[HALF], sum_i[HALF], dif_r[HALF], dif_i[HALF];
            VECTOR all_r = AT(xr, 0), all_i = AT(xi, 0);

            for (uint32_t i = 0; i < half; i++) {                        /* inputs i + 1 and p - i - 1 */
                const size_t near = (i + 1) * far, away = (p - i - 1) * far;
                sum_r[i] = AT(xr, near) + AT(xr, away);
                sum_i[i] = AT(xi, near) + AT(xi, away);
                dif_r[i] = AT(xr, near) - AT(xr, away);
                dif_i[i] = AT(xi, near) - AT(xi, away);
                all_r += sum_r[i];
                all_i += sum_i[i];
            }
            for (uint32_t k = 1; k <= half; k++) {                       /* outputs k and p - k */
                VECTOR mid_r = AT(xr, 0), mid_i = AT(xi, 0), turn_r = {0.0}, turn_i = {0.0};
                uint32_t at = 0;
                for (uint32_t i = 0; i < half; i++) {
                    at = at + k < p ? at + k : at + k - p;               /* (i + 1) k mod p */
                    mid_r += roots[2 * at] * sum_r[i];
                    mid_i += roots[2 * at] * sum_i[i];
                    turn_r -= roots[2 * at + 1] * dif_r[i];              /* roots hold minus the sine */
                    turn_i -= roots[2 * at + 1] * dif_i[i];
                }
                STORE_TURNED(k, mid_r + turn_i, mid_i - turn_r);
                STORE_TURNED(p - k, mid_r - turn_i, mid_i + turn_r);
            }
            STORE_FIRST(all_r, all_i);
        }
        xr += s, xi += s, yr += p * s, yi += p * s, tw += 2 * (p - 1);
    }
}

static const ec_cfft_kernels EC_SIZED(kernels) = {
    EC_SIZED(pass2_w), EC_SIZED(pass3_w), EC_SIZED(pass4_w), EC_SIZED(pass5_w), EC_SIZED(pass_odd_w),
};

#undef STORE_TURNED
#undef STORE_FIRST
#undef TO
#undef AT
#undef VECTOR
#undef EC_SIZED
#undef EC_JOIN
#undef EC_JOIN2

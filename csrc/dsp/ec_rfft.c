#include "ec_rfft.h"

#include "../base/ec_simd.h"
#include "../base/ec_trig.h"

int32_t ec_rfft_init(ec_rfft *plan, uint32_t n)
{
    int32_t status;

    memset(plan, 0, sizeof *plan);
    plan->n = n;
    status = ec_cfft_init(&plan->core, n % 2 == 0 ? n / 2 : n);          /* refuses n == 0 */
    if (status == EC_STATUS_OK && n % 2 == 0) {
        plan->untangle = ec_new_doubles(2 * ((size_t)n / 4 + 1));
        if (plan->untangle == NULL) {
            status = EC_STATUS_NO_MEMORY;
        }
    }
    if (status < 0) {
        ec_rfft_destroy(plan);
        return status;
    }
    for (uint32_t k = 0; n % 2 == 0 && k <= n / 4; k++) {
        double s, c;
        ec_sincos_turns((double)k / (double)n, &s, &c);
        plan->untangle[2 * k] = c;
        plan->untangle[2 * k + 1] = 0.0 - s;
    }
    return EC_STATUS_OK;
}

void ec_rfft_destroy(ec_rfft *plan)
{
    ec_cfft_destroy(&plan->core);
    free(plan->untangle);
    memset(plan, 0, sizeof *plan);
}

/* Doubles from the real to the imaginary plane: the rows of the transform, one
 * row more for bin n / 2, and a line so that the planes of a power of two do
 * not all fall into the same cache sets. */
static size_t plane_doubles(const ec_rfft *plan, uint32_t n_lanes)
{
    return ((ec_cfft_buffer_doubles(&plan->core, n_lanes) / 2 + n_lanes + 7) & ~(size_t)7) + 8;
}

size_t ec_rfft_scratch_doubles(const ec_rfft *plan, uint32_t n_lanes)
{
    return 4 * plane_doubles(plan, n_lanes);
}

double *ec_rfft_place(const ec_rfft *plan, double *scratch, uint32_t n_lanes, uint32_t t)
{
    if (plan->untangle == NULL) {
        return scratch + (size_t)t * n_lanes;
    }
    return scratch + (t % 2 == 0 ? 0 : plane_doubles(plan, n_lanes)) + (size_t)(t / 2) * n_lanes;
}

/* z[t] = x[2t] + i x[2t + 1] has the transform Z = E + i O, where E and O belong
 * to the even and the odd samples; X[k] = E[k] + exp(-2 pi i k / n) O[k]. Bins k
 * and m - k come from the same two rows, so this works in place. */
EC_CLONES static void untangle(double *re, double *im, const double *w, uint32_t m, uint32_t n_lanes)
{
    for (uint32_t lane = 0; lane < n_lanes; lane++) {
        const double r = re[lane], i = im[lane];
        const size_t last = (size_t)m * n_lanes + lane;
        re[lane] = r + i;
        im[lane] = 0.0;
        re[last] = r - i;
        im[last] = 0.0;
    }
    for (uint32_t k = 1; k <= m / 2; k++) {
        const double wr = w[2 * k], wi = w[2 * k + 1];
        double *const near_r = re + (size_t)k * n_lanes, *const near_i = im + (size_t)k * n_lanes;
        double *const far_r = re + (size_t)(m - k) * n_lanes, *const far_i = im + (size_t)(m - k) * n_lanes;
        EC_INDEPENDENT
        for (uint32_t lane = 0; lane < n_lanes; lane++) {                /* near and far: apart, or the same */
            const double even_r = 0.5 * (near_r[lane] + far_r[lane]), even_i = 0.5 * (near_i[lane] - far_i[lane]);
            const double odd_r = 0.5 * (near_i[lane] + far_i[lane]), odd_i = 0.5 * (far_r[lane] - near_r[lane]);
            const double turned_r = odd_r * wr - odd_i * wi, turned_i = odd_r * wi + odd_i * wr;
            near_r[lane] = even_r + turned_r;
            near_i[lane] = even_i + turned_i;
            far_r[lane] = even_r - turned_r;
            far_i[lane] = turned_i - even_i;
        }
    }
}

void ec_rfft_run_lanes(const ec_rfft *plan, double *scratch, uint32_t n_lanes, const double **re, const double **im)
{
    const size_t plane = plane_doubles(plan, n_lanes);
    double *result;

    if (plan->untangle == NULL) {
        memset(scratch + plane, 0, (size_t)plan->n * n_lanes * sizeof(double));
    }
    result = ec_cfft_run(&plan->core, scratch, scratch + 2 * plane, plane, n_lanes);
    if (plan->untangle != NULL) {
        untangle(result, result + plane, plan->untangle, plan->core.n, n_lanes);
    }
    *re = result;
    *im = result + plane;
}

void ec_rfft_run(const ec_rfft *plan, const double *in, double *out, double *scratch)
{
    const double *re, *im;

    for (uint32_t t = 0; t < plan->n; t++) {
        *ec_rfft_place(plan, scratch, 1, t) = in[t];
    }
    ec_rfft_run_lanes(plan, scratch, 1, &re, &im);
    for (uint32_t k = 0; k <= plan->n / 2; k++) {
        out[2 * k] = re[k];
        out[2 * k + 1] = im[k];
    }
}

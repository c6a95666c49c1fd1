#include "ec_cfft.h"

#include <stdbool.h>

#include "../base/ec_simd.h"
#include "../base/ec_trig.h"
#include "ec_cfft_pass.h"

/* exp(-2 pi i numerator / denominator) */
static void unit_root(double *root, uint64_t numerator, uint64_t denominator)
{
    double s, c;

    ec_sincos_turns((double)(numerator % denominator) / (double)denominator, &s, &c);
    root[0] = c;
    root[1] = 0.0 - s;
}

/* Fill the radices; false if a prime is too large for a pass. */
static bool factor(ec_cfft *plan)
{
    static const uint32_t FIRST[] = {4, 2, 3, 5};
    uint32_t left = plan->n;

    for (uint32_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        while (left % FIRST[i] == 0) {
            plan->radix[plan->n_passes++] = FIRST[i];
            left /= FIRST[i];
        }
    }
    for (uint32_t p = 7; p <= EC_CFFT_MAX_PRIME; p += 2) {
        while (left % p == 0) {
            plan->radix[plan->n_passes++] = p;
            left /= p;
        }
    }
    return left == 1;
}

static int32_t make_twiddles(ec_cfft *plan)
{
    size_t n_doubles = 0;
    uint32_t length = plan->n;
    double *at;

    for (uint32_t i = 0; i < plan->n_passes; i++) {
        const uint32_t p = plan->radix[i];
        length /= p;
        n_doubles += 2 * ((size_t)length * (p - 1) + p);                 /* and the p roots of the radix */
    }
    plan->tables = at = ec_new_doubles(n_doubles);
    if (at == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    length = plan->n;
    for (uint32_t i = 0; i < plan->n_passes; i++) {
        const uint32_t p = plan->radix[i], l = length / p;

        plan->roots[i] = at;
        for (uint32_t k = 0; k < p; k++, at += 2) {
            unit_root(at, k, p);
        }
        plan->twiddle[i] = at;
        for (uint32_t j = 0; j < l; j++) {
            for (uint32_t k = 1; k < p; k++, at += 2) {
                unit_root(at, (uint64_t)j * k, length);
            }
        }
        length = l;
    }
    return EC_STATUS_OK;
}

/* The smallest 2^a 3^b 5^c >= n. */
static uint32_t smooth_length(uint32_t n)
{
    for (;; n++) {
        uint32_t left = n;
        while (left % 2 == 0) {
            left /= 2;
        }
        while (left % 3 == 0) {
            left /= 3;
        }
        while (left % 5 == 0) {
            left /= 5;
        }
        if (left == 1) {
            return n;
        }
    }
}

/* Bluestein: jk = (j^2 + k^2 - (k - j)^2) / 2 turns the sum into a convolution
 * with the conjugate chirp, done by a transform of a smooth length. */
static int32_t make_chirp(ec_cfft *plan)
{
    const uint32_t n = plan->n, m = smooth_length(2 * n - 1);
    double *buffers, *result;
    size_t plane;

    plan->chirp_fft = malloc(sizeof *plan->chirp_fft);
    if (plan->chirp_fft == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    if (ec_cfft_init(plan->chirp_fft, m) < 0) {
        return EC_STATUS_NO_MEMORY;
    }
    plane = ec_cfft_buffer_doubles(plan->chirp_fft, 1) / 2;
    plan->chirp = ec_new_doubles(2 * (size_t)n);
    plan->chirp_spectrum = ec_new_doubles(2 * (size_t)m);
    buffers = ec_new_doubles(4 * plane);
    if (plan->chirp == NULL || plan->chirp_spectrum == NULL || buffers == NULL) {
        free(buffers);
        return EC_STATUS_NO_MEMORY;
    }
    for (uint32_t k = 0; k < n; k++) {
        double *const c = plan->chirp + 2 * k;
        unit_root(c, (uint64_t)k * k, 2 * (uint64_t)n);
        buffers[k] = c[0];
        buffers[plane + k] = 0.0 - c[1];
        if (k > 0) {
            buffers[m - k] = c[0];
            buffers[plane + m - k] = 0.0 - c[1];
        }
    }
    result = ec_cfft_run(plan->chirp_fft, buffers, buffers + 2 * plane, plane, 1);
    for (uint32_t k = 0; k < m; k++) {
        plan->chirp_spectrum[2 * k] = result[k] / m;
        plan->chirp_spectrum[2 * k + 1] = result[plane + k] / m;
    }
    free(buffers);
    return EC_STATUS_OK;
}

int32_t ec_cfft_init(ec_cfft *plan, uint32_t n)
{
    int32_t status;

    memset(plan, 0, sizeof *plan);
    if (n == 0 || n > EC_CFFT_MAX_LENGTH) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    plan->n = n;
    plan->simd = ec_simd_level();
    status = factor(plan) ? make_twiddles(plan) : make_chirp(plan);
    if (status < 0) {
        ec_cfft_destroy(plan);
    }
    return status;
}

void ec_cfft_destroy(ec_cfft *plan)
{
    if (plan->chirp_fft != NULL) {
        ec_cfft_destroy(plan->chirp_fft);
        free(plan->chirp_fft);
    }
    free(plan->tables);
    free(plan->chirp);
    free(plan->chirp_spectrum);
    memset(plan, 0, sizeof *plan);
}

size_t ec_cfft_buffer_doubles(const ec_cfft *plan, uint32_t n_lanes)
{
    return 2 * (size_t)(plan->chirp_fft != NULL ? plan->chirp_fft->n : plan->n) * n_lanes;
}

static double *run_passes(const ec_cfft *plan, double *from, double *to, size_t plane, uint32_t n_lanes)
{
    uint32_t l = plan->n;
    size_t s = n_lanes;

    for (uint32_t i = 0; i < plan->n_passes; i++) {
        const uint32_t p = plan->radix[i];
        const double *const tw = plan->twiddle[i];
        const ec_cfft_kernels *const kernels = ec_cfft_kernels_for(plan->simd, s);
        double *const done = to;

        l /= p;
        switch (p) {
        case 2:  kernels->pass2(from, from + plane, to, to + plane, tw, l, s); break;
        case 3:  kernels->pass3(from, from + plane, to, to + plane, tw, l, s); break;
        case 4:  kernels->pass4(from, from + plane, to, to + plane, tw, l, s); break;
        case 5:  kernels->pass5(from, from + plane, to, to + plane, tw, l, s); break;
        default: kernels->pass_odd(from, from + plane, to, to + plane, tw, plan->roots[i], p, l, s); break;
        }
        to = from;
        from = done;
        s *= p;
    }
    return from;
}

/* Planes of n rows: every value of row k times factor k, its imaginary part then times im_sign. */

EC_CLONES static void multiply_rows(double *restrict re, double *restrict im, const double *restrict factors,
                                    uint32_t n, uint32_t n_lanes, double im_sign)
{
    for (uint32_t k = 0; k < n; k++) {
        const double fr = factors[2 * k], fi = factors[2 * k + 1];
        for (uint32_t lane = 0; lane < n_lanes; lane++) {
            const double r = re[lane], i = im[lane];
            re[lane] = r * fr - i * fi;
            im[lane] = (r * fi + i * fr) * im_sign;
        }
        re += n_lanes;
        im += n_lanes;
    }
}

double *ec_cfft_run(const ec_cfft *plan, double *buffer, double *other, size_t plane, uint32_t n_lanes)
{
    const ec_cfft *const fft = plan->chirp_fft;
    const size_t used = (size_t)plan->n * n_lanes;
    double *spectrum, *result;

    if (fft == NULL) {
        return run_passes(plan, buffer, other, plane, n_lanes);
    }
    multiply_rows(buffer, buffer + plane, plan->chirp, plan->n, n_lanes, 1.0);
    memset(buffer + used, 0, ((size_t)fft->n * n_lanes - used) * sizeof(double));
    memset(buffer + plane + used, 0, ((size_t)fft->n * n_lanes - used) * sizeof(double));
    spectrum = run_passes(fft, buffer, other, plane, n_lanes);

    /* The inverse transform is the conjugate of the transform of the conjugate. */
    multiply_rows(spectrum, spectrum + plane, plan->chirp_spectrum, fft->n, n_lanes, -1.0);
    result = run_passes(fft, spectrum, spectrum == buffer ? other : buffer, plane, n_lanes);
    for (size_t i = 0; i < used; i++) {
        result[plane + i] = 0.0 - result[plane + i];
    }
    multiply_rows(result, result + plane, plan->chirp, plan->n, n_lanes, 1.0);
    return result;
}

#include "ec_average.h"

#include "../base/ec_simd.h"
#include "../base/ec_status.h"
#include "ec_decibel.h"

#define LANES 16                          /* values of which the medians are found together */
#define BLOCK 256                         /* values averaged together, a multiple of LANES */

int32_t ec_average_init(ec_average *a, uint32_t most, bool is_median, bool is_db, size_t size)
{
    memset(a, 0, sizeof *a);
    if (most == 0 || most > EC_AVERAGE_MAX || size == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    a->most = most;
    a->is_median = is_median;
    a->is_db = is_db;
    a->size = size;
    a->spectra = size <= SIZE_MAX / sizeof(double) / most ? ec_new_doubles(most * size) : NULL;
    a->work = ec_new_doubles((size_t)most * LANES);
    if (a->spectra == NULL || a->work == NULL) {
        ec_average_destroy(a);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_average_destroy(ec_average *a)
{
    free(a->spectra);
    free(a->work);
    memset(a, 0, sizeof *a);
}

double *ec_average_place(const ec_average *a)
{
    return a->spectra + a->at * a->size;
}

void ec_average_add(ec_average *a)
{
    a->at = (a->at + 1) % a->most;
    a->n += a->n < a->most;
}

void ec_average_clear(ec_average *a)
{
    a->n = 0;
    a->at = 0;
}

void ec_average_take(ec_average *a, ec_average *from)
{
    if (from->most == a->most) {
        double *const spectra = a->spectra;
        a->spectra = from->spectra;
        from->spectra = spectra;
        a->n = from->n;
        a->at = from->at;
        return;
    }
    ec_average_clear(a);
    for (uint32_t i = from->n < a->most ? from->n : a->most; i > 0; i--) {
        const uint32_t oldest = (from->at + from->most - i) % from->most;
        memcpy(ec_average_place(a), from->spectra + oldest * from->size, a->size * sizeof(double));
        ec_average_add(a);
    }
}

EC_CLONES static void add_values(double *restrict sum, const double *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += from[i];
    }
}

EC_CLONES static void round_values(float *restrict out, const double *restrict value, double divisor, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float v = (float)(value[i] / divisor);
        out[i] = v == v ? v : __builtin_nanf("");                        /* one NaN on every processor */
    }
}

/* Where the sums over all spectra are, the oldest first: in `room`, or, of a single spectrum, in itself. */
static const double *sums_of(const ec_average *a, double *room, size_t first, size_t n)
{
    uint32_t at = (a->at + a->most - a->n) % a->most;

    if (a->n == 1) {
        return a->spectra + at * a->size + first;
    }
    memset(room, 0, n * sizeof *room);
    for (uint32_t i = 0; i < a->n; i++) {
        add_values(room, a->spectra + at * a->size + first, n);
        at = at + 1 < a->most ? at + 1 : 0;
    }
    return room;
}

static void load_lanes(double *restrict work, double *restrict nan, const ec_average *a, size_t first,
                       uint32_t n_lanes)
{
    memset(nan, 0, LANES * sizeof *nan);
    for (uint32_t i = 0; i < a->n; i++) {
        const double *restrict const from = a->spectra + i * a->size + first;
        for (uint32_t lane = 0; lane < LANES; lane++) {
            const double v = lane < n_lanes ? from[lane] : 0.0;
            nan[lane] += v == v ? 0.0 : v;                               /* stays NaN once it was */
            work[i * LANES + lane] = v;
        }
    }
}

/* Selection sort of every lane, as far as the middle: no branch depends on a value. */
EC_CLONES static void sort_half(double *restrict work, uint32_t n)
{
    for (uint32_t i = 0; i <= n / 2; i++) {
        double *restrict const low = work + (size_t)i * LANES;
        for (uint32_t j = i + 1; j < n; j++) {
            double *restrict const other = work + (size_t)j * LANES;
            for (uint32_t lane = 0; lane < LANES; lane++) {
                const double x = low[lane], y = other[lane];
                low[lane] = y < x ? y : x;
                other[lane] = y < x ? x : y;
            }
        }
    }
}

static void find_medians(double *restrict median, const ec_average *a, size_t first, uint32_t n_lanes)
{
    double nan[LANES];
    const double *middle;

    load_lanes(a->work, nan, a, first, n_lanes);
    sort_half(a->work, a->n);
    middle = a->work + a->n / 2 * LANES;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const double v = a->n % 2 != 0 ? middle[lane] : 0.5 * (middle[lane] + middle[(int32_t)lane - LANES]);
        median[lane] = v + nan[lane];
    }
}

static double median_bias(uint32_t n)
{
    double bias = 1.0;

    for (double k = 2.0; k <= (double)n - 1.0; k += 2.0) {
        bias += 1.0 / (k + 1.0) - 1.0 / k;
    }
    return bias;
}

static const double *medians_of(const ec_average *a, double *room, size_t first, size_t n)
{
    for (size_t done = 0; done < n; done += LANES) {
        find_medians(room + done, a, first + done, n - done < LANES ? (uint32_t)(n - done) : LANES);
    }
    return room;
}

void ec_average_read(const ec_average *a, float *out)
{
    const double divisor = a->is_median ? median_bias(a->n) : (double)a->n;

    for (size_t first = 0; first < a->size; first += BLOCK) {
        const size_t n = a->size - first < BLOCK ? a->size - first : BLOCK;
        double room[BLOCK];
        const double *const value = a->is_median ? medians_of(a, room, first, n) : sums_of(a, room, first, n);
        if (!a->is_db) {
            round_values(out + first, value, divisor, n);
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            room[i] = ec_decibel(value[i] / divisor);
        }
        round_values(out + first, room, 1.0, n);
    }
}

/* harness.c - every kernel over a fixed input, one digest per kernel.
 *
 * The printed digests must be the same for every compiler, processor, vector
 * width and sanitizer. Buffers have exactly the size the headers ask for, each
 * an allocation of its own, so that AddressSanitizer sees one byte too much.
 */
#include <stdio.h>

#include "base/ec_fp.h"
#include "base/ec_sha256.h"
#include "base/ec_simd.h"
#include "base/ec_trig.h"
#include "dsp/ec_analytic.h"
#include "dsp/ec_average.h"
#include "dsp/ec_bands.h"
#include "dsp/ec_comb.h"
#include "dsp/ec_decode24.h"
#include "dsp/ec_format_csv.h"
#include "dsp/ec_lock_in.h"
#include "dsp/ec_psd.h"
#include "dsp/ec_sos.h"

static uint64_t seed;

static uint32_t random_bits(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

/* In -1 .. 1, exact in double and, for the upper 24 bits, in float32. */
static double random_value(void)
{
    return (double)(int32_t)(random_bits() & 0xFFFFFF00u) / 2147483648.0;
}

static void *new_bytes(size_t n)
{
    void *const p = malloc(n > 0 ? n : 1);

    if (p == NULL) {
        abort();
    }
    return p;
}

static double *new_line(size_t n_doubles)
{
    void *p = NULL;

    if (posix_memalign(&p, EC_LINE_BYTES, n_doubles > 0 ? n_doubles * sizeof(double) : 1) != 0) {
        abort();
    }
    return p;
}

static void print_digest(const char *name, ec_sha256 *h)
{
    uint8_t out[EC_SHA256_BYTES];

    ec_sha256_final(h, out);
    printf("%s ", name);
    for (unsigned i = 0; i < EC_SHA256_BYTES; i++) {
        printf("%02x", out[i]);
    }
    printf("\n");
}

static void run_trig(ec_sha256 *h)
{
    for (unsigned i = 0; i < 5000; i++) {
        const double turns = random_value() * (double)(i % 1000);
        double s[2];
        ec_sincos_turns(turns, &s[0], &s[1]);
        ec_sha256_update(h, s, sizeof s);
    }
}

static void run_sos(ec_sha256 *h, uint32_t simd, uint32_t n_sections, uint32_t n_channels)
{
    enum { FRAMES = 90 };
    const size_t n = (size_t)FRAMES * n_channels;
    float *const in = new_bytes(n * sizeof(float)), *const out = new_bytes(n * sizeof(float));
    double *const scratch = new_line(EC_SOS_SCRATCH_DOUBLES);
    double *const work = new_line((size_t)FRAMES * ec_padded(n_channels));
    double *const sos = new_bytes((size_t)n_sections * 6 * sizeof(double));
    ec_sos f;

    for (uint32_t k = 0; k < n_sections; k++) {
        const double radius = 0.9 + random_value() / 20;
        double s, c;
        ec_sincos_turns(random_value(), &s, &c);
        for (uint32_t i = 0; i < 3; i++) {
            sos[6 * k + i] = random_value();
        }
        sos[6 * k + 3] = 1.0;
        sos[6 * k + 4] = -2.0 * radius * c;
        sos[6 * k + 5] = radius * radius;
    }
    for (size_t i = 0; i < n; i++) {
        in[i] = (float)(i < n / 2 ? random_value() * 1000.0 : 0.0);
    }
    in[n_channels - 1] = -__builtin_nanf("");
    if (ec_sos_init(&f, sos, n_sections, n_channels) < 0) {
        abort();
    }
    f.simd = simd;
    ec_sos_filter_f32(&f, out, in, FRAMES / 3, scratch);
    ec_sos_filter_f32(&f, out + n / 3, in + n / 3, FRAMES - FRAMES / 3, scratch);
    ec_sha256_update(h, out, n * sizeof(float));

    ec_sos_reset(&f);
    ec_widen_f32(work, in, FRAMES, n_channels);
    ec_sos_run(&f, work, FRAMES);
    ec_narrow_f32(out, work, FRAMES, n_channels);
    ec_sha256_update(h, out, n * sizeof(float));
    ec_sos_destroy(&f);
    ec_sos_destroy(&f);
    free(in);
    free(out);
    free(scratch);
    free(work);
    free(sos);
}

static void run_fir(ec_sha256 *h, uint32_t simd, uint32_t n_taps, uint32_t n_channels)
{
    enum { FRAMES = 90 };
    const size_t n_padded = ec_padded(n_channels);
    double *const work = new_line(FRAMES * n_padded), *const taps = new_bytes(n_taps * sizeof(double));
    ec_fir f, next;

    for (uint32_t round = 0; round < 6; round++) {
        const uint32_t mirror = round % 3;
        for (uint32_t k = 0; k < n_taps; k++) {
            taps[k] = mirror == 2 && 2 * k + 1 == n_taps ? 0.0 : random_value();
            if (mirror != 0 && k >= n_taps / 2) {
                taps[k] = mirror == 1 ? taps[n_taps - 1 - k] : -taps[n_taps - 1 - k];
            }
        }
        memset(work, 0, FRAMES * n_padded * sizeof(double));
        for (size_t i = 0; i < FRAMES * n_padded; i++) {
            work[i] = i % n_padded < n_channels ? random_value() * 1000.0 : 0.0;
        }
        if (ec_fir_init(&f, taps, n_taps, 1 + round / 3, n_channels) < 0 ||
            ec_fir_init(&next, taps, 2 * n_taps / 3 + 1, 1 + round / 3, n_channels) < 0) {
            abort();
        }
        f.simd = next.simd = simd;
        ec_fir_run(&f, work, FRAMES / 3 + 7);
        ec_fir_gap(&f);
        ec_analytic_run(&f, work + (FRAMES / 3 + 7) * n_padded, FRAMES / 3 - 7);
        ec_fir_take_over(&next, &f);
        ec_fir_run(&next, work + FRAMES / 3 * 2 * n_padded, FRAMES / 3);
        ec_rectify_f64(work, FRAMES / 6, (uint32_t)n_padded);
        ec_sha256_update(h, work, FRAMES * n_padded * sizeof(double));
        ec_fir_destroy(&f);
        ec_fir_destroy(&f);
        ec_fir_destroy(&next);
    }
    free(work);
    free(taps);
}

static void run_fft(ec_sha256 *h, uint32_t n)
{
    double *const in = new_bytes(n * sizeof(double)), *const out = new_bytes((n / 2 + 1) * 2 * sizeof(double));
    double *scratch;
    ec_rfft plan;

    for (uint32_t t = 0; t < n; t++) {
        in[t] = random_value();
    }
    if (ec_rfft_init(&plan, n) < 0) {
        abort();
    }
    scratch = new_line(ec_rfft_scratch_doubles(&plan, 1));
    ec_rfft_run(&plan, in, out, scratch);
    for (uint32_t i = 0; i < 2 * (n / 2 + 1); i++) {
        out[i] += 0.0;                                                   /* -0 is 0 */
    }
    ec_sha256_update(h, out, (n / 2 + 1) * 2 * sizeof(double));
    ec_rfft_destroy(&plan);
    free(in);
    free(out);
    free(scratch);
}

static void run_psd(ec_sha256 *h, uint32_t n, uint32_t n_channels)
{
    const uint32_t n1 = n / 3;
    const size_t n_in = (size_t)n * n_channels, n_out = (size_t)(n / 2) * n_channels;
    float *const part1 = new_bytes((size_t)n1 * n_channels * sizeof(float));
    float *const part2 = new_bytes((n_in - (size_t)n1 * n_channels) * sizeof(float));
    double *const out = new_bytes(n_out * sizeof(double));
    const ec_psd_config config = {.n = n, .n_channels = n_channels, .sps = 250.0, .window = n % 7, .beta = 8.6,
                                  .detrend = n % 3, .bin_from = 1, .n_bins = n / 2};
    ec_psd psd;

    for (size_t i = 0; i < n_in; i++) {
        const float v = (float)(random_value() * 1000.0 + 100.0);
        if (i < (size_t)n1 * n_channels) {
            part1[i] = v;
        } else {
            part2[i - (size_t)n1 * n_channels] = v;
        }
    }
    if (ec_psd_init(&psd, &config) < 0) {
        abort();
    }
    ec_psd_run(&psd, part1, n1, part2, n - n1, out);
    ec_sha256_update(h, out, n_out * sizeof(double));
    ec_psd_destroy(&psd);
    free(part1);
    free(part2);
    free(out);
}

/* Means and medians, in dB for odd n, of spectra over seven decades. */
static void run_average(ec_sha256 *h, uint32_t n, size_t size)
{
    float *const out = new_bytes(size * sizeof(float));
    ec_average average;

    if (ec_average_init(&average, n, n % 3 == 0, n % 2 != 0, size) < 0) {
        abort();
    }
    for (uint32_t i = 0; i < n + 2; i++) {
        double *const spectrum = ec_average_place(&average);
        for (size_t k = 0; k < size; k++) {
            const double v = random_value();
            spectrum[k] = k == 3 ? 0.0 : v * v * v * v * 1e3;
        }
        ec_average_add(&average);
    }
    ec_average_read(&average, out);
    ec_sha256_update(h, out, size * sizeof(float));
    ec_average_destroy(&average);
    free(out);
}

static void run_bands(ec_sha256 *h, uint32_t finish, uint32_t n_bins, uint32_t n_channels)
{
    const double last = (double)n_bins - 1.0;
    const ec_bands_piece pieces[] = {
        {0, 0.3, 0.5 * last, 0.5}, {1, 0.5 * last, last, 0.5}, {1, 0.0, 1.0, -0.25}, {2, 0.0, last, 0.5}};
    const size_t n_in = (size_t)n_bins * n_channels;
    float *const in = new_bytes(n_in * sizeof(float));
    float *out;
    ec_bands bands;

    for (size_t i = 0; i < n_in; i++) {
        in[i] = (float)(random_value() + 1.0);
    }
    if (ec_bands_init(&bands, n_bins, n_channels, 3, finish, pieces, 4) < 0) {
        abort();
    }
    out = new_bytes((size_t)ec_bands_rows(&bands) * n_channels * sizeof(float));
    ec_bands_run(&bands, in, out);
    ec_sha256_update(h, out, (size_t)ec_bands_rows(&bands) * n_channels * sizeof(float));
    ec_bands_destroy(&bands);
    free(in);
    free(out);
}

static void run_comb(ec_sha256 *h, uint32_t n_half, uint32_t n_channels)
{
    enum { FRAMES = 60 };
    const size_t n = (size_t)FRAMES * n_channels;
    float *const in = new_bytes(n * sizeof(float)), *const out = new_bytes(n * sizeof(float));
    double *const work = new_line((size_t)FRAMES * ec_padded(n_channels));
    const uint64_t saturated[4] = {2, 0, 0, 1};
    ec_comb c;

    for (size_t i = 0; i < n; i++) {
        in[i] = (float)(random_value() * 1000.0);
    }
    in[5 * n_channels] = __builtin_inff();
    in[20 * n_channels] = -__builtin_nanf("");
    if (ec_comb_init(&c, n_half, 0.1, n_channels) < 0) {
        abort();
    }
    for (uint32_t round = 0; round < 3; round++) {
        ec_widen_f32(work, in, FRAMES, n_channels);
        ec_comb_run(&c, work, FRAMES / 3, round * (FRAMES + 1));
        ec_comb_hold(&c, saturated);
        ec_comb_run(&c, work + (size_t)(FRAMES / 3) * c.n_padded, FRAMES - FRAMES / 3,
                    round * (FRAMES + 1) + FRAMES / 3);
        ec_narrow_f32(out, work, FRAMES, n_channels);
        ec_sha256_update(h, out, n * sizeof(float));
    }
    ec_comb_gap(&c);
    ec_comb_destroy(&c);
    ec_comb_destroy(&c);
    free(in);
    free(out);
    free(work);
}

static void run_lock_in(ec_sha256 *h, uint32_t n_cycle, uint32_t n_cycles, uint32_t n_channels)
{
    const uint32_t n_window = n_cycle != 0 ? n_cycle * n_cycles : n_cycles;
    const size_t n = (size_t)n_window * n_channels;
    float *const in = new_bytes(n * sizeof(float));
    double *const out = new_bytes(n_channels * sizeof(double));
    ec_lock_in l;

    for (size_t i = 0; i < n; i++) {
        in[i] = (float)(random_value() * 1000.0);
    }
    if (ec_lock_in_init(&l, n_window, n_cycle, n_cycle == 4 ? 0.0139 : 0.0, n_channels) < 0) {
        abort();
    }
    for (uint32_t round = 0; round < 2; round++) {
        ec_lock_in_clear(&l);
        ec_lock_in_add(&l, in, n_window / 3, 0);
        ec_lock_in_add(&l, in + (size_t)(n_window / 3) * n_channels, n_window - n_window / 3, n_window / 3);
        ec_lock_in_read(&l, out);
        ec_sha256_update(h, out, n_channels * sizeof(double));
    }
    ec_lock_in_destroy(&l);
    ec_lock_in_destroy(&l);
    free(in);
    free(out);
}

#include "harness_reference.h"

static void run_decode(ec_sha256 *h, uint32_t n_channels)
{
    enum { FRAMES = 40 };
    const uint32_t n_bytes = ec_frame_bytes(n_channels);
    uint8_t *const frames = new_bytes((size_t)FRAMES * n_bytes);
    int32_t *const counts = new_bytes((size_t)FRAMES * n_channels * sizeof(int32_t));
    uint32_t *const words = new_bytes(FRAMES * sizeof(uint32_t));
    uint8_t *const good = new_bytes(FRAMES);
    uint64_t *const mask = new_bytes((n_channels + 63) / 64 * sizeof(uint64_t));

    memset(counts, 0, (size_t)FRAMES * n_channels * sizeof(int32_t));
    memset(mask, 0, (n_channels + 63) / 64 * sizeof(uint64_t));
    for (uint32_t f = 0; f < FRAMES; f++) {
        int32_t *const row = new_bytes(n_channels * sizeof(int32_t));
        uint8_t *const frame = new_bytes(n_bytes);
        for (uint32_t c = 0; c < n_channels; c++) {
            row[c] = (int32_t)random_bits() >> c % 12;
        }
        ec_encode24(frame, f % 7 == 0 ? random_bits() >> 8 : 0xC00000u, row, n_channels);
        ec_decode_frame(frame, n_channels, row, words);
        memcpy(frames + (size_t)f * n_bytes, frame, n_bytes);
        ec_sha256_update(h, row, n_channels * sizeof(int32_t));
        free(row);
        free(frame);
    }
    ec_decode_frames(frames, n_bytes, FRAMES, n_channels, counts, n_channels, words, good);
    ec_saturated_mask(counts, FRAMES, n_channels, mask);
    ec_sha256_update(h, counts, (size_t)FRAMES * n_channels * sizeof(int32_t));
    ec_sha256_update(h, words, FRAMES * sizeof(uint32_t));
    ec_sha256_update(h, good, FRAMES);
    ec_sha256_update(h, mask, (n_channels + 63) / 64 * sizeof(uint64_t));
    free(frames);
    free(counts);
    free(words);
    free(good);
    free(mask);
}

static void run_format(ec_sha256 *h)
{
    const size_t cap = ec_format_row_bytes(3, 3);
    char *const buf = new_bytes(cap);

    for (uint32_t i = 0; i < 3000; i++) {
        const uint32_t first = random_bits(), second = random_bits();
        const int32_t counts[6] = {(int32_t)first, INT32_MIN, 0, -1, 1000000, INT32_MAX};   /* two rows */
        const uint32_t bits[3] = {first, second, 0xFF7FFFFFu};
        const int64_t t_ns = i == 0 ? INT64_MIN : (int64_t)((uint64_t)second << 31);
        const uint64_t index = i == 0 ? UINT64_MAX : seed;
        float values[3];
        uint32_t n_done;
        memcpy(values, bits, sizeof values);
        ec_sha256_update(h, buf, ec_format_row(buf, cap, index, t_ns, counts, 3, values, 3, i % 11));
        ec_sha256_update(h, buf, ec_format_rows(buf, cap, 2, i, 1, 1, i, 250.0, counts, 3, NULL, 0, 0, &n_done));
    }
    free(buf);
}

int main(void)
{
    static const uint32_t LENGTHS[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 30, 31, 32, 37, 64, 74, 77, 250, 251, 1000, 1001};
    ec_sha256 h;

    ec_fp_flush_denormals();
    ec_sha256_init(&h);
    run_trig(&h);
    print_digest("trig", &h);
    for (uint32_t simd = 0; simd <= ec_simd_level(); simd++) {
        seed = 1;
        ec_sha256_init(&h);
        for (uint32_t n = 0; n < 14; n++) {
            run_sos(&h, simd, n, 1 + n * 3);
        }
        run_sos(&h, simd, 5, 256);
        run_sos(&h, simd, EC_SOS_MAX_SECTIONS, 33);
        print_digest("sos", &h);
        seed = 3;
        ec_sha256_init(&h);
        for (uint32_t n = 1; n < 14; n++) {
            run_fir(&h, simd, n, 3 * n - 2);
        }
        run_fir(&h, simd, 231, 256);
        run_fir(&h, simd, EC_FIR_MAX_TAPS, 33);
        print_digest("fir", &h);
    }
    seed = 2;
    ec_sha256_init(&h);
    for (uint32_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        run_fft(&h, LENGTHS[i]);
    }
    print_digest("rfft", &h);
    ec_sha256_init(&h);
    for (uint32_t i = 4; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        run_psd(&h, LENGTHS[i], 1 + i);
    }
    print_digest("psd", &h);
    for (uint32_t n = 1; n < 12; n++) {
        run_average(&h, n, 5 + 13 * n);
    }
    print_digest("average", &h);
    for (uint32_t i = 0; i < 12; i++) {
        run_bands(&h, i % 3, 3 + i * i, 1 + 3 * i);
    }
    print_digest("bands", &h);
    ec_sha256_init(&h);
    for (uint32_t n = 1; n <= 32; n *= 2) {
        run_comb(&h, n, 1 + 3 * n);
    }
    print_digest("comb", &h);
    ec_sha256_init(&h);
    for (uint32_t n = 0; n <= 32; n += 4) {
        run_lock_in(&h, n, 4 + n, 1 + n);
    }
    print_digest("lock_in", &h);
    for (uint32_t simd = 0; simd <= ec_simd_level(); simd++) {
        seed = 3;
        ec_sha256_init(&h);
        for (uint32_t n = 2; n <= 256; n += n < 9 ? 1 : 13) {
            for (uint32_t kind = 0; kind < 3; kind++) {
                run_mix(&h, simd, kind, n);
                run_trend(&h, simd, 3 + 11 * kind, kind != 1, n);
            }
        }
        print_digest("reference", &h);
    }
    ec_sha256_init(&h);
    for (uint32_t n = 1; n <= 256; n += n < 9 ? 1 : 19) {
        run_decode(&h, n);
    }
    print_digest("decode24", &h);
    ec_sha256_init(&h);
    run_format(&h);
    print_digest("format", &h);
    return 0;
}

/* harness_reference.h - part of harness.c: new references and sliding trends, cut anywhere, handed over, with bad samples. */
#include "dsp/ec_mix.h"
#include "dsp/ec_sliding_trend.h"

enum { REFERENCE_FRAMES = 60 };

/* kind 0: common average without every fifth channel, 1: pairs, 2: five neighbours each. */
static void run_mix(ec_sha256 *h, uint32_t simd, uint32_t kind, uint32_t n_channels)
{
    const uint32_t n_padded = ec_padded(n_channels);
    double *const in = new_line((size_t)REFERENCE_FRAMES * n_padded);
    double *const out = new_line((size_t)REFERENCE_FRAMES * n_padded);
    uint32_t pick[256], use[256], first[257] = {0}, members[5 * 256], n_references = kind == 0 ? 1 : n_channels;
    const uint64_t marks[4] = {6, 0, 0, 1}, nothing[4] = {0};
    uint64_t mask[4];
    ec_mix mix, next;

    for (uint32_t c = 0, m = 0; c < n_channels; c++) {
        pick[c] = kind == 0 ? c : n_channels - 1 - c;
        use[c] = kind == 0 ? 0 : c;
        if (kind != 0 || c % 5 != 4) {
            for (uint32_t i = 0; i < (kind == 2 ? 5 : 1); i++) {
                members[m++] = (c + i) % n_channels;
            }
        }
        first[kind == 0 ? 1 : c + 1] = m;
    }
    memset(in, 0, (size_t)REFERENCE_FRAMES * n_padded * sizeof(double));
    for (uint32_t f = 0; f < REFERENCE_FRAMES; f++) {
        for (uint32_t c = 0; c < n_channels; c++) {
            in[(size_t)f * n_padded + c] = random_value() * 1000.0 + 187500.0;
        }
    }
    in[(size_t)7 * n_padded] = __builtin_inf();
    in[(size_t)8 * n_padded + n_channels - 1] = -__builtin_nan("");
    if (ec_mix_init(&mix, n_channels, n_channels, pick, use, n_references, first, members) < 0 ||
        ec_mix_init(&next, n_channels, n_channels, pick, use, n_references, first, members) < 0) {
        abort();
    }
    mix.simd = next.simd = simd;
    ec_mix_run(&mix, out, in, 20);
    ec_mix_hold(&mix, marks, nothing);
    ec_mix_run(&mix, out + (size_t)20 * n_padded, in + (size_t)20 * n_padded, 20);
    ec_mix_take_over(&next, &mix);
    ec_mix_hold(&next, nothing, marks);
    ec_mix_run(&next, out + (size_t)40 * n_padded, in + (size_t)40 * n_padded, 20);
    ec_mix_mask(&mix, marks, marks, mask);
    for (size_t i = 0; i < (size_t)REFERENCE_FRAMES * n_padded; i++) {
        out[i] = out[i] == out[i] ? out[i] : 0.0;            /* the payload of a NaN differs between processors */
    }
    ec_sha256_update(h, out, (size_t)REFERENCE_FRAMES * n_padded * sizeof(double));
    ec_sha256_update(h, mask, sizeof mask);
    ec_mix_destroy(&mix);
    ec_mix_destroy(&mix);
    ec_mix_destroy(&next);
    free(in);
    free(out);
}

static void run_trend(ec_sha256 *h, uint32_t simd, uint32_t n_window, uint32_t linear, uint32_t n_channels)
{
    const uint32_t n_padded = ec_padded(n_channels);
    const size_t n = (size_t)REFERENCE_FRAMES * n_padded;
    double *const work = new_line(n);
    ec_sliding_trend trend, same, longer;

    if (ec_sliding_trend_init(&trend, n_window, linear, n_channels) < 0 ||
        ec_sliding_trend_init(&same, n_window, linear, n_channels) < 0 ||
        ec_sliding_trend_init(&longer, n_window + 9, linear, n_channels) < 0) {
        abort();
    }
    trend.simd = same.simd = longer.simd = simd;
    for (uint32_t round = 0; round < 4; round++) {
        for (size_t i = 0; i < n; i++) {
            work[i] = i % n_padded < n_channels ? random_value() * 1000.0 + 187500.0 : 0.0;
        }
        work[0] = __builtin_inf();
        work[n_padded * 9] = -__builtin_nan("");
        ec_sliding_trend *const now = round < 2 ? &trend : round == 2 ? &same : &longer;
        ec_sliding_trend_run(now, work, 17);
        ec_sliding_trend_run(now, work + (size_t)17 * n_padded, REFERENCE_FRAMES - 17);
        for (size_t i = 0; i < n; i++) {
            work[i] = work[i] == work[i] ? work[i] : 0.0;
        }
        ec_sha256_update(h, work, n * sizeof(double));
        if (round == 1) {
            ec_sliding_trend_take_over(&same, &trend);
        } else if (round == 2) {
            ec_sliding_trend_take_over(&longer, &same);
        } else {
            ec_sliding_trend_gap(&trend);
        }
    }
    ec_sliding_trend_destroy(&trend);
    ec_sliding_trend_destroy(&trend);
    ec_sliding_trend_destroy(&same);
    ec_sliding_trend_destroy(&longer);
    free(work);
}

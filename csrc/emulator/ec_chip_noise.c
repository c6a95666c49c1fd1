#include "ec_chip_noise.h"

#include <math.h>

#include "../base/ec_random.h"
#include "../base/ec_simd.h"

enum { N_GAINS = 7, N_RATES = 7, FOUR_BYTES_MEAN = 510 };

static const uint8_t gains[N_GAINS] = { 1, 2, 4, 6, 8, 12, 24 };
static const double rates[N_RATES] = { 250, 500, 1000, 2000, 4000, 8000, 16000 };

static const double noise_uv[N_RATES][N_GAINS] = {
    /*            G 1    G 2    G 4   G 6   G 8   G 12  G 24 */
    /*   250 */ { 1.08,  0.57,  0.31, 0.23, 0.20, 0.16, 0.14 },
    /*   500 */ { 1.53,  0.81,  0.44, 0.33, 0.28, 0.23, 0.20 },
    /*  1000 */ { 2.17,  1.14,  0.62, 0.46, 0.39, 0.32, 0.28 },
    /*  2000 */ { 3.06,  1.61,  0.88, 0.66, 0.56, 0.46, 0.40 },
    /*  4000 */ { 4.33,  2.28,  1.24, 0.93, 0.79, 0.65, 0.56 },
    /*  8000 */ { 6.93,  3.65,  1.98, 1.31, 1.11, 0.92, 0.80 },
    /* 16000 */ { 21.70, 10.85, 5.60, 3.87, 3.05, 2.27, 1.66 },
};

static uint32_t column_of(uint32_t gain)
{
    for (uint32_t i = 0; i < N_GAINS; i++) {
        if (gains[i] == gain) {
            return i;
        }
    }
    return N_GAINS;
}

int32_t ec_gain_is_known(uint32_t gain)
{
    return column_of(gain) < N_GAINS;
}

double ec_chip_noise_uv(uint32_t gain, double sps)
{
    const uint32_t column = column_of(gain);
    if (column == N_GAINS) {
        return 0.0;
    }
    if (sps <= rates[0]) {
        return noise_uv[0][column] * sqrt(sps / rates[0]);
    }
    uint32_t row = 0;
    while (row + 2 < N_RATES && sps > rates[row + 1]) {
        row++;
    }
    const double low = noise_uv[row][column];
    const double high = noise_uv[row + 1][column];
    const double x = (sps - rates[row]) / (rates[row + 1] - rates[row]);
    return sqrt(low * low + x * (high * high - low * low));
}

/* One random number a sample: the sums of its low and of its high four bytes. */
EC_CLONES void ec_chip_noise_block(const uint64_t key[EC_NOISE_LANES], uint64_t first,
                                   int32_t low[EC_NOISE_FRAMES][EC_NOISE_LANES],
                                   int32_t high[EC_NOISE_FRAMES][EC_NOISE_LANES])
{
    const uint64_t even = UINT64_C(0x00FF00FF00FF00FF);
    for (uint32_t f = 0; f < EC_NOISE_FRAMES; f++) {
        for (uint32_t i = 0; i < EC_NOISE_LANES; i++) {
            const uint64_t r = ec_random(key[i], first + f);
            const uint64_t pairs = (r & even) + ((r >> 8) & even);
            const uint64_t sums = pairs + (pairs >> 16);
            low[f][i] = (int32_t)(sums & 0xFFFF) - FOUR_BYTES_MEAN;
            high[f][i] = (int32_t)((sums >> 32) & 0xFFFF) - FOUR_BYTES_MEAN;
        }
    }
}

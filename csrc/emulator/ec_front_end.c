#include "ec_front_end.h"

#include <string.h>

#include "../base/ec_random.h"
#include "../base/ec_simd.h"
#include "ec_chip_noise.h"
#include "ec_lead_off.h"
#include "ec_square.h"

enum { FOR_NOISE = 1 };                   /* beside the purposes of ec_signal.c */

#define TEMPERATURE_UV  145300.0          /* at 25 C (data sheet equation 3) */
#define SUPPLY_UV       2500000.0         /* (AVDD + AVSS) / 2 of a 5 V board, MVDD of channels 1, 2, 5..8 */

static const uint8_t gain_of_code[8] = { 1, 2, 4, 6, 8, 12, 24, 1 };       /* 111: reserved */

/* ---- preparation -------------------------------------------------------- */

void ec_front_end_init(ec_front_end *fe, const ec_emulator_config *config, uint32_t chip)
{
    uint32_t n_chips = 0;
    uint64_t total_channels = 0;
    uint64_t total_bytes = 0;
    uint64_t first_byte = 0;

    memset(fe, 0, sizeof *fe);
    fe->config = config;
    fe->chip = chip;
    for (uint32_t s = 0; s < config->n_selects; s++) {
        n_chips += config->chips_in[s];
    }
    for (uint32_t i = 0; i < n_chips; i++) {
        if (i == chip) {
            fe->first_channel = (uint32_t)total_channels;
            first_byte = total_bytes;
        }
        total_channels += config->n_channels[i];
        total_bytes += ec_spi_frame_bytes(config->n_channels[i]);
    }
    fe->n_channels = config->n_channels[chip];
    fe->frame_bytes = ec_spi_frame_bytes(fe->n_channels);
    if (config->signal == EC_SIGNAL_FILE && config->spi_frames != NULL) {
        fe->file.spi_frames = config->spi_frames + first_byte;
        fe->file.stride = total_bytes;
        fe->file.n_frames = config->spi_bytes / total_bytes;
    } else if (config->signal == EC_SIGNAL_FILE) {
        fe->file.counts = config->counts + fe->first_channel;
        fe->file.stride = total_channels;
        fe->file.n_frames = config->counts_n_frames;
    }
    for (uint32_t i = 0; i < fe->n_channels; i++) {
        fe->noise_key[i] = ec_random_key(config->seed, FOR_NOISE, fe->first_channel + i);
    }
    fe->status = EC_STATUS_IDLE;
    fe->ramp_first = 1.0;
    fe->block = UINT64_MAX;
}

void ec_front_end_start(ec_front_end *fe, uint32_t dr)
{
    const ec_emulator_config *config = fe->config;
    const double sps = 16000.0 / (double)(1u << dr) * config->rate_scale * (config->clock_hz / EC_FCLK_HZ);

    fe->block = UINT64_MAX;
    fe->packed_from = 0;
    fe->ramp_first = 1.0;
    fe->ramp_step = 0.0;
    if (fe->file.n_frames != 0) {
        return;
    }
    if (sps == fe->sps) {
        ec_signal_reset(&fe->signal);
    } else {
        const ec_signal_settings settings = {
            .kind = config->signal, .first_channel = fe->first_channel, .n_channels = fe->n_channels,
            .sps = sps, .vref_v = config->vref_v, .seed = config->seed,
            .mains_hz = config->mains_hz, .mains_uv = config->mains_uv,
            .sine_hz = config->sine_hz, .sine_uv = config->sine_uv, .offset_scale = config->offset_scale,
            .alpha_weight = config->alpha_weight + fe->first_channel,
            .blink_weight = config->blink_weight + fe->first_channel,
        };
        ec_signal_init(&fe->signal, &settings);
    }
    fe->sps = sps;
    fe->dr = dr;
    /* 2^20 periods of fCLK at 2^7 ... 2^13 of them a conversion: a power of two where the rate is the chip's own. */
    fe->half_period = 8192.0 / (double)(1u << dr) * config->rate_scale;
}

/* ---- registers ---------------------------------------------------------- */

/* SRB1: electrode against the reference. SRB2: the reference is on the positive input and the electrode on the negative
 * one, or on both if SRB1 is closed as well. Neither: a pair of electrodes, which see the same. */
static void electrode_set(ec_front_end *fe, uint32_t c, double counts_per_uv)
{
    const uint32_t srb1 = fe->registers[EC_REG_MISC1] & EC_MISC1_SRB1;
    const uint32_t srb2 = fe->registers[EC_REG_CH1SET + c] & EC_CHNSET_SRB2;
    const double sign = srb2 == 0 ? 1.0 : srb1 == 0 ? -1.0 : 0.0;
    /* a source pushes into P and a sink pulls at N: both widen P - N, whichever of them has the electrode */
    const double lead_off = (sign != 0.0) * counts_per_uv * ec_lead_off_uv(fe->config, fe->registers, fe->chip, fe->first_channel,
                                                                  fe->n_channels, c);

    fe->gains.electrode[c] = sign * counts_per_uv;
    if (fe->tone_half > 0.0) {
        fe->gains.tone[c] = lead_off;
    } else {
        fe->gains.constant[c] = lead_off;
    }
}

static void channel_set(ec_front_end *fe, uint32_t c)
{
    const ec_emulator_config *config = fe->config;
    ec_front_end_gains *g = &fe->gains;
    const uint8_t set = fe->registers[EC_REG_CH1SET + c];
    const uint32_t gain = gain_of_code[EC_CHNSET_GAIN(set)];
    const double counts_per_uv = (double)gain * 8388608.0 / (config->vref_v * 1e6);
    const uint8_t config2 = fe->registers[EC_REG_CONFIG2];

    g->electrode[c] = 0.0;
    g->square[c] = 0.0;
    g->tone[c] = 0.0;
    g->constant[c] = 0.0;
    g->noise[c] = 0.0;
    if ((set & EC_CHNSET_OFF) != 0 || (fe->dead >> c & 1u) != 0) {
        return;
    }
    g->noise[c] = config->noise_scale * ec_chip_noise_uv(gain, fe->sps) * counts_per_uv / EC_NOISE_SD;
    switch (EC_CHNSET_MUX(set)) {
    case EC_MUX_ELECTRODE:
        electrode_set(fe, c, counts_per_uv);
        break;
    case EC_MUX_TEST:                     /* +-VREF/2400, or twice that: the reference cancels */
        if ((config2 & EC_CONFIG2_INT_CAL) != 0) {
            g->square[c] = (double)gain * 8388608.0 / 2400.0 * ((config2 & EC_CONFIG2_CAL_AMP) != 0 ? 2.0 : 1.0);
        }
        break;
    case EC_MUX_TEMPERATURE:
        g->constant[c] = TEMPERATURE_UV * counts_per_uv;
        break;
    case EC_MUX_SUPPLY:
        g->constant[c] = (c == 2 || c == 3 ? config->dvdd_v * 0.25e6 : SUPPLY_UV) * counts_per_uv;
        break;
    default:                              /* shorted, or a bias electrode at the reference of the bias */
        break;
    }
}

uint32_t ec_front_end_pulled(const ec_front_end *fe)
{
    return EC_LOFF_FLEAD(fe->registers[EC_REG_LOFF]) == 0 ? fe->registers[EC_REG_LOFF_SENSP] : 0u;
}

uint32_t ec_front_end_watched(const ec_front_end *fe)
{
    return (fe->registers[EC_REG_CONFIG4] & EC_CONFIG4_LOFF_COMP) != 0 ? ec_front_end_pulled(fe) : 0u;
}

void ec_front_end_set(ec_front_end *fe, const uint8_t registers[EC_N_REGISTERS], uint32_t gpio, uint64_t k)
{
    memcpy(fe->registers, registers, sizeof fe->registers);
    fe->status = EC_STATUS_IDLE | (gpio & 0x0Fu)
                 | ec_lead_off_status(fe->config, registers, fe->chip, fe->first_channel, fe->n_channels);
    fe->tone_half = ec_lead_off_half(registers, fe->dr);
    for (uint32_t c = 0; c < fe->n_channels; c++) {
        channel_set(fe, c);
    }
    /* 4.5 V is the chip's own reference and needs its buffer; anything else is connected from outside. */
    fe->gains.rail = fe->config->vref_v == 4.5 && (registers[EC_REG_CONFIG3] & EC_CONFIG3_REFBUF) == 0;
    if (k / EC_BLOCK == fe->block && k % EC_BLOCK < fe->packed_from) {
        fe->packed_from = k % EC_BLOCK;   /* place of conversion k + 1 */
    }
}

void ec_front_end_ramp(ec_front_end *fe, double first, double step, uint64_t k)
{
    fe->ramp_first = first;
    fe->ramp_step = step;
    if (k / EC_BLOCK == fe->block && k % EC_BLOCK < fe->packed_from) {
        fe->packed_from = k % EC_BLOCK;
    }
}

/* ---- blocks ------------------------------------------------------------- */

/* The test signal of a block, within +-1 (data sheet 9.6.1.3), tied to the number of the conversion. */
static void test_square(const ec_front_end *fe, double *square)
{
    const uint32_t frequency = fe->registers[EC_REG_CONFIG2] & EC_CONFIG2_CAL_FREQ;
    const double half = frequency == 1 ? 0.5 * fe->half_period : fe->half_period;

    if ((fe->registers[EC_REG_CONFIG2] & EC_CONFIG2_INT_CAL) == 0) {
        memset(square, 0, EC_BLOCK * sizeof *square);
        return;
    }
    for (uint32_t f = 0; f < EC_BLOCK; f++) {
        const double n = (double)(int64_t)(fe->block * EC_BLOCK + f);
        square[f] = frequency >= 2 ? -1.0 : ec_sinc3_square(n, half);
    }
}

static void lead_off_tone(const ec_front_end *fe, double *tone)
{
    if (fe->tone_half <= 0.0) {
        memset(tone, 0, EC_BLOCK * sizeof *tone);
        return;
    }
    for (uint32_t f = 0; f < EC_BLOCK; f++) {
        tone[f] = ec_sinc3_square((double)(int64_t)(fe->block * EC_BLOCK + f), fe->tone_half);
    }
}

/* How much larger than full a reading is while the reference is still on its way up. */
static void reference(const ec_front_end *fe, double *scale)
{
    for (uint32_t f = 0; f < EC_BLOCK; f++) {
        scale[f] = 1.0;
        if (fe->ramp_step > 0.0) {
            const double part = fe->ramp_first + fe->ramp_step * (double)(int64_t)(fe->block * EC_BLOCK + f + 1);
            scale[f] = part < 1e-6 ? 1e6 : part < 1.0 ? 1.0 / part : 1.0;
        }
    }
}

static int32_t clip_counts(double counts)
{
    /* Half away from zero; the limits first, so that the conversion is defined. */
    counts = counts < (double)EC_COUNTS_MIN ? (double)EC_COUNTS_MIN : counts;
    counts = counts > (double)EC_COUNTS_MAX ? (double)EC_COUNTS_MAX : counts;
    return (int32_t)(counts + (counts < 0.0 ? -0.5 : 0.5));
}

EC_CLONES static void convert(const ec_front_end_gains *gains, const double (*restrict uv)[EC_LANES],
                              const int32_t (*restrict white)[EC_LANES], const double *restrict square,
                              const double *restrict tone, const double *restrict scale,
                              int32_t (*restrict counts)[EC_LANES])
{
    const ec_front_end_gains g = *gains;

    for (uint32_t f = 0; f < EC_BLOCK; f++) {
        const double test = square[f];
        const double lead_off = tone[f];
        const double part = scale[f];
        for (uint32_t i = 0; i < EC_LANES; i++) {
            double v = g.electrode[i] * uv[f][i] + g.square[i] * test + g.tone[i] * lead_off + g.constant[i];
            v += g.noise[i] * (double)white[f][i];
            counts[f][i] = clip_counts(part * v);
        }
    }
}

static void to_rails(ec_front_end *fe)
{
    for (uint32_t f = 0; f < EC_BLOCK; f++) {
        for (uint32_t i = 0; i < fe->n_channels; i++) {
            if ((fe->registers[EC_REG_CH1SET + i] & EC_CHNSET_OFF) == 0) {
                fe->counts[f][i] = fe->counts[f][i] < 0 ? EC_COUNTS_MIN : EC_COUNTS_MAX;
            }
        }
    }
}

/* Eight channels at a time as 32-bit words whose last byte the next word covers. */
static void pack(ec_front_end *fe, uint64_t from)
{
    for (uint64_t f = from; f < EC_BLOCK; f++) {
        uint8_t *frame = fe->frames[f];
        ec_spi_put24(frame, fe->status);
        for (uint32_t i = 0; i < EC_LANES; i++) {
            const uint32_t code = (uint32_t)fe->counts[f][i];
            const uint8_t bytes[4] = { (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code, 0 };
            memcpy(frame + 3 + 3 * i, bytes, 4);
        }
    }
}

static void next_block(ec_front_end *fe)
{
    fe->block += 1;                       /* UINT64_MAX + 1 is block 0 */
    ec_chip_noise_block(fe->noise_key, fe->block * EC_BLOCK, fe->white_low, fe->white_high);
    ec_signal_block(&fe->signal, (const int32_t (*)[EC_LANES])fe->white_low, fe->uv);
    fe->packed_from = 0;
}

static const uint8_t *frame_of_file(ec_front_end *fe, uint64_t k)
{
    const uint64_t at = (fe->file_offset + k - 1) % fe->file.n_frames * fe->file.stride;
    if (fe->file.spi_frames != NULL) {
        return fe->file.spi_frames + at;
    }
    int32_t counts[EC_LANES];
    for (uint32_t c = 0; c < fe->n_channels; c++) {
        const int32_t value = fe->file.counts[at + c];
        counts[c] = value < EC_COUNTS_MIN ? EC_COUNTS_MIN : value > EC_COUNTS_MAX ? EC_COUNTS_MAX : value;
    }
    ec_spi_frame_pack(fe->frames[0], fe->status, counts, fe->n_channels);
    return fe->frames[0];
}

const uint8_t *ec_front_end_frame_slow(ec_front_end *fe, uint64_t k)
{
    double square[EC_BLOCK];
    double tone[EC_BLOCK];
    double scale[EC_BLOCK];

    if (fe->file.n_frames != 0) {
        return frame_of_file(fe, k);
    }
    while (fe->block != (k - 1) / EC_BLOCK) {
        next_block(fe);
    }
    if ((k - 1) % EC_BLOCK >= fe->packed_from) {
        test_square(fe, square);
        lead_off_tone(fe, tone);
        reference(fe, scale);
        convert(&fe->gains, (const double (*)[EC_LANES])fe->uv, (const int32_t (*)[EC_LANES])fe->white_high,
                square, tone, scale, fe->counts);
        if (fe->gains.rail) {
            to_rails(fe);
        }
        pack(fe, fe->packed_from);
        fe->packed_from = EC_BLOCK;
    }
    return fe->frames[(k - 1) % EC_BLOCK];
}

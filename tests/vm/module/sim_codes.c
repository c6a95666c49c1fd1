// SPDX-License-Identifier: GPL-2.0
// What a conversion yields: the status word and a code per channel, by the input the channel is set to.
#include "ads1299_sim.h"

enum { INPUT_ELECTRODE = 0, INPUT_SHORT = 1, INPUT_TEST = 5 };

static const u8 gains[8] = { 1, 2, 4, 6, 8, 12, 24, 24 };

/* Square wave of 1 or 2 times VREF/2400, fCLK/2^21 or /2^20 (data sheet 9.3.1.2, CONFIG2). */
static s32 test_signal(const struct sim_chip *chip, u8 set)
{
    u8 config2 = chip->reg[REG_CONFIG2];
    s32 amplitude = (s32)((1u << 23) / 2400) * gains[set >> 4 & 7] * (config2 & 0x04 ? 2 : 1);
    u32 half = max(sim_chip_sps(chip) * 64 / 125 / (config2 & 1 ? 2 : 1), 1u);

    if (!(config2 & 0x10))
        return 0;
    return (config2 & 3) == 3 || chip->n / half % 2 ? amplitude : -amplitude;
}

static u32 code(const struct sim_chip *chip, unsigned int channel)
{
    u8 set = chip->reg[REG_CH1SET + channel];

    if (set & 0x80)
        return 0;                                   /* powered down: zeros, the frame keeps its length */
    switch (set & 7) {
    case INPUT_ELECTRODE:
        return (chip->n << 5 | chip->number << 3 | channel) & 0xffffff;
    case INPUT_SHORT:
        return (chip->n * 7 + channel * 3) % 5 - 2; /* a few counts, never the same on two channels */
    case INPUT_TEST:
        return test_signal(chip, set);
    }
    return 0;
}

void sim_codes(struct sim_chip *chip, bool bad_status)
{
    unsigned int i;

    chip->latch[0] = bad_status ? 0x40 : 0xc0;      /* 1100 and lead-off bits, of which none are set */
    chip->latch[1] = 0;
    chip->latch[2] = chip->reg[REG_GPIO] >> 4;
    for (i = 0; i < SIM_CHANNELS; i++) {
        u32 value = code(chip, i);

        chip->latch[3 + 3 * i] = value >> 16;
        chip->latch[4 + 3 * i] = value >> 8;
        chip->latch[5 + 3 * i] = value;
    }
    chip->latch_bad = bad_status;
}

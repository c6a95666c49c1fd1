/* Life of an emulated chip: power, clock, reset, START pin, and what registers mean to the front end. */
#include "ec_emulated_chip.h"

#include <string.h>

#include "../base/ec_random.h"

enum { FOR_DEAD_CHANNELS = 101 };

static void registers_to_reset(ec_emulated_chip *chip)
{
    for (uint32_t a = 0; a < EC_N_REGISTERS; a++) {
        chip->registers[a] = ec_register_rules[a].reset;
    }
    for (uint32_t c = 0; c < 8; c++) {
        if ((chip->channel_mask >> c & 1u) == 0) {
            chip->registers[EC_REG_CH1SET + c] = 0;           /* B-06 */
        }
    }
    chip->registers[EC_REG_ID] = chip->id;
    chip->gpio_out = 0;
    chip->reference_from = EC_NEVER;
    chip->rdatac = 1;
    chip->standby = 0;
    chip->start_command = 0;
    chip->in = EC_IN_COMMAND;
    chip->out = EC_OUT_LIVE;
    chip->out_bits = 0;
}

/* The chip whose CLK this one gets: itself, or the nearest clock master before it. */
static uint32_t oscillator_of(const ec_emulator_config *config, uint32_t number)
{
    while (number > 0 && !config->clock_master[number]) {
        number -= 1;
    }
    return number;
}

void ec_chip_init(ec_emulated_chip *chip, const ec_emulator_config *config, const ec_faults *faults,
                  uint32_t number, int64_t t, uint64_t limit)
{
    const uint32_t n = config->n_channels[number];
    memset(chip, 0, sizeof *chip);
    chip->config = config;
    chip->faults = faults;
    chip->number = number;
    chip->oscillator = oscillator_of(config, number);
    chip->id = config->id[number] != 0 ? config->id[number] : (uint8_t)(0x3Cu + (n - 4) / 2);
    chip->channel_mask = (uint8_t)((1u << n) - 1u);
    chip->tclk_ns = 1e9 / config->clock_hz * (1.0 + config->drift_ppm[chip->oscillator] * 1e-6);
    chip->powered = 1;
    chip->clocked = chip->oscillator == number;
    chip->alive_from = chip->clocked ? t + ec_chip_tclk(chip, EC_TPOR_TCLK) - config->powered_ns : EC_NEVER;
    chip->deaf_until = INT64_MIN;
    chip->decoder_free = INT64_MIN;
    chip->select_end = INT64_MIN / 2;
    chip->reset_low = EC_NEVER;
    ec_chip_look_again(chip);
    chip->t_next = EC_NEVER;
    chip->limit = limit;
    ec_front_end_init(&chip->front_end, config, number);
    chip->frame_bytes = chip->front_end.frame_bytes;
    registers_to_reset(chip);
}

void ec_chip_violation(ec_emulated_chip *chip, uint32_t b_number)
{
    chip->violations += 1;
    chip->last_violation = b_number;
}

/* ---- lines -------------------------------------------------------------- */

void ec_chip_start_pin(ec_emulated_chip *chip, uint32_t level, int64_t t)
{
    const uint32_t rises = level != 0 && chip->start_pin == 0;
    const uint32_t falls = level == 0 && chip->start_pin != 0;
    chip->start_pin = level != 0;
    if (chip->standby) {
        return;
    }
    if (rises && !chip->start_command) {
        chip->starts += 1;
        ec_chip_begin(chip, t);
    } else if (falls && !chip->start_command) {
        ec_chip_finish(chip, t);
    }
}

void ec_chip_reset(ec_emulated_chip *chip, int64_t t)
{
    if (!chip->powered) {
        return;
    }
    chip->resets += 1;
    if (!chip->clocked || t < chip->alive_from) {             /* B-01: the digital core is not up everywhere */
        const uint64_t random = ec_random(ec_random_key(chip->config->seed, FOR_DEAD_CHANNELS, chip->number),
                                          chip->resets);
        chip->front_end.dead = ((uint32_t)random & chip->channel_mask) | 1u << random % chip->front_end.n_channels;
        ec_chip_violation(chip, 1);
        return;
    }
    chip->front_end.dead = 0;
    registers_to_reset(chip);
    chip->deaf_until = t + ec_chip_tclk(chip, EC_TRESET_TCLK);
    ec_chip_halt(chip);
    if (chip->start_pin) {
        ec_chip_begin(chip, t);
    } else {
        chip->base += chip->k;            /* what was on the latch is gone */
        chip->k = 0;
    }
}

/* Low for 2 tCLK at least (tRST, data sheet table 30); the chip begins anew when it rises. */
void ec_chip_reset_pin(ec_emulated_chip *chip, uint32_t level, int64_t t)
{
    if (level == 0 && chip->reset_low == EC_NEVER) {
        chip->reset_low = t;
        chip->deaf_until = EC_NEVER;
        ec_chip_halt(chip);
    } else if (level != 0 && chip->reset_low != EC_NEVER) {
        if (t - chip->reset_low < ec_chip_tclk(chip, 2)) {
            ec_chip_violation(chip, 2);
        }
        chip->reset_low = EC_NEVER;
        chip->deaf_until = t;
        ec_chip_reset(chip, t);
    }
}

void ec_chip_power(ec_emulated_chip *chip, uint32_t on, int64_t t)
{
    if ((on != 0) == chip->powered) {
        return;
    }
    chip->powered = on != 0;
    ec_chip_halt(chip);
    chip->base += chip->k;
    chip->k = 0;
    if (!on) {
        return;
    }
    registers_to_reset(chip);
    chip->front_end.dead = 0;
    chip->alive_from = chip->clocked ? t + ec_chip_tclk(chip, EC_TPOR_TCLK) : EC_NEVER;
    if (chip->start_pin) {
        ec_chip_begin(chip, t);
    }
}

void ec_chip_clock(ec_emulated_chip *chip, uint32_t on, int64_t t)
{
    if ((on != 0) == chip->clocked) {
        return;
    }
    chip->clocked = on != 0;
    ec_chip_halt(chip);
    if (on && chip->alive_from == EC_NEVER && chip->powered) {
        chip->alive_from = t + ec_chip_tclk(chip, EC_TPOR_TCLK);                 /* its 2^18 begin with the clock */
    }
    if (on && (chip->start_pin || chip->start_command) && !chip->standby) {
        ec_chip_begin(chip, t);
    }
}

/* ---- registers ---------------------------------------------------------- */

/* Outputs show what was written, inputs what is connected. */
static uint32_t gpio_levels(const ec_emulated_chip *chip)
{
    const uint32_t inputs = chip->registers[EC_REG_GPIO] & 0x0Fu;
    return (chip->config->gpio_level[chip->number] & inputs) | (chip->gpio_out & ~inputs & 0x0Fu);
}

uint8_t ec_chip_read_register(const ec_emulated_chip *chip, uint32_t address)
{
    if (address >= EC_N_REGISTERS) {
        return 0;
    }
    if (address == EC_REG_GPIO) {
        return (uint8_t)(gpio_levels(chip) << 4 | (chip->registers[EC_REG_GPIO] & 0x0Fu));
    }
    return chip->registers[address];
}

void ec_chip_apply(ec_emulated_chip *chip)
{
    ec_front_end *fe = &chip->front_end;
    chip->spoiled_conversion = UINT64_MAX;
    ec_front_end_set(fe, chip->registers, gpio_levels(chip), chip->k);
    if (chip->reference_from != EC_NEVER && chip->t_next != EC_NEVER && chip->config->vref_v == 4.5) {
        /* Linear in time, hence in k: conversion k + 1 ends at t_next. */
        const double period = (double)(int64_t)chip->clock.whole_ns / (double)EC_TREF_NS;
        const double at_next = (double)(chip->t_next - chip->reference_from) / (double)EC_TREF_NS;
        const double next = (double)(int64_t)(chip->k + 1);
        if (at_next < 1.0) {
            ec_front_end_ramp(fe, at_next - next * period, period, chip->k);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0
// Power, reset and conversions of one chip. Sections are of the ADS1299 data sheet, SBAS499C.
#include "ads1299_sim.h"

static const u8 reset_values[SIM_REGISTERS] = {                                    /* 9.6.1 */
    0x3e, 0x96, 0xc0, 0x60, 0x00, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61,
    [REG_GPIO] = 0x0f,
};

unsigned int sim_chip_sps(const struct sim_chip *chip)
{
    return 16000u >> min(chip->reg[REG_CONFIG1] & 7, 6);
}

static void set_drdy(struct sim_chip *chip, u8 level)
{
    if (chip->line >= 0 && !chip->held)
        sim_gpio_drive(chip->board, chip->line, level);
}

/* DRDY of a result that was not read goes high before it falls again (9.4.1.1). */
static void drdy_falls(struct sim_chip *chip)
{
    set_drdy(chip, 1);
    set_drdy(chip, 0);
}

/* [hard interrupt, lock held] */
static void convert(struct sim_chip *chip)
{
    bool missed, extra;

    chip->truth.conversions++;
    if (chip->fresh)
        chip->truth.overruns++;
    if (chip->reading && chip->rdatac && chip->pos > chip->offset && chip->pos < chip->offset + SIM_FRAME)
        chip->truth.torn++;
    sim_codes(chip, sim_fault_strikes(chip, FAULT_STATUS));
    chip->fresh = true;
    missed = sim_fault_strikes(chip, FAULT_MISS);
    extra = sim_fault_strikes(chip, FAULT_EXTRA);
    chip->held = sim_fault_strikes(chip, FAULT_STUCK);
    if (chip->held) {
        chip->truth.stuck++;
    } else if (missed) {
        chip->truth.suppressed++;
    } else {
        chip->truth.edges++;
        drdy_falls(chip);
    }
    if (extra)
        hrtimer_start(&chip->glitch, ktime_add_ns(chip->due, chip->period_ns / 2), HRTIMER_MODE_ABS_HARD);
}

static enum hrtimer_restart on_tick(struct hrtimer *timer)
{
    struct sim_chip *chip = container_of(timer, struct sim_chip, tick);
    struct sim_board *board = chip->board;
    enum hrtimer_restart again = HRTIMER_NORESTART;
    ktime_t now;
    u64 passed;

    raw_spin_lock(&board->lock);
    now = ktime_get();
    if (!chip->converting || ktime_before(now, chip->due))
        goto out;                                    /* stopped, or started anew, while this tick waited */
    passed = hrtimer_forward(timer, now, ns_to_ktime(chip->period_ns));
    chip->n += passed;
    chip->truth.conversions += passed - 1;           /* a converter does not wait for a late timer */
    chip->truth.late_ticks += passed - 1;
    if (sim_fault_strikes(chip, FAULT_RESET)) {
        chip->truth.resets++;
        sim_chip_reset(chip, now);                   /* starts the timer itself if START is high */
        goto out;
    }
    convert(chip);
    chip->due = hrtimer_get_expires(timer);
    if (chip->finishing)
        chip->converting = chip->finishing = false;  /* the conversion in progress is finished (9.4.1) */
    else
        again = HRTIMER_RESTART;
out:
    raw_spin_unlock(&board->lock);
    return again;
}

static enum hrtimer_restart on_glitch(struct hrtimer *timer)
{
    struct sim_chip *chip = container_of(timer, struct sim_chip, glitch);
    struct sim_board *board = chip->board;

    raw_spin_lock(&board->lock);
    if (chip->converting && chip->line >= 0 && !chip->held) {
        u8 level = board->level[chip->line];

        chip->truth.spurious++;
        drdy_falls(chip);
        set_drdy(chip, level);
    }
    raw_spin_unlock(&board->lock);
    return HRTIMER_NORESTART;
}

/* The filter begins anew: the first DRDY comes after four conversions, and is number 1. */
void sim_chip_restart(struct sim_chip *chip, ktime_t now)
{
    chip->period_ns = div_u64(1000000000000000ull / sim_chip_sps(chip), 1000000 + chip->board->ppm);
    chip->n = 0;
    chip->fresh = chip->latch_bad = false;
    chip->converting = true;
    chip->finishing = false;
    chip->due = ktime_add_ns(now, SIM_SETTLE * chip->period_ns);
    chip->truth.restarts++;
    memset(chip->latch, 0, sizeof(chip->latch));     /* data before the first DRDY read zero */
    chip->held = false;
    set_drdy(chip, 1);
    hrtimer_start(&chip->tick, chip->due, HRTIMER_MODE_ABS_HARD);
}

static void halt(struct sim_chip *chip)
{
    chip->converting = chip->finishing = chip->held = false;
    hrtimer_try_to_cancel(&chip->tick);
    set_drdy(chip, 1);
}

/* Registers and mode as after power-up; converts on if the START pin is high. */
void sim_chip_reset(struct sim_chip *chip, ktime_t now)
{
    halt(chip);
    memcpy(chip->reg, reset_values, sizeof(chip->reg));
    chip->rdatac = true;
    chip->standby = chip->commanded = chip->fresh = false;
    chip->ready_at = ktime_add_ns(now, SIM_RESET_NS);
    memset(chip->latch, 0, sizeof(chip->latch));
    sim_chip_follow_lines(chip, now);
}

/* START, RESET, PWDN, STANDBY and the START command say whether the chip converts. */
void sim_chip_follow_lines(struct sim_chip *chip, ktime_t now)
{
    struct sim_board *board = chip->board;
    bool alive = sim_gpio_level(board, LINE_RESET) && sim_gpio_level(board, LINE_PWDN) && !chip->standby;
    bool wanted = chip->commanded || sim_gpio_level(board, LINE_START);

    if (!alive) {
        halt(chip);
    } else if (wanted && (!chip->converting || chip->finishing)) {
        sim_chip_restart(chip, now);
    } else if (!wanted && chip->converting) {
        chip->finishing = true;
    }
}

void sim_chip_init(struct sim_chip *chip, struct sim_board *board, unsigned int number)
{
    bool chained = board->n_selects < board->n_chips;

    chip->board = board;
    chip->number = number;
    chip->line = number < board->n_drdy ? number : -1;
    chip->offset = chained ? number * SIM_FRAME : 0;
    hrtimer_init(&chip->tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
    hrtimer_init(&chip->glitch, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
    chip->tick.function = on_tick;
    chip->glitch.function = on_glitch;
    memcpy(chip->reg, reset_values, sizeof(chip->reg));
    chip->rdatac = true;
}

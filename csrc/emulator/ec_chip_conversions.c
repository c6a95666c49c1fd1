/* Conversions of an emulated chip: START, settling, edges, STOP, and what is on the latch. */
#include <string.h>

#include "ec_emulated_chip.h"

enum { FOR_JITTER = 100, TSETTLE_TCLK = 9, TDSHD_TCLK = 16, SETTLING_PERIODS = 4 };

static uint32_t data_rate(const ec_emulated_chip *chip)
{
    const uint32_t dr = chip->registers[EC_REG_CONFIG1] & EC_CONFIG1_DR;
    return dr < 7 ? dr : 6;               /* 111 is reserved */
}

/* fDR as a fraction: millihertz, and what they leave out goes into the drift. All chips draw the same jitter, so
 * that chips in step stay in step. */
static void clock_init(ec_emulated_chip *chip)
{
    const ec_emulator_config *config = chip->config;
    const double sps = 16000.0 / (double)(1u << data_rate(chip)) * config->rate_scale *
                       (config->clock_hz / EC_FCLK_HZ);
    const uint64_t rate_mhz = (uint64_t)(sps * 1000.0 + 0.5);
    const double exact = (double)(int64_t)rate_mhz / (sps * 1000.0);
    const double numerator = 1e12 * exact + config->drift_ppm[chip->oscillator] * 1e6 * exact;
    const double drift = numerator - 1e12;
    const double shortest_ns = (config->drift_ppm_per_s < 0.0 ? 0.9 : 1.0) * numerator / (double)(int64_t)rate_mhz;
    double jitter_ns = config->jitter_us * 1000.0;
    jitter_ns = jitter_ns < shortest_ns - 2.0 ? jitter_ns : shortest_ns - 2.0;

    ec_edge_clock_init(&chip->clock, rate_mhz, (int64_t)(drift + (drift < 0.0 ? -0.5 : 0.5)),
                       config->drift_ppm_per_s * 1e-6, (uint64_t)jitter_ns,
                       ec_random_key(config->seed, FOR_JITTER, 0));
}

/* The next conversion behind which the supply drops (F-13). */
static uint64_t next_reset(const ec_emulated_chip *chip)
{
    for (uint32_t i = 0; i < chip->faults->n; i++) {
        const ec_fault *fault = &chip->faults->list[i];
        if (fault->kind == EC_FAULT_RESET && fault->chip == chip->number && fault->at > ec_chip_conversion(chip)) {
            return fault->at;
        }
    }
    return UINT64_MAX;
}

void ec_chip_begin(ec_emulated_chip *chip, int64_t t)
{
    if (t < chip->alive_from) {
        t = chip->alive_from;             /* a START pin that was high before tPOR was over */
    }
    chip->base += chip->k;
    chip->k = 0;
    chip->k_last = (chip->registers[EC_REG_CONFIG4] & EC_CONFIG4_SINGLE_SHOT) != 0 ? 1 : UINT64_MAX;
    chip->t_next = EC_NEVER;
    if (!chip->powered || !chip->clocked || chip->alive_from == EC_NEVER || chip->base >= chip->limit) {
        return;
    }
    clock_init(chip);
    chip->clock.start_ns = t + ec_chip_tclk(chip, TSETTLE_TCLK);
    chip->t_next = ec_edge_walk_from(&chip->clock, SETTLING_PERIODS + chip->skip);
    chip->skip = 0;
    ec_front_end_start(&chip->front_end, data_rate(chip));
    ec_chip_count_from(chip, chip->base);
    ec_chip_apply(chip);
}

void ec_chip_count_from(ec_emulated_chip *chip, uint64_t base)
{
    chip->base = base;
    chip->front_end.file_offset = base;
    ec_chip_look_again(chip);
    chip->reset_at = next_reset(chip);
}

void ec_chip_finish(ec_emulated_chip *chip, int64_t t)
{
    if (chip->t_next == EC_NEVER) {
        return;
    }
    const uint64_t last = chip->k + (chip->t_next - t >= ec_chip_tclk(chip, TDSHD_TCLK) ? 1 : 2);
    chip->k_last = last < chip->k_last ? last : chip->k_last;
}

void ec_chip_halt(ec_emulated_chip *chip)
{
    chip->t_next = EC_NEVER;
}

void ec_chip_step(ec_emulated_chip *chip)
{
    chip->k += 1;
    chip->t_edge = chip->t_next;
    const uint64_t conversion = ec_chip_conversion(chip);
    chip->t_next = chip->k == chip->k_last || conversion == chip->limit ? EC_NEVER : ec_edge_walk(&chip->clock);
    if (conversion >= chip->reset_at) {
        ec_fault *fault = ec_faults_find(chip->faults, EC_FAULT_RESET, chip->number, conversion);
        fault->kind = EC_FAULT_NONE;
        ec_chip_look_again(chip);
        chip->reset_at = next_reset(chip);
        ec_chip_reset(chip, chip->t_edge);
    }
}

uint64_t ec_chip_count_at(const ec_emulated_chip *chip, int64_t t)
{
    ec_edge_clock walk = chip->clock;
    uint64_t k = chip->k;
    int64_t next = chip->t_next;
    while (next <= t) {
        k += 1;
        next = k == chip->k_last || chip->base + k == chip->limit ? EC_NEVER : ec_edge_walk(&walk);
    }
    return chip->base + k;
}

uint32_t ec_chip_drdy(const ec_emulated_chip *chip, int64_t t, int64_t t_sclk)
{
    if (chip->k == 0 || !ec_chip_alive(chip, t) || chip->standby) {
        return 1;
    }
    if ((chip->registers[EC_REG_CONFIG4] & EC_CONFIG4_SINGLE_SHOT) != 0) {
        return 0;                         /* low until the next START, read or not (9.4.6) */
    }
    if (t_sclk > chip->t_edge) {
        return 1;
    }
    return chip->t_next != EC_NEVER && t >= chip->t_next - ec_chip_tclk(chip, EC_TDECODE_TCLK);
}

const uint8_t *ec_chip_latch(ec_emulated_chip *chip)
{
    static const uint8_t nothing[EC_SPI_FRAME_STRIDE];
    if (chip->k == 0) {
        return nothing;
    }
    const uint8_t *frame = ec_front_end_frame(&chip->front_end, chip->k);
    if (ec_chip_is_quiet(chip)) {
        return frame;
    }
    const uint64_t conversion = ec_chip_conversion(chip);
    if (chip->spoiled_conversion != conversion) {
        const ec_fault *slip = ec_faults_find(chip->faults, EC_FAULT_BIT_SLIP, chip->number, conversion);
        chip->spoiled_conversion = conversion;
        chip->slip_bit = slip != NULL ? slip->value : -1;
        memcpy(chip->spoiled, frame, chip->frame_bytes);
        ec_faults_spoil_frame(chip->faults, chip->number, conversion, chip->front_end.n_channels,
                              ec_front_end_watched(&chip->front_end), ec_front_end_pulled(&chip->front_end),
                              chip->spoiled);
    }
    return chip->spoiled;
}

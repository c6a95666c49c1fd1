/* ec_ads1299_rules.c - what may be written to an ADS1299, and what of it can be compared (data sheet 9.6.1). */
#include "ec_ads1299_parts.h"

/* Bits of a register that exist: channels 5..8 do not on the -4, 7..8 not on the -6 (reference section 2). */
static uint8_t existing(uint32_t n_channels, uint32_t address)
{
    if (address >= EC_REG_CH1SET && address < EC_REG_CH1SET + 8u) {
        return address - EC_REG_CH1SET < n_channels ? 0xFF : 0x00;
    }
    if (address >= EC_REG_BIAS_SENSP && address <= EC_REG_LOFF_FLIP) {
        return (uint8_t)((1u << n_channels) - 1u);
    }
    return 0xFF;
}

static int is_read_only(uint32_t address)
{
    return ec_register_rules[address].read_only == 0xFF;
}

uint8_t ec_register_image(const ec_ads1299_config *config, uint32_t chip, uint32_t address)
{
    return is_read_only(address) ? 0 : config->registers[chip][address] & existing(config->n_channels[chip], address);
}

uint8_t ec_register_mask(uint32_t n_channels, uint32_t address)
{
    return existing(n_channels, address) & (uint8_t)~ec_register_rules[address].read_only;
}

uint32_t ec_ads1299_count(const ec_ads1299_config *config, uint32_t first_chip[EC_BUS_MAX_SELECTS])
{
    uint32_t n = 0;

    for (uint32_t select = 0; select < config->n_selects && select < EC_BUS_MAX_SELECTS; select++) {
        first_chip[select] = n;
        n += config->chips_in[select];
    }
    return n;
}

static int32_t refuse(ec_ads1299_report *report, uint32_t chip, uint32_t address, uint32_t expected, uint32_t seen)
{
    *report = (ec_ads1299_report){ .step = EC_STEP_RULES, .chip = chip, .address = address, .expected = expected,
                                   .seen = seen };
    return EC_STATUS_BAD_SETTING;
}

/* Codes that fixed bits do not cover: data rate 111, gain 111, test frequency 10, and the modes this driver
 * does not read: single shot, a chain in multiple read-back mode. `expected` is what the field may be instead. */
static int32_t reserved_codes(const ec_ads1299_config *config, uint32_t chip, uint32_t chips_in, ec_ads1299_report *report)
{
    const uint8_t *image = config->registers[chip];

    if ((image[EC_REG_CONFIG1] & EC_CONFIG1_DR) == 7u) {
        return refuse(report, chip, EC_REG_CONFIG1, image[EC_REG_CONFIG1] & 0xFEu, image[EC_REG_CONFIG1]);
    }
    if (chips_in > 1 && (image[EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) != 0) {
        return refuse(report, chip, EC_REG_CONFIG1, image[EC_REG_CONFIG1] & 0xBFu, image[EC_REG_CONFIG1]);
    }
    if ((image[EC_REG_CONFIG2] & EC_CONFIG2_CAL_FREQ) == 2u) {
        return refuse(report, chip, EC_REG_CONFIG2, image[EC_REG_CONFIG2] & 0xFCu, image[EC_REG_CONFIG2]);
    }
    for (uint32_t c = 0; c < config->n_channels[chip]; c++) {
        const uint8_t set = image[EC_REG_CH1SET + c];
        if (EC_CHNSET_GAIN(set) == 7u) {
            return refuse(report, chip, EC_REG_CH1SET + c, set & 0xEFu, set);
        }
    }
    if ((image[EC_REG_CONFIG4] & EC_CONFIG4_SINGLE_SHOT) != 0) {
        return refuse(report, chip, EC_REG_CONFIG4, image[EC_REG_CONFIG4] & 0xF7u, image[EC_REG_CONFIG4]);
    }
    return 0;
}

static int32_t image_rules(const ec_ads1299_config *config, uint32_t first, uint32_t chips_in, ec_ads1299_report *report)
{
    for (uint32_t i = 0; i < chips_in; i++) {
        const uint32_t chip = first + i;
        const uint8_t n_channels = config->n_channels[chip];
        int32_t status;

        if (n_channels != 4u && n_channels != 6u && n_channels != 8u) {
            return refuse(report, chip, EC_NO_REGISTER, 8u, n_channels);
        }
        for (uint32_t a = 0; a < EC_N_REGISTERS; a++) {
            const uint8_t value = config->registers[chip][a];
            const uint8_t right = (uint8_t)((value | ec_register_rules[a].ones) & ~ec_register_rules[a].zeros);

            if (!is_read_only(a) && value != right) {
                return refuse(report, chip, a, right, value);
            }
            /* All chips of a select hear every command. */
            if (!is_read_only(a) && value != config->registers[first][a]) {
                return refuse(report, chip, a, config->registers[first][a], value);
            }
        }
        status = reserved_codes(config, chip, chips_in, report);
        if (status < 0) {
            return status;
        }
        if ((config->registers[chip][EC_REG_CONFIG1] & EC_CONFIG1_DR)
            != (config->registers[0][EC_REG_CONFIG1] & EC_CONFIG1_DR)) {
            return refuse(report, chip, EC_REG_CONFIG1, config->registers[0][EC_REG_CONFIG1],
                          config->registers[chip][EC_REG_CONFIG1]);
        }
        /* A chip behind its own follower cannot be reached before the follower has a clock. */
        if (i > 0 && config->clock_master[chip] != 0 && config->clock_master[first] == 0) {
            return refuse(report, chip, EC_NO_REGISTER, 0u, 1u);
        }
    }
    return 0;
}

int32_t ec_ads1299_rules(const ec_ads1299_config *config, ec_ads1299_report *report)
{
    uint32_t first_chip[EC_BUS_MAX_SELECTS];
    uint32_t n_chips, followers = EC_BUS_MAX_CHIPS, clocks_out = 0;

    *report = (ec_ads1299_report){ .step = EC_STEP_NONE };
    if (config->n_selects == 0 || config->n_selects > EC_BUS_MAX_SELECTS) {
        return refuse(report, 0, EC_NO_REGISTER, EC_BUS_MAX_SELECTS, config->n_selects);
    }
    n_chips = ec_ads1299_count(config, first_chip);
    if (n_chips > EC_BUS_MAX_CHIPS) {
        return refuse(report, 0, EC_NO_REGISTER, EC_BUS_MAX_CHIPS, n_chips);
    }
    if (config->n_drdy != 1u && config->n_drdy != n_chips) {
        return refuse(report, 0, EC_NO_REGISTER, n_chips, config->n_drdy);
    }
    if (!(config->clock_hz >= 1e3 && config->clock_hz <= 1e7) || !(config->rate_scale > 0.0) || config->spi_hz == 0) {
        return refuse(report, 0, EC_NO_REGISTER, (uint32_t)EC_FCLK_HZ, config->spi_hz);
    }
    for (uint32_t select = 0; select < config->n_selects; select++) {
        int32_t status;

        if (config->chips_in[select] == 0) {
            return refuse(report, first_chip[select], EC_NO_REGISTER, 1u, 0u);
        }
        status = image_rules(config, first_chip[select], config->chips_in[select], report);
        if (status < 0) {
            return status;
        }
    }
    for (uint32_t chip = 0; chip < n_chips; chip++) {
        if (config->clock_master[chip] == 0) {
            followers = chip < followers ? chip : followers;
        } else if ((config->registers[chip][EC_REG_CONFIG1] & EC_CONFIG1_CLK_EN) != 0) {
            clocks_out++;
        }
    }
    if (followers < EC_BUS_MAX_CHIPS && clocks_out == 0) {
        const uint8_t value = config->registers[0][EC_REG_CONFIG1];
        return refuse(report, followers, EC_REG_CONFIG1, value | EC_CONFIG1_CLK_EN, value);
    }
    return 0;
}

/* ec_ads1299.c - the driver begun, its budget on the wire, and the check that the registers still hold. */
#include <string.h>

#include "ec_ads1299_parts.h"

void ec_ads1299_init(ec_ads1299 *d, const ec_bus *bus, const ec_ads1299_config *config)
{
    memset(d, 0, sizeof *d);
    d->bus = *bus;
    d->config = *config;
    d->n_chips = ec_ads1299_count(config, d->first_chip);
    for (uint32_t select = 0; select < EC_BUS_MAX_SELECTS; select++) {
        d->gap_bits[select] = select < config->n_selects && config->chips_in[select] > 1 ? EC_GAP_UNKNOWN : 0;
    }
    d->sps = 16000.0 / (double)(1u << (config->registers[0][EC_REG_CONFIG1] & EC_CONFIG1_DR))
             * (config->clock_hz / EC_FCLK_HZ) * config->rate_scale;
}

int64_t ec_ads1299_wire_ns(const ec_ads1299_config *config)
{
    uint32_t first_chip[EC_BUS_MAX_SELECTS];
    uint64_t bytes = 0;

    (void)ec_ads1299_count(config, first_chip);
    for (uint32_t select = 0; select < config->n_selects; select++) {
        bytes += ec_ads1299_select_bytes(config, select, first_chip[select], EC_GAP_UNKNOWN);
    }
    return (int64_t)((bytes * 8u * UINT64_C(1000000000) + config->spi_hz - 1) / config->spi_hz);
}

int64_t ec_ads1299_check_ns(const ec_ads1299 *d)
{
    const ec_ads1299_config *config = &d->config;
    const int64_t bits = 8 * (1 + 2 + (int64_t)EC_N_REGISTERS + 1);     /* SDATAC, RREG 00h..17h, RDATAC */
    const int64_t message = (int64_t)ec_ads1299_delay_us(config) * 1000 + ec_ads1299_pause_ns(config);

    return (int64_t)config->n_selects * (bits * 1000000000 / ec_ads1299_command_hz(config) + 3 * message);
}

static uint8_t checked_bits(const ec_ads1299 *d, uint32_t chip, uint32_t address)
{
    return address == EC_REG_ID ? EC_ID_MASK : ec_register_mask(d->config.n_channels[chip], address);
}

/* Registers of one select against what was read back at bring-up: 0, BAD_DEVICE, DEVICE_IO (not even the ID). */
static int32_t check_select(ec_ads1299 *d, uint32_t select, uint8_t seen[EC_N_REGISTERS])
{
    const uint32_t chip = d->first_chip[select];
    int32_t status = ec_ads1299_read_registers(d, select, 0, EC_N_REGISTERS, seen);

    if (status < 0) {
        return status;
    }
    d->report.attempts++;
    for (uint32_t a = 0; a < EC_N_REGISTERS; a++) {
        const uint8_t mask = checked_bits(d, chip, a);
        if (((seen[a] ^ d->seen[chip][a]) & mask) != 0) {
            /* A chip that was reset still has its ID: without it this is no answer of the chip. */
            return ec_ads1299_failed(d, a == EC_REG_ID ? EC_STATUS_DEVICE_IO : EC_STATUS_BAD_DEVICE, chip, a,
                                     d->seen[chip][a] & mask, seen[a]);
        }
    }
    return 0;
}

/* A difference is read again: noise on the wire is gone or is another one, a chip says the same twice. */
static int32_t check_twice(ec_ads1299 *d, uint32_t select)
{
    uint8_t first[EC_N_REGISTERS], second[EC_N_REGISTERS];
    int32_t status = check_select(d, select, first);

    if (status == 0 || d->report.error != 0) {
        return status;
    }
    status = check_select(d, select, second);
    for (uint32_t a = 0; status == EC_STATUS_BAD_DEVICE && a < EC_N_REGISTERS; a++) {
        if (((first[a] ^ second[a]) & checked_bits(d, d->first_chip[select], a)) != 0) {
            status = EC_STATUS_DEVICE_IO;
        }
    }
    return status;
}

int32_t ec_ads1299_check(ec_ads1299 *d)
{
    int32_t status, back;
    ec_ads1299_report found;

    d->report = (ec_ads1299_report){ .step = EC_STEP_CHECK };
    status = ec_ads1299_command_all(d, EC_OP_SDATAC);
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        status = check_twice(d, select);
    }
    found = d->report;
    back = ec_ads1299_command_all(d, EC_OP_RDATAC);
    if (status < 0) {
        d->report = found;
        return status;
    }
    if (back == 0) {
        d->report = (ec_ads1299_report){ .step = EC_STEP_NONE };
    }
    return back;
}

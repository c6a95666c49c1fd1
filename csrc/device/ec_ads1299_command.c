/* ec_ads1299_command.c - commands and registers of one select, with every pause the interface asks for. */
#include <errno.h>
#include <string.h>

#include "ec_ads1299_parts.h"

#define COMMAND_HZ_MAX   2000000u         /* below 2 * fCLK no pause is needed between bytes: reference section 4 */
#define ATTEMPTS         4u               /* once, and 3 repeats */
#define RETRY_NS         1000000
#define SLOW             1.03             /* oscillator 2.5 % slow over temperature (data sheet 7.5), and a little */
#define NS_PER_S         1e9

const uint8_t ec_ads1299_zeros[EC_TRANSFER_BYTES_MAX];

static int64_t tclk_ns(const ec_ads1299_config *config, double n)
{
    return (int64_t)(n * SLOW * NS_PER_S / config->clock_hz) + 1;
}

void ec_ads1299_sleep_tclk(ec_ads1299 *d, double n_tclk)
{
    d->bus.sleep(d->bus.self, tclk_ns(&d->config, n_tclk));
}

int64_t ec_ads1299_por_ns(const ec_ads1299_config *config)
{
    const int64_t por = tclk_ns(config, EC_TPOR_TCLK);
    return por > EC_TREF_NS ? por : EC_TREF_NS;
}

uint32_t ec_ads1299_command_hz(const ec_ads1299_config *config)
{
    const double twice = 2.0 * config->clock_hz / SLOW;
    uint32_t hz = config->spi_hz < COMMAND_HZ_MAX ? config->spi_hz : COMMAND_HZ_MAX;

    return (double)hz <= twice ? hz : (uint32_t)twice;
}

uint32_t ec_ads1299_delay_us(const ec_ads1299_config *config)
{
    const uint32_t us = (uint32_t)(tclk_ns(config, EC_TDECODE_TCLK) / 1000) + 1u;
    return us > 3u ? us : 3u;
}

int64_t ec_ads1299_pause_ns(const ec_ads1299_config *config)
{
    return tclk_ns(config, EC_TDECODE_TCLK);
}

int64_t ec_ads1299_period_ns(const ec_ads1299 *d)
{
    return (int64_t)(NS_PER_S / d->sps + 0.5);
}

int32_t ec_ads1299_failed(ec_ads1299 *d, int32_t status, uint32_t chip, uint32_t address, uint32_t expected,
                          uint32_t seen)
{
    d->report.chip = chip;
    d->report.address = address;
    d->report.expected = expected;
    d->report.seen = seen;
    return status;
}

int32_t ec_ads1299_bus_failed(ec_ads1299 *d, uint32_t chip, int32_t error)
{
    d->report.chip = chip;
    d->report.error = -error;
    return error == -ENODEV || error == -ESHUTDOWN ? EC_STATUS_DEVICE_GONE : EC_STATUS_DEVICE_IO;
}

static int32_t message(ec_ads1299 *d, uint32_t select, const uint8_t *tx, uint8_t *rx, uint32_t n_bytes)
{
    const ec_transfer transfer = { .tx = tx, .rx = rx, .n_bytes = n_bytes, .speed_hz = ec_ads1299_command_hz(&d->config),
                                   .delay_us = ec_ads1299_delay_us(&d->config) };
    int32_t error = 0;

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (attempt > 0) {
            ec_counter_add(&d->retries, 1);
            d->bus.sleep(d->bus.self, RETRY_NS);
        }
        error = d->bus.transfer(d->bus.self, select, &transfer, 1);
        if (error == 0) {
            d->bus.sleep(d->bus.self, ec_ads1299_pause_ns(&d->config));
            return 0;
        }
        if (error != -EIO && error != -ETIMEDOUT) {
            break;
        }
    }
    ec_counter_add(&d->io_errors, 1);
    return ec_ads1299_bus_failed(d, d->first_chip[select], error);
}

int32_t ec_ads1299_command(ec_ads1299 *d, uint32_t select, ec_opcode opcode)
{
    const uint8_t tx = (uint8_t)opcode;
    uint8_t rx;

    return message(d, select, &tx, &rx, 1);
}

int32_t ec_ads1299_command_all(ec_ads1299 *d, ec_opcode opcode)
{
    int32_t status = 0;

    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        status = ec_ads1299_command(d, select, opcode);
    }
    return status;
}

int32_t ec_ads1299_read_registers(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t n, uint8_t *values)
{
    uint8_t tx[2 + EC_N_REGISTERS] = { (uint8_t)(EC_OP_RREG | first), (uint8_t)(n - 1) };
    uint8_t rx[2 + EC_N_REGISTERS] = { 0 };
    const int32_t status = message(d, select, tx, rx, 2 + n);

    memcpy(values, rx + 2, n);            /* the first value comes in the third byte */
    return status;
}

int32_t ec_ads1299_write_registers(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t n, const uint8_t *values)
{
    uint8_t tx[2 + EC_N_REGISTERS] = { (uint8_t)(EC_OP_WREG | first), (uint8_t)(n - 1) };
    uint8_t rx[2 + EC_N_REGISTERS];

    memcpy(tx + 2, values, n);
    return message(d, select, tx, rx, 2 + n);
}

int32_t ec_ads1299_line(ec_ads1299 *d, ec_bus_line line, uint32_t level)
{
    const int32_t error = d->bus.set_line(d->bus.self, line, level);

    if (error == -ENOENT) {
        return 0;
    }
    return error == 0 ? 1 : ec_ads1299_bus_failed(d, 0, error);
}

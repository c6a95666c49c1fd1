/* ec_ads1299_registers.c - registers that must be what they should: after reset, and after they were written. */
#include "ec_ads1299_parts.h"

#define ID_TRIES          5u
#define ID_RETRY_NS       10000000
#define WRITE_TRIES       3u

void ec_ads1299_enter(ec_ads1299 *d, ec_ads1299_step step)
{
    d->report.step = step;
    d->report.attempts = 0;
}

/* What all chips of a select are written: they have equal images, but not the smaller parts all of it. */
uint8_t ec_ads1299_written(const ec_ads1299 *d, uint32_t select, uint32_t address)
{
    uint8_t value = 0;

    for (uint32_t i = 0; i < d->config.chips_in[select]; i++) {
        value |= ec_register_image(&d->config, d->first_chip[select] + i, address);
    }
    return value;
}

/* SDATAC and ID until the low five bits fit: the first answers may come from a chip that is not yet awake. Zeros and ones,
 * or answers that keep changing, come from no chip at all. */
int32_t ec_ads1299_identify(ec_ads1299 *d, uint32_t select)
{
    const uint32_t chip = d->first_chip[select];
    const uint8_t expected = (uint8_t)(EC_ID_4_CHANNELS + (d->config.n_channels[chip] - 4u) / 2u);
    uint8_t id = 0, last = 0;
    uint32_t changes = 0;

    ec_ads1299_enter(d, EC_STEP_ID);
    for (uint32_t i = 0; i < ID_TRIES; i++) {
        int32_t status;

        if (i > 0) {
            d->bus.sleep(d->bus.self, ID_RETRY_NS);
        }
        status = ec_ads1299_command(d, select, EC_OP_SDATAC);
        if (status == 0) {
            status = ec_ads1299_read_registers(d, select, EC_REG_ID, 1, &id);
        }
        d->report.attempts++;
        if (status < 0) {
            return status;
        }
        if ((id & EC_ID_MASK) == expected) {
            return 0;
        }
        changes += i > 0 && id != last;
        last = id;
    }
    return ec_ads1299_failed(d, id == 0x00 || id == 0xFF || changes > 1 ? EC_STATUS_DEVICE_IO : EC_STATUS_BAD_DEVICE, chip,
                             EC_REG_ID, expected, id);
}

/* Compare what was read with what must be there, under the mask of what can be compared. 0 or BAD_DEVICE. */
static int32_t compare(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t n, const uint8_t *right,
                       const uint8_t *seen)
{
    const uint32_t chip = d->first_chip[select];

    for (uint32_t i = 0; i < n; i++) {
        const uint8_t mask = ec_register_mask(d->config.n_channels[chip], first + i);
        if (((right[i] ^ seen[i]) & mask) != 0) {
            return ec_ads1299_failed(d, EC_STATUS_BAD_DEVICE, chip, first + i, right[i] & mask, seen[i]);
        }
    }
    return 0;
}

int32_t ec_ads1299_reset_values(ec_ads1299 *d, uint32_t select)
{
    uint8_t right[EC_N_REGISTERS], seen[EC_N_REGISTERS];
    int32_t status = EC_STATUS_BAD_DEVICE;

    ec_ads1299_enter(d, EC_STEP_RESET_VALUES);
    for (uint32_t a = 0; a < EC_N_REGISTERS; a++) {
        right[a] = ec_register_rules[a].reset;
    }
    for (uint32_t i = 0; i < WRITE_TRIES && status == EC_STATUS_BAD_DEVICE; i++) {
        status = ec_ads1299_read_registers(d, select, 0, EC_N_REGISTERS, seen);
        d->report.attempts++;
        if (status == 0) {
            status = compare(d, select, 0, EC_N_REGISTERS, right, seen);
        }
    }
    return status;
}

/* Write registers first .. last and read them back, up to 3 times (F-15). A read-only stretch is written around:
 * LOFF_STATP and LOFF_STATN split the map. */
int32_t ec_ads1299_hold(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t last)
{
    uint8_t right[EC_N_REGISTERS], seen[EC_N_REGISTERS];
    const uint32_t n = last - first + 1;
    const uint32_t n_low = last >= EC_REG_LOFF_STATP && first < EC_REG_LOFF_STATP ? EC_REG_LOFF_STATP - first : n;
    int32_t status = EC_STATUS_BAD_DEVICE;

    d->report.attempts = 0;
    for (uint32_t i = 0; i < n; i++) {
        right[i] = ec_ads1299_written(d, select, first + i);
    }
    for (uint32_t i = 0; i < WRITE_TRIES && status == EC_STATUS_BAD_DEVICE; i++) {
        status = ec_ads1299_write_registers(d, select, first, n_low, right);
        if (status == 0 && n_low < n) {
            status = ec_ads1299_write_registers(d, select, EC_REG_GPIO, last - EC_REG_GPIO + 1,
                                                right + EC_REG_GPIO - first);
        }
        if (status == 0) {
            status = ec_ads1299_read_registers(d, select, first, n, seen);
        }
        d->report.attempts++;
        if (status == 0) {
            status = compare(d, select, first, n, right, seen);
        }
    }
    return status;
}

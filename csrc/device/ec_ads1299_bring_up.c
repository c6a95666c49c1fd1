/* ec_ads1299_bring_up.c - from power to registers that hold (reference section 3; data sheet 10.1.2, 11.1).
 *
 * Chips with a clock of their own come first; those that live on the clock of a
 * master have none before its CLK_EN, so their tPOR begins there, and they
 * are reset by opcode, because the RESET line would stop the master's clock again.
 */
#include <errno.h>
#include <string.h>

#include "ec_ads1299_parts.h"

#define RESET_LOW_NS      10000           /* tRST is 2 tCLK, 0.98 us */
#define RESET_WAIT_NS     2000000         /* 18 tCLK for the chip; Linux boards needed more */
#define ID_TRIES          5u
#define ID_RETRY_NS       10000000
#define WRITE_TRIES       3u
#define FIRST_WRITTEN     EC_REG_CONFIG1
#define LAST_WRITTEN      EC_REG_CONFIG4
#define CHAIN_TRIES       8u

enum group { OWN_CLOCK, FOLLOWERS };

static int in_group(const ec_ads1299 *d, uint32_t select, enum group group)
{
    return (d->config.clock_master[d->first_chip[select]] != 0) == (group == OWN_CLOCK);
}

/* What all chips of a select are written: they have equal images, but not the smaller parts all of it. */
static uint8_t written(const ec_ads1299 *d, uint32_t select, uint32_t address)
{
    uint8_t value = 0;

    for (uint32_t i = 0; i < d->config.chips_in[select]; i++) {
        value |= ec_register_image(&d->config, d->first_chip[select] + i, address);
    }
    return value;
}

static int32_t enter(ec_ads1299 *d, ec_ads1299_step step)
{
    d->report.step = step;
    d->report.attempts = 0;
    return 0;
}

/* Lines to their resting levels, then tPOR: the supplies may be younger than this program. */
static int32_t power_on(ec_ads1299 *d)
{
    int32_t status = ec_ads1299_line(d, EC_LINE_START, 0);

    if (status >= 0) {
        status = ec_ads1299_line(d, EC_LINE_RESET, 1);
    }
    if (status >= 0) {
        status = ec_ads1299_line(d, EC_LINE_PWDN, 1);
    }
    d->bus.sleep(d->bus.self, ec_ads1299_por_ns(&d->config));
    return status < 0 ? status : 0;
}

/* A chip in standby hears nothing but WAKEUP; to the others it says nothing. */
static int32_t reset_by_opcode(ec_ads1299 *d, uint32_t select)
{
    int32_t status = ec_ads1299_command(d, select, EC_OP_WAKEUP);

    ec_ads1299_sleep_tclk(d, EC_TWAKE_TCLK);
    if (status == 0) {
        status = ec_ads1299_command(d, select, EC_OP_RESET);
    }
    return status;
}

static int32_t reset(ec_ads1299 *d, enum group group)
{
    int32_t status = group == OWN_CLOCK ? ec_ads1299_line(d, EC_LINE_RESET, 0) : 0;

    if (status < 0) {
        return status;
    }
    if (status > 0) {
        d->bus.sleep(d->bus.self, RESET_LOW_NS);
        status = ec_ads1299_line(d, EC_LINE_RESET, 1);
        if (status < 0) {
            return status;
        }
    } else {
        for (uint32_t select = 0; select < d->config.n_selects; select++) {
            if (in_group(d, select, group)) {
                status = reset_by_opcode(d, select);
                if (status < 0) {
                    return status;
                }
            }
        }
    }
    d->bus.sleep(d->bus.self, RESET_WAIT_NS);
    return 0;
}

/* SDATAC and ID until the low five bits fit: the first answers may come from a chip that is not yet awake. */
static int32_t identify(ec_ads1299 *d, uint32_t select)
{
    const uint32_t chip = d->first_chip[select];
    const uint8_t expected = (uint8_t)(EC_ID_4_CHANNELS + (d->config.n_channels[chip] - 4u) / 2u);
    uint8_t id = 0;

    enter(d, EC_STEP_ID);
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
    }
    return ec_ads1299_failed(d, id == 0x00 || id == 0xFF ? EC_STATUS_DEVICE_IO : EC_STATUS_BAD_DEVICE, chip,
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

static int32_t reset_values(ec_ads1299 *d, uint32_t select)
{
    uint8_t right[EC_N_REGISTERS], seen[EC_N_REGISTERS];
    int32_t status = EC_STATUS_BAD_DEVICE;

    enter(d, EC_STEP_RESET_VALUES);
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
static int32_t hold(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t last)
{
    uint8_t right[EC_N_REGISTERS], seen[EC_N_REGISTERS];
    const uint32_t n = last - first + 1;
    const uint32_t n_low = last >= EC_REG_LOFF_STATP && first < EC_REG_LOFF_STATP ? EC_REG_LOFF_STATP - first : n;
    int32_t status = EC_STATUS_BAD_DEVICE;

    d->report.attempts = 0;
    for (uint32_t i = 0; i < n; i++) {
        right[i] = written(d, select, first + i);
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

static int32_t identify_group(ec_ads1299 *d, enum group group)
{
    int32_t status = 0;

    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        if (in_group(d, select, group)) {
            status = identify(d, select);
            if (status == 0) {
                status = reset_values(d, select);
            }
        }
    }
    return status;
}

/* Clock out of the masters that drive it; `chains`: only of those with followers behind their own select. */
static int32_t clocks_on(ec_ads1299 *d, int chains)
{
    int32_t status = 0;
    uint32_t n = 0;

    enter(d, EC_STEP_CLOCK);
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        const uint32_t chip = d->first_chip[select];
        int inner = 0;

        for (uint32_t i = 1; i < d->config.chips_in[select]; i++) {
            inner |= d->config.clock_master[chip + i] == 0;
        }
        if (!in_group(d, select, OWN_CLOCK) || (written(d, select, EC_REG_CONFIG1) & EC_CONFIG1_CLK_EN) == 0
            || (chains && !inner)) {
            continue;
        }
        if (chains) {                     /* the reset that followers need after their tPOR stops their clock again */
            status = reset_by_opcode(d, select);
            d->bus.sleep(d->bus.self, RESET_WAIT_NS);
            if (status == 0) {
                status = ec_ads1299_command(d, select, EC_OP_SDATAC);
            }
        }
        if (status == 0) {
            status = hold(d, select, EC_REG_CONFIG1, EC_REG_CONFIG1);
        }
        n++;
    }
    if (n > 0 && status == 0) {
        d->bus.sleep(d->bus.self, ec_ads1299_por_ns(&d->config));
    }
    return status < 0 ? status : (int32_t)n;
}

static int32_t follow(ec_ads1299 *d)
{
    int32_t status = clocks_on(d, 0);

    if (status >= 0) {
        status = clocks_on(d, 1);
    }
    if (status > 0) {                     /* chips deep in a chain, deaf until now, are still in RDATAC */
        status = ec_ads1299_command_all(d, EC_OP_SDATAC);
    }
    if (status == 0) {
        enter(d, EC_STEP_RESET);
        status = reset(d, FOLLOWERS);
    }
    return status == 0 ? identify_group(d, FOLLOWERS) : status;
}

static int32_t configure(ec_ads1299 *d)
{
    int32_t status = 0;
    int reference = 0;

    enter(d, EC_STEP_WRITE);
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        status = hold(d, select, EC_REG_CONFIG3, EC_REG_CONFIG3);
        reference |= (written(d, select, EC_REG_CONFIG3) & EC_CONFIG3_REFBUF) != 0;
    }
    if (reference && status == 0) {
        d->bus.sleep(d->bus.self, EC_TREF_NS);
    }
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        enter(d, EC_STEP_READ_BACK);
        status = hold(d, select, FIRST_WRITTEN, LAST_WRITTEN);
        if (status == 0) {
            status = ec_ads1299_read_registers(d, select, 0, EC_N_REGISTERS, d->seen[d->first_chip[select]]);
        }
        for (uint32_t i = 1; i < d->config.chips_in[select]; i++) {      /* only the nearest chip can be read */
            memcpy(d->seen[d->first_chip[select] + i], d->seen[d->first_chip[select]], EC_N_REGISTERS);
        }
    }
    return status;
}

/* Convert for a few frames and look where the frames of a chain begin. */
static int32_t lock_gap(ec_ads1299 *d, uint32_t select)
{
    const uint32_t chip = d->first_chip[select];
    const uint8_t *n_channels = d->config.n_channels + chip;
    const uint32_t n_chips = d->config.chips_in[select];
    uint8_t bytes[EC_CHAIN_BYTES_MAX];
    ec_drdy events[64];
    uint8_t frames[EC_BUS_MAX_CHIPS][EC_FRAME_BYTES_MAX];
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < CHAIN_TRIES; i++) {
        const int64_t deadline = d->bus.now(d->bus.self) + 8 * ec_ads1299_period_ns(d) + EC_TREF_NS;
        const int32_t got = d->bus.wait(d->bus.self, 1, deadline, events, 64);
        int32_t error;

        d->report.attempts++;
        if (got <= 0) {
            return got == 0 || got == -ENODATA ? ec_ads1299_failed(d, EC_STATUS_NO_DRDY, chip, EC_NO_REGISTER, 1, 0)
                                               : ec_ads1299_bus_failed(d, chip, got);
        }
        error = ec_ads1299_read_select(d, select, bytes, ec_chain_bytes(n_channels, n_chips, 1));
        if (error < 0 && error != -EIO && error != -ETIMEDOUT) {
            return ec_ads1299_bus_failed(d, chip, error);
        }
        d->gap_bits[select] = error < 0 ? EC_GAP_UNKNOWN : ec_chain_find_gap(bytes, n_channels, n_chips);
        if (d->gap_bits[select] != EC_GAP_UNKNOWN) {
            return 0;
        }
    }
    ec_chain_unpack(bytes, n_channels, n_chips, 0, frames);
    for (uint32_t i = n_chips; i-- > 0;) {
        wrong = (frames[i][0] & 0xF0u) != 0xC0u ? i : wrong;
    }
    return ec_ads1299_failed(d, EC_STATUS_BAD_DEVICE, chip + wrong, EC_NO_REGISTER, 0xC, frames[wrong][0] >> 4);
}

static int32_t lock_gaps(ec_ads1299 *d)
{
    int32_t status = 0;
    int64_t t_start_ns;

    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        if (d->config.chips_in[select] < 2) {
            continue;
        }
        enter(d, EC_STEP_CHAIN);
        status = ec_ads1299_halt(d);
        if (status == 0) {
            status = ec_ads1299_command_all(d, EC_OP_RDATAC);
        }
        if (status == 0) {
            status = ec_ads1299_go(d, &t_start_ns);
        }
        if (status == 0) {
            status = lock_gap(d, select);
        }
        ec_ads1299_stop(d);
    }
    return status;
}

int32_t ec_ads1299_bring_up(ec_ads1299 *d)
{
    int32_t status = ec_ads1299_rules(&d->config, &d->report);
    int followers = 0;

    d->n_pending = d->next_pending = 0;
    if (status < 0) {
        return status;
    }
    enter(d, EC_STEP_RESET);
    status = power_on(d);
    if (status == 0) {
        status = reset(d, OWN_CLOCK);
    }
    if (status == 0) {
        status = identify_group(d, OWN_CLOCK);
    }
    for (uint32_t chip = 0; chip < d->n_chips; chip++) {
        followers |= d->config.clock_master[chip] == 0;
    }
    if (followers && status == 0) {
        status = follow(d);
    }
    if (status == 0) {
        status = configure(d);
    }
    if (status == 0) {
        const uint32_t dr = d->seen[0][EC_REG_CONFIG1] & EC_CONFIG1_DR;
        d->sps = 16000.0 / (double)(1u << dr) * (d->config.clock_hz / EC_FCLK_HZ) * d->config.rate_scale;
        status = lock_gaps(d);
    }
    if (status == 0) {
        d->report = (ec_ads1299_report){ .step = EC_STEP_NONE };
    }
    return status;
}

/* ec_ads1299_bring_up.c - from power to registers that hold (reference section 3; data sheet 10.1.2, 11.1).
 *
 * Chips with a clock of their own come first; those that live on the clock of a
 * master have none before its CLK_EN, so their tPOR begins there. Then all resets
 * go by opcode: the RESET line would come too early for the followers, and later stop the master's clock again.
 */
#include <string.h>

#include "ec_ads1299_parts.h"

#define RESET_LOW_NS      10000           /* tRST is 2 tCLK, 0.98 us */
#define RESET_WAIT_NS     2000000         /* 18 tCLK for the chip; Linux boards needed more */
#define FIRST_WRITTEN     EC_REG_CONFIG1
#define LAST_WRITTEN      EC_REG_CONFIG4

enum group { OWN_CLOCK, FOLLOWERS };

static int in_group(const ec_ads1299 *d, uint32_t select, enum group group)
{
    return (d->config.clock_master[d->first_chip[select]] != 0) == (group == OWN_CLOCK);
}

static int has_followers(const ec_ads1299 *d)
{
    int any = 0;

    for (uint32_t chip = 0; chip < d->n_chips; chip++) {
        any |= d->config.clock_master[chip] == 0;
    }
    return any;
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

/* The RESET line is preferred where every chip has its own clock: followers must not be reset before theirs. */
static int32_t reset(ec_ads1299 *d, enum group group)
{
    int32_t status = has_followers(d) ? 0 : ec_ads1299_line(d, EC_LINE_RESET, 0);

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

static int32_t identify_group(ec_ads1299 *d, enum group group)
{
    int32_t status = 0;

    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        if (in_group(d, select, group)) {
            status = ec_ads1299_identify(d, select);
            if (status == 0) {
                status = ec_ads1299_reset_values(d, select);
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

    ec_ads1299_enter(d, EC_STEP_CLOCK);
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        const uint32_t chip = d->first_chip[select];
        int inner = 0;

        for (uint32_t i = 1; i < d->config.chips_in[select]; i++) {
            inner |= d->config.clock_master[chip + i] == 0;
        }
        if (!in_group(d, select, OWN_CLOCK) || (ec_ads1299_written(d, select, EC_REG_CONFIG1) & EC_CONFIG1_CLK_EN) == 0
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
            status = ec_ads1299_hold(d, select, EC_REG_CONFIG1, EC_REG_CONFIG1);
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
        ec_ads1299_enter(d, EC_STEP_RESET);
        status = reset(d, FOLLOWERS);
    }
    return status == 0 ? identify_group(d, FOLLOWERS) : status;
}

static int32_t configure(ec_ads1299 *d)
{
    int32_t status = 0;
    int reference = 0;

    ec_ads1299_enter(d, EC_STEP_WRITE);
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        status = ec_ads1299_hold(d, select, EC_REG_CONFIG3, EC_REG_CONFIG3);
        reference |= (ec_ads1299_written(d, select, EC_REG_CONFIG3) & EC_CONFIG3_REFBUF) != 0;
    }
    if (reference && status == 0) {
        d->bus.sleep(d->bus.self, EC_TREF_NS);
    }
    for (uint32_t select = 0; select < d->config.n_selects && status == 0; select++) {
        ec_ads1299_enter(d, EC_STEP_READ_BACK);
        status = ec_ads1299_hold(d, select, FIRST_WRITTEN, LAST_WRITTEN);
        if (status == 0) {
            status = ec_ads1299_read_registers(d, select, 0, EC_N_REGISTERS, d->seen[d->first_chip[select]]);
        }
        for (uint32_t i = 1; i < d->config.chips_in[select]; i++) {      /* only the nearest chip can be read */
            memcpy(d->seen[d->first_chip[select] + i], d->seen[d->first_chip[select]], EC_N_REGISTERS);
        }
    }
    return status;
}

int32_t ec_ads1299_bring_up(ec_ads1299 *d)
{
    int32_t status = ec_ads1299_rules(&d->config, &d->report);

    d->n_pending = d->next_pending = 0;
    if (status < 0) {
        return status;
    }
    ec_ads1299_enter(d, EC_STEP_RESET);
    status = power_on(d);
    if (status == 0) {
        status = reset(d, OWN_CLOCK);
    }
    if (status == 0) {
        status = identify_group(d, OWN_CLOCK);
    }
    if (has_followers(d) && status == 0) {
        status = follow(d);
    }
    if (status == 0) {
        status = configure(d);
    }
    if (status == 0) {
        const uint32_t dr = d->seen[0][EC_REG_CONFIG1] & EC_CONFIG1_DR;
        d->sps = 16000.0 / (double)(1u << dr) * (d->config.clock_hz / EC_FCLK_HZ) * d->config.rate_scale;
        status = ec_ads1299_lock_gaps(d);
    }
    if (status == 0) {
        d->report = (ec_ads1299_report){ .step = EC_STEP_NONE };
    }
    return status;
}

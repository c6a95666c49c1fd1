/* ec_ads1299_start.c - conversions begin, together, and end (reference sections 9 to 11). */
#include <errno.h>
#include <string.h>

#include "ec_ads1299_parts.h"

#define START_LOW_TCLK    16.0            /* tSDSU and tDSHD; the pulse itself needs only 2 */
#define TOGGLES           3u
#define SYNC_PERIODS      4               /* how far behind the first line's edge the others are waited for */
#define HOST_NS           INT64_C(50000000)      /* a busy host may hand edges over so much later */
#define DRAINS            64u

static void note_seqno(ec_ads1299 *d, const ec_drdy *events, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (events[i].line < EC_BUS_MAX_CHIPS) {
            d->seqno_last[events[i].line] = events[i].line_seqno;
        }
    }
}

/* Throw away the edges so far. */
static int32_t drain(ec_ads1299 *d)
{
    ec_drdy events[64];

    d->n_pending = d->next_pending = 0;
    for (uint32_t i = 0; i < DRAINS; i++) {
        const int32_t got = d->bus.wait(d->bus.self, 1, 0, events, 64);

        if (got < 0) {
            return got == -ENODATA ? 0 : ec_ads1299_bus_failed(d, 0, got);
        }
        note_seqno(d, events, (uint32_t)got);
        if (got == 0) {
            break;
        }
    }
    memcpy(d->seqno_at_start, d->seqno_last, sizeof d->seqno_at_start);
    return 0;
}

int32_t ec_ads1299_halt(ec_ads1299 *d)
{
    int32_t status = ec_ads1299_line(d, EC_LINE_START, 0);

    if (status == 0) {
        status = ec_ads1299_command_all(d, EC_OP_STOP);
    }
    if (status < 0) {
        return status;
    }
    ec_ads1299_sleep_tclk(d, START_LOW_TCLK);
    d->bus.sleep(d->bus.self, ec_ads1299_period_ns(d) + ec_ads1299_period_ns(d) / 16);
    return 0;
}

int32_t ec_ads1299_go(ec_ads1299 *d, int64_t *t_start_ns)
{
    int32_t status = drain(d);

    if (status < 0) {
        return status;
    }
    *t_start_ns = d->bus.now(d->bus.self);
    status = ec_ads1299_line(d, EC_LINE_START, 1);
    if (status == 0) {
        status = ec_ads1299_command_all(d, EC_OP_START);
    }
    return status < 0 ? status : 0;
}

/* Wait for the first edge of every line; keep what was read in `pending`. Number of lines that had one;
 * -ENODATA if there will be no more edges. */
static int32_t first_edges(ec_ads1299 *d, int64_t first_ns[EC_BUS_MAX_CHIPS])
{
    const int64_t period = ec_ads1299_period_ns(d);
    int64_t deadline = d->bus.now(d->bus.self) + 8 * period + HOST_NS;
    uint32_t n_lines = 0;

    while (n_lines < d->config.n_drdy && d->n_pending < EC_PENDING_MAX) {
        const uint32_t from = d->n_pending;
        const int32_t got = d->bus.wait(d->bus.self, 1, deadline, d->pending + from, EC_PENDING_MAX - from);

        if (got == -ENODATA) {
            return -ENODATA;
        }
        if (got < 0) {
            return ec_ads1299_bus_failed(d, 0, got);
        }
        if (got == 0) {
            break;
        }
        note_seqno(d, d->pending + from, (uint32_t)got);
        for (uint32_t i = from; i < from + (uint32_t)got; i++) {
            const uint32_t line = d->pending[i].line;
            if (line < d->config.n_drdy && first_ns[line] < 0) {
                if (n_lines == 0) {
                    deadline = d->bus.now(d->bus.self) + SYNC_PERIODS * period;
                }
                first_ns[line] = d->pending[i].t_ns;
                n_lines++;
            }
        }
        d->n_pending += (uint32_t)got;
    }
    return (int32_t)n_lines;
}

/* 0: the first edges of all lines lie within half a period. Else the report names the line that is furthest
 * behind the earliest, in us, or that is silent. */
static int32_t in_step(ec_ads1299 *d)
{
    const int64_t half = ec_ads1299_period_ns(d) / 2;
    int64_t first_ns[EC_BUS_MAX_CHIPS];
    int64_t earliest = INT64_MAX, latest = -1;
    uint32_t last_line = 0;
    int32_t n_lines;

    memset(first_ns, 0xFF, sizeof first_ns);
    n_lines = first_edges(d, first_ns);
    if (n_lines < 0) {
        return n_lines == -ENODATA ? 0 : n_lines;      /* the end is the reader's to find, by its own wait */
    }
    for (uint32_t line = 0; line < d->config.n_drdy; line++) {
        if (first_ns[line] < 0) {
            return ec_ads1299_failed(d, EC_STATUS_NO_DRDY, line, EC_NO_REGISTER, 1, 0);
        }
        earliest = first_ns[line] < earliest ? first_ns[line] : earliest;
        last_line = first_ns[line] > latest ? line : last_line;
        latest = first_ns[line] > latest ? first_ns[line] : latest;
    }
    return latest - earliest <= half ? 0 : ec_ads1299_failed(d, EC_STATUS_BAD_DEVICE, last_line, EC_NO_REGISTER,
                                                             (uint32_t)(half / 1000), (uint32_t)((latest - earliest) / 1000));
}

int32_t ec_ads1299_start(ec_ads1299 *d, int64_t *t_start_ns)
{
    int32_t status;

    d->report = (ec_ads1299_report){ .step = EC_STEP_START };
    status = ec_ads1299_halt(d);
    if (status == 0) {
        status = ec_ads1299_command_all(d, EC_OP_RDATAC);
    }
    if (status == 0) {
        status = ec_ads1299_go(d, t_start_ns);
    }
    if (status == 0 && d->config.n_drdy < 2u) {
        d->report = (ec_ads1299_report){ .step = EC_STEP_NONE };
    }
    if (status < 0 || d->config.n_drdy < 2u) {
        return status;
    }
    d->report.step = EC_STEP_SYNC;
    for (uint32_t toggle = 0;; toggle++) {
        d->report.attempts = toggle;
        status = in_step(d);
        if (status == 0) {
            d->report = (ec_ads1299_report){ .step = EC_STEP_NONE };
        }
        if (toggle == TOGGLES || (status != EC_STATUS_BAD_DEVICE && status != EC_STATUS_NO_DRDY)) {
            return status;
        }
        ec_counter_add(&d->start_toggles, 1);
        status = ec_ads1299_halt(d);
        if (status == 0) {
            status = ec_ads1299_go(d, t_start_ns);
        }
        if (status < 0) {
            return status;
        }
    }
}

int32_t ec_ads1299_wait(ec_ads1299 *d, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max)
{
    uint32_t n = 0;
    int32_t got = 0;

    while (n < max && d->next_pending < d->n_pending) {
        events[n++] = d->pending[d->next_pending++];
    }
    if (n == 0) {
        got = d->bus.wait(d->bus.self, want, deadline_ns, events, max);
    } else if (n < max) {
        got = d->bus.wait(d->bus.self, 1, 0, events + n, max - n);
    }
    if (got > 0) {
        note_seqno(d, events + n, (uint32_t)got);
    }
    return n == 0 ? got : (int32_t)n + (got > 0 ? got : 0);
}

void ec_ads1299_stop(ec_ads1299 *d)
{
    const ec_ads1299_report report = d->report;      /* what ended the run is worth more than how it was ended */

    const int by_opcode = ec_ads1299_line(d, EC_LINE_START, 0) <= 0;

    for (uint32_t select = 0; select < d->config.n_selects; select++) {
        if (by_opcode) {
            (void)ec_ads1299_command(d, select, EC_OP_STOP);
        }
        (void)ec_ads1299_command(d, select, EC_OP_SDATAC);
    }
    d->report = report;
}

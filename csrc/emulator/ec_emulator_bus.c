/* The five functions of the bus. */
#include <errno.h>
#include <string.h>

#include "ec_emulator_state.h"

#define STATUS_BYTES  3u                /* of a frame that begins again */
#define NS_PER_S   INT64_C(1000000000)
#define ALIGNMENT  128u                   /* spidev adds transfers up rounded to this on arm64 */

/* ---- transfer ----------------------------------------------------------- */

static int32_t check_message(const ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    uint32_t total = 0;
    if (select >= e->config.n_selects || transfers == NULL || n == 0) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < n; i++) {
        const ec_transfer *x = &transfers[i];
        if (x->tx == NULL || x->rx == NULL || x->speed_hz == 0) {
            return -EINVAL;
        }
        if (x->n_bytes > EC_WIRE_BYTES) {
            return -EMSGSIZE;
        }
        total += (x->n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (total > EC_WIRE_BYTES) {
            return -EMSGSIZE;
        }
    }
    return 0;
}

static int64_t wire_ns(ec_emulator *e, uint32_t n_bytes, uint32_t speed_hz)
{
    if (n_bytes != e->wire_bytes_known || speed_hz != e->wire_hz_known) {
        e->wire_bytes_known = n_bytes;
        e->wire_hz_known = speed_hz;
        e->wire_ns_known = ((int64_t)n_bytes * 8 * NS_PER_S + (int64_t)speed_hz - 1) / (int64_t)speed_hz;
    }
    return e->wire_ns_known;
}

static int64_t message_ns(ec_emulator *e, const ec_transfer *transfers, uint32_t n)
{
    int64_t ns = 0;
    for (uint32_t i = 0; i < n; i++) {
        ns += wire_ns(e, transfers[i].n_bytes, transfers[i].speed_hz) + (int64_t)transfers[i].delay_us * 1000;
    }
    return ns;
}

/* F-05, F-06: the error to give, or 0. */
static int32_t injected_error(ec_emulator *e, uint32_t select, int64_t *longer_ns)
{
    static const struct { int32_t kind, error; } errors[] = {
        { EC_FAULT_EIO, -EIO }, { EC_FAULT_ETIMEDOUT, -ETIMEDOUT },
    };
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        ec_emulated_chip *chip = &e->chip[e->first_chip[select] + c];
        for (uint32_t i = 0; i < 2 && !ec_chip_is_quiet(chip); i++) {
            ec_fault *fault = ec_faults_find(&e->faults, errors[i].kind, chip->number, ec_chip_conversion(chip));
            if (fault != NULL) {
                *longer_ns = fault->value;
                ec_faults_spend(fault);
                chip->quiet_until = 0;
                return errors[i].error;
            }
        }
    }
    return 0;
}

/* F-07 */
static int64_t injected_delay(ec_emulator *e, uint32_t select)
{
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        ec_emulated_chip *chip = &e->chip[e->first_chip[select] + c];
        const ec_fault *fault = ec_chip_is_quiet(chip)
            ? NULL : ec_faults_find(&e->faults, EC_FAULT_SLOW, chip->number, ec_chip_conversion(chip));
        if (fault != NULL) {
            return fault->value;
        }
    }
    return 0;
}

/* Patient clock: the world must have joined the real clock before a START opcode is heard. */
static void pace_opcodes(ec_emulator *e, const ec_transfer *transfers, uint32_t n)
{
    if (e->config.time != EC_TIME_PATIENT || e->chip[0].t_next != EC_NEVER) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (transfers[i].n_bytes > 0 && transfers[i].tx[0] == EC_OP_START) {
            ec_emulator_pace_start(e);
        }
    }
}

static int32_t transfer_slow(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n, int64_t begin)
{
    const int32_t refused = check_message(e, select, transfers, n);
    if (refused != 0) {
        return refused;
    }
    pace_opcodes(e, transfers, n);
    begin = ec_emulator_now(e) > begin ? ec_emulator_now(e) : begin;
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulator_sync_chip(e, i, begin);
    }
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    const uint64_t before = ec_line_conversion(e);
    int64_t longer_ns = 0;
    const int32_t error = injected_error(e, select, &longer_ns);
    if (error != 0) {
        e->failed_transfers += 1;
        ec_books_failed(&e->tally.books, select, before);
        e->now_ns = begin + message_ns(e, transfers, n) + longer_ns;
    } else {
        e->now_ns = ec_wire_message(e, select, transfers, n, begin + injected_delay(e, select), before);
    }
    ec_lines_sync(e, e->now_ns);
    return error;
}

/* A read of one frame in RDATAC, and of its status word again, from a chip that is alone on its select, with no edge
 * while it lasts and no fault about: what a run consists of. Everything else takes the way of the bits. */
static int32_t transfer_fast(ec_emulator *e, uint32_t select, const ec_transfer *x, int64_t begin)
{
    static const uint8_t zeros[EC_SPI_FRAME_MAX + STATUS_BYTES];
    ec_emulated_chip *chip = &e->chip[e->first_chip[select]];
    const uint32_t again = x->n_bytes == chip->frame_bytes + STATUS_BYTES ? STATUS_BYTES : 0;

    if (x->n_bytes != chip->frame_bytes + again || x->speed_hz > e->fastest_hz || x->speed_hz == 0 ||
        x->tx == NULL || x->rx == NULL || memcmp(x->tx, zeros, x->n_bytes) != 0 ||
        (again != 0 && (chip->registers[EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) == 0)) {
        return 0;
    }
    const int64_t end = begin + wire_ns(e, x->n_bytes, x->speed_hz) + (int64_t)x->delay_us * 1000;
    ec_emulator_sync_chip(e, chip->number, begin);
    const uint64_t before = ec_line_conversion(e);
    if (chip->k == 0 || chip->t_next <= end || !ec_chip_is_quiet(chip) || !ec_chip_is_quiet(&e->chip[0]) ||
        !chip->rdatac || chip->standby || !ec_chip_alive(chip, begin)) {
        return 0;
    }
    const uint8_t *frame = ec_front_end_frame(&chip->front_end, chip->k);
    memcpy(x->rx, frame, chip->frame_bytes);
    memcpy(x->rx + chip->frame_bytes, frame, again);
    chip->out_bits = (uint64_t)x->n_bytes * 8;
    chip->select_end = end;
    e->t_sclk = end;
    e->now_ns = end;
    ec_lines_sync(e, end);
    ec_books_read(&e->tally.books, select, e->config.n_selects, before, ec_line_conversion(e),
                  (x->rx[0] & 0xF0u) != 0xC0u, 0);
    return 1;
}

int32_t ec_emulator_transfer(void *self, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    ec_emulator *e = self;
    ec_emulator_wait_for_wire(e);
    const int64_t begin = ec_emulator_now(e);
    ec_lines_sync(e, begin);
    if (n == 1 && select < e->config.n_selects && transfers != NULL && e->config.chips_in[select] == 1 &&
        transfer_fast(e, select, transfers, begin)) {
        return 0;
    }
    return transfer_slow(e, select, transfers, n, begin);
}

/* ---- wait --------------------------------------------------------------- */

static int32_t take_events(ec_emulator *e, ec_drdy *events, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && e->queue_count > 0) {
        events[n] = e->queue[e->queue_head % EC_BUS_EVENT_QUEUE];
        e->queue_head += 1;
        e->queue_count -= 1;
        n += 1;
    }
    e->tally.events += n;
    return (int32_t)n;
}

/* When the `want`-th conversion from now ends, as far as it is planned: what a patient reader sleeps for. */
static int64_t pace_for(const ec_emulator *e, uint32_t want)
{
    const ec_emulated_chip *chip = &e->chip[0];
    if (want <= 1 || chip->t_next == EC_NEVER) {
        return e->next_line_ns;
    }
    uint64_t left = chip->k_last - chip->k < chip->limit - ec_chip_conversion(chip)
                        ? chip->k_last - chip->k : chip->limit - ec_chip_conversion(chip);
    left = want < left ? want : left;
    const int64_t t = ec_edge_stamp(&chip->clock, chip->clock.k + left - 1);
    return t > e->next_line_ns ? t : e->next_line_ns;
}

int32_t ec_emulator_wait(void *self, uint32_t want, int64_t deadline_ns, ec_drdy *events, uint32_t max)
{
    ec_emulator *e = self;
    if (events == NULL || max == 0) {
        return -EINVAL;
    }
    max = max < INT32_MAX ? max : INT32_MAX;
    ec_books_wait(&e->tally.books);
    int64_t now = ec_emulator_now(e);
    ec_lines_sync(e, now);
    while (e->queue_count == 0) {
        if (ec_emulator_gone(e)) {
            return -ENODEV;
        }
        if (e->chip[0].t_next == EC_NEVER && ec_chip_conversion(&e->chip[0]) == e->chip[0].limit) {
            return -ENODATA;
        }
        if (now >= deadline_ns) {
            return 0;
        }
        const int64_t edge = e->next_line_ns;
        if (edge == EC_NEVER && deadline_ns == INT64_MAX) {
            return 0;                     /* nothing will ever come */
        }
        if (edge <= deadline_ns) {
            const int64_t pace = pace_for(e, want);
            now = ec_emulator_until(e, edge, pace < deadline_ns ? pace : deadline_ns);
        } else {
            now = ec_emulator_until(e, deadline_ns, deadline_ns);
        }
        ec_lines_sync(e, now);
    }
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    return take_events(e, events, max);
}

/* ---- lines -------------------------------------------------------------- */

int32_t ec_emulator_set_line(void *self, ec_bus_line line, uint32_t level)
{
    ec_emulator *e = self;
    const ec_emulator_config *c = &e->config;
    const int32_t wired = line == EC_LINE_START ? c->start_wired
                        : line == EC_LINE_RESET ? c->reset_wired : line == EC_LINE_PWDN ? c->pwdn_wired : 0;
    if (!wired) {
        return -ENOENT;
    }
    int64_t t = ec_emulator_now(e);
    ec_lines_sync(e, t);
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    if (line == EC_LINE_START && level != 0 && !e->chip[0].start_pin) {
        ec_emulator_pace_start(e);
        t = ec_emulator_now(e);
    }
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulator_sync_chip(e, i, t);
    }
    const uint64_t starts = e->chip[0].starts;
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulated_chip *chip = &e->chip[i];
        if (line == EC_LINE_START) {
            ec_chip_start_pin(chip, level, t);
        } else if (line == EC_LINE_PWDN) {
            ec_chip_power(chip, level, t);
        } else {
            ec_chip_reset_pin(chip, level, t);
        }
    }
    if (e->chip[0].starts != starts) {
        ec_lines_started(e, 0);
    }
    ec_lines_after(e, t);
    return 0;
}

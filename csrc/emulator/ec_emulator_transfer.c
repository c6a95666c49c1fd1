/* Messages to a select: what a host asks of the bus, what may fail, and the two ways to the chips. */
#include <errno.h>
#include <string.h>

#include "ec_emulator_state.h"

#define ALIGNMENT     128u                /* spidev adds transfers up rounded to this on arm64 */
#define STATUS_BYTES  3u                  /* of a frame that begins again */

static void scatter(const uint8_t *from, const ec_transfer *transfers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        memcpy(transfers[i].rx, from, transfers[i].n_bytes);
        from += transfers[i].n_bytes;
    }
}

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

/* Transfers of a run are alike: one division for all of them. */
static int64_t wire_ns(ec_emulator *e, uint32_t n_bytes, uint32_t speed_hz)
{
    if (n_bytes != e->wire_bytes_known || speed_hz != e->wire_hz_known) {
        e->wire_bytes_known = n_bytes;
        e->wire_hz_known = speed_hz;
        e->wire_ns_known = ec_wire_ns(n_bytes, speed_hz);
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
                ec_chip_look_again(chip);
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

static int32_t transfer_slow(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n, int64_t begin,
                             uint64_t before)
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
    if (e->has_slaves) {
        ec_lines_after(e, begin);         /* a master may have fallen into its reset meanwhile */
    }
    if (ec_emulator_gone(e)) {
        return -ENODEV;
    }
    int64_t longer_ns = 0;
    const int32_t error = injected_error(e, select, &longer_ns);
    if (error != 0) {
        e->failed_transfers += 1;
        e->now_ns = begin + message_ns(e, transfers, n) + longer_ns;
    } else {
        e->now_ns = ec_wire_message(e, select, transfers, n, begin + injected_delay(e, select), before);
    }
    ec_lines_sync(e, e->now_ns);
    return error;
}

/* ---- the fast way ------------------------------------------------------- */

/* A chip whose latch can be copied: it shows data, nothing is wrong with them, and no edge comes before `end`. */
static int32_t is_calm(ec_emulated_chip *chip, int64_t begin, int64_t end)
{
    return chip->k != 0 && chip->t_next > end && ec_chip_is_quiet(chip) && chip->rdatac && !chip->standby &&
           ec_chip_alive(chip, begin);
}

/* `n_bytes` of `from` behind the first `bits` bits of `to`; what follows them there is lost. */
static void append(uint8_t *to, uint32_t bits, const uint8_t *from, uint32_t n_bytes)
{
    const uint32_t shift = bits % 8;
    uint8_t *at = to + bits / 8;
    if (shift == 0) {
        memcpy(at, from, n_bytes);
        return;
    }
    for (uint32_t i = 0; i < n_bytes; i++) {
        at[i] = (uint8_t)((at[i] & 0xFF00u >> shift) | (uint32_t)from[i] >> shift);
        at[i + 1] = (uint8_t)((uint32_t)from[i] << (8 - shift));
    }
}

/* The frames of a select as they come over the wire, `n_bytes` of them; 1: every prefix is good. */
static int32_t copy_frames(ec_emulator *e, uint32_t select, uint32_t n_bytes, uint8_t *rx)
{
    ec_emulated_chip *nearest = &e->chip[e->first_chip[select]];
    if (e->config.chips_in[select] == 1) {
        const uint8_t *frame = ec_front_end_frame(&nearest->front_end, nearest->k);
        memcpy(rx, frame, nearest->frame_bytes);
        memcpy(rx + nearest->frame_bytes, frame, n_bytes - nearest->frame_bytes);
        return (rx[0] & 0xF0u) == 0xC0u;
    }
    uint8_t chain[EC_BUS_MAX_CHIPS * EC_SPI_FRAME_STRIDE] = { 0 };
    uint32_t bits = 0;
    int32_t good = 1;
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        ec_emulated_chip *chip = nearest + c;
        const uint8_t *frame = ec_front_end_frame(&chip->front_end, chip->k);
        append(chain, bits, frame, chip->frame_bytes);
        bits += chip->frame_bytes * 8 + e->config.gap_bits;
        good &= (frame[0] & 0xF0u) == 0xC0u;
    }
    memcpy(rx, chain, n_bytes);
    return good;
}

/* Zeros sent by a host that keeps the speed limit, as many as the frames of the select have bytes (of one chip alone:
 * or its status word once more). How many; 0: something else. */
static uint32_t plain_bytes(const ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    static const uint8_t zeros[EC_BUS_MAX_CHIPS * EC_SPI_FRAME_STRIDE];
    const ec_emulated_chip *nearest = &e->chip[e->first_chip[select]];
    const int32_t repeats = (nearest->registers[EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) != 0;
    uint32_t n_bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const ec_transfer *x = &transfers[i];
        if (x->speed_hz > e->fastest_hz || x->speed_hz == 0 || x->tx == NULL || x->rx == NULL ||
            x->n_bytes > sizeof zeros || memcmp(x->tx, zeros, x->n_bytes) != 0) {
            return 0;
        }
        n_bytes += x->n_bytes;
    }
    if (e->config.chips_in[select] > 1) {
        return n_bytes == e->read_bytes[select] && !repeats ? n_bytes : 0;
    }
    return n_bytes == nearest->frame_bytes || (n_bytes == nearest->frame_bytes + STATUS_BYTES && repeats) ? n_bytes : 0;
}

/* A read of whole frames in RDATAC with no edge while it lasts and no fault about: what a run consists of.
 * Everything else takes the way of the bits, which gives the same bytes. */
static int32_t transfer_fast(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n, int64_t begin,
                             uint64_t before)
{
    const uint32_t n_bytes = plain_bytes(e, select, transfers, n);
    if (n_bytes == 0) {
        return 0;
    }
    ec_emulated_chip *nearest = &e->chip[e->first_chip[select]];
    const int64_t end = begin + message_ns(e, transfers, n);
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        ec_emulator_sync_chip(e, nearest->number + c, begin);
        if (!is_calm(nearest + c, begin, end)) {
            return 0;
        }
    }
    if (!ec_chip_is_quiet(&e->chip[0])) { /* the device may be gone */
        return 0;
    }
    const int32_t good = copy_frames(e, select, n_bytes, n == 1 ? transfers[0].rx : e->wire);
    if (n > 1) {
        scatter(e->wire, transfers, n);
    }
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        nearest[c].select_end = end;
    }
    e->t_sclk = end;
    e->now_ns = end;
    ec_lines_sync(e, end);
    ec_books_read(&e->tally.books, select, e->config.n_selects, before, ec_line_conversion(e), !good, 0);
    return 1;
}

int32_t ec_emulator_transfer(void *self, uint32_t select, const ec_transfer *transfers, uint32_t n)
{
    ec_emulator *e = self;
    ec_emulator_wait_for_wire(e);
    const int64_t begin = ec_emulator_now(e);
    ec_lines_sync(e, begin);
    const uint64_t before = ec_books_enter(e);
    if (select < e->config.n_selects && transfers != NULL && n > 0 && n <= EC_WIRE_BYTES / ALIGNMENT &&
        transfer_fast(e, select, transfers, n, begin, before)) {
        return 0;
    }
    return transfer_slow(e, select, transfers, n, begin, before);
}

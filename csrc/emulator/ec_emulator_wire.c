/* The wire of an emulator: SCLK, DIN and DOUT of one message, bit by bit where it matters.
 *
 * A chip alone on its select answers by itself; in a daisy chain the bits of the
 * nearest chip come first and DOUT of each next one is shifted through behind them.
 */
#include <string.h>

#include "ec_emulator_state.h"

enum { FOR_MISO_NOISE = 103, FOR_TOO_FAST = 104, N_PREFIX_BITS = 4, N_STATUS_BITS = 24 };

#define SCLK_MAX_HZ      20000000u        /* data sheet 7.6: DVDD 2.7..3.6 V */
#define SCLK_MAX_LOW_HZ  15000000u        /* DVDD 1.8..2.0 V */

int64_t ec_wire_ns(uint32_t n_bytes, uint32_t speed_hz)
{
    return ((int64_t)n_bytes * 8 * INT64_C(1000000000) + (int64_t)speed_hz - 1) / (int64_t)speed_hz;
}

uint32_t ec_wire_fastest_hz(const ec_emulator_config *config)
{
    return config->dvdd_v < 2.7 ? SCLK_MAX_LOW_HZ : SCLK_MAX_HZ;
}

/* The data that a message gave, for the books. */
typedef struct ec_reading {
    uint32_t first_byte;                  /* of the frame of the nearest chip; UINT32_MAX: no data */
    uint32_t held;                        /* RDATA */
    uint64_t conversion;                  /* held: of chip 0, when it was held */
} ec_reading;

static uint32_t bit_of(const uint8_t *bytes, uint64_t i)
{
    return bytes[i / 8] >> (7 - i % 8) & 1u;
}

/* ---- DOUT --------------------------------------------------------------- */

/* F-10, of what is on the latch. */
static int32_t slips(ec_emulated_chip *chip)
{
    return chip->k != 0 && !ec_chip_is_quiet(chip) && chip->spoiled_conversion == ec_chip_conversion(chip) &&
           chip->slip_bit >= 0;
}

/* Bit `p` of what chip `i` of the chain shifts out; chips up to `last` stand behind it. */
static uint32_t chain_bit(ec_emulator *e, uint32_t i, uint32_t last, ec_chip_out out, uint64_t p, int64_t t)
{
    for (; ; i++) {
        ec_emulated_chip *chip = &e->chip[i];
        const uint64_t n_bits = (uint64_t)chip->frame_bytes * 8;
        if (!ec_chip_alive(chip, t) || chip->standby) {
            return 0;
        }
        const uint8_t *frame = out == EC_OUT_HELD ? chip->held : ec_chip_latch(chip);
        if (out == EC_OUT_LIVE && slips(chip) && p >= (uint64_t)chip->slip_bit) {
            if (p == (uint64_t)chip->slip_bit) {
                return 0;
            }
            p -= 1;
        }
        if (p < n_bits) {
            return bit_of(frame, p);
        }
        if ((chip->registers[EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) != 0) {
            return bit_of(frame, p % n_bits);                 /* B-20: read back again and again */
        }
        if (i == last || p < n_bits + e->config.gap_bits) {
            return 0;                     /* DAISY_IN of the last chip is tied low */
        }
        p -= n_bits + e->config.gap_bits;
    }
}

static uint32_t out_bit(ec_emulator *e, uint32_t select, uint64_t p, int64_t t)
{
    ec_emulated_chip *chip = &e->chip[e->first_chip[select]];
    if (!chip->powered) {
        return e->config.miso_idle >> (7 - p % 8) & 1u;
    }
    if (!ec_chip_alive(chip, t) || chip->standby) {
        return 0;
    }
    switch (chip->out) {
    case EC_OUT_LIVE:
    case EC_OUT_HELD:
        return chain_bit(e, chip->number, chip->number + e->config.chips_in[select] - 1u, chip->out, p, t);
    case EC_OUT_REGISTERS:
        if (p / 8 < chip->left) {
            return ec_chip_read_register(chip, chip->address + (uint32_t)(p / 8)) >> (7 - p % 8) & 1u;
        }
        return 0;
    default:
        return 0;
    }
}

/* Eight bits that no edge and no slip touches and that lie in one byte of a frame. */
static int32_t is_whole_byte(ec_emulated_chip *chip, int64_t t, int64_t t_done)
{
    return (chip->out == EC_OUT_LIVE || chip->out == EC_OUT_HELD) && chip->out_bits % 8 == 0 &&
           chip->out_bits / 8 < chip->frame_bytes && chip->t_next > t_done && ec_chip_alive(chip, t) &&
           !chip->standby && ec_chip_latch(chip) != NULL && !slips(chip);
}

/* Eight bits from t on, the chips moving on as their conversions end (B-17). */
static uint8_t out_byte(ec_emulator *e, uint32_t select, int64_t t, double bit_ns)
{
    const uint32_t first = e->first_chip[select];
    ec_emulated_chip *chip = &e->chip[first];
    uint32_t byte = 0;
    ec_emulator_sync_chip(e, first, t);
    if (is_whole_byte(chip, t, t + (int64_t)(bit_ns * 8.0))) {
        const uint64_t at = chip->out_bits / 8;
        chip->out_bits += 8;
        return chip->out == EC_OUT_HELD ? chip->held[at] : ec_chip_latch(chip)[at];
    }
    for (uint32_t b = 0; b < 8; b++) {
        const int64_t at = t + (int64_t)(bit_ns * (double)b);
        for (uint32_t i = 0; i < e->config.chips_in[select]; i++) {
            ec_emulator_sync_chip(e, first + i, at);
        }
        byte = byte << 1 | out_bit(e, select, chip->out_bits, at);
        chip->out_bits += 1;
    }
    return (uint8_t)byte;
}

/* ---- what can happen to a message on its way ---------------------------- */

static void disturb(ec_emulator *e, uint32_t select, uint32_t n_bytes, uint32_t speed_hz)
{
    const uint32_t first = e->first_chip[select];
    ec_emulated_chip *chip = &e->chip[first];
    const uint64_t conversion = ec_chip_conversion(chip);

    if (speed_hz > ec_wire_fastest_hz(&e->config)) {   /* B-34: about one bit in sixteen is not there in time */
        const uint64_t key = ec_random_key(e->config.seed, FOR_TOO_FAST, first);
        ec_chip_violation(chip, 34);
        for (uint32_t i = 0; i < n_bytes; i++) {
            const uint64_t r = ec_random(key, conversion * EC_WIRE_BYTES + i);
            e->wire[i] = (uint8_t)(e->wire[i] ^ (uint8_t)(r & r >> 8 & r >> 16 & r >> 24));
        }
    }
    if (e->config.spi_mode != 1) {        /* B-35: sampled one edge too early */
        uint32_t before = 0;
        for (uint32_t i = 0; i < n_bytes; i++) {
            const uint32_t now = e->wire[i];
            e->wire[i] = (uint8_t)(now >> 1 | before << 7);
            before = now & 1u;
        }
    }
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        const ec_fault *stuck = ec_faults_find(&e->faults, EC_FAULT_MISO_STUCK, first + c, conversion);
        if (stuck != NULL) {
            const uint64_t key = ec_random_key(e->config.seed, FOR_MISO_NOISE, first);
            for (uint32_t i = 0; i < n_bytes; i++) {
                e->wire[i] = (uint8_t)(stuck->value < 0x100 ? (uint64_t)stuck->value
                                                            : ec_random(key, conversion * EC_WIRE_BYTES + i));
            }
        }
    }
}

/* ---- the books ---------------------------------------------------------- */

uint32_t ec_wire_data_bits(const ec_emulator *e, uint32_t select)
{
    uint32_t n_bits = 0;
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        n_bits += e->chip[e->first_chip[select] + c].frame_bytes * 8 + (c > 0 ? e->config.gap_bits : 0u);
    }
    return n_bits;
}

/* Would a host that checks what can be checked refuse it? The prefix of every status word, and the status word again
 * behind the frame where the chip repeats it. */
static uint32_t must_be_refused(const ec_emulator *e, uint32_t select, uint64_t first_bit, uint64_t n_bits)
{
    const ec_emulated_chip *nearest = &e->chip[e->first_chip[select]];
    uint64_t at = first_bit;
    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        uint32_t prefix = 0;
        for (uint64_t b = 0; b < N_PREFIX_BITS; b++) {
            prefix = prefix << 1 | bit_of(e->wire, at + b);
        }
        if (prefix != 0x0C) {
            return 1;
        }
        at += (uint64_t)e->chip[e->first_chip[select] + c].frame_bytes * 8 + e->config.gap_bits;
    }
    const uint64_t again = first_bit + (uint64_t)nearest->frame_bytes * 8;
    if (e->config.chips_in[select] == 1 && (nearest->registers[EC_REG_CONFIG1] & EC_CONFIG1_NOT_DAISY) != 0 &&
        again + N_STATUS_BITS <= first_bit + n_bits) {
        for (uint64_t b = 0; b < N_STATUS_BITS; b++) {
            if (bit_of(e->wire, first_bit + b) != bit_of(e->wire, again + b)) {
                return 1;
            }
        }
    }
    return 0;
}

/* ---- a message ---------------------------------------------------------- */

/* All chips of a select hear a byte at once: a RESET reaches those on the clock of another before that stops. */
static void feed(ec_emulator *e, uint32_t select, uint8_t byte, int64_t t, int64_t hold_ns)
{
    uint32_t changed = 0;

    for (uint32_t c = 0; c < e->config.chips_in[select]; c++) {
        const uint32_t i = e->first_chip[select] + c;
        ec_emulated_chip *chip = &e->chip[i];
        const uint64_t starts = chip->starts;
        const uint64_t resets = chip->resets;
        ec_chip_receive(chip, byte, t, hold_ns);
        if (chip->starts != starts) {
            ec_lines_started(e, i);
        }
        changed |= chip->resets != resets || chip->in == EC_IN_COMMAND;
    }
    if (changed) {
        ec_lines_after(e, t);
    }
}

int64_t ec_wire_message(ec_emulator *e, uint32_t select, const ec_transfer *transfers, uint32_t n, int64_t begin,
                        uint64_t before)
{
    const uint32_t first = e->first_chip[select];
    const uint32_t n_in = e->config.chips_in[select];
    ec_emulated_chip *nearest = &e->chip[first];
    uint64_t own_before[EC_BUS_MAX_CHIPS];
    ec_reading reading = { .first_byte = nearest->rdatac ? 0 : UINT32_MAX };
    uint32_t at = 0;
    uint32_t fastest = 0;
    int64_t t = begin;
    int64_t last_clock = begin;

    for (uint32_t c = 0; c < n_in; c++) {
        own_before[c] = ec_chip_conversion(&e->chip[first + c]);
    }
    for (uint32_t i = 0; i < e->n_chips; i++) {               /* what follows may change any of them */
        ec_emulator_sync_chip(e, i, begin);
    }
    for (uint32_t c = 0; c < n_in; c++) {
        ec_chip_select(&e->chip[first + c], begin);
    }
    for (uint32_t i = 0; i < n; i++) {
        const ec_transfer *x = &transfers[i];
        const double bit_ns = 1e9 / (double)x->speed_hz;
        const int64_t t_first = t;
        fastest = x->speed_hz > fastest ? x->speed_hz : fastest;
        for (uint32_t b = 0; b < x->n_bytes; b++) {
            const int64_t t_byte = t_first + (int64_t)(bit_ns * 8.0 * (double)b);
            const int64_t t_done = t_first + (int64_t)(bit_ns * 8.0 * (double)(b + 1));
            const int32_t is_last = i + 1 == n && b + 1 == x->n_bytes;
            e->wire[at] = out_byte(e, select, t_byte, bit_ns);
            ec_lines_sync(e, t_done);
            for (uint32_t c = 0; c < n_in; c++) {
                ec_emulator_sync_chip(e, first + c, t_done);
            }
            const ec_chip_out out = nearest->out;
            feed(e, select, x->tx[b], t_done, is_last ? (int64_t)x->delay_us * 1000 : EC_NEVER);
            at += 1;
            if (nearest->out == EC_OUT_HELD && out != EC_OUT_HELD) {
                reading.first_byte = at;
                reading.held = 1;
                reading.conversion = ec_line_conversion(e);
            } else if (nearest->out != out) {
                reading.first_byte = UINT32_MAX;
            }
            last_clock = t_done;
        }
        t = t_first + ec_wire_ns(x->n_bytes, x->speed_hz) + (int64_t)x->delay_us * 1000;
    }
    e->t_sclk = last_clock;
    for (uint32_t c = 0; c < n_in; c++) {
        ec_chip_deselect(&e->chip[first + c], t);
    }
    disturb(e, select, at, fastest);
    for (uint32_t i = 0, from = 0; i < n; i++) {
        memcpy(transfers[i].rx, e->wire + from, transfers[i].n_bytes);
        from += transfers[i].n_bytes;
    }

    const uint64_t n_bits = ec_wire_data_bits(e, select);
    if (reading.first_byte < at && (uint64_t)(at - reading.first_byte) * 8 >= n_bits) {
        uint32_t torn = 0;
        for (uint32_t c = 0; c < n_in && !reading.held; c++) {
            ec_emulator_sync_chip(e, first + c, t);
            torn |= ec_chip_conversion(&e->chip[first + c]) != own_before[c];
        }
        ec_lines_sync(e, t);
        ec_books_read(&e->tally.books, select, e->config.n_selects, reading.held ? reading.conversion : before,
                      reading.held ? reading.conversion : ec_line_conversion(e),
                      must_be_refused(e, select, (uint64_t)reading.first_byte * 8,
                                      (uint64_t)(at - reading.first_byte) * 8), torn);
    }
    return t;
}

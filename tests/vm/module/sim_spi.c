// SPDX-License-Identifier: GPL-2.0
// The SPI controller: a message is shifted byte by byte, in the time the wire would take, so that a conversion
// falls into a frame exactly where it would on a board. Opcodes: data sheet 9.5.3.
#include "ads1299_sim.h"

enum { WAKEUP = 0x02, STANDBY = 0x04, RESET = 0x06, START = 0x08, STOP = 0x0a, RDATAC = 0x10, SDATAC = 0x11,
       RDATA = 0x12, RREG = 0x20, WREG = 0x40, MULTI = 0xe0 };

/* Bits that must be written as 1, and as 0 (data sheet 9.6.1). */
static const u8 fixed_ones[SIM_REGISTERS] = { [1] = 0x90, 0xc0, 0x60 };
static const u8 fixed_zeros[SIM_REGISTERS] = { [1] = 0x08, 0x28, 0x00, 0x10, [0x15] = 0xdf, 0xff, 0xf5 };

static void write_register(struct sim_chip *chip, u8 address, u8 value, ktime_t now)
{
    u8 before = chip->reg[address];

    if (address == REG_ID || address == REG_LOFF_STATP || address == REG_LOFF_STATN)
        return;
    if (~value & fixed_ones[address] || value & fixed_zeros[address])
        chip->truth.reserved++;
    chip->reg[address] = value;
    if (address == REG_CONFIG1 && value != before && chip->converting)
        sim_chip_restart(chip, now);
}

static void command(struct sim_chip *chip, u8 in, ktime_t now)
{
    if (chip->standby && in != WAKEUP)
        return;
    switch (in) {
    case WAKEUP:
    case STANDBY:
        chip->standby = in == STANDBY;
        sim_chip_follow_lines(chip, now);
        break;
    case RESET:
        sim_chip_reset(chip, now);
        break;
    case START:
    case STOP:
        chip->commanded = in == START;
        sim_chip_follow_lines(chip, now);
        break;
    case RDATAC:
    case SDATAC:
        chip->rdatac = in == RDATAC;
        break;
    case RDATA:
        memcpy(chip->rdata, chip->latch, SIM_FRAME);
        chip->rdata_bad = chip->latch_bad;
        break;
    default:
        if ((in & MULTI) == RREG || (in & MULTI) == WREG)
            chip->truth.in_rdatac += chip->rdatac;
    }
}

/* Byte i of the chain's frame; each chip answers for its own part. */
static u8 data(struct sim_chip *chip, const u8 *frame, bool bad, unsigned int i)
{
    if (chip->reg[REG_CONFIG1] & 0x40 && i >= SIM_FRAME)
        return frame[i % SIM_FRAME];                 /* DAISY_EN = 1: the frame repeats (9.4.4.2) */
    if (i < chip->offset || i >= chip->offset + SIM_FRAME)
        return 0;
    i -= chip->offset;
    if (i == 0) {
        chip->truth.repeats += !chip->fresh;
        chip->truth.bad_status += bad;
        chip->fresh = false;
    }
    chip->truth.reads += i == SIM_FRAME - 1;
    return frame[i];
}

static u8 registers(struct sim_chip *chip, unsigned int i, u8 in, ktime_t now)
{
    unsigned int address = chip->address + i - 2;

    if (i == 1) {
        chip->last = in & 0x1f;
        return 0;
    }
    if (i - 2 > chip->last || address >= SIM_REGISTERS)
        return 0;
    if ((chip->op & MULTI) == RREG)
        return chip->offset ? 0 : chip->reg[address]; /* of a chain only the nearest chip is heard */
    write_register(chip, address, in, now);
    return 0;
}

/* One byte, both ways. [lock held] */
static u8 shift(struct sim_chip *chip, u8 in, ktime_t end)
{
    unsigned int i = chip->pos++;
    bool multi = (chip->op & MULTI) == RREG || (chip->op & MULTI) == WREG;
    s64 gap_ns = ktime_to_ns(ktime_sub(end, chip->byte_end));

    chip->byte_end = end;
    if (ktime_before(end, chip->ready_at) || !sim_gpio_level(chip->board, LINE_RESET) ||
        !sim_gpio_level(chip->board, LINE_PWDN)) {
        chip->truth.deaf++;
        chip->op = 0;
        return 0;
    }
    if (i == 0) {
        bool streaming = chip->rdatac;

        chip->op = in;
        chip->address = in & 0x1f;
        chip->lost = false;
        chip->reading = streaming ? !in : in == RDATA;
        if (in)
            command(chip, in, end);
        return streaming && !in ? data(chip, chip->latch, chip->latch_bad, 0) : 0;
    }
    if (chip->reading)
        chip->truth.filler += !!in;
    if (chip->op == RDATA && !chip->rdatac)
        return data(chip, chip->rdata, chip->rdata_bad, i - 1);
    if (chip->rdatac)
        return chip->reading ? data(chip, chip->latch, chip->latch_bad, i) : 0;
    if (!multi)
        return 0;
    if (gap_ns < SIM_TCLK4_NS && !chip->lost) {      /* byte not yet decoded when the next came (9.5.3.1) */
        chip->truth.too_fast++;
        chip->lost = true;
    }
    return chip->lost ? 0 : registers(chip, i, in, end);
}

static void raise_cs(struct sim_chip *chip)
{
    if (chip->op && !chip->reading && ktime_to_ns(ktime_sub(ktime_get(), chip->byte_end)) < SIM_TCLK4_NS)
        chip->truth.short_cs++;
    chip->pos = 0;
    chip->op = 0;
    chip->reading = false;
}

/* SCLK raises DRDY, also that of a chip whose CS is high (9.4.4.1, 9.5.2.1). */
static void raise_drdys(struct sim_board *board)
{
    unsigned int i;

    for (i = 0; i < board->n_drdy; i++) {
        if (!board->chip[i].held)
            sim_gpio_drive(board, board->chip[i].line, 1);
    }
}

static void transfer(struct sim_board *board, struct sim_chip *first, unsigned int n, bool slipped,
                     const struct spi_transfer *part)
{
    u64 byte_ns = div_u64(8000000000ull, max(part->speed_hz, 10000u));
    ktime_t end = ktime_get();
    const u8 *tx = part->tx_buf;
    u8 *rx = part->rx_buf, before = 0;
    unsigned long flags;
    unsigned int i, c;

    for (i = 0; i < part->len; i++) {
        u8 in = tx ? tx[i] : 0, out = 0;

        end = ktime_add_ns(end, byte_ns);
        raw_spin_lock_irqsave(&board->lock, flags);
        raise_drdys(board);
        for (c = 0; c < n; c++)
            out |= shift(&first[c], slipped ? in >> 1 : in, end);
        raw_spin_unlock_irqrestore(&board->lock, flags);
        if (rx)
            rx[i] = slipped ? before << 7 | out >> 1 : out;
        before = out;
        while (ktime_before(ktime_get(), end))
            cpu_relax();
    }
}

static int transfer_one_message(struct spi_controller *spi, struct spi_message *message)
{
    struct sim_board *board = *(struct sim_board **)spi_controller_get_devdata(spi);
    unsigned int select = spi_get_chipselect(message->spi, 0), n = board->n_chips / board->n_selects, c;
    struct sim_chip *first = &board->chip[select * n];
    bool slipped = (message->spi->mode & SPI_MODE_X_MASK) != SPI_MODE_1, fails;
    struct spi_transfer *part;
    unsigned long flags;

    raw_spin_lock_irqsave(&board->lock, flags);
    fails = sim_fault_strikes(first, FAULT_EIO);
    first->truth.eio += fails;
    first->truth.wrong_mode += slipped;
    raw_spin_unlock_irqrestore(&board->lock, flags);
    message->status = fails ? -EIO : 0;
    list_for_each_entry(part, &message->transfers, transfer_list) {
        if (fails)
            break;
        transfer(board, first, n, slipped, part);
        message->actual_length += part->len;
        spi_transfer_delay_exec(part);
        if (!part->cs_change && !list_is_last(&part->transfer_list, &message->transfers))
            continue;
        raw_spin_lock_irqsave(&board->lock, flags);
        for (c = 0; c < n; c++)
            raise_cs(&first[c]);
        raw_spin_unlock_irqrestore(&board->lock, flags);
    }
    spi_finalize_current_message(spi);
    return 0;
}

int sim_spi_add(struct sim_board *board, struct device *parent)
{
    /* "dh2228fv" is a name in spidev's table. Mode 0: the client must set the chip's own, 1. */
    struct spi_board_info info = { .modalias = "dh2228fv", .max_speed_hz = 20000000, .mode = SPI_MODE_0 };
    struct spi_controller *spi = spi_alloc_host(parent, sizeof(board));
    int error;

    if (!spi)
        return -ENOMEM;
    *(struct sim_board **)spi_controller_get_devdata(spi) = board;
    spi->bus_num = 0;
    spi->num_chipselect = board->n_selects;
    spi->mode_bits = SPI_MODE_X_MASK;
    spi->bits_per_word_mask = SPI_BPW_MASK(8);
    spi->transfer_one_message = transfer_one_message;
    error = spi_register_controller(spi);
    if (error) {
        spi_controller_put(spi);
        return error;
    }
    board->spi = spi;
    for (info.chip_select = 0; info.chip_select < board->n_selects; info.chip_select++) {
        if (!spi_new_device(spi, &info)) {
            spi_unregister_controller(spi);
            return -ENODEV;
        }
    }
    return 0;
}

void sim_spi_remove(struct sim_board *board)
{
    spi_unregister_controller(board->spi);
}

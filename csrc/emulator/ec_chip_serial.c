/* The serial interface of an emulated chip: bytes on DIN become commands. */
#include <string.h>

#include "ec_emulated_chip.h"

/* ---- registers ---------------------------------------------------------- */

static void write_register(ec_emulated_chip *chip, uint32_t address, uint8_t value, int64_t t)
{
    if (address >= EC_N_REGISTERS) {
        return;                           /* B-04 */
    }
    const ec_register_rule *rule = &ec_register_rules[address];
    const uint8_t before = chip->registers[address];
    uint8_t exists = 0xFF;

    if (rule->read_only == 0xFF) {
        if (chip->config->strict) {
            ec_chip_violation(chip, 5);
        }
        return;
    }
    if (address >= EC_REG_BIAS_SENSP && address <= EC_REG_LOFF_FLIP) {
        exists = chip->channel_mask;
    } else if (address >= EC_REG_CH1SET && address < EC_REG_BIAS_SENSP &&
               (chip->channel_mask >> (address - EC_REG_CH1SET) & 1u) == 0) {
        exists = 0;
    }
    const int32_t reserved_rate = address == EC_REG_CONFIG1 && (value & EC_CONFIG1_DR) == 7;
    const int32_t reserved_gain = address >= EC_REG_CH1SET && address < EC_REG_BIAS_SENSP && EC_CHNSET_GAIN(value) == 7;
    if (chip->config->strict && exists != 0 && ((value & rule->zeros) != 0 || (value & rule->ones) != rule->ones ||
                                                reserved_rate || reserved_gain)) {
        ec_chip_violation(chip, 5);
    }
    if (address == EC_REG_GPIO) {
        chip->gpio_out = value >> 4;
    }
    chip->registers[address] = (uint8_t)((value & exists & ~rule->read_only) | (before & rule->read_only));

    if (address == EC_REG_CONFIG3) {
        if ((value & EC_CONFIG3_REFBUF) == 0) {
            chip->reference_from = EC_NEVER;
        } else if ((before & EC_CONFIG3_REFBUF) == 0) {
            chip->reference_from = t;
        }
    }
    if (address == EC_REG_CONFIG1 && value != before && chip->t_next != EC_NEVER) {
        ec_chip_begin(chip, t);           /* B-25 */
    } else {
        ec_chip_apply(chip);
    }
}

/* ---- commands ----------------------------------------------------------- */

static void start_command(ec_emulated_chip *chip, int64_t t)
{
    const int32_t single = (chip->registers[EC_REG_CONFIG4] & EC_CONFIG4_SINGLE_SHOT) != 0;
    if (chip->start_pin || (chip->start_command && !(single && chip->t_next == EC_NEVER))) {
        return;                           /* no effect while converting (9.5.3.5; see also table 10) */
    }
    chip->start_command = 1;
    chip->starts += 1;
    ec_chip_begin(chip, t);
}

static void hold_latch(ec_emulated_chip *chip)
{
    const uint8_t *frame = ec_chip_latch(chip);
    memcpy(chip->held, frame, chip->frame_bytes);
    chip->out = EC_OUT_HELD;
    chip->out_bits = 0;
}

static void command(ec_emulated_chip *chip, uint8_t byte, int64_t t)
{
    if (chip->standby) {
        if (byte == EC_OP_WAKEUP) {
            chip->standby = 0;
            if (chip->start_pin || chip->start_command) {
                ec_chip_begin(chip, t + ec_chip_tclk(chip, EC_TWAKE_TCLK));
            }
        } else {
            ec_chip_violation(chip, 8);
        }
        return;
    }
    switch (byte) {
    case EC_OP_STANDBY:
        chip->standby = 1;
        ec_chip_halt(chip);
        return;
    case EC_OP_RESET:
        ec_chip_reset(chip, t);
        return;
    case EC_OP_START:
        start_command(chip, t);
        return;
    case EC_OP_STOP:
        if (chip->start_command && !chip->start_pin) {
            ec_chip_finish(chip, t);
        }
        chip->start_command = 0;
        return;
    case EC_OP_RDATAC:
        chip->rdatac = 1;
        chip->out = EC_OUT_LIVE;
        chip->out_bits = 0;
        return;
    case EC_OP_SDATAC:
        chip->rdatac = 0;
        chip->out = EC_OUT_ZERO;
        return;
    case EC_OP_RDATA:
        if (!chip->rdatac) {
            hold_latch(chip);
        }
        return;
    default:
        break;
    }
    const int32_t reads = (byte & 0xE0u) == EC_OP_RREG;
    const int32_t writes = (byte & 0xE0u) == EC_OP_WREG;
    if (!reads && !writes) {
        return;                           /* WAKEUP of the wakeful, and what is not defined for this part */
    }
    if (chip->rdatac) {
        ec_chip_violation(chip, 7);
        if (reads || !chip->config->wreg_in_rdatac) {
            return;
        }
    }
    chip->address = byte & 0x1Fu;
    chip->in = reads ? EC_IN_READ_COUNT : EC_IN_WRITE_COUNT;
}

/* ---- bytes -------------------------------------------------------------- */

void ec_chip_select(ec_emulated_chip *chip, int64_t t)
{
    const int64_t host_high = chip->config->select_high_ns;
    const int64_t high = t - chip->select_end > host_high ? t - chip->select_end : host_high;
    chip->ignore_next = high < ec_chip_tclk(chip, 2);
    chip->in = EC_IN_COMMAND;
    chip->out = chip->rdatac ? EC_OUT_LIVE : EC_OUT_ZERO;
    chip->out_bits = 0;
    chip->bytes_in = 0;
}

void ec_chip_deselect(ec_emulated_chip *chip, int64_t t)
{
    chip->select_end = t;
    chip->in = EC_IN_COMMAND;
}

static int32_t refused(ec_emulated_chip *chip, int64_t t, int64_t hold_ns)
{
    uint32_t broken = 0;
    if (t < chip->deaf_until) {
        broken = 2;
    } else if (chip->ignore_next || hold_ns < ec_chip_tclk(chip, EC_TDECODE_TCLK)) {
        broken = 10;
    } else if (t < chip->decoder_free) {
        broken = 11;
    }
    if (broken == 0) {
        return 0;
    }
    chip->ignore_next = 0;
    ec_chip_violation(chip, broken);
    return 1;
}

void ec_chip_receive(ec_emulated_chip *chip, uint8_t byte, int64_t t, int64_t hold_ns)
{
    const int32_t idle = chip->in == EC_IN_COMMAND;
    chip->bytes_in += 1;
    if (idle && byte == EC_OP_NOP) {
        return;                           /* the filler: nothing to decode, at any speed */
    }
    if (!ec_chip_alive(chip, t)) {
        if (chip->powered && byte == EC_OP_RESET) {
            ec_chip_reset(chip, t);
        } else {
            ec_chip_violation(chip, chip->clocked ? 1 : 31);
        }
        return;
    }
    if (refused(chip, t, hold_ns)) {
        return;
    }
    if (idle && chip->bytes_in > 1 && (chip->out == EC_OUT_LIVE || chip->out == EC_OUT_HELD)) {
        ec_chip_violation(chip, 13);      /* and yet it is decoded */
    }
    chip->decoder_free = t + ec_chip_tclk(chip, EC_TDECODE_TCLK);

    switch (chip->in) {
    case EC_IN_READ_COUNT:
        chip->left = (byte & 0x1Fu) + 1;
        chip->out = EC_OUT_REGISTERS;
        chip->out_bits = 0;
        chip->in = EC_IN_COMMAND;
        break;
    case EC_IN_WRITE_COUNT: {
        chip->left = (byte & 0x1Fu) + 1;
        chip->in = EC_IN_WRITE_VALUE;
        ec_fault *lost = ec_faults_find(chip->faults, EC_FAULT_WRITE_LOST, chip->number, ec_chip_conversion(chip));
        if (lost != NULL) {
            ec_faults_spend(lost);
            ec_chip_look_again(chip);
            chip->address = EC_N_REGISTERS;                   /* the values go nowhere */
        }
        break;
    }
    case EC_IN_WRITE_VALUE:
        (void)ec_chip_latch(chip);        /* what is on the latch was converted before */
        write_register(chip, chip->address, byte, t);
        chip->address += 1;
        chip->left -= 1;
        if (chip->left == 0) {
            chip->in = EC_IN_COMMAND;
        }
        break;
    default:
        command(chip, byte, t);
        break;
    }
}

/* ec_registers.h - opcodes and registers of the ADS1299 (SBAS499C sections 9.5.3 and 9.6).
 *
 * Polarity, because the names mislead: PD_REFBUF, PD_BIAS and PD_LOFF_COMP are
 * "1 = on"; PDn of a channel is "1 = off"; DAISY_EN is "1 = not a daisy chain".
 */
#ifndef EC_REGISTERS_H
#define EC_REGISTERS_H

#include <stdint.h>

#define EC_N_REGISTERS  24u

typedef enum ec_opcode {
    EC_OP_NOP = 0x00, EC_OP_WAKEUP = 0x02, EC_OP_STANDBY = 0x04, EC_OP_RESET = 0x06, EC_OP_START = 0x08,
    EC_OP_STOP = 0x0A, EC_OP_RDATAC = 0x10, EC_OP_SDATAC = 0x11, EC_OP_RDATA = 0x12,
    EC_OP_RREG = 0x20,                    /* + address, then count - 1 */
    EC_OP_WREG = 0x40                     /* + address, then count - 1, then the values */
} ec_opcode;

typedef enum ec_register {
    EC_REG_ID = 0x00, EC_REG_CONFIG1 = 0x01, EC_REG_CONFIG2 = 0x02, EC_REG_CONFIG3 = 0x03, EC_REG_LOFF = 0x04,
    EC_REG_CH1SET = 0x05,                 /* .. CH8SET = 0x0C */
    EC_REG_BIAS_SENSP = 0x0D, EC_REG_BIAS_SENSN = 0x0E, EC_REG_LOFF_SENSP = 0x0F, EC_REG_LOFF_SENSN = 0x10,
    EC_REG_LOFF_FLIP = 0x11, EC_REG_LOFF_STATP = 0x12, EC_REG_LOFF_STATN = 0x13, EC_REG_GPIO = 0x14,
    EC_REG_MISC1 = 0x15, EC_REG_MISC2 = 0x16, EC_REG_CONFIG4 = 0x17
} ec_register;

#define EC_ID_MASK              0x1Fu     /* REV_ID (bits 7..5) may change without notice */
#define EC_ID_4_CHANNELS        0x1Cu
#define EC_ID_6_CHANNELS        0x1Du
#define EC_ID_8_CHANNELS        0x1Eu

#define EC_CONFIG1_NOT_DAISY    0x40u     /* DAISY_EN */
#define EC_CONFIG1_CLK_EN       0x20u
#define EC_CONFIG1_DR           0x07u     /* 0: 16 000 SPS, each step halves, 6: 250; 7 is reserved */
#define EC_CONFIG2_INT_CAL      0x10u
#define EC_CONFIG2_CAL_AMP      0x04u
#define EC_CONFIG2_CAL_FREQ     0x03u     /* 0: fCLK/2^21, 1: fCLK/2^20, 3: DC */
#define EC_CONFIG3_REFBUF       0x80u     /* PD_REFBUF */
#define EC_CONFIG3_BIAS_MEAS    0x10u
#define EC_CONFIG3_BIASREF_INT  0x08u
#define EC_CONFIG3_BIAS         0x04u     /* PD_BIAS */
#define EC_CONFIG3_BIAS_SENS    0x02u     /* BIAS_LOFF_SENS */
#define EC_CONFIG3_BIAS_STAT    0x01u
#define EC_LOFF_COMP_TH(loff)   ((loff) >> 5 & 7u)
#define EC_LOFF_ILEAD(loff)     ((loff) >> 2 & 3u)    /* 6 nA, 24 nA, 6 uA, 24 uA */
#define EC_LOFF_FLEAD(loff)     ((loff) & 3u)         /* DC, fCLK/2^18, fCLK/2^16, fDR/4 */
#define EC_CHNSET_OFF           0x80u     /* PDn */
#define EC_CHNSET_GAIN(set)     ((set) >> 4 & 7u)     /* 1 2 4 6 8 12 24, 7 is reserved */
#define EC_CHNSET_SRB2          0x08u
#define EC_CHNSET_MUX(set)      ((set) & 7u)
#define EC_MUX_ELECTRODE        0u
#define EC_MUX_SHORTED          1u
#define EC_MUX_BIAS_MEAS        2u
#define EC_MUX_SUPPLY           3u        /* MVDD */
#define EC_MUX_TEMPERATURE      4u
#define EC_MUX_TEST             5u
#define EC_MUX_BIAS_P           6u
#define EC_MUX_BIAS_N           7u
#define EC_MISC1_SRB1           0x20u
#define EC_CONFIG4_SINGLE_SHOT  0x08u
#define EC_CONFIG4_LOFF_COMP    0x02u     /* PD_LOFF_COMP */

#define EC_FCLK_HZ              2048000.0
#define EC_TPOR_TCLK            262144u   /* 2^18, not 218 and not 2^16: section 11.1 */
#define EC_TRESET_TCLK          18u
#define EC_TDECODE_TCLK         4u        /* tSDECODE, tSCCS, DRDY pulse */
#define EC_TWAKE_TCLK           64u
#define EC_TREF_NS              INT64_C(150000000)

typedef struct ec_register_rule {
    uint8_t reset;                        /* value after reset, 8-channel part */
    uint8_t ones;                         /* must be written as 1 */
    uint8_t zeros;                        /* must be written as 0 */
    uint8_t read_only;                    /* bits the chip sets by itself */
} ec_register_rule;

/* Reset values and fixed bits (sections 9.6.1; reference section 6). */
static const ec_register_rule ec_register_rules[EC_N_REGISTERS] = {
    [EC_REG_ID]         = { 0x3E, 0x00, 0x00, 0xFF },
    [EC_REG_CONFIG1]    = { 0x96, 0x90, 0x08, 0x00 },
    [EC_REG_CONFIG2]    = { 0xC0, 0xC0, 0x28, 0x00 },
    [EC_REG_CONFIG3]    = { 0x60, 0x60, 0x00, 0x01 },
    [EC_REG_LOFF]       = { 0x00, 0x00, 0x10, 0x00 },
    [0x05] = { 0x61, 0, 0, 0 }, [0x06] = { 0x61, 0, 0, 0 }, [0x07] = { 0x61, 0, 0, 0 }, [0x08] = { 0x61, 0, 0, 0 },
    [0x09] = { 0x61, 0, 0, 0 }, [0x0A] = { 0x61, 0, 0, 0 }, [0x0B] = { 0x61, 0, 0, 0 }, [0x0C] = { 0x61, 0, 0, 0 },
    [EC_REG_LOFF_STATP] = { 0x00, 0x00, 0x00, 0xFF },
    [EC_REG_LOFF_STATN] = { 0x00, 0x00, 0x00, 0xFF },
    [EC_REG_GPIO]       = { 0x0F, 0x00, 0x00, 0xF0 },
    [EC_REG_MISC1]      = { 0x00, 0x00, 0xDF, 0x00 },
    [EC_REG_MISC2]      = { 0x00, 0x00, 0xFF, 0x00 },
    [EC_REG_CONFIG4]    = { 0x00, 0x00, 0xF5, 0x00 },
};

#endif

#include "ec_lead_off.h"

#include "../device/ec_registers.h"

#define SUPPLY_UV  5e6

static const double current_na[4] = { 6.0, 24.0, 6000.0, 24000.0 };       /* ILEAD_OFF */

static uint32_t bit(const uint8_t *registers, uint32_t address, uint32_t c)
{
    return registers[address] >> c & 1u;
}

/* The electrode is on the negative input then. */
static int reference_on_srb2(const uint8_t *registers, uint32_t c)
{
    return (registers[EC_REG_MISC1] & EC_MISC1_SRB1) == 0 && (registers[EC_REG_CH1SET + c] & EC_CHNSET_SRB2) != 0;
}

double ec_lead_off_uv(const ec_emulator_config *config, const uint8_t *registers, uint32_t chip, uint32_t first,
                      uint32_t n_channels, uint32_t c)
{
    const double na = current_na[EC_LOFF_ILEAD(registers[EC_REG_LOFF])];
    double uv = 0.0;

    if (reference_on_srb2(registers, c)) {      /* the sources sit before the switches: the P ones meet on SRB2 */
        for (uint32_t i = 0; i < n_channels; i++) {
            if (bit(registers, EC_REG_LOFF_SENSP, i) && reference_on_srb2(registers, i)) {
                uv += na * config->lead_off_scale[first + i] * config->reference_kohm[chip];
            }
        }
        if (bit(registers, EC_REG_LOFF_SENSN, c)) {
            uv += na * config->lead_off_scale[first + c] * config->electrode_kohm[first + c];
        }
        return bit(registers, EC_REG_LOFF_FLIP, c) ? -uv : uv;
    }
    if (bit(registers, EC_REG_LOFF_SENSP, c)) {
        uv += na * config->lead_off_scale[first + c] * config->electrode_kohm[first + c];
    }
    if ((registers[EC_REG_MISC1] & EC_MISC1_SRB1) != 0) {
        for (uint32_t i = 0; i < n_channels; i++) {
            if (bit(registers, EC_REG_LOFF_SENSN, i)) {
                uv += na * config->lead_off_scale[first + i] * config->reference_kohm[chip];
            }
        }
    } else if (bit(registers, EC_REG_LOFF_SENSN, c)) {
        uv += na * config->lead_off_scale[first + c] * config->reference_kohm[chip];
    }
    return bit(registers, EC_REG_LOFF_FLIP, c) ? -uv : uv;
}

uint32_t ec_lead_off_status(const ec_emulator_config *config, const uint8_t *registers, uint32_t chip, uint32_t first,
                            uint32_t n_channels)
{
    static const double share[8] = { 0.95, 0.925, 0.90, 0.875, 0.85, 0.80, 0.75, 0.70 };      /* COMP_TH */
    const double threshold_uv = (share[EC_LOFF_COMP_TH(registers[EC_REG_LOFF])] - 0.5) * SUPPLY_UV;
    const double na = current_na[EC_LOFF_ILEAD(registers[EC_REG_LOFF])];
    uint32_t status = 0;

    if ((registers[EC_REG_CONFIG4] & EC_CONFIG4_LOFF_COMP) == 0 || EC_LOFF_FLEAD(registers[EC_REG_LOFF]) != 0) {
        return 0;
    }
    for (uint32_t c = 0; c < n_channels; c++) {
        const double source_na = na * config->lead_off_scale[first + c];
        const int swapped = reference_on_srb2(registers, c);
        const double electrode_uv = source_na * config->electrode_kohm[first + c];
        const double reference_uv = source_na * config->reference_kohm[chip];
        if (bit(registers, EC_REG_LOFF_SENSP, c) && (swapped ? reference_uv : electrode_uv) > threshold_uv) {
            status |= 1u << (12 + c);
        }
        if (bit(registers, EC_REG_LOFF_SENSN, c) && (swapped ? electrode_uv : reference_uv) > threshold_uv) {
            status |= 1u << (4 + c);
        }
    }
    return status;
}

double ec_lead_off_half(const uint8_t *registers, uint32_t dr)
{
    const double t_dr = (double)(128u << dr);                              /* tCLK */

    switch (EC_LOFF_FLEAD(registers[EC_REG_LOFF])) {
    case 1:
        return 131072.0 / t_dr;           /* fCLK / 2^18 */
    case 2:
        return 32768.0 / t_dr;            /* fCLK / 2^16 */
    case 3:
        return 2.0;                       /* fDR / 4 */
    default:
        return 0.0;
    }
}

#include "ec_lead_off.h"

#include "../device/ec_registers.h"

static const double current_na[4] = { 6.0, 24.0, 6000.0, 24000.0 };       /* ILEAD_OFF */

static uint32_t bit(const uint8_t *registers, uint32_t address, uint32_t c)
{
    return registers[address] >> c & 1u;
}

double ec_lead_off_uv(const ec_emulator_config *config, const uint8_t *registers, uint32_t chip, uint32_t first,
                      uint32_t n_channels, uint32_t c)
{
    const double na = current_na[EC_LOFF_ILEAD(registers[EC_REG_LOFF])];
    double uv = 0.0;

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

/* layout.c - sizes of the driver's structs, so that the ctypes mirror cannot drift, and functions its tests call directly. */
#include "device/ec_ads1299_parts.h"

uint64_t layout_ads1299(void) { return sizeof(ec_ads1299); }
uint64_t layout_config(void) { return sizeof(ec_ads1299_config); }
uint64_t layout_report(void) { return sizeof(ec_ads1299_report); }

uint8_t layout_rule(uint32_t address, uint32_t which)
{
    const ec_register_rule *rule = &ec_register_rules[address];
    return which == 0 ? rule->reset : which == 1 ? rule->ones : which == 2 ? rule->zeros : rule->read_only;
}

void layout_unpack(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits, uint8_t *frames)
{
    ec_chain_unpack(bytes, n_channels, n_chips, gap_bits, (uint8_t (*)[EC_FRAME_BYTES_MAX])frames);
}

uint32_t layout_find_gap(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips)
{
    return ec_chain_find_gap(bytes, n_channels, n_chips);
}

uint32_t layout_chain_bytes(const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits)
{
    return ec_chain_bytes(n_channels, n_chips, gap_bits);
}

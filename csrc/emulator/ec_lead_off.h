/* ec_lead_off.h - what the lead-off current does to a channel (data sheet 9.3.2.4.3).
 *
 * A source of +-I behind each input that LOFF_SENSP or LOFF_SENSN names: constant,
 * or swapped as a square wave. Through an electrode of Z kOhm I nA make I * Z uV. With SRB1 the negative inputs share
 * the reference electrode, which carries the currents of all of them; so do the positive inputs on SRB2.
 */
#ifndef EC_LEAD_OFF_H
#define EC_LEAD_OFF_H

#include <stdint.h>

#include "ec_emulator.h"

/* Amplitude in uV at the input of channel `c` of a chip whose first channel is `first`; negative where LOFF_FLIP
 * turns it. 0 if no current is on. [any-thread, realtime] */
double ec_lead_off_uv(const ec_emulator_config *config, const uint8_t *registers, uint32_t chip, uint32_t first,
                      uint32_t n_channels, uint32_t c);

/* LOFF_STATP in bits 19..12 and LOFF_STATN in bits 11..4, as in the status word: inputs that their constant current
 * pulls beyond the threshold of the comparators, which must be on (CONFIG4). 5 V supply, inputs at its middle.
 * [any-thread, realtime] */
uint32_t ec_lead_off_status(const ec_emulator_config *config, const uint8_t *registers, uint32_t chip, uint32_t first,
                            uint32_t n_channels);

/* Half a period of the tone in conversions at data rate field `dr`; 0: the current is constant.
 * [any-thread, realtime] */
double ec_lead_off_half(const uint8_t *registers, uint32_t dr);

#endif

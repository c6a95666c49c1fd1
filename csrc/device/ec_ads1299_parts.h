/* ec_ads1299_parts.h - what the files of the driver share; nobody else includes it.
 *
 * Register image: the 24 bytes as they are to stand in a chip, with what the
 * part does not have at 0. A bit of it can be compared after a write
 * if it is in ec_register_mask.
 */
#ifndef EC_ADS1299_PARTS_H
#define EC_ADS1299_PARTS_H

#include "ec_ads1299.h"

#define EC_TRANSFER_BYTES_MAX   64u       /* longer transfers take the DMA path of the Pi 5: linux_io section 3.3 */
#define EC_CHAIN_BYTES_MAX      (EC_BUS_MAX_CHIPS * EC_FRAME_BYTES_MAX + 8u)
#define EC_CHAIN_PARTS_MAX      ((EC_CHAIN_BYTES_MAX + EC_TRANSFER_BYTES_MAX - 1u) / EC_TRANSFER_BYTES_MAX)
#define EC_GAP_UNKNOWN          UINT32_MAX

extern const uint8_t ec_ads1299_zeros[EC_TRANSFER_BYTES_MAX];

/* ec_ads1299_rules.c [any-thread, realtime] */
uint8_t ec_register_image(const ec_ads1299_config *config, uint32_t chip, uint32_t address);
uint8_t ec_register_mask(uint32_t n_channels, uint32_t address);
/* The first chip of every select, chip by chip: the total number. */
uint32_t ec_ads1299_count(const ec_ads1299_config *config, uint32_t first_chip[EC_BUS_MAX_SELECTS]);

/* ec_ads1299_command.c: one message each, at command_hz, the select low for tSCCS after it, then a pause of
 * tSDECODE. Repeated up to 3 times on EIO and ETIMEDOUT. 0, DEVICE_IO, DEVICE_GONE, with chip and errno in
 * the report. [acquire] */
int32_t ec_ads1299_command(ec_ads1299 *d, uint32_t select, ec_opcode opcode);
int32_t ec_ads1299_command_all(ec_ads1299 *d, ec_opcode opcode);
int32_t ec_ads1299_read_registers(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t n, uint8_t *values);
int32_t ec_ads1299_write_registers(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t n, const uint8_t *values);

/* ec_ads1299_registers.c: step of the report from here on. SDATAC and ID until it fits; reset values; registers first .. last
 * written, read back, up to 3 times. 0, BAD_DEVICE, DEVICE_IO, DEVICE_GONE. [acquire] */
void    ec_ads1299_enter(ec_ads1299 *d, ec_ads1299_step step);
int32_t ec_ads1299_identify(ec_ads1299 *d, uint32_t select);
int32_t ec_ads1299_reset_values(ec_ads1299 *d, uint32_t select);
int32_t ec_ads1299_hold(ec_ads1299 *d, uint32_t select, uint32_t first, uint32_t last);
uint8_t ec_ads1299_written(const ec_ads1299 *d, uint32_t select, uint32_t address);

/* 1 if the line is wired and was set, 0 if it is not wired, or a status. [acquire] */
int32_t ec_ads1299_line(ec_ads1299 *d, ec_bus_line line, uint32_t level);

/* Status for a negative errno of the bus, which goes into the report. [acquire, realtime] */
int32_t ec_ads1299_bus_failed(ec_ads1299 *d, uint32_t chip, int32_t error);
/* Leave a report of the current step and give `status` back. [acquire, realtime] */
int32_t ec_ads1299_failed(ec_ads1299 *d, int32_t status, uint32_t chip, uint32_t address, uint32_t expected,
                          uint32_t seen);

void     ec_ads1299_sleep_tclk(ec_ads1299 *d, double n_tclk);      /* at least so many, for a clock 3 % slow */
int64_t  ec_ads1299_por_ns(const ec_ads1299_config *config);       /* tPOR with margin, at least 150 ms */
uint32_t ec_ads1299_command_hz(const ec_ads1299_config *config);
uint32_t ec_ads1299_delay_us(const ec_ads1299_config *config);     /* tSCCS, whole microseconds, at least 3 */
int64_t  ec_ads1299_pause_ns(const ec_ads1299_config *config);     /* between two messages: tSDECODE and tCSH */
int64_t  ec_ads1299_period_ns(const ec_ads1299 *d);

/* ec_ads1299_start.c: START low (or STOP), until the conversion in progress has ended; then the edges so far are
 * thrown away. START high (or START to every select). [acquire] */
int32_t ec_ads1299_halt(ec_ads1299 *d);
int32_t ec_ads1299_go(ec_ads1299 *d, int64_t *t_start_ns);

/* ec_ads1299_chain.c: bytes of one read of a select, with the gap or 1 if it is not known. [any-thread, realtime] */
uint32_t ec_chain_bytes(const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits);
/* Frame of every chip out of the bytes of a chain, nearest chip first. [any-thread, realtime] */
void ec_chain_unpack(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips, uint32_t gap_bits,
                     uint8_t frames[][EC_FRAME_BYTES_MAX]);
/* The gap, 0 or 1, that puts 1100 in front of every frame, or EC_GAP_UNKNOWN. [any-thread, realtime] */
uint32_t ec_chain_find_gap(const uint8_t *bytes, const uint8_t *n_channels, uint32_t n_chips);
/* Convert for a few frames and lock the gap of every chain. 0, BAD_DEVICE, NO_DRDY, DEVICE_IO, DEVICE_GONE. [acquire] */
int32_t ec_ads1299_lock_gaps(ec_ads1299 *d);

/* ec_ads1299_read.c: bytes of one read of a select, with the trailer if there is one, or the widest gap while it is not
 * known. [any-thread, realtime] */
uint32_t ec_ads1299_select_bytes(const ec_ads1299_config *config, uint32_t select, uint32_t first_chip,
                                 uint32_t gap_bits);
/* One message for the data of a select into `bytes`. 0 or a negative errno. [acquire, realtime] */
int32_t ec_ads1299_read_select(ec_ads1299 *d, uint32_t select, uint8_t *bytes, uint32_t n_bytes);

#endif

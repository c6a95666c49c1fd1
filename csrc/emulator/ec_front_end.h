/* ec_front_end.h - one chip from its inputs to the bytes of a conversion.
 *
 *     electrodes (ec_signal) or an internal source -> multiplexer -> gain -> ADC with its noise -> frames
 *
 * Conversion k counts from 1 since the filter began (START, or a new CONFIG1).
 * Work is done in blocks of 64 conversions by 8 channels, beginning with conversion 1: what
 * the electrodes see is synthesised once for a block and kept, so that registers written in
 * the middle of it change the conversions behind them and nothing else.
 *
 * Invariants
 *   E1  a conversion is a function of the settings, the registers at its block position and k
 *   E2  code = round half away from zero (V(INP - INN) * gain * 2^23 / VREF), clipped to
 *       7FFFFFh and 800000h (data sheet 9.5.1); a channel that is off gives 0
 *   E3  conversions are asked for in order; the pointer lives until the next call
 *
 * A recording replaces all of it: its bytes or counts are the conversions, whatever the registers say.
 */
#ifndef EC_FRONT_END_H
#define EC_FRONT_END_H

#include <stdint.h>

#include "../device/ec_registers.h"
#include "ec_emulator.h"
#include "ec_signal.h"
#include "ec_spi_frame.h"

#define EC_BLOCK  EC_SIGNAL_FRAMES        /* conversions */
#define EC_LANES  EC_SIGNAL_LANES         /* channels, the missing ones too */

/* A recording, seen from one chip; both pointers NULL: synthesised. */
typedef struct ec_front_end_file {
    const uint8_t *spi_frames;            /* this chip's first frame */
    const int32_t *counts;                /* this chip's first channel */
    uint64_t stride;                      /* from one conversion to the next: bytes, or counts */
    uint64_t n_frames;                    /* conversions in the file; they repeat */
} ec_front_end_file;

/* What a block is made with, worked out when registers change. A value is
 *     reference[f] * (electrode[i] * uv[f][i] + square[i] * test[f] + tone[i] * lead_off[f] + constant[i]
 *                     + noise[i] * white[f][i]) */
typedef struct ec_front_end_gains {
    double electrode[EC_LANES];           /* counts per uV; 0: the channel listens to something else */
    double square[EC_LANES];              /* counts, amplitude of the test signal */
    double tone[EC_LANES];                /* counts, amplitude of the lead-off tone */
    double constant[EC_LANES];            /* counts */
    double noise[EC_LANES];               /* counts per step of the noise */
    int32_t rail;                         /* no reference: every channel that is on sits at an end */
} ec_front_end_gains;

typedef struct ec_front_end {
    const ec_emulator_config *config;     /* of the emulator */
    uint32_t chip;
    uint32_t first_channel;
    uint32_t n_channels;
    uint32_t frame_bytes;
    double   sps;                         /* nominal: fDR of the table, clock and rate_scale */
    double   half_period;                 /* of the test signal, conversions */
    uint32_t dr;                          /* data rate field */
    uint32_t dead;                        /* channels lost to a RESET before tPOR (B-01) */
    ec_front_end_file file;
    uint64_t file_offset;                 /* conversions before conversion 1 */

    uint8_t  registers[EC_N_REGISTERS];   /* as of the last ec_front_end_set */
    uint32_t status;                      /* status word of the frames that follow */
    double   ramp_first, ramp_step;       /* reference of conversion k: first + step k, at most 1 */
    ec_front_end_gains gains;

    ec_signal signal;
    uint64_t noise_key[EC_LANES];
    uint64_t block;                       /* number of the block in hand; UINT64_MAX: none yet */
    uint64_t packed_from;                 /* place in the block from which frames are still to be made */
    double   tone_half;                   /* conversions; 0: no tone */
    double   uv[EC_BLOCK][EC_LANES];
    int32_t  white_low[EC_BLOCK][EC_LANES], white_high[EC_BLOCK][EC_LANES];
    int32_t  counts[EC_BLOCK][EC_LANES];
    uint8_t  frames[EC_BLOCK][EC_SPI_FRAME_STRIDE];
} ec_front_end;

/* Bind chip number `chip` to its part of the configuration, which must outlive it. [control-thread] */
void ec_front_end_init(ec_front_end *fe, const ec_emulator_config *config, uint32_t chip);

/* Conversions begin again at 1 with data rate field `dr` (0..6). A recording goes on behind its
 * first `file_offset` conversions, which the caller sets. [realtime] */
void ec_front_end_start(ec_front_end *fe, uint32_t dr);

/* Registers as they are from conversion k + 1 on. `gpio`: levels of the four pins. [realtime] */
void ec_front_end_set(ec_front_end *fe, const uint8_t registers[EC_N_REGISTERS], uint32_t gpio, uint64_t k);

/* The reference buffer was switched on: at conversion k it has reached first + step k of its value, 1 at most
 * (150 ms, data sheet 7.5). [realtime] */
void ec_front_end_ramp(ec_front_end *fe, double first, double step, uint64_t k);

/* The `frame_bytes` bytes of conversion k >= 1, k not below the last one asked for. [realtime] */
const uint8_t *ec_front_end_frame_slow(ec_front_end *fe, uint64_t k);

static inline const uint8_t *ec_front_end_frame(ec_front_end *fe, uint64_t k)
{
    const uint64_t at = (k - 1) % EC_BLOCK;
    if ((k - 1) / EC_BLOCK == fe->block && at < fe->packed_from) {
        return fe->frames[at];
    }
    return ec_front_end_frame_slow(fe, k);
}

/* Channels whose positive input is pulled to a supply by its DC lead-off source, and those of them that the
 * comparators watch (data sheet 9.3.2.4.3). Bit c: channel c. [realtime] */
uint32_t ec_front_end_pulled(const ec_front_end *fe);
uint32_t ec_front_end_watched(const ec_front_end *fe);

#endif

/* ec_emulator_chip.h - one emulated chip: from the number of a conversion to its bytes.
 *
 * A chip has its own synthesiser, so chips may be read in any order and at
 * any distance from each other; each moves through its conversions forwards.
 *
 * Invariant
 *   H1  ec_chip_frame(k) may be asked for k not below the largest k asked so
 *       far, less the rest of its block of 64; the pointer lives until the next call
 */
#ifndef EC_EMULATOR_CHIP_H
#define EC_EMULATOR_CHIP_H

#include <stdint.h>

#include "ec_signal.h"
#include "ec_spi_frame.h"

/* Where file conversions come from; both pointers NULL: synthesised. */
typedef struct ec_chip_file {
    const uint8_t *spi_frames;            /* this chip's first frame */
    const int32_t *counts;                /* this chip's first channel */
    uint64_t stride;                      /* from one conversion to the next: bytes, or counts */
    uint64_t n_frames;                    /* conversions in the file; they repeat */
} ec_chip_file;

typedef struct ec_chip {
    uint32_t n_channels;
    uint32_t frame_bytes;
    ec_chip_file file;
    uint64_t block;                       /* number of the block in `frames`; UINT64_MAX: none yet */
    ec_signal signal;
    int32_t  counts[EC_SIGNAL_FRAMES][EC_SIGNAL_LANES];
    uint8_t  frames[EC_SIGNAL_FRAMES][EC_SPI_FRAME_MAX];
} ec_chip;

/* Back to the first conversion. [any-thread, realtime] */
void ec_chip_reset(ec_chip *chip);

/* The `frame_bytes` bytes of conversion k >= 1. [acquire, realtime] */
const uint8_t *ec_chip_frame(ec_chip *chip, uint64_t k);

#endif

#include "ec_emulator_chip.h"

#include <stddef.h>

void ec_chip_reset(ec_chip *chip)
{
    chip->block = UINT64_MAX;
    ec_signal_reset(&chip->signal);
}

static const uint8_t *frame_of_file(ec_chip *chip, uint64_t k)
{
    const uint64_t at = (k - 1) % chip->file.n_frames * chip->file.stride;
    if (chip->file.spi_frames != NULL) {
        return chip->file.spi_frames + at;
    }
    int32_t counts[EC_SIGNAL_LANES];
    for (uint32_t c = 0; c < chip->n_channels; c++) {
        const int32_t value = chip->file.counts[at + c];
        counts[c] = value < EC_COUNTS_MIN ? EC_COUNTS_MIN : value > EC_COUNTS_MAX ? EC_COUNTS_MAX : value;
    }
    ec_spi_frame_pack(chip->frames[0], counts, chip->n_channels);
    return chip->frames[0];
}

const uint8_t *ec_chip_frame(ec_chip *chip, uint64_t k)
{
    if (chip->file.n_frames != 0) {
        return frame_of_file(chip, k);
    }
    const uint64_t block = (k - 1) / EC_SIGNAL_FRAMES;
    while (chip->block != block) {        /* UINT64_MAX + 1 is block 0 */
        ec_signal_block(&chip->signal, chip->counts);
        chip->block += 1;
        if (chip->block == block) {
            for (uint32_t f = 0; f < EC_SIGNAL_FRAMES; f++) {
                ec_spi_frame_pack(chip->frames[f], chip->counts[f], chip->n_channels);
            }
        }
    }
    return chip->frames[(k - 1) % EC_SIGNAL_FRAMES];
}

/* ec_grid.h - where the frames of a stream with a rational step sit, in whole numbers.
 *
 * A stream with the step num / den has frame number k at the device position
 * k * num / den. A packet says the whole part of the position of its first
 * frame (`frame_index`); that frame is the first one of the grid at or behind it.
 * A stage that makes such streams hands out all frames of one device frame
 * together, so the rule is enough to find the number again, however frames were
 * packed. Where the rule finds no fraction (a stream whose frames are not on
 * multiples of its step) it is taken as 0.
 */
#ifndef EC_GRID_H
#define EC_GRID_H

#include <stdint.h>

/* Number of the first frame at or behind a device frame: ceil(frame_index den / num). [any-thread, realtime] */
static inline uint64_t ec_grid_number(uint64_t frame_index, uint32_t num, uint32_t den)
{
    return frame_index / num * den + (frame_index % num * den + num - 1) / num;
}

/* Whole part of the position of a frame: floor(number num / den). [any-thread, realtime] */
static inline uint64_t ec_grid_index(uint64_t number, uint32_t num, uint32_t den)
{
    return number / den * num + number % den * num / den;
}

/* Device frame of frame i of a packet. [any-thread, realtime] */
static inline uint64_t ec_grid_frame(uint64_t frame_index, uint64_t i, uint32_t num, uint32_t den)
{
    uint64_t fraction = 0;                /* of the first frame's position, in 1 / den */

    if (den > 1) {
        const uint64_t over = frame_index % num * den % num;

        fraction = over > 0 ? num - over : 0;
        fraction = fraction < den ? fraction : 0;
    }
    return frame_index + (fraction + i * num) / den;
}

#endif

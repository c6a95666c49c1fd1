/* ec_recent.h - which flags and which channels of its masks the last frames had.
 *
 * A value that is made of many frames, such as a spectrum, has the flags of all
 * of them, whatever packets they came in. For every flag and every channel of
 * every mask the place of the last frame that had it is kept: cost and memory do
 * not depend on the length of the window. EEGCORE_FLAG_GAP is not kept: no window
 * spans a gap, and what follows one says so itself.
 */
#ifndef EC_RECENT_H
#define EC_RECENT_H

#include "../include/eegcore/plugin.h"

#define EC_RECENT_MASKS 5                 /* saturated lead_off flatline blink muscle */

typedef struct ec_recent {
    uint64_t span;                        /* frames that are looked back on */
    uint64_t now;                         /* frames seen */
    uint64_t flag_end[32];                /* `now` behind the last frame with that bit; 0: none */
    uint64_t mask_end[EC_RECENT_MASKS][EEGCORE_MAX_CHANNELS];
} ec_recent;

/* Forget everything and look back on `span` frames from now on. [worker-thread, realtime] */
void ec_recent_begin(ec_recent *r, uint64_t span);

/* The next n_frames frames have the flags and masks of this block. [worker-thread, realtime] */
void ec_recent_add(ec_recent *r, const eegcore_block *block, uint32_t n_frames);

/* Set flags and masks of `out` to what the last `span` frames had. [worker-thread, realtime] */
void ec_recent_read(const ec_recent *r, eegcore_block *out);

/* 1 if a packet may hold both: same flags, and same masks as far as they count. [any-thread, realtime] */
int32_t ec_recent_same(const eegcore_block *a, const eegcore_block *b);

#endif

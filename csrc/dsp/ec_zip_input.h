/* ec_zip_input.h - what one input of a zip keeps: a FIFO of frames with index and time.
 *
 * Frames come in as blocks and are looked at one by one. Each has a key that it is compared by: its frame_index, or
 * its time. The time of the frames inside a block is counted on from the time of the first with the period this
 * source has really had, not with the nominal one: an oscillator that is 0.5 % off (ADS1299 data sheet 7.5) would
 * otherwise put the last of 64 frames a third of a period wrong.
 *
 * Invariants
 *   Z1  0 <= head - tail <= capacity; frame at position p lies in [p & mask]
 *   Z2  keys never decrease from tail to head
 *   Z3  in = used + skipped + held, where held is the number of frames that were neither used nor skipped yet
 *   Z4  a note (flags and masks) lives as long as a frame refers to it: there are never more notes than frames
 * One thread; the counters may be read from any. No allocation after init.
 */
#ifndef EC_ZIP_INPUT_H
#define EC_ZIP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ec_counter.h"
#include "../include/eegcore/plugin.h"

typedef struct ec_zip_frame {
    int64_t  key;
    int64_t  t_ns;                        /* as every other stage would have it: counted on at the nominal rate */
    uint64_t frame_index;
    uint64_t note;                        /* position of its note */
    uint32_t device_frames;               /* its share of what the block answers for */
    bool     gap;                         /* frames are missing before this one */
    bool     last;                        /* of its block */
} ec_zip_frame;

#define EC_ZIP_MASKS 5                    /* saturated, lead_off, flatline, blink, muscle */

typedef struct ec_zip_note {              /* what holds for all frames of a block */
    uint32_t flags;                       /* without EEGCORE_FLAG_GAP */
    uint32_t config_rev;
    uint64_t masks[EC_ZIP_MASKS][EEGCORE_MASK_WORDS];     /* all zero unless the flag is set */
} ec_zip_note;

/* Two points of a source's time line, 1 to 2 s ago: its period is the slope from the older one to now. */
typedef struct ec_zip_pace {
    bool     known;
    int64_t  old_ns, young_ns;
    uint64_t old_index, young_index;
} ec_zip_pace;

typedef struct ec_zip_input_config {
    uint32_t n_channels;
    uint32_t burst_frames;                /* that may come at once: of one block, or of all a zip above has held */
    uint32_t wait_frames;                 /* kept back at most for another input's sake, at least 1 */
    uint32_t step_num, step_den;          /* device frames from frame to frame */
    double   sps;
} ec_zip_input_config;

typedef struct ec_zip_input {
    ec_zip_input_config config;
    bool     by_time;
    uint64_t mask;                        /* capacity - 1 */
    uint64_t head, tail;                  /* next one in, oldest one kept */
    uint64_t note_head;
    bool     front_used;                  /* the oldest one has been used already, and may be used again */
    bool     gap_due;                     /* the next one used comes after frames that are missing */
    bool     ended;
    bool     begun;                       /* a frame was used, or given up waiting for */
    bool     index_known;
    uint64_t next_index;                  /* of a block that follows without a gap */
    int64_t  last_key;
    ec_zip_pace pace;
    ec_zip_frame *frames;                 /* [capacity] */
    ec_zip_note  *notes;                  /* [capacity] */
    uint32_t     *samples;                /* [capacity][n_channels], counts or float32, moved as they are */
    uint32_t     *last_row;               /* [n_channels] the frame used last */
    ec_counter in, used, repeated, skipped, filled, held;
} ec_zip_input;

/* Memory of zeros that has been touched, so that no page of it is missing later. NULL if there is none; free().
 * [control-thread] */
void *ec_zip_memory(size_t bytes);

/* Room for wait_frames + burst_frames. 0, BAD_ARGUMENT or NO_MEMORY; after an error destroy all the same.
 * [control-thread] */
int32_t ec_zip_input_init(ec_zip_input *in, const ec_zip_input_config *config, bool by_time);
void    ec_zip_input_destroy(ec_zip_input *in);

/* Copy the frames of a block. What has no room is skipped and counted: a host that asks for room first never sees
 * that. [worker-thread, realtime] */
void ec_zip_input_take(ec_zip_input *in, const eegcore_block *block);

/* Discard the oldest frame: counted as skipped unless it was used. [worker-thread, realtime] */
void ec_zip_input_drop(ec_zip_input *in);

/* Bring `held` up to date for readers. [worker-thread, realtime] */
void ec_zip_input_publish(ec_zip_input *in, uint64_t in_open_block);

static inline uint64_t ec_zip_input_count(const ec_zip_input *in)
{
    return in->head - in->tail;
}
/* The frame `ahead` places behind the oldest; it is there. */
static inline const ec_zip_frame *ec_zip_input_at(const ec_zip_input *in, uint64_t ahead)
{
    return &in->frames[(in->tail + ahead) & in->mask];
}
static inline const uint32_t *ec_zip_input_row(const ec_zip_input *in)
{
    return in->samples + (in->tail & in->mask) * in->config.n_channels;
}
static inline const ec_zip_note *ec_zip_input_note(const ec_zip_input *in, uint64_t position)
{
    return &in->notes[position & in->mask];
}

#endif

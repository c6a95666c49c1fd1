/* ec_zip.h - several streams joined frame by frame into one.
 *
 * The first input is the master: every output frame is one of its frames, with its frame_index, and beside it from
 * each other input the frame whose key (time or frame_index) is nearest, the earlier one if two are equally near. If
 * none lies within `tolerance`, that input's frame is missing. Frames repeat or are passed over when clocks drift;
 * each such case is counted.
 *
 * A frame of the master is decided only when every input has a frame at or after it, or has ended: what comes out
 * depends on what came in, never on the order in which blocks of different inputs arrived. An output block is a block
 * of the master or a part of one, split where flags, masks or what is missing change, so the cut does not depend on
 * the order either. Inputs that can be made to wait are made to (`ec_zip_has_room`). Else an input that keeps the others
 * waiting for more than their wait_frames has to do without: its frames are missing until it comes back.
 *
 * The stream begins with the first frame of the master for which every input has begun; earlier ones are skipped.
 * Missing later: EC_ZIP_SKIP leaves the frame of the master out, and the next block says GAP; EC_ZIP_FILL keeps it,
 * with NaN in float32 samples and the last value in counts, in blocks that say GAP, as does the first block after.
 *
 * Identities, at any time between calls, for each input:
 *     in = used + skipped + held          frames of that input
 *     out = used + repeated + filled      frames of the output
 */
#ifndef EC_ZIP_H
#define EC_ZIP_H

#include "ec_zip_input.h"

#define EC_ZIP_MAX_INPUTS 8

typedef enum ec_zip_on_missing {
    EC_ZIP_FILL = 0,
    EC_ZIP_SKIP = 1
} ec_zip_on_missing;

typedef struct ec_zip_config {
    uint32_t n_inputs;                    /* 2..EC_ZIP_MAX_INPUTS */
    uint32_t max_frames;                  /* of a block of the master, and of the output */
    bool     by_time;                     /* keys are ns, else frame indices */
    bool     is_float;                    /* samples are float32, else counts */
    bool     waits;                       /* every input can be made to wait */
    ec_zip_on_missing on_missing;
    int64_t  tolerance;                   /* in units of the key */
    ec_zip_input_config input[EC_ZIP_MAX_INPUTS];
} ec_zip_config;

typedef struct ec_zip_open {              /* the output block being filled */
    uint32_t n;
    bool     closed;
    uint32_t flags;
    uint32_t config_rev;
    uint32_t device_frames;
    uint64_t frame_index;
    int64_t  t_ns;
    uint64_t masks[EC_ZIP_MASKS][EEGCORE_MASK_WORDS];     /* as in a note */
    uint64_t note[EC_ZIP_MAX_INPUTS];     /* of all its frames, NOTHING where they are missing */
    uint32_t used[EC_ZIP_MAX_INPUTS];     /* frames, of each input, not counted in the ledger before the block is out */
    uint32_t repeated[EC_ZIP_MAX_INPUTS];
    uint32_t filled[EC_ZIP_MAX_INPUTS];
    uint32_t *samples;                    /* [max_frames][n_channels] */
} ec_zip_open;

typedef struct ec_zip {
    ec_zip_config config;
    uint32_t n_channels;                  /* of all inputs */
    bool     gap_due;                     /* frames of the master were skipped */
    uint32_t left_out;                    /* so many frames of the device, not reported yet */
    ec_zip_input input[EC_ZIP_MAX_INPUTS];
    ec_zip_open open;
    ec_counter out;                       /* frames handed out */
} ec_zip;

/* 0, BAD_ARGUMENT or NO_MEMORY; after an error destroy all the same. [control-thread] */
int32_t ec_zip_init(ec_zip *z, const ec_zip_config *config);
void    ec_zip_destroy(ec_zip *z);        /* may be called twice. [control-thread] */

/* False: no block of this input, please, until another input has got one. Always true unless all inputs can wait; and
 * never false for all inputs at once. [worker-thread, realtime] */
bool ec_zip_has_room(ec_zip *z, uint32_t input);

/* Copy one block. [worker-thread, realtime] */
void ec_zip_take(ec_zip *z, uint32_t input, const eegcore_block *block);

/* No block will come on this input any more. [worker-thread, realtime] */
void ec_zip_end_input(ec_zip *z, uint32_t input);

/* Hand out the next block that is complete: into the planes of `out` that are not NULL, and into its header but
 * for what belongs to the port. False, and n_frames 0, if none is. `skipped_frames` says what the master lost since
 * the last call in either case. [worker-thread, realtime] */
bool ec_zip_next(ec_zip *z, eegcore_block *out);

#endif

/* ec_source.h - what a source loop counts, and how a recording is handed to it.
 *
 * The ledger of a source, in device frames, one writer (the source's thread):
 *     edges = delivered + missed + bad_status + late + settling + paused + pool_empty + pending
 * `edges` is what the sample clock says happened; every other counter is stepped
 * where a frame meets its fate, so that the identity is a check and no definition.
 */
#ifndef EC_SOURCE_H
#define EC_SOURCE_H

#include "../base/ec_counter.h"

typedef struct ec_source_counters {
    ec_counter edges;
    ec_counter delivered;
    ec_counter missed;                    /* happened, never read */
    ec_counter bad_status;                /* read, status word not 1100 */
    ec_counter late;                      /* read across the next edge: torn */
    ec_counter settling;
    ec_counter paused;                    /* read and thrown away while the run is paused */
    ec_counter pool_empty;                /* no slot for them */
    ec_counter pending;                   /* happened, not yet in a packet that was handed on */
    ec_counter gaps;                      /* stretches of missing frames, however long */
    ec_counter first_edge_ns;
    ec_counter last_edge_ns;
    /* Below: not frames, and no part of the identity. */
    ec_counter spurious;                  /* events that were no conversion */
    ec_counter vanished;                  /* of `missed`: edges the kernel never reported */
    ec_counter restarts;                  /* times the chips were brought up again */
    ec_counter checks;                    /* register checks that held */
    ec_counter rate_uhz;                  /* true rate, 1e-6 frames per second; 0: not known yet */
    ec_counter residual_ns;               /* deviation of edge stamps from the fit */
    ec_histogram wake_ns;                 /* edge -> loop awake */
    ec_histogram read_ns;                 /* edge -> the frame of all chips is in memory */
} ec_source_counters;

/* A recording in memory, frame-major, and where its own recorder lost frames. */
typedef struct ec_recording {
    const void     *values;               /* [n_frames][n_channels] float32 uV or int32 counts */
    uint64_t        n_frames;
    const uint64_t *gap_at;               /* [n_gaps] number of the frame behind the gap, rising */
    const uint64_t *gap_frames;           /* [n_gaps] how many are missing */
    uint64_t        n_gaps;
} ec_recording;

#endif

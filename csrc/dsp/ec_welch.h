/* ec_welch.h - frames in, averaged spectra out: the stage `fft`.
 *
 * A ring holds the last n frames. Every `hop` frames, once it is full, its
 * spectrum is added to an average of the newest spectra, and once that is full
 * too, every window gives a column: what scipy.signal.welch makes of the last
 * n + (average - 1) hop frames. A column is the frame of the last of them, has
 * its time, and the flags and masks any of them had.
 *
 * Invariants (tests/signal/test_spectral_stage.py)
 *   H1  columns and their flags do not depend on how the frames were packed
 *   H2  a gap empties ring and average: no column spans missing frames, and the
 *       first one behind them says GAP
 *   H3  a packet of columns never spans a change of flags, masks or config_rev
 *   H4  device frames given to columns are those of the blocks that were taken,
 *       but for what a column to come still holds
 */
#ifndef EC_WELCH_H
#define EC_WELCH_H

#include "ec_average.h"
#include "ec_psd.h"
#include "ec_recent.h"

typedef struct ec_welch_config {
    ec_psd_config psd;
    uint32_t hop;                         /* frames from window to window */
    uint32_t average;                     /* windows of a column */
    bool     is_median;
    bool     is_db;
    uint32_t max_frames;                  /* of a block that comes in */
    uint32_t step_num, step_den;          /* device frames between two frames that come in */
} ec_welch_config;

typedef struct ec_welch {
    ec_welch_config config;
    ec_psd     psd;
    ec_average average;
    ec_recent  recent;
    float     *ring;                      /* [n][n_channels] */
    uint32_t   at;                        /* where the next frame goes */
    uint32_t   n_filled;                  /* frames in the ring */
    uint32_t   until;                     /* frames until the next window is whole */
    bool       gap_before;                /* no column has said so yet */
    bool       is_early;                  /* columns are given, SETTLING, before the average is full */
    bool       has_given;                 /* a column since the last gap */
    uint32_t   pending_device_frames;     /* taken, and not in a column yet */
    eegcore_block block;                  /* the one being worked on */
    uint32_t   done;                      /* frames of it that were taken */
    uint32_t   accounted;                 /* device frames of it that are pending or given */
    float     *rest;                      /* [max_frames][n_channels]: what a full packet left of it */
} ec_welch;

/* BAD_ARGUMENT as ec_psd_init and ec_average_init, and for a hop, step or
 * max_frames of 0; NO_MEMORY. After an error *w owns nothing. [control-thread] */
int32_t ec_welch_init(ec_welch *w, const ec_welch_config *config);
void ec_welch_destroy(ec_welch *w);       /* may be called twice. [control-thread] */

/* Take a block (n_frames 0: go on with the rest of the last one) and fill `out`,
 * whose values may be NULL: nobody reads, nothing is computed, and an average
 * begins afresh for whoever comes. True: call again with nothing, there is more.
 * [worker-thread, realtime] */
bool ec_welch_run(ec_welch *w, const eegcore_block *in, eegcore_block *out);

/* Go on where `old` stopped, with other settings, on the same stream: the newest
 * frames are kept, the spectra too if they are the same kind of spectra. Until the
 * average is full, columns come early and are SETTLING. [worker-thread, realtime] */
void ec_welch_take_over(ec_welch *w, ec_welch *old);

#endif

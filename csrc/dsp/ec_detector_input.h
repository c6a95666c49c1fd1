/* ec_detector_input.h - the filter in front of a detector: some channels of a packet as filtered work rows.
 *
 * Every channel is taken from its first sample on as if that had been there for ever: electrodes rest at hundreds of
 * millivolts, and a filter that began at zero would ring with them for seconds. A sample that is not finite is taken
 * as the last finite one of its channel, so it says nothing new and stays in no filter. Behind a gap all begins anew.
 */
#ifndef EC_DETECTOR_INPUT_H
#define EC_DETECTOR_INPUT_H

#include "ec_detector.h"
#include "ec_sos.h"

#define EC_DETECTOR_FRAMES 32                 /* frames of a round: their work rows stay in the first cache */

typedef struct ec_detector_input {
    uint32_t  n_stream;                   /* channels of the packets */
    uint32_t  n_picks;
    uint32_t  n_padded;
    uint32_t  n_blind;                    /* frames until the filter has settled */
    uint32_t  blind;                      /* frames left of them */
    uint32_t *picks;                      /* [n_picks] channel numbers */
    ec_sos    sos;
    bool     *begun;                      /* [n_picks] a finite sample was there */
    double   *first, *last;               /* [n_picks] the first finite sample, the newest one */
    double   *work;                       /* [EC_DETECTOR_FRAMES][n_padded] */
} ec_detector_input;

/* Copies picks and sections sos[n_sections][6]. BAD_ARGUMENT or NO_MEMORY; after an error *in owns nothing.
 * [control-thread] */
int32_t ec_detector_input_init(ec_detector_input *in, const double *sos, uint32_t n_sections, const uint32_t *picks,
                           uint32_t n_picks, uint32_t n_stream, uint32_t n_blind);
void ec_detector_input_destroy(ec_detector_input *in);               /* may be called twice. [control-thread] */
void ec_detector_input_gap(ec_detector_input *in);                   /* [worker-thread, realtime] */

/* Filter values[n_frames][n_stream], n_frames <= EC_DETECTOR_FRAMES, into `work` and return how many of its first rows
 * are to be looked away from. [worker-thread, realtime] */
uint32_t ec_detector_input_run(ec_detector_input *in, const float *values, uint32_t n_frames);

/* Go on where `old` is. True if filter and channels are the same; else the filter begins anew, as behind a gap.
 * [worker-thread, realtime] */
bool ec_detector_input_take_over(ec_detector_input *in, const ec_detector_input *old);

#endif

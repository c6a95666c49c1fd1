/* ec_blink.h - marks deflections of the size and length of an eye blink.
 *
 * y is a channel behind a band-pass, m the running median of |y|. A deflection begins where |y| reaches
 *     T = max(threshold, factor * m)
 * and goes on while |y| is at least T / 2 and y keeps its sign. From its n_min-th frame on it is a blink: shorter ones
 * are spikes. The blink ends when |y| has been below T / 2 for n_min frames in succession, so it holds the swing back
 * that the band-pass makes of its second half; or when a deflection has lasted more than n_max frames: that is drift.
 *
 * Nothing is marked until the filter has settled and the median has been learnt for n_learn frames. A gap begins the
 * filter and the deflections anew; the median stays. See ec_detector.h.
 */
#ifndef EC_BLINK_H
#define EC_BLINK_H

#include "ec_detector_input.h"

typedef struct ec_blink_rule {
    double   threshold;                   /* uV */
    double   factor;                      /* of the median */
    double   slow, least;                 /* of the median: see ec_detector.h */
    uint32_t n_min, n_max;                /* frames, 1 <= n_min <= n_max */
    uint32_t n_learn;
} ec_blink_rule;

typedef struct ec_blink_channel {
    double   median;
    uint32_t length;                      /* frames of the deflection so far, 0 for none; stops at n_max + 1 */
    uint32_t quiet;                       /* frames in succession below T / 2 */
    bool     negative;                    /* the deflection */
    bool     active;                      /* in a blink */
} ec_blink_channel;

typedef struct ec_blink {
    ec_detector_input input;
    ec_blink_rule rule;
    uint64_t n_learnt;                    /* frames the medians have seen */
    ec_blink_channel *channels;           /* [n_picks] */
} ec_blink;

/* BAD_ARGUMENT or NO_MEMORY; after an error *b owns nothing. The filter and its channels are those of
 * ec_detector_input_init. [control-thread] */
int32_t ec_blink_init(ec_blink *b, const ec_blink_rule *rule, const double *sos, uint32_t n_sections,
                      const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind);
void ec_blink_destroy(ec_blink *b);       /* may be called twice. [control-thread] */
void ec_blink_gap(ec_blink *b);           /* [worker-thread, realtime] */

/* Add the marks of values[n_frames][n_stream] to masks[n_frames]. [worker-thread, realtime] */
void ec_blink_run(ec_blink *b, const float *values, uint32_t n_frames, ec_mask *masks);

/* Go on where `old` is. Channels that both look at keep their medians. [worker-thread, realtime] */
void ec_blink_take_over(ec_blink *b, const ec_blink *old);

#endif

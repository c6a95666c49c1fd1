/* ec_muscle.h - marks channels with much more power at high frequencies than they use to have.
 *
 * y is a channel behind a band-pass, r the root of its power, smoothed twice: q += smooth * (y^2 - q),
 * p += smooth * (q - p), r = sqrt(p); m is the running median of r, d that of |r - m|. A channel begins to be marked
 * where r reaches
 *     T = max(threshold, m + factor * d)
 * and ends n_hold frames behind the last one with r of at least (m + T) / 2.
 *
 * Nothing is marked until the filter has settled and the medians have been learnt for n_learn frames. A gap begins
 * filter, power and marks anew; the medians stay. See ec_detector.h.
 */
#ifndef EC_MUSCLE_H
#define EC_MUSCLE_H

#include "ec_detector_input.h"

typedef struct ec_muscle_rule {
    double   threshold;                   /* uV rms */
    double   factor;                      /* of the median deviation */
    double   slow, least;                 /* of the medians: see ec_detector.h */
    double   smooth;                      /* 0 < smooth <= 1 */
    uint32_t n_hold;
    uint32_t n_learn;
} ec_muscle_rule;

typedef struct ec_muscle_channel {
    double   quick, power;                /* y^2 smoothed once, twice */
    double   median, deviation;
    uint32_t left;                        /* frames for which the mark stays, n_hold + 1 while it is active */
    bool     active;
} ec_muscle_channel;

typedef struct ec_muscle {
    ec_detector_input input;
    ec_muscle_rule rule;
    uint64_t n_learnt;                    /* frames the medians have seen */
    ec_muscle_channel *channels;          /* [n_picks] */
} ec_muscle;

/* BAD_ARGUMENT or NO_MEMORY; after an error *m owns nothing. The filter and its channels are those of
 * ec_detector_input_init. [control-thread] */
int32_t ec_muscle_init(ec_muscle *m, const ec_muscle_rule *rule, const double *sos, uint32_t n_sections,
                       const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind);
void ec_muscle_destroy(ec_muscle *m);     /* may be called twice. [control-thread] */
void ec_muscle_gap(ec_muscle *m);         /* [worker-thread, realtime] */

/* Add the marks of values[n_frames][n_stream] to masks[n_frames]. [worker-thread, realtime] */
void ec_muscle_run(ec_muscle *m, const float *values, uint32_t n_frames, ec_mask *masks);

/* Go on where `old` is. Channels that both look at keep their medians. [worker-thread, realtime] */
void ec_muscle_take_over(ec_muscle *m, const ec_muscle *old);

#endif

/* ec_flatline.h - marks channels that stand still.
 *
 * A channel is marked in a frame if the last n_window samples of it, that one included, lie less than `below` apart.
 * A sample that is not finite is not still: the window of its channel begins behind it. See ec_detector.h.
 *
 * Largest and smallest sample of a window are the fronts of two queues in which every sample waits only until one
 * that is larger (smaller) comes: each sample enters and leaves once, O(1) a sample on average (Lemire 2006,
 * Streaming maximum-minimum filter, Nordic Journal of Computing 13).
 */
#ifndef EC_FLATLINE_H
#define EC_FLATLINE_H

#include "ec_detector.h"

#define EC_FLATLINE_MAX_SAMPLES (1u << 22)                   /* of all windows together: 128 MiB at most */

typedef struct ec_flatline_entry {
    float    value;
    uint32_t at;                          /* number of its frame, modulo 2^32 */
} ec_flatline_entry;

typedef struct ec_flatline_queue {
    uint32_t head, tail;                  /* next one in, oldest one kept; modulo 2^32 */
} ec_flatline_queue;

typedef struct ec_flatline {
    uint32_t n_channels;
    uint32_t n_window;                    /* frames */
    uint32_t mask;                        /* room of a queue - 1, a power of two - 1 */
    uint32_t now;                         /* number of the next frame */
    double   below;
    uint32_t *seen;                       /* [n_channels] frames of the window so far, at most n_window */
    ec_flatline_queue *queues;            /* [n_channels][2]: of the largest, of the smallest */
    ec_flatline_entry *entries;           /* [n_channels][2][mask + 1] */
} ec_flatline;

/* BAD_ARGUMENT unless there is a channel, a frame, and n_window * n_channels is at most EC_FLATLINE_MAX_SAMPLES;
 * NO_MEMORY. After an error *s owns nothing. [control-thread] */
int32_t ec_flatline_init(ec_flatline *s, uint32_t n_window, double below, uint32_t n_channels);
void ec_flatline_destroy(ec_flatline *s);                    /* may be called twice. [control-thread] */
void ec_flatline_gap(ec_flatline *s);                        /* [worker-thread, realtime] */

/* Add the marks of values[n_frames][n_channels] to masks[n_frames]. [worker-thread, realtime] */
void ec_flatline_run(ec_flatline *s, const float *values, uint32_t n_frames, ec_mask *masks);

/* Go on where `old` is: of a window that is now longer there is only what the old one held. [worker-thread, realtime] */
void ec_flatline_take_over(ec_flatline *s, const ec_flatline *old);

#endif

#include "ec_muscle.h"

#include <math.h>

#include "../base/ec_simd.h"

int32_t ec_muscle_init(ec_muscle *m, const ec_muscle_rule *rule, const double *sos, uint32_t n_sections,
                       const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind)
{
    int32_t status;

    memset(m, 0, sizeof *m);
    if (!(rule->smooth > 0.0) || rule->smooth > 1.0 || rule->n_hold == UINT32_MAX) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    status = ec_detector_input_init(&m->input, sos, n_sections, picks, n_picks, n_stream, n_blind);
    if (status != EC_STATUS_OK) {
        return status;
    }
    m->rule = *rule;
    m->channels = calloc(n_picks, sizeof *m->channels);
    if (m->channels == NULL) {
        ec_muscle_destroy(m);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_muscle_destroy(ec_muscle *m)
{
    ec_detector_input_destroy(&m->input);
    free(m->channels);
    memset(m, 0, sizeof *m);
}

static void rest(ec_muscle_channel *channel)
{
    channel->quick = 0.0;
    channel->power = 0.0;
    channel->left = 0;
    channel->active = false;
}

void ec_muscle_gap(ec_muscle *m)
{
    ec_detector_input_gap(&m->input);
    for (uint32_t i = 0; i < m->input.n_picks; i++) {
        rest(&m->channels[i]);
    }
}

/* One frame of one channel whose power is up to date; true if it is marked. */
static inline bool judge(ec_muscle_channel *channel, const ec_muscle_rule *rule, double rate, double steady)
{
    const double r = sqrt(channel->power);
    const double off = r > channel->median ? r - channel->median : channel->median - r;
    double limit;

    channel->deviation = ec_median_step(channel->deviation, off, steady, rule->least);
    channel->median = ec_median_step(channel->median, r, rate, rule->least);
    limit = channel->median + rule->factor * channel->deviation;
    limit = limit > rule->threshold ? limit : rule->threshold;
    channel->active = r >= (channel->active ? 0.5 * (channel->median + limit) : limit);
    if (channel->active) {
        channel->left = rule->n_hold + 1;
    } else {
        channel->left -= channel->left > 0;
    }
    return channel->left > 0;
}

void ec_muscle_run(ec_muscle *m, const float *values, uint32_t n_frames, ec_mask *masks)
{
    const ec_muscle_rule *const rule = &m->rule;
    const uint32_t n_picks = m->input.n_picks;

    while (n_frames > 0) {
        const uint32_t n = n_frames < EC_DETECTOR_FRAMES ? n_frames : EC_DETECTOR_FRAMES;
        const uint32_t blind = ec_detector_input_run(&m->input, values, n);

        for (uint32_t f = 0; f < n; f++) {
            const double *const row = m->input.work + (size_t)f * m->input.n_padded;
            double rate, steady;
            bool learnt;

            for (uint32_t i = 0; i < n_picks; i++) {
                ec_muscle_channel *const channel = &m->channels[i];

                channel->quick += rule->smooth * (row[i] * row[i] - channel->quick);
                channel->power += rule->smooth * (channel->quick - channel->power);
            }
            if (f < blind) {
                continue;
            }
            rate = ec_median_rate(++m->n_learnt, 1.0, rule->slow);
            steady = ec_median_rate(m->n_learnt, 0.5, rule->slow);
            learnt = m->n_learnt > rule->n_learn;
            for (uint32_t i = 0; i < n_picks; i++) {
                bool marked;

                if (m->n_learnt == 1) {
                    m->channels[i].median = m->channels[i].deviation = sqrt(m->channels[i].power);
                }
                marked = judge(&m->channels[i], rule, rate, steady);
                ec_mask_add(&masks[f], m->input.picks[i], marked && learnt);
            }
        }
        values += (size_t)n * m->input.n_stream;
        masks += n;
        n_frames -= n;
    }
}

void ec_muscle_take_over(ec_muscle *m, const ec_muscle *old)
{
    const bool same = ec_detector_input_take_over(&m->input, &old->input);

    m->n_learnt = old->n_learnt;
    for (uint32_t i = 0; i < m->input.n_picks; i++) {
        for (uint32_t k = 0; k < old->input.n_picks; k++) {
            if (m->input.picks[i] == old->input.picks[k]) {
                m->channels[i] = old->channels[k];
            }
        }
        if (!same) {
            rest(&m->channels[i]);
        }
    }
}

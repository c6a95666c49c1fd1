#include "ec_blink.h"

#include "../base/ec_simd.h"

int32_t ec_blink_init(ec_blink *b, const ec_blink_rule *rule, const double *sos, uint32_t n_sections,
                      const uint32_t *picks, uint32_t n_picks, uint32_t n_stream, uint32_t n_blind)
{
    int32_t status;

    memset(b, 0, sizeof *b);
    if (rule->n_min == 0 || rule->n_max < rule->n_min || rule->n_max == UINT32_MAX) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    status = ec_detector_input_init(&b->input, sos, n_sections, picks, n_picks, n_stream, n_blind);
    if (status != EC_STATUS_OK) {
        return status;
    }
    b->rule = *rule;
    b->channels = calloc(n_picks, sizeof *b->channels);
    if (b->channels == NULL) {
        ec_blink_destroy(b);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_blink_destroy(ec_blink *b)
{
    ec_detector_input_destroy(&b->input);
    free(b->channels);
    memset(b, 0, sizeof *b);
}

void ec_blink_gap(ec_blink *b)
{
    ec_detector_input_gap(&b->input);
    for (uint32_t i = 0; i < b->input.n_picks; i++) {
        b->channels[i].length = 0;
        b->channels[i].active = false;
    }
}

/* One frame of one channel; true if it belongs to a blink. */
static inline bool judge(ec_blink_channel *channel, const ec_blink_rule *rule, double y, double rate)
{
    const double size = y < 0.0 ? -y : y;
    const bool negative = y < 0.0;
    double limit;

    channel->median = ec_median_step(channel->median, size, rate, rule->least);
    limit = rule->factor * channel->median;
    limit = limit > rule->threshold ? limit : rule->threshold;

    if (channel->length > 0 && size >= 0.5 * limit && negative == channel->negative) {
        channel->length += channel->length <= rule->n_max;
    } else {
        channel->length = size >= limit;
        channel->negative = negative;
    }
    channel->quiet = size >= 0.5 * limit ? 0 : channel->quiet + (channel->quiet < rule->n_min);
    channel->active = channel->length <= rule->n_max && channel->quiet < rule->n_min
                      && (channel->active || channel->length >= rule->n_min);
    return channel->active;
}

void ec_blink_run(ec_blink *b, const float *values, uint32_t n_frames, ec_mask *masks)
{
    const ec_blink_rule *const rule = &b->rule;
    const uint32_t n_picks = b->input.n_picks;

    while (n_frames > 0) {
        const uint32_t n = n_frames < EC_DETECTOR_FRAMES ? n_frames : EC_DETECTOR_FRAMES;

        for (uint32_t f = ec_detector_input_run(&b->input, values, n); f < n; f++) {
            const double *const row = b->input.work + (size_t)f * b->input.n_padded;
            const double rate = ec_median_rate(++b->n_learnt, 1.0, rule->slow);
            const bool learnt = b->n_learnt > rule->n_learn;

            for (uint32_t i = 0; i < n_picks; i++) {
                bool marked;

                if (b->n_learnt == 1) {
                    b->channels[i].median = row[i] < 0.0 ? -row[i] : row[i];
                }
                marked = judge(&b->channels[i], rule, row[i], rate);
                ec_mask_add(&masks[f], b->input.picks[i], marked && learnt);
            }
        }
        values += (size_t)n * b->input.n_stream;
        masks += n;
        n_frames -= n;
    }
}

void ec_blink_take_over(ec_blink *b, const ec_blink *old)
{
    const bool same = ec_detector_input_take_over(&b->input, &old->input);

    b->n_learnt = old->n_learnt;
    for (uint32_t i = 0; i < b->input.n_picks; i++) {
        for (uint32_t k = 0; k < old->input.n_picks; k++) {
            if (b->input.picks[i] == old->input.picks[k]) {
                b->channels[i] = old->channels[k];
            }
        }
        if (!same) {
            b->channels[i].length = 0;
            b->channels[i].active = false;
        } else if (b->channels[i].length > b->rule.n_max) {
            b->channels[i].length = b->rule.n_max + 1;
        }
    }
}

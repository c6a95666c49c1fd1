#include "ec_detector_input.h"

#include "../base/ec_simd.h"

int32_t ec_detector_input_init(ec_detector_input *in, const double *sos, uint32_t n_sections, const uint32_t *picks,
                           uint32_t n_picks, uint32_t n_stream, uint32_t n_blind)
{
    int32_t status;

    memset(in, 0, sizeof *in);
    if (n_picks == 0 || n_picks > n_stream || n_stream > EEGCORE_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < n_picks; i++) {
        if (picks[i] >= n_stream) {
            return EC_STATUS_BAD_ARGUMENT;
        }
    }
    status = ec_sos_init(&in->sos, sos, n_sections, n_picks);
    if (status != EC_STATUS_OK) {
        return status;
    }
    in->n_stream = n_stream;
    in->n_picks = n_picks;
    in->n_padded = ec_padded(n_picks);
    in->n_blind = in->blind = n_blind;
    in->picks = (uint32_t *)ec_new_doubles(n_picks);         /* half of it would do */
    in->begun = (bool *)ec_new_doubles(n_picks);
    in->first = ec_new_doubles(n_picks);
    in->last = ec_new_doubles(n_picks);
    in->work = ec_new_doubles((size_t)EC_DETECTOR_FRAMES * in->n_padded);
    if (in->picks == NULL || in->begun == NULL || in->first == NULL || in->last == NULL || in->work == NULL) {
        ec_detector_input_destroy(in);
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(in->picks, picks, n_picks * sizeof *picks);
    return EC_STATUS_OK;
}

void ec_detector_input_destroy(ec_detector_input *in)
{
    ec_sos_destroy(&in->sos);
    free(in->picks);
    free(in->begun);
    free(in->first);
    free(in->last);
    free(in->work);
    memset(in, 0, sizeof *in);
}

void ec_detector_input_gap(ec_detector_input *in)
{
    ec_sos_reset(&in->sos);
    memset(in->begun, 0, in->n_picks * sizeof *in->begun);
    in->blind = in->n_blind;
}

uint32_t ec_detector_input_run(ec_detector_input *in, const float *values, uint32_t n_frames)
{
    const uint32_t blind = in->blind < n_frames ? in->blind : n_frames;

    for (uint32_t f = 0; f < n_frames; f++, values += in->n_stream) {
        double *const row = in->work + (size_t)f * in->n_padded;

        for (uint32_t i = 0; i < in->n_picks; i++) {
            const double v = (double)values[in->picks[i]];

            if (v - v == 0.0) {
                in->first[i] = in->begun[i] ? in->first[i] : v;
                in->begun[i] = true;
                in->last[i] = v;
            }
            row[i] = in->begun[i] ? in->last[i] - in->first[i] : 0.0;
        }
        for (uint32_t i = in->n_picks; i < in->n_padded; i++) {
            row[i] = 0.0;
        }
    }
    ec_sos_run(&in->sos, in->work, n_frames);
    in->blind -= blind;
    return blind;
}

bool ec_detector_input_take_over(ec_detector_input *in, const ec_detector_input *old)
{
    const ec_sos *from = &old->sos;
    ec_sos *to = &in->sos;

    if (in->n_picks != old->n_picks || memcmp(in->picks, old->picks, in->n_picks * sizeof *in->picks) != 0
        || to->n_sections != from->n_sections
        || memcmp(to->coefs, from->coefs, (size_t)to->n_sections * 5 * sizeof(double)) != 0) {
        return false;
    }
    memcpy(to->state, from->state, (size_t)to->n_sections * 2 * to->n_padded * sizeof(double));
    memcpy(in->begun, old->begun, in->n_picks * sizeof *in->begun);
    memcpy(in->first, old->first, in->n_picks * sizeof *in->first);
    memcpy(in->last, old->last, in->n_picks * sizeof *in->last);
    in->blind = old->blind;
    return true;
}

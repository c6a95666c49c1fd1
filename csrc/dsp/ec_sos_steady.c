#include "ec_sos_steady.h"

#include "../base/ec_simd.h"

int32_t ec_sos_steady_init(ec_sos_steady *s, const ec_sos *f, const double *unit)
{
    memset(s, 0, sizeof *s);
    s->unit = ec_new_doubles((size_t)f->n_sections * 2);
    if (s->unit == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    memcpy(s->unit, unit, (size_t)f->n_sections * 2 * sizeof(double));
    for (uint32_t c = 0; c < f->n_channels; c++) {
        s->waiting[c / 64] |= (uint64_t)1 << (c % 64);
    }
    return EC_STATUS_OK;
}

void ec_sos_steady_destroy(ec_sos_steady *s)
{
    free(s->unit);
    memset(s, 0, sizeof *s);
}

void ec_sos_steady_gap(ec_sos_steady *s, ec_sos *f)
{
    for (uint32_t c = 0; c < f->n_channels; c++) {
        for (size_t row = 0; row < 2 * (size_t)f->n_sections; row++) {
            const double v = f->state[row * f->n_padded + c];

            if (v - v != 0.0) {
                s->waiting[c / 64] |= (uint64_t)1 << (c % 64);
            }
        }
    }
    ec_sos_revive(f);
}

/* Start the waiting channels whose sample in this frame is finite. */
static void begin(ec_sos_steady *s, ec_sos *f, const double *frame)
{
    for (uint32_t c = 0; c < f->n_channels; c++) {
        const double x = frame[c];

        if ((s->waiting[c / 64] >> (c % 64) & 1) == 0 || x - x != 0.0) {
            continue;
        }
        s->waiting[c / 64] &= ~((uint64_t)1 << (c % 64));
        for (size_t row = 0; row < 2 * (size_t)f->n_sections; row++) {
            f->state[row * f->n_padded + c] = s->unit[row] * x;
        }
    }
}

/* Frames before the first one that is finite in a channel that waits. */
static uint32_t frames_before(const ec_sos_steady *s, const ec_sos *f, const double *work, uint32_t n_frames)
{
    uint32_t first = n_frames;

    for (uint32_t c = 0; c < f->n_channels; c++) {
        if (s->waiting[c / 64] >> (c % 64) & 1) {
            for (uint32_t i = 0; i < first; i++) {
                const double x = work[(size_t)i * f->n_padded + c];

                if (x - x == 0.0) {
                    first = i;
                }
            }
        }
    }
    return first;
}

void ec_sos_steady_run(ec_sos_steady *s, ec_sos *f, double *work, uint32_t n_frames)
{
    while (n_frames > 0) {
        uint32_t n = n_frames;

        if (s->waiting[0] | s->waiting[1] | s->waiting[2] | s->waiting[3]) {
            begin(s, f, work);
            n = frames_before(s, f, work, n_frames);
        }
        ec_sos_run(f, work, n);
        work += (size_t)n * f->n_padded;
        n_frames -= n;
    }
}

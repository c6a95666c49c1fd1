#include "ec_flatline.h"

#include "../base/ec_simd.h"
#include "../base/ec_status.h"

enum { LARGEST = 0, SMALLEST = 1 };

static ec_flatline_entry *room_of(const ec_flatline *s, uint32_t channel, uint32_t which)
{
    return s->entries + ((size_t)channel * 2 + which) * ((size_t)s->mask + 1);
}

int32_t ec_flatline_init(ec_flatline *s, uint32_t n_window, double below, uint32_t n_channels)
{
    uint32_t room = 1;

    memset(s, 0, sizeof *s);
    if (n_channels == 0 || n_channels > EEGCORE_MAX_CHANNELS || n_window == 0
        || (uint64_t)n_window * n_channels > EC_FLATLINE_MAX_SAMPLES) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    while (room < n_window) {
        room *= 2;
    }
    s->n_channels = n_channels;
    s->n_window = n_window;
    s->mask = room - 1;
    s->below = below;
    s->seen = (uint32_t *)ec_new_doubles(n_channels);        /* half of it would do */
    s->queues = (ec_flatline_queue *)ec_new_doubles((size_t)n_channels * 2);
    s->entries = (ec_flatline_entry *)ec_new_doubles((size_t)n_channels * 2 * room);
    if (s->seen == NULL || s->queues == NULL || s->entries == NULL) {
        ec_flatline_destroy(s);
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}
_Static_assert(sizeof(ec_flatline_queue) == sizeof(double), "allocated as doubles");
_Static_assert(sizeof(ec_flatline_entry) == sizeof(double), "allocated as doubles");

void ec_flatline_destroy(ec_flatline *s)
{
    free(s->seen);
    free(s->queues);
    free(s->entries);
    memset(s, 0, sizeof *s);
}

static void begin(ec_flatline *s, uint32_t channel)
{
    s->seen[channel] = 0;
    s->queues[2 * channel + LARGEST] = (ec_flatline_queue){0, 0};
    s->queues[2 * channel + SMALLEST] = (ec_flatline_queue){0, 0};
}

void ec_flatline_gap(ec_flatline *s)
{
    for (uint32_t c = 0; c < s->n_channels; c++) {
        begin(s, c);
    }
}

/* Add a sample and return the front: the largest of the window, or with `sign` -1 the smallest. */
static inline double add(ec_flatline_queue *q, ec_flatline_entry *entries, uint32_t mask, uint32_t n_window,
                         float value, uint32_t now, float sign)
{
    uint32_t head = q->head, tail = q->tail;

    if (head != tail && now - entries[tail & mask].at >= n_window) {
        tail++;
    }
    while (head != tail && sign * entries[(head - 1) & mask].value <= sign * value) {
        head--;
    }
    entries[head & mask] = (ec_flatline_entry){value, now};
    q->head = head + 1;
    q->tail = tail;
    return (double)entries[tail & mask].value;
}

void ec_flatline_run(ec_flatline *s, const float *values, uint32_t n_frames, ec_mask *masks)
{
    for (uint32_t c = 0; c < s->n_channels; c++) {
        ec_flatline_queue *const queues = s->queues + 2 * c;
        ec_flatline_entry *const largest = room_of(s, c, LARGEST), *const smallest = room_of(s, c, SMALLEST);

        for (uint32_t f = 0; f < n_frames; f++) {
            const float v = values[(size_t)f * s->n_channels + c];
            double high, low;

            if (v - v != 0.0f) {
                begin(s, c);
                continue;
            }
            high = add(&queues[LARGEST], largest, s->mask, s->n_window, v, s->now + f, 1.0f);
            low = add(&queues[SMALLEST], smallest, s->mask, s->n_window, v, s->now + f, -1.0f);
            s->seen[c] += s->seen[c] < s->n_window;
            ec_mask_add(&masks[f], c, s->seen[c] == s->n_window && high - low < s->below);
        }
    }
    s->now += n_frames;
}

void ec_flatline_take_over(ec_flatline *s, const ec_flatline *old)
{
    s->now = old->now;
    for (uint32_t c = 0; c < s->n_channels; c++) {
        for (uint32_t which = LARGEST; which <= SMALLEST; which++) {
            const ec_flatline_queue *from = &old->queues[2 * c + which];
            const ec_flatline_entry *entries = room_of(old, c, which);
            ec_flatline_queue *to = &s->queues[2 * c + which];

            *to = (ec_flatline_queue){0, 0};
            for (uint32_t i = from->tail; i != from->head; i++) {
                if (s->now - entries[i & old->mask].at <= s->n_window) {
                    room_of(s, c, which)[to->head++ & s->mask] = entries[i & old->mask];
                }
            }
        }
        s->seen[c] = old->seen[c] < s->n_window ? old->seen[c] : s->n_window;
    }
}

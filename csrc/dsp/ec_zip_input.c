#define _POSIX_C_SOURCE 200809L
#include "ec_zip_input.h"

#include <stdlib.h>
#include <string.h>

#include "../base/ec_grid.h"
#include "../base/ec_status.h"

#define PACE_NS     1000000000            /* the older point of the pace is at least so long ago, once there is one */
#define PACE_SPREAD 0.06                  /* a slope further from the nominal period is no clock error but a jump */

void *ec_zip_memory(size_t bytes)
{
    void *p = NULL;

    if (posix_memalign(&p, 64, bytes) != 0) {
        return NULL;
    }
    memset(p, 0, bytes);                  /* of calloc a compiler would leave it out */
    return p;
}

int32_t ec_zip_input_init(ec_zip_input *in, const ec_zip_input_config *config, bool by_time)
{
    const uint64_t wanted = (uint64_t)config->wait_frames + config->burst_frames;
    uint64_t capacity = 1;

    memset(in, 0, sizeof *in);
    if (config->n_channels == 0 || config->n_channels > EEGCORE_MAX_CHANNELS || config->burst_frames == 0
        || config->wait_frames == 0 || config->step_num == 0 || config->step_den == 0 || !(config->sps > 0)
        || wanted > UINT64_C(1) << 30) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    while (capacity < wanted) {
        capacity *= 2;
    }
    in->config = *config;
    in->by_time = by_time;
    in->mask = capacity - 1;
    in->last_key = INT64_MIN;
    in->frames = ec_zip_memory(capacity * sizeof *in->frames);
    in->notes = ec_zip_memory(capacity * sizeof *in->notes);
    in->samples = ec_zip_memory(capacity * config->n_channels * sizeof *in->samples);
    in->last_row = ec_zip_memory(config->n_channels * sizeof *in->last_row);
    if (in->frames == NULL || in->notes == NULL || in->samples == NULL || in->last_row == NULL) {
        return EC_STATUS_NO_MEMORY;
    }
    return EC_STATUS_OK;
}

void ec_zip_input_destroy(ec_zip_input *in)
{
    free(in->frames);
    free(in->notes);
    free(in->samples);
    free(in->last_row);
    in->frames = NULL;
    in->notes = NULL;
    in->samples = NULL;
    in->last_row = NULL;
}

/* The period of this source in ns, judged by the time of the block that comes now. */
static double pace(ec_zip_input *in, int64_t t_ns, uint64_t index)
{
    const double nominal = 1e9 / in->config.sps;
    ec_zip_pace *p = &in->pace;
    double period;

    if (!p->known || index <= p->old_index) {
        *p = (ec_zip_pace){true, t_ns, t_ns, index, index};
        return nominal;
    }
    period = (double)(t_ns - p->old_ns) * in->config.step_num
             / ((double)(index - p->old_index) * in->config.step_den);
    if (period - nominal > PACE_SPREAD * nominal || nominal - period > PACE_SPREAD * nominal) {
        *p = (ec_zip_pace){true, t_ns, t_ns, index, index};
        return nominal;
    }
    if (t_ns - p->young_ns >= PACE_NS) {
        p->old_ns = p->young_ns;
        p->old_index = p->young_index;
        p->young_ns = t_ns;
        p->young_index = index;
    }
    return period;
}

static uint64_t note_of(ec_zip_input *in, const eegcore_block *block)
{
    const ec_zip_note *last = &in->notes[(in->note_head - 1) & in->mask];
    ec_zip_note now = {.flags = block->flags & ~(uint32_t)EEGCORE_FLAG_GAP, .config_rev = block->config_rev};

    memcpy(now.masks[0], block->saturated, sizeof now.masks[0]);
    memcpy(now.masks[1], block->lead_off, sizeof now.masks[1]);
    if (now.flags & EEGCORE_FLAG_FLATLINE) {
        memcpy(now.masks[2], block->flatline, sizeof now.masks[2]);
    }
    if (now.flags & EEGCORE_FLAG_BLINK) {
        memcpy(now.masks[3], block->blink, sizeof now.masks[3]);
    }
    if (now.flags & EEGCORE_FLAG_MUSCLE) {
        memcpy(now.masks[4], block->muscle, sizeof now.masks[4]);
    }
    if (in->note_head == 0 || last->flags != now.flags || last->config_rev != now.config_rev
        || memcmp(last->masks, now.masks, sizeof now.masks) != 0) {
        in->notes[in->note_head++ & in->mask] = now;                            /* Z4: a frame follows */
    }
    return in->note_head - 1;
}

/* Frames are missing before this block: its source says so, or an edge on the way has dropped some. */
static bool follows_gap(const ec_zip_input *in, const eegcore_block *block)
{
    /* fractions of a device frame from frame to frame: the next index is only known to one */
    const bool exact = in->index_known && in->config.step_den == 1;

    return (block->flags & EEGCORE_FLAG_GAP) != 0 || (exact && block->frame_index != in->next_index);
}

void ec_zip_input_take(ec_zip_input *in, const eegcore_block *block)
{
    const uint64_t n = block->n_frames, room = in->mask + 1 - ec_zip_input_count(in);
    const uint64_t fits = n < room ? n : room;
    const uint32_t num = in->config.step_num, den = in->config.step_den;
    const size_t row_bytes = in->config.n_channels * sizeof *in->samples;
    const char *from = block->counts != NULL ? (const char *)block->counts : (const char *)block->values;
    const bool gap = follows_gap(in, block);
    const double nominal = 1e9 / in->config.sps;
    double period;
    uint64_t note;

    if (n == 0) {
        return;
    }
    ec_counter_add(&in->in, n);
    period = in->by_time ? pace(in, block->t_ns, block->frame_index) : nominal;
    note = fits > 0 ? note_of(in, block) : 0;
    for (uint64_t i = 0; i < fits; i++) {
        ec_zip_frame *frame = &in->frames[in->head & in->mask];

        frame->frame_index = ec_grid_frame(block->frame_index, i, num, den);
        frame->t_ns = block->t_ns + (int64_t)((double)i * nominal + 0.5);
        frame->key = in->by_time ? block->t_ns + (int64_t)((double)i * period + 0.5) : (int64_t)frame->frame_index;
        if (frame->key < in->last_key) {
            frame->key = in->last_key;                                          /* Z2 */
        }
        in->last_key = frame->key;
        frame->note = note;
        frame->gap = gap && i == 0;
        frame->last = i + 1 == n;
        frame->device_frames = (uint32_t)((i + 1) * block->device_frames / n - i * block->device_frames / n);
        memcpy(in->samples + (in->head & in->mask) * in->config.n_channels, from + i * row_bytes, row_bytes);
        in->head++;
    }
    if (fits < n) {
        ec_counter_add(&in->skipped, n - fits);
        in->gap_due = true;
    }
    in->index_known = true;
    in->next_index = ec_grid_frame(block->frame_index, n, num, den);
}

void ec_zip_input_drop(ec_zip_input *in)
{
    if (!in->front_used) {
        ec_counter_add(&in->skipped, 1);
        in->gap_due = in->gap_due || ec_zip_input_at(in, 0)->gap;
    }
    in->front_used = false;
    in->tail++;
}

void ec_zip_input_publish(ec_zip_input *in, uint64_t in_open_block)
{
    ec_counter_set(&in->held, ec_zip_input_count(in) - (in->front_used ? 1 : 0) + in_open_block);
}

#include "ec_zip.h"

#include <stdlib.h>
#include <string.h>

#include "../base/ec_status.h"

#define NOTHING   UINT64_MAX              /* instead of a note: the frame is missing */
#define NAN_BITS  0x7FC00000u             /* a quiet NaN, the same on every machine */

typedef enum verdict {
    WAIT,                                 /* not known yet */
    MISSING,
    FOUND
} verdict;

/* What the inputs have for one frame of the master. */
typedef struct choice {
    bool     missing[EC_ZIP_MAX_INPUTS];
    uint32_t ahead[EC_ZIP_MAX_INPUTS];    /* places behind the oldest frame */
} choice;

int32_t ec_zip_init(ec_zip *z, const ec_zip_config *config)
{
    int32_t status;

    memset(z, 0, sizeof *z);
    if (config->n_inputs < 2 || config->n_inputs > EC_ZIP_MAX_INPUTS || config->tolerance < 0
        || config->max_frames == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    z->config = *config;
    for (uint32_t k = 0; k < config->n_inputs; k++) {
        status = ec_zip_input_init(&z->input[k], &config->input[k], config->by_time);
        if (status != EC_STATUS_OK) {
            return status;
        }
        z->n_channels += config->input[k].n_channels;
    }
    if (z->n_channels > EEGCORE_MAX_CHANNELS) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    z->open.samples = ec_zip_memory((size_t)config->max_frames * z->n_channels * sizeof *z->open.samples);
    return z->open.samples != NULL ? EC_STATUS_OK : EC_STATUS_NO_MEMORY;
}

void ec_zip_destroy(ec_zip *z)
{
    for (uint32_t k = 0; k < EC_ZIP_MAX_INPUTS; k++) {
        ec_zip_input_destroy(&z->input[k]);
    }
    free(z->open.samples);
    z->open.samples = NULL;
}

static bool is_over(const ec_zip *z)
{
    return z->input[0].ended && ec_zip_input_count(&z->input[0]) == 0;
}

bool ec_zip_has_room(ec_zip *z, uint32_t input)
{
    return !z->config.waits || is_over(z)
           || ec_zip_input_count(&z->input[input]) <= z->config.input[input].wait_frames;
}

void ec_zip_take(ec_zip *z, uint32_t input, const eegcore_block *block)
{
    ec_zip_input_take(&z->input[input], block);
}

void ec_zip_end_input(ec_zip *z, uint32_t input)
{
    z->input[input].ended = true;
}

/* An input has more than it can keep for the sake of another one that is silent. */
static bool patience_is_over(const ec_zip *z)
{
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        if (!z->config.waits && ec_zip_input_count(&z->input[k]) > z->config.input[k].wait_frames) {
            return true;
        }
    }
    return false;
}

/* Find the frame nearest to the key: the oldest one kept or the one behind it, the earlier one if both are as near.
 * Older ones are discarded, for keys of the master only grow: an input that is waited for keeps one frame at most.
 * `forced`: answer with what there is. */
static verdict nearest(ec_zip_input *in, int64_t key, int64_t tolerance, bool forced, uint32_t *ahead)
{
    int64_t distance;

    while (ec_zip_input_count(in) >= 2 && ec_zip_input_at(in, 1)->key < key) {
        ec_zip_input_drop(in);
    }
    *ahead = 0;
    if (ec_zip_input_count(in) == 0) {
        return in->ended || forced ? MISSING : WAIT;
    }
    distance = ec_zip_input_at(in, 0)->key - key;
    if (distance < 0) {
        distance = -distance;
        if (ec_zip_input_count(in) >= 2) {
            const int64_t next = ec_zip_input_at(in, 1)->key - key;

            if (next < distance) {
                distance = next;
                *ahead = 1;
            }
        } else if (!(in->ended || forced)) {
            return WAIT;
        }
    }
    return distance <= tolerance ? FOUND : MISSING;
}

/* Everything before the first frame of an input is before the beginning of the joined stream, unless it was waited
 * for in vain. */
static bool is_early(ec_zip_input *in, int64_t key)
{
    if (!in->begun && ec_zip_input_count(in) > 0 && ec_zip_input_at(in, 0)->key > key) {
        return true;
    }
    in->begun = true;
    return false;
}

/* WAIT, MISSING (leave the frame of the master out), or FOUND with the choice. */
static verdict decide(ec_zip *z, int64_t key, choice *found)
{
    const bool forced = patience_is_over(z);
    verdict result = FOUND;

    for (uint32_t k = 1; k < z->config.n_inputs; k++) {
        const verdict one = nearest(&z->input[k], key, z->config.tolerance, forced, &found->ahead[k]);

        found->missing[k] = one == MISSING;
        if (one == WAIT) {
            result = WAIT;
        }
    }
    for (uint32_t k = 1; k < z->config.n_inputs && result != WAIT; k++) {
        if (found->missing[k] && (is_early(&z->input[k], key) || z->config.on_missing == EC_ZIP_SKIP)) {
            result = MISSING;
        }
    }
    return result;
}

/* Set bits `at`..`at + n` of a mask to those of `given`. */
static void join_mask(uint64_t *mask, const uint64_t *given, uint32_t n, uint32_t at)
{
    for (uint32_t c = 0; c < n; c++) {
        mask[(at + c) / 64] |= (given[c / 64] >> (c % 64) & 1) << ((at + c) % 64);
    }
}

static bool breaks_block(const ec_zip *z, const choice *found)
{
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        const ec_zip_input *in = &z->input[k];
        const ec_zip_frame *frame;

        if (found->missing[k]) {
            if (z->open.note[k] != NOTHING) {
                return true;
            }
            continue;
        }
        frame = ec_zip_input_at(in, found->ahead[k]);
        if (frame->note != z->open.note[k] || in->gap_due
            || (frame->gap && (found->ahead[k] > 0 || !in->front_used))
            || (found->ahead[k] > 0 && ec_zip_input_at(in, 0)->gap && !in->front_used)) {
            return true;
        }
    }
    return z->gap_due;
}

static void begin_block(ec_zip *z, const choice *found)
{
    const ec_zip_frame *frame = ec_zip_input_at(&z->input[0], 0);
    ec_zip_open *open = &z->open;
    uint32_t at = 0;

    open->flags = z->gap_due ? EEGCORE_FLAG_GAP : 0;
    open->config_rev = ec_zip_input_note(&z->input[0], frame->note)->config_rev;
    open->device_frames = 0;
    open->frame_index = frame->frame_index;
    open->t_ns = frame->t_ns;
    memset(open->masks, 0, sizeof open->masks);
    z->gap_due = false;
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        const uint32_t n = z->config.input[k].n_channels;

        if (found->missing[k]) {
            open->note[k] = NOTHING;
            open->flags |= EEGCORE_FLAG_GAP;
        } else {
            const ec_zip_note *note;

            open->note[k] = ec_zip_input_at(&z->input[k], found->ahead[k])->note;
            note = ec_zip_input_note(&z->input[k], open->note[k]);
            open->flags |= note->flags;
            for (uint32_t which = 0; which < EC_ZIP_MASKS; which++) {
                join_mask(open->masks[which], note->masks[which], n, at);
            }
        }
        at += n;
    }
}

/* Write one input's share of the frame being added, and account for it. */
static void add_share(ec_zip *z, uint32_t k, const choice *found, uint32_t *to)
{
    ec_zip_input *in = &z->input[k];
    const uint32_t n = in->config.n_channels;

    if (found->missing[k]) {
        for (uint32_t c = 0; c < n; c++) {
            to[c] = z->config.is_float ? NAN_BITS : in->last_row[c];
        }
        z->open.filled[k]++;
        in->gap_due = true;
        return;
    }
    if (found->ahead[k] > 0) {
        ec_zip_input_drop(in);
    }
    if (in->gap_due || (ec_zip_input_at(in, 0)->gap && !in->front_used)) {
        z->open.flags |= EEGCORE_FLAG_GAP;                /* the first frame of its block: see breaks_block */
        in->gap_due = false;
    }
    memcpy(to, ec_zip_input_row(in), n * sizeof *to);
    memcpy(in->last_row, to, n * sizeof *to);
    if (in->front_used) {
        z->open.repeated[k]++;
    } else {
        z->open.used[k]++;
    }
    in->front_used = true;
    in->begun = true;
}

/* Take the oldest frame of the master, and what was chosen for it, into the open block. */
static void add_frame(ec_zip *z, const choice *found)
{
    ec_zip_open *open = &z->open;
    uint32_t *to = open->samples + (size_t)open->n * z->n_channels;
    const ec_zip_frame *frame = ec_zip_input_at(&z->input[0], 0);

    open->device_frames += frame->device_frames;
    open->closed = frame->last || open->n + 1 == z->config.max_frames;
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        add_share(z, k, found, to);
        to += z->config.input[k].n_channels;
    }
    ec_zip_input_drop(&z->input[0]);
    open->n++;
}

static void skip_frame(ec_zip *z)
{
    const bool seen = z->open.n > 0 || ec_counter_get(&z->out) > 0;

    z->open.closed = z->open.n > 0;
    z->left_out += ec_zip_input_at(&z->input[0], 0)->device_frames;
    ec_zip_input_drop(&z->input[0]);
    /* before the beginning of the stream nothing is missing */
    z->gap_due = z->gap_due || seen;
    z->input[0].gap_due = z->input[0].gap_due && seen;
}

/* Without the master nobody is waited for. */
static void master_is_empty(ec_zip *z)
{
    for (uint32_t k = 1; k < z->config.n_inputs; k++) {
        ec_zip_input *in = &z->input[k];
        const uint64_t keep = is_over(z) ? 0 : z->config.waits ? UINT64_MAX : z->config.input[k].wait_frames;

        while (ec_zip_input_count(in) > keep) {
            ec_zip_input_drop(in);
        }
    }
}

static void hand_out(ec_zip *z, eegcore_block *out)
{
    ec_zip_open *open = &z->open;
    const size_t bytes = (size_t)open->n * z->n_channels * sizeof *open->samples;

    out->n_frames = open->n;
    out->flags = open->flags;
    out->config_rev = open->config_rev;
    out->device_frames = open->device_frames;
    out->frame_index = open->frame_index;
    out->t_ns = open->t_ns;
    memcpy(out->saturated, open->masks[0], sizeof out->saturated);
    memcpy(out->lead_off, open->masks[1], sizeof out->lead_off);
    memcpy(out->flatline, open->masks[2], sizeof out->flatline);
    memcpy(out->blink, open->masks[3], sizeof out->blink);
    memcpy(out->muscle, open->masks[4], sizeof out->muscle);
    if (out->values != NULL) {
        memcpy(out->values, open->samples, bytes);
    }
    if (out->counts != NULL) {
        memcpy(out->counts, open->samples, bytes);
    }
    ec_counter_add(&z->out, open->n);
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        ec_counter_add(&z->input[k].used, open->used[k]);
        ec_counter_add(&z->input[k].repeated, open->repeated[k]);
        ec_counter_add(&z->input[k].filled, open->filled[k]);
        open->used[k] = open->repeated[k] = open->filled[k] = 0;
    }
    open->n = 0;
    open->closed = false;
}

bool ec_zip_next(ec_zip *z, eegcore_block *out)
{
    bool waiting = false;

    out->n_frames = 0;
    while (!z->open.closed && !waiting) {
        choice found = {{false}, {0}};

        if (ec_zip_input_count(&z->input[0]) == 0) {
            master_is_empty(z);
            waiting = true;
            continue;
        }
        switch (decide(z, ec_zip_input_at(&z->input[0], 0)->key, &found)) {
        case WAIT:
            waiting = true;
            break;
        case MISSING:
            skip_frame(z);
            break;
        case FOUND:
            if (z->open.n > 0 && breaks_block(z, &found)) {
                z->open.closed = true;                    /* the frame is decided again, for the next block */
                break;
            }
            if (z->open.n == 0) {
                begin_block(z, &found);
            }
            add_frame(z, &found);
            break;
        }
    }
    if (z->open.closed) {
        hand_out(z, out);
    }
    out->skipped_frames = z->left_out;
    z->left_out = 0;
    for (uint32_t k = 0; k < z->config.n_inputs; k++) {
        ec_zip_input_publish(&z->input[k], z->open.used[k]);
    }
    return out->n_frames > 0;
}

#include "ec_welch.h"

#include "../base/ec_grid.h"
#include "../base/ec_simd.h"
#include "../base/ec_status.h"

/* Written to, so that no page of it is met for the first time on the data path. */
static float *new_frames(size_t n_frames, size_t n_channels)
{
    return (float *)ec_new_doubles((n_frames * n_channels + 1) / 2);
}

static void begin(ec_welch *w)
{
    const ec_welch_config *const c = &w->config;

    w->at = 0;
    w->n_filled = 0;
    w->until = c->psd.n;
    w->is_early = false;
    w->has_given = false;
    ec_average_clear(&w->average);
    ec_recent_begin(&w->recent, c->psd.n + (uint64_t)(c->average - 1) * c->hop);
}

int32_t ec_welch_init(ec_welch *w, const ec_welch_config *config)
{
    const ec_psd_config *const psd = &config->psd;
    int32_t status;

    memset(w, 0, sizeof *w);
    if (config->hop == 0 || config->max_frames == 0 || config->step_num == 0 || config->step_den == 0) {
        return EC_STATUS_BAD_ARGUMENT;
    }
    w->config = *config;
    status = ec_psd_init(&w->psd, psd);
    if (status == EC_STATUS_OK) {
        status = ec_average_init(&w->average, config->average, config->is_median, config->is_db,
                                 (size_t)psd->n_bins * psd->n_channels);
    }
    if (status == EC_STATUS_OK) {
        w->ring = new_frames(psd->n, psd->n_channels);
        w->rest = new_frames(config->max_frames, psd->n_channels);
        status = w->ring != NULL && w->rest != NULL ? EC_STATUS_OK : EC_STATUS_NO_MEMORY;
    }
    if (status != EC_STATUS_OK) {
        ec_welch_destroy(w);
        return status;
    }
    begin(w);
    return EC_STATUS_OK;
}

void ec_welch_destroy(ec_welch *w)
{
    ec_psd_destroy(&w->psd);
    ec_average_destroy(&w->average);
    free(w->ring);
    free(w->rest);
    memset(w, 0, sizeof *w);
}

/* The window is whole: add its spectrum to the average. */
static void add_window(ec_welch *w)
{
    const size_t stride = w->config.psd.n_channels;

    ec_psd_run(&w->psd, w->ring + w->at * stride, w->config.psd.n - w->at, w->ring, w->at,
               ec_average_place(&w->average));
    ec_average_add(&w->average);
    w->until = w->config.hop;
}

/* Flags, masks and place of the column that is due, into the head of a block. */
static void head_of_column(const ec_welch *w, eegcore_block *head)
{
    const uint64_t last = w->done - 1;

    ec_recent_read(&w->recent, head);
    if (w->gap_before) {
        head->flags |= EEGCORE_FLAG_GAP;
    }
    if (w->average.n + 1 < w->average.most) {
        head->flags |= EEGCORE_FLAG_SETTLING;
    }
    head->config_rev = w->block.config_rev;
    head->frame_index = ec_grid_frame(w->block.frame_index, last, w->config.step_num, w->config.step_den);
    head->t_ns = w->block.t_ns + (int64_t)((double)last * 1e9 / w->block.sps + 0.5);
}

static void begin_packet(eegcore_block *out, const eegcore_block *head)
{
    out->flags = head->flags;
    out->config_rev = head->config_rev;
    out->frame_index = head->frame_index;
    out->t_ns = head->t_ns;
    memcpy(out->saturated, head->saturated, sizeof out->saturated);
    memcpy(out->lead_off, head->lead_off, sizeof out->lead_off);
    memcpy(out->flatline, head->flatline, sizeof out->flatline);
    memcpy(out->blink, head->blink, sizeof out->blink);
    memcpy(out->muscle, head->muscle, sizeof out->muscle);
}

/* Deal with the window that is whole. False: its column needs a packet of its own, nothing has changed. */
static bool give_column(ec_welch *w, eegcore_block *out)
{
    const size_t size = w->average.size;
    eegcore_block head;

    if (out->values == NULL) {
        ec_average_clear(&w->average);
        w->until = w->config.hop;
        return true;
    }
    if (!w->is_early && w->average.n + 1 < w->average.most) {
        add_window(w);
        return true;
    }
    head_of_column(w, &head);
    if (out->n_frames > 0 && (out->n_frames >= out->max_frames || !ec_recent_same(out, &head))) {
        return false;
    }
    if (out->n_frames == 0) {
        begin_packet(out, &head);
    }
    add_window(w);
    ec_average_read(&w->average, out->values + out->n_frames * size);
    out->n_frames++;
    w->gap_before = false;
    w->has_given = true;
    w->is_early = w->is_early && w->average.n < w->average.most;
    return true;
}

/* Take frames of the block until it ends or a window is whole. */
static void take_frames(ec_welch *w)
{
    const uint32_t n = w->config.psd.n;
    const size_t stride = w->config.psd.n_channels;
    uint32_t most = w->block.n_frames - w->done;

    most = most < w->until ? most : w->until;
    most = most < n - w->at ? most : n - w->at;
    memcpy(w->ring + w->at * stride, w->block.values + w->done * stride, most * stride * sizeof *w->ring);
    ec_recent_add(&w->recent, &w->block, most);
    w->done += most;
    w->at = (w->at + most) % n;
    w->until -= most;
    w->n_filled = n - w->n_filled > most ? w->n_filled + most : n;
}

/* Device frames of the block as far as it has been taken become those of the packet, or wait for the next one. */
static void account(ec_welch *w, eegcore_block *out)
{
    const eegcore_block *const b = &w->block;
    const uint32_t taken =
        w->done == b->n_frames ? b->device_frames : (uint32_t)((uint64_t)b->device_frames * w->done / b->n_frames);

    w->pending_device_frames += taken - w->accounted;
    w->accounted = taken;
    if (out->values == NULL) {
        w->pending_device_frames = 0;     /* nobody reads: whoever comes later begins afresh */
    } else if (out->n_frames > 0) {
        out->device_frames = w->pending_device_frames;
        w->pending_device_frames = 0;
    }
}

/* The memory of a block is the host's; what is left of it is needed once more. */
static void keep_rest(ec_welch *w)
{
    const size_t stride = w->config.psd.n_channels;

    if (w->block.values != w->rest) {
        memcpy(w->rest, w->block.values, w->block.n_frames * stride * sizeof *w->rest);
        w->block.values = w->rest;
    }
}

bool ec_welch_run(ec_welch *w, const eegcore_block *in, eegcore_block *out)
{
    out->n_frames = 0;
    if (in->n_frames > 0) {
        w->block = *in;
        w->done = 0;
        w->accounted = 0;
        if (in->flags & EEGCORE_FLAG_GAP) {
            begin(w);
            w->gap_before = true;
        }
    }
    for (;;) {
        if (w->until == 0 && !give_column(w, out)) {
            keep_rest(w);
            account(w, out);
            return true;
        }
        if (w->done == w->block.n_frames) {
            account(w, out);
            return false;
        }
        take_frames(w);
    }
}

static bool is_same_spectrum(const ec_welch_config *a, const ec_welch_config *b)
{
    return a->psd.n == b->psd.n && a->hop == b->hop && a->psd.window == b->psd.window && a->psd.beta == b->psd.beta &&
           a->psd.detrend == b->psd.detrend && a->psd.is_spectrum == b->psd.is_spectrum &&
           a->psd.bin_from == b->psd.bin_from && a->psd.n_bins == b->psd.n_bins;
}

/* The newest frames of one ring into the beginning of another. */
static void take_ring(ec_welch *w, const ec_welch *old)
{
    const uint32_t n = w->config.psd.n, n_old = old->config.psd.n;
    const size_t stride = w->config.psd.n_channels;
    const uint32_t kept = old->n_filled < n ? old->n_filled : n;
    const uint32_t from = (old->at + n_old - kept) % n_old;
    const uint32_t n1 = kept < n_old - from ? kept : n_old - from;

    memcpy(w->ring, old->ring + from * stride, n1 * stride * sizeof *w->ring);
    memcpy(w->ring + n1 * stride, old->ring, (kept - n1) * stride * sizeof *w->ring);
    w->n_filled = kept;
    w->at = kept % n;
}

void ec_welch_take_over(ec_welch *w, ec_welch *old)
{
    const ec_welch_config *const c = &w->config;
    const uint64_t span = w->recent.span;
    const uint32_t wait = old->until < c->hop ? old->until : c->hop;

    take_ring(w, old);
    w->until = c->psd.n - w->n_filled > wait ? c->psd.n - w->n_filled : wait;
    w->recent = old->recent;
    w->recent.span = span;
    w->gap_before = old->gap_before;
    w->is_early = old->has_given || old->is_early;
    w->has_given = old->has_given;
    w->pending_device_frames = old->pending_device_frames;
    if (is_same_spectrum(c, &old->config)) {
        ec_average_take(&w->average, &old->average);
    }
}

/* ec_sliding_trend_kernel.h - some frames of all channels, in vectors of EC_WIDTH channels.
 *
 * Included by ec_sliding_trend.c once per vector width, with EC_WIDTH (doubles per vector) and EC_TARGET
 * (instruction set) defined; everything defined here carries the width in its name. The sums of a vector of
 * channels live in registers while the frames go by.
 */
#define EC_JOIN2(a, b) a##b
#define EC_JOIN(a, b) EC_JOIN2(a, b)
#define EC_SIZED(name) EC_JOIN(name, EC_WIDTH)

typedef double EC_SIZED(vector) __attribute__((vector_size(EC_WIDTH * 8), may_alias));
typedef int64_t EC_SIZED(bits) __attribute__((vector_size(EC_WIDTH * 8), may_alias));

#define EC_AT(row) (*(vector *)(row))
#define EC_CHOOSE(which, yes, no) ((vector)(((which) & (bits)(yes)) | (~(which) & (bits)(no))))

/* Every sample of the window grows one frame older with each new one, which adds S to K. */
EC_TARGET static inline __attribute__((always_inline))
void EC_SIZED(slide)(ec_sliding_trend *d, double *restrict x, double *restrict window, uint32_t c, uint32_t n_frames,
                     const double *of_sum, const double *of_moment, const bool linear, const bool full)
{
    typedef EC_SIZED(vector) vector;
    typedef EC_SIZED(bits) bits;
    const size_t stride = d->n_padded;
    const double n_window = (double)d->n_window;
    vector anchor = EC_AT(d->anchor + c), newest = EC_AT(d->newest + c);
    vector sum = EC_AT(d->sum + c), moment = EC_AT(d->moment + c);
    vector own_sum = EC_AT(d->own_sum + c), own_moment = EC_AT(d->own_moment + c);

    for (uint32_t f = 0; f < n_frames; f++, x += stride, window += stride) {
        const vector now = EC_AT(x), zero = {0};
        const bits good = (bits)(now - now == zero);
        vector trend;

        anchor = EC_CHOOSE(good & (bits)(anchor != anchor), now, anchor);
        newest = EC_CHOOSE(good, now - anchor, newest);
        if (linear) {
            moment += sum;
            own_moment += own_sum;
        }
        if (full) {
            const vector oldest = EC_AT(window);

            if (linear) {
                moment -= n_window * oldest;
            }
            sum -= oldest;
        }
        sum += newest;
        own_sum += newest;
        trend = of_sum[f] * sum;
        if (linear) {
            trend -= of_moment[f] * moment;
        }
        EC_AT(window) = newest;
        EC_AT(x) = now - anchor - trend;
    }
    EC_AT(d->anchor + c) = anchor;
    EC_AT(d->newest + c) = newest;
    EC_AT(d->sum + c) = sum;
    EC_AT(d->moment + c) = moment;
    EC_AT(d->own_sum + c) = own_sum;
    EC_AT(d->own_moment + c) = own_moment;
}

EC_TARGET static void EC_SIZED(slide_all)(ec_sliding_trend *d, double *work, uint32_t n_frames, const double *of_sum,
                                          const double *of_moment)
{
    double *const window = d->window + (size_t)d->at * d->n_padded;
    const bool full = d->n_held == d->n_window;

    for (uint32_t c = 0; c < d->n_padded; c += EC_WIDTH) {
        if (d->linear && full) {
            EC_SIZED(slide)(d, work + c, window + c, c, n_frames, of_sum, of_moment, true, true);
        } else if (d->linear) {
            EC_SIZED(slide)(d, work + c, window + c, c, n_frames, of_sum, of_moment, true, false);
        } else if (full) {
            EC_SIZED(slide)(d, work + c, window + c, c, n_frames, of_sum, of_moment, false, true);
        } else {
            EC_SIZED(slide)(d, work + c, window + c, c, n_frames, of_sum, of_moment, false, false);
        }
    }
}

#undef EC_CHOOSE
#undef EC_AT
#undef EC_SIZED
#undef EC_JOIN
#undef EC_JOIN2

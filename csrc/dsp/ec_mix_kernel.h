/* ec_mix_kernel.h - ec_mix_run in vectors of EC_WIDTH channels.
 *
 * Included by ec_mix.c once per vector width, with EC_WIDTH (doubles per vector) and EC_TARGET
 * (instruction set) defined; everything defined here carries the width in its name. Sums are taken in EC_LANES
 * lanes whatever the width, and then across: X1.
 */
#define EC_JOIN2(a, b) a##b
#define EC_JOIN(a, b) EC_JOIN2(a, b)
#define EC_SIZED(name) EC_JOIN(name, EC_WIDTH)
#define EC_PARTS (EC_LANES / EC_WIDTH)
#define EC_INLINE EC_TARGET static inline __attribute__((always_inline))

typedef double EC_SIZED(vector) __attribute__((vector_size(EC_WIDTH * 8), may_alias));
typedef int64_t EC_SIZED(bits) __attribute__((vector_size(EC_WIDTH * 8), may_alias));

EC_INLINE double EC_SIZED(across)(const EC_SIZED(vector) *parts)
{
    const double *const s = (const double *)parts;

    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Keep the newest good sample of every channel, and count the bad ones of the
 * frame; padding never is. */
EC_INLINE double EC_SIZED(keep)(ec_mix *m, const double *in)
{
    typedef EC_SIZED(vector) vector;
    typedef EC_SIZED(bits) bits;
    const vector zero = {0}, one = zero + 1.0;
    vector n_bad[EC_PARTS] = {{0}};

    for (uint32_t c = 0; c < m->in_padded; c += EC_LANES) {
        _Pragma("GCC unroll 4")
        for (uint32_t p = 0; p < EC_PARTS; p++) {
            const uint32_t at = c + p * EC_WIDTH;
            const vector x = *(const vector *)(in + at);
            const vector trusted = x + *(const vector *)(m->trusted + at);
            const bits good = (bits)(trusted - trusted == zero);
            const bits before = *(const bits *)(m->last + at);

            *(bits *)(m->last + at) = (good & (bits)x) | (~good & before);
            *(bits *)(m->good + at) = good & (bits)one;
            *(bits *)(m->seen + at) |= good & (bits)one;
            n_bad[p] += (vector)(~good & (bits)one);
        }
    }
    return EC_SIZED(across)(n_bad);
}

/* Sum over all channels of a * b. */
EC_INLINE double EC_SIZED(lane_sum)(const double *a, const double *b, uint32_t n_padded)
{
    typedef EC_SIZED(vector) vector;
    vector sum[EC_PARTS] = {{0}};

    for (uint32_t c = 0; c < n_padded; c += EC_LANES) {
        _Pragma("GCC unroll 4")
        for (uint32_t p = 0; p < EC_PARTS; p++) {
            sum[p] += *(const vector *)(a + c + p * EC_WIDTH) * *(const vector *)(b + c + p * EC_WIDTH);
        }
    }
    return EC_SIZED(across)(sum);
}

/* Reference r of a frame without a bad sample. */
EC_INLINE double EC_SIZED(mean_of)(const ec_mix *m, uint32_t r, const double *in)
{
    const uint32_t *const members = m->members + m->first[r];
    const uint32_t n = m->first[r + 1] - m->first[r];

    if (r == 0 && m->wide) {
        return EC_SIZED(lane_sum)(in, m->among, m->in_padded) * (1.0 / n);
    }
    return n == 1 ? in[members[0]] : member_sum(in, members, n) * (1.0 / n);
}

/* The same where some sample of the frame is bad. */
EC_INLINE double EC_SIZED(held_mean)(const ec_mix *m, uint32_t r, const double *in)
{
    const uint32_t *const members = m->members + m->first[r];
    const uint32_t n = m->first[r + 1] - m->first[r];
    const bool wide = r == 0 && m->wide;

    if ((wide ? EC_SIZED(lane_sum)(m->good, m->among, m->in_padded) : member_sum(m->good, members, n)) == 0.0) {
        return member_sum(in, members, n) * (1.0 / n);
    }
    if (wide) {
        return EC_SIZED(lane_sum)(m->last, m->among, m->in_padded) *
               (1.0 / EC_SIZED(lane_sum)(m->seen, m->among, m->in_padded));
    }
    return member_sum(m->last, members, n) * (1.0 / member_sum(m->seen, members, n));
}

EC_TARGET static void EC_SIZED(run)(ec_mix *m, double *out, const double *in, uint32_t n_frames)
{
    typedef EC_SIZED(vector) vector;

    for (uint32_t f = 0; f < n_frames; f++, in += m->in_padded, out += m->out_padded) {
        const double n_bad = EC_SIZED(keep)(m, in);

        for (uint32_t r = 0; r < m->n_references; r++) {
            m->value[r] = n_bad == 0.0 ? EC_SIZED(mean_of)(m, r, in) : EC_SIZED(held_mean)(m, r, in);
        }
        if (m->in_place) {
            const double value = m->value[0];

            for (uint32_t c = 0; c < m->out_padded; c += EC_WIDTH) {
                *(vector *)(out + c) = *(const vector *)(in + c) - value;
            }
        } else {
            for (uint32_t c = 0; c < m->n_out; c++) {
                out[c] = in[m->pick[c]] - m->value[m->use[c]];
            }
        }
        for (uint32_t c = m->n_out; c < m->out_padded; c++) {
            out[c] = 0.0;
        }
    }
}

#undef EC_INLINE
#undef EC_PARTS
#undef EC_SIZED
#undef EC_JOIN
#undef EC_JOIN2

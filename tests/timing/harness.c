/* harness.c - the sample clock as tests drive it: a loop that would be slow through ctypes. */
#include <stddef.h>

#include "device/ec_sample_clock.h"

uint64_t harness_clock_bytes(void) { return sizeof(ec_sample_clock); }
uint64_t harness_results_bytes(void) { return sizeof(ec_sample_clock_results); }

/* For every edge: conversions since the last one, its conversion (of the last edge that had one), the
 * published time of that conversion (asked for unless NULL) and the fitted rate. */
void harness_edges(ec_sample_clock *c, uint64_t n, const uint32_t *seqno, const int64_t *stamp_ns,
                   int64_t *advance, uint64_t *conversion, int64_t *t_ns, double *sps)
{
    uint64_t last = n > 0 ? c->conversion : 0;
    for (uint64_t i = 0; i < n; i++) {
        advance[i] = ec_sample_clock_edge(c, seqno[i], stamp_ns[i], &last);
        conversion[i] = last;
        if (t_ns != NULL) {
            t_ns[i] = ec_sample_clock_time(c, last);
        }
        sps[i] = 1e9 / ec_rate_fit_trend(&c->fit)->period_ns;
    }
}

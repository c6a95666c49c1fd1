/* harness.c - the zip behind plain arguments, for ctypes. */
#include <stdlib.h>
#include <string.h>

#include "dsp/ec_zip.h"

ec_zip *zip_make(uint32_t n_inputs, uint32_t max_frames, bool by_time, bool is_float, bool waits, bool skip,
                 int64_t tolerance, const ec_zip_input_config *inputs)
{
    ec_zip_config config = {.n_inputs = n_inputs, .max_frames = max_frames, .by_time = by_time, .is_float = is_float,
                            .waits = waits, .on_missing = skip ? EC_ZIP_SKIP : EC_ZIP_FILL, .tolerance = tolerance};
    ec_zip *z = malloc(sizeof *z);

    memcpy(config.input, inputs, n_inputs * sizeof *inputs);
    if (ec_zip_init(z, &config) != 0) {
        ec_zip_destroy(z);
        free(z);
        return NULL;
    }
    return z;
}

void zip_close(ec_zip *z)
{
    ec_zip_destroy(z);
    ec_zip_destroy(z);
    free(z);
}

void zip_counts(ec_zip *z, uint32_t k, uint64_t *to)
{
    ec_zip_input *in = &z->input[k];

    to[0] = ec_counter_get(&in->in);
    to[1] = ec_counter_get(&in->used);
    to[2] = ec_counter_get(&in->skipped);
    to[3] = ec_counter_get(&in->held);
    to[4] = ec_counter_get(&z->out);
    to[5] = ec_counter_get(&in->repeated);
    to[6] = ec_counter_get(&in->filled);
}

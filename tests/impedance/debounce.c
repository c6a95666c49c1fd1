/* ec_debounce.h behind plain functions, for ctypes. */
#include "dsp/ec_debounce.h"

static ec_debounce state;

void start(uint32_t n_frames) { ec_debounce_init(&state, n_frames); }
void gap(void) { ec_debounce_gap(&state); }
void run(uint64_t *mask, uint32_t n_frames) { ec_debounce_run(&state, mask, n_frames); }

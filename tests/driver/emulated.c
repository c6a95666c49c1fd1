/* emulated.c - chips of the emulator for the driver's tests, made from the same words as those of the shim. */
#include <stdlib.h>
#include <string.h>

#include "wiring.h"

typedef struct emulated {
    shim_settings settings;
    ec_emulator *emulator;
} emulated;

/* NULL: *why says which word is not understood. Virtual time. */
emulated *emulated_open(const char *text, const char **why)
{
    emulated *e = calloc(1, sizeof *e);

    *why = shim_parse(text, &e->settings);
    e->settings.emulator.time = EC_TIME_VIRTUAL;
    *why = *why != NULL ? *why : ec_emulator_check(&e->settings.emulator);
    e->emulator = *why == NULL ? ec_emulator_create(&e->settings.emulator, NULL) : NULL;
    if (e->emulator == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

void emulated_close(emulated *e)
{
    ec_emulator_destroy(e->emulator);
    free(e);
}

void emulated_bus(emulated *e, ec_bus *bus) { *bus = ec_emulator_bus(e->emulator); }
void emulated_config(emulated *e, ec_ads1299_config *config) { wiring_config(&e->settings, config); }
void emulated_truth(emulated *e, ec_emulator_truth *truth) { ec_emulator_truth_get(e->emulator, truth); }
void emulated_run_begin(emulated *e) { ec_emulator_run_begin(e->emulator); }

/* The loop of a reader with one data-ready line: n rounds, one behind each batch of edges. statuses[n], frames[n][n_chips][27],
 * last[n]: line_seqno of the newest edge before the round, spans[n]: its length in ns. How many rounds, or the
 * errno or status that ended it when there were none. */
int64_t emulated_collect(ec_ads1299 *d, uint32_t n, int32_t *statuses, uint8_t *frames, uint32_t *last, int64_t *spans)
{
    static uint8_t round[EC_BUS_MAX_CHIPS][EC_FRAME_BYTES_MAX];
    const int64_t period = (int64_t)(1e9 / d->sps);
    ec_drdy events[64];
    uint32_t done = 0;

    while (done < n) {
        int64_t begin, end;
        const int64_t now = d->bus.now(d->bus.self);
        const int32_t got = ec_ads1299_wait(d, 1, now + 4 * period + 20000000, events, 64);

        if (got <= 0) {
            return done > 0 ? (int64_t)done : got;
        }
        last[done] = events[got - 1].line_seqno;
        statuses[done] = ec_ads1299_read(d, events[got - 1].t_ns + period - ec_ads1299_wire_ns(&d->config), round, &begin,
                                         &end);
        spans[done] = end - begin;
        memcpy(frames + (size_t)done * d->n_chips * EC_FRAME_BYTES_MAX, round, d->n_chips * EC_FRAME_BYTES_MAX);
        done++;
    }
    return done;
}

/* shim_config.c - the settings of the shim: one table of keys. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shim.h"

enum kind { U8, U8S, U32, U32S, I32, I64, U64, F64, F64S, TEXT, LIST, AT, FAULTS };

typedef struct key {
    const char *name;
    enum kind kind;
    size_t place;
    size_t n;                             /* entries of a list */
} key;

#define OWN(field)  offsetof(shim_settings, field)
#define EMU(field)  (offsetof(shim_settings, emulator) + offsetof(ec_emulator_config, field))

static const key keys[] = {
    { "selects", U8S, EMU(chips_in), EC_BUS_MAX_SELECTS },           /* chips behind each select: 1,1 or 2 */
    { "channels", U8S, EMU(n_channels), EC_BUS_MAX_CHIPS },
    { "id", U8S, EMU(id), EC_BUS_MAX_CHIPS },
    { "masters", U8S, EMU(clock_master), EC_BUS_MAX_CHIPS },
    { "gap_bits", U8, EMU(gap_bits), 1 },
    { "n_drdy", U32, EMU(n_drdy), 1 },
    { "strict", U8, EMU(strict), 1 },
    { "miso_idle", U8, EMU(miso_idle), 1 },
    { "rate_scale", F64, EMU(rate_scale), 1 },
    { "clock_hz", F64, EMU(clock_hz), 1 },
    { "drift_ppm", F64S, EMU(drift_ppm), EC_BUS_MAX_CHIPS },
    { "jitter_us", F64, EMU(jitter_us), 1 },
    { "stamp_jitter_us", F64, EMU(stamp_jitter_us), 1 },
    { "stamp_jitter", I32, EMU(stamp_jitter), 1 },
    { "seed", U64, EMU(seed), 1 },
    { "n_frames_max", U64, EMU(n_frames_max), 1 },
    { "powered_ns", I64, EMU(powered_ns), 1 },
    { "signal", I32, EMU(signal), 1 },
    { "vref_v", F64, EMU(vref_v), 1 },
    { "noise_scale", F64, EMU(noise_scale), 1 },
    { "offset_scale", F64, EMU(offset_scale), 1 },
    { "mains_uv", F64, EMU(mains_uv), 1 },
    { "sine_hz", F64, EMU(sine_hz), 1 },
    { "sine_uv", F64, EMU(sine_uv), 1 },
    { "fault", FAULTS, 0, SHIM_FAULTS },                             /* kind:chip:at:n:value, more after commas */
    { "drdy", U32S, OWN(drdy), EC_BUS_MAX_CHIPS },
    { "start", U32, OWN(line), 1 },
    { "reset", U32, OWN(line) + sizeof(uint32_t), 1 },
    { "pwdn", U32, OWN(line) + 2 * sizeof(uint32_t), 1 },
    { "cs", U32S, OWN(cs), EC_BUS_MAX_SELECTS },
    { "gpiochip", U32, OWN(gpio_number), 1 },
    { "lines", U32, OWN(n_lines), 1 },
    { "label", TEXT, OWN(label), 32 },
    { "name", AT, OWN(names), SHIM_LINES },                          /* 25:ADS1299_DRDY0 */
    { "busy", AT, OWN(busy), SHIM_LINES },                           /* 25:somebody */
    { "deny", LIST, OWN(deny), SHIM_PATHS },
    { "absent", LIST, OWN(absent), SHIM_PATHS },
    { "refuse_no_cs", U32, OWN(refuse_no_cs), 1 },
    { "refuse_mode", U32, OWN(refuse_mode), 1 },
    { "truth", TEXT, OWN(truth), 256 },
    { "dr", U32, OWN(dr), 1 },
    { "spi_hz", U32, OWN(spi_hz), 1 },
    { "trailer", U32, OWN(trailer), 1 },
};

static const char *const kinds[] = {
    "none", "drop_edge", "coalesce", "overflow", "spurious", "eio", "etimedout", "slow", "bit_flip", "bad_status",
    "bit_slip", "miso_stuck", "reset", "drdy", "write_lost", "late_start", "saturate", "electrode_off", "gone" };

_Static_assert(sizeof kinds / sizeof kinds[0] == EC_FAULT_GONE + 1, "a name for every fault");

static int put_number(char *place, enum kind kind, const char *text, size_t i)
{
    char *end;
    const double value = strcasecmp(text, "none") == 0 ? (double)SHIM_NO_LINE : strtod(text, &end);

    switch (kind) {
    case U8: case U8S: ((uint8_t *)place)[i] = (uint8_t)value; break;
    case U32: case U32S: ((uint32_t *)(void *)place)[i] = (uint32_t)value; break;
    case I32: ((int32_t *)(void *)place)[i] = (int32_t)value; break;
    case I64: ((int64_t *)(void *)place)[i] = (int64_t)value; break;
    case U64: ((uint64_t *)(void *)place)[i] = (uint64_t)value; break;
    case F64: case F64S: ((double *)(void *)place)[i] = value; break;
    default: return 0;
    }
    return 1;
}

static int put_fault(shim_settings *s, char *text)
{
    ec_fault *fault = &s->faults[s->emulator.n_faults];
    char *rest = text;
    const char *kind = strsep(&rest, ":");
    uint64_t fields[3] = { 0, 1, 1 };     /* chip, at, n */

    if (s->emulator.n_faults == SHIM_FAULTS) {
        return 0;
    }
    for (int32_t i = 1; i <= EC_FAULT_GONE; i++) {
        fault->kind = strcmp(kinds[i], kind) == 0 ? i : fault->kind;
    }
    for (uint32_t i = 0; i < 3 && rest != NULL; i++) {
        fields[i] = strtoull(strsep(&rest, ":"), NULL, 0);
    }
    fault->chip = (uint32_t)fields[0];
    fault->at = fields[1];
    fault->n = fields[2];
    fault->value = rest != NULL ? strtoll(rest, NULL, 0) : 0;
    s->emulator.n_faults++;
    s->emulator.faults = s->faults;
    return fault->kind != EC_FAULT_NONE;
}

static int put(shim_settings *s, const key *k, char *value)
{
    char *const place = (char *)s + k->place;
    size_t i = 0;

    if (k->kind == TEXT) {
        (void)snprintf(place, k->n, "%s", value);
        return 1;
    }
    for (char *rest = value, *one; rest != NULL; i++) {
        one = strsep(&rest, ",");
        if (i >= k->n) {
            return 0;
        }
        if (k->kind == FAULTS) {
            if (!put_fault(s, one)) {
                return 0;
            }
        } else if (k->kind == LIST) {
            (void)snprintf(place + 64 * i, 64, "%s", one);
        } else if (k->kind == AT) {
            const uint32_t line = (uint32_t)strtoul(strsep(&one, ":"), NULL, 0);
            if (line >= SHIM_LINES || one == NULL) {
                return 0;
            }
            (void)snprintf(place + 32 * line, 32, "%s", one);
        } else if (!put_number(place, k->kind, one, i)) {
            return 0;
        }
    }
    if (k->place == EMU(chips_in)) {
        s->emulator.n_selects = (uint32_t)i;
    } else if (k->place == OWN(deny)) {
        s->n_deny = (uint32_t)i;
    } else if (k->place == OWN(absent)) {
        s->n_absent = (uint32_t)i;
    }
    return 1;
}

static void defaults(shim_settings *s)
{
    memset(s, 0, sizeof *s);
    ec_emulator_config_default(&s->emulator);
    s->emulator.time = EC_TIME_REAL;
    memset(s->emulator.n_channels, 8, sizeof s->emulator.n_channels);
    memset(s->emulator.clock_master, 1, sizeof s->emulator.clock_master);
    memset(s->drdy, 0xFF, sizeof s->drdy);
    memset(s->cs, 0xFF, sizeof s->cs);
    s->drdy[0] = 25;
    s->line[EC_LINE_START] = 22;
    s->line[EC_LINE_RESET] = 23;
    s->line[EC_LINE_PWDN] = SHIM_NO_LINE;
    s->n_lines = 54;
    s->dr = 6;
    s->spi_hz = 4000000;
    (void)snprintf(s->label, sizeof s->label, "pinctrl-rp1");
    for (uint32_t i = 0; i < 28; i++) {
        (void)snprintf(s->names[i], sizeof s->names[i], "GPIO%u", i);
    }
    (void)snprintf(s->names[0], sizeof s->names[0], "ID_SDA");
    (void)snprintf(s->names[1], sizeof s->names[1], "ID_SCL");
}

const char *shim_parse(const char *text, shim_settings *settings)
{
    static char wrong[128];
    char *copy = strdup(text);
    char *rest = copy, *word;
    const char *bad = NULL;

    defaults(settings);
    while (bad == NULL && (word = strsep(&rest, " \t\n")) != NULL) {
        char *value = strchr(word, '=');
        int done = word[0] == '\0' || word[0] == '#';

        (void)snprintf(wrong, sizeof wrong, "%s", word);
        if (value != NULL) {
            *value++ = '\0';
        }
        for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !done && value != NULL; i++) {
            done = strcmp(keys[i].name, word) == 0 && put(settings, &keys[i], value);
        }
        bad = done ? NULL : wrong;
    }
    free(copy);
    settings->emulator.start_wired = settings->line[EC_LINE_START] != SHIM_NO_LINE;
    settings->emulator.reset_wired = settings->line[EC_LINE_RESET] != SHIM_NO_LINE;
    settings->emulator.pwdn_wired = settings->line[EC_LINE_PWDN] != SHIM_NO_LINE;
    settings->emulator.faults = settings->faults;
    return bad;
}

const char *shim_text(void)
{
    static char text[8192];
    const char *const value = getenv("EEGCORE_SHIM");
    FILE *file;
    size_t n;

    if (value == NULL || strchr(value, '=') != NULL || value[0] == '\0') {
        return value;
    }
    file = fopen(value, "re");
    if (file == NULL) {
        return NULL;
    }
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

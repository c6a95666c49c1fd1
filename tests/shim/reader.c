/* reader.c - the driver on the Linux bus, or on the emulator's, with the same settings: what it read goes to files.
 *
 *     EEGCORE_SHIM="..." [LD_PRELOAD=shim.so] reader linux|direct N_READS PREFIX
 *
 * PREFIX.edges: ec_drdy of every edge; PREFIX.reads: t_begin, t_end, status, then n_chips * 27 bytes.
 * One line on stdout: what failed, or the counters. Status 0; 3: open, 4: bring-up, 5: start, 6: during the run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wiring.h"

static shim_settings settings;
static ec_ads1299_config config;
static ec_linux_config nodes;
static ec_linux_bus linux_bus;
static ec_ads1299 driver;

static int failed(const char *what, int32_t status, int code)
{
    const ec_ads1299_report *r = &driver.report;

    printf("%s status=%d step=%d chip=%u address=%u expected=%u seen=%u attempts=%u error=%d\n", what, status, (int)r->step,
           r->chip, r->address, r->expected, r->seen, r->attempts, r->error);
    return code;
}

static int run(uint32_t n_reads, FILE *edges, FILE *reads)
{
    static uint8_t frames[EC_BUS_MAX_CHIPS][EC_FRAME_BYTES_MAX];
    ec_drdy events[64];
    int64_t t_start;
    int32_t status = ec_ads1299_start(&driver, &t_start);
    const int64_t period = (int64_t)(1e9 / driver.sps);
    uint32_t n = 0, silent = 0;

    if (status < 0) {
        return failed("start", status, 5);
    }
    while (n < n_reads) {
        int64_t span[3] = { 0, 0, 0 };
        const int64_t watchdog = driver.bus.now(driver.bus.self) + 4 * period + 20000000;
        const int32_t got = ec_ads1299_wait(&driver, 1, watchdog, events, 64);

        if (got < 0) {
            driver.report.error = -got;
            return failed("wait", got, 6);
        }
        silent = got == 0 ? silent + 1 : 0;
        if (silent == 5) {
            return failed("silent", EC_STATUS_NO_DRDY, 6);
        }
        if (got == 0) {
            continue;
        }
        fwrite(events, sizeof events[0], (size_t)got, edges);
        if (config.n_drdy > 1 && events[got - 1].line != config.n_drdy - 1) {
            continue;                     /* the round begins when the last chip is ready */
        }
        status = ec_ads1299_read(&driver, events[got - 1].t_ns + period - ec_ads1299_wire_ns(&config), frames, &span[0],
                                 &span[1]);
        span[2] = status;
        fwrite(span, sizeof span, 1, reads);
        fwrite(frames, EC_FRAME_BYTES_MAX, driver.n_chips, reads);
        if (status == EC_STATUS_DEVICE_GONE) {
            return failed("read", status, 6);
        }
        n++;
    }
    status = ec_ads1299_check(&driver);
    ec_ads1299_stop(&driver);
    return status < 0 ? failed("check", status, 6) : 0;
}

int main(int argc, char **argv)
{
    const char *text = shim_text();
    const char *wrong = text == NULL ? "EEGCORE_SHIM" : shim_parse(text, &settings);
    const int is_direct = argc == 4 && strcmp(argv[1], "direct") == 0;
    ec_emulator *emulator = NULL;
    ec_linux_error error;
    ec_bus bus;
    char path[512];
    FILE *edges, *reads;
    int32_t status;
    int code;

    if (argc != 4 || wrong != NULL) {
        fprintf(stderr, "reader: %s\n", wrong != NULL ? wrong : "three arguments");
        return 2;
    }
    wiring_config(&settings, &config);
    wiring_nodes(&settings, &nodes);
    if (is_direct) {
        settings.emulator.time = EC_TIME_VIRTUAL;
        emulator = ec_emulator_create(&settings.emulator, &status);
        if (emulator == NULL) {
            fprintf(stderr, "reader: %s\n", ec_emulator_check(&settings.emulator));
            return 2;
        }
        bus = ec_emulator_bus(emulator);
    } else {
        status = ec_linux_bus_open(&linux_bus, &nodes, &error);
        if (status < 0) {
            printf("open status=%d step=%d error=%d seen=%u place=%s holder=%s found=%s\n", status, (int)error.step,
                   error.error, error.seen, error.place, error.holder, error.found);
            return 3;
        }
        bus = ec_linux_bus_bus(&linux_bus);
    }
    (void)snprintf(path, sizeof path, "%s.edges", argv[3]);
    edges = fopen(path, "wb");
    (void)snprintf(path, sizeof path, "%s.reads", argv[3]);
    reads = fopen(path, "wb");
    if (edges == NULL || reads == NULL) {
        return 2;
    }
    ec_ads1299_init(&driver, &bus, &config);
    status = ec_ads1299_bring_up(&driver);
    code = status < 0 ? failed("bring_up", status, 4) : run((uint32_t)atoi(argv[2]), edges, reads);
    if (code == 0) {
        printf("ok retries=%llu io_errors=%llu toggles=%llu seqno_at_start=%u gap_bits=%u own_cs_pulses=%u\n",
               (unsigned long long)ec_counter_get(&driver.retries), (unsigned long long)ec_counter_get(&driver.io_errors),
               (unsigned long long)ec_counter_get(&driver.start_toggles), driver.seqno_at_start[0], driver.gap_bits[0],
               (unsigned)linux_bus.own_cs_pulses);
    }
    fclose(edges);
    fclose(reads);
    if (is_direct) {
        ec_emulator_destroy(emulator);
    } else {
        ec_linux_bus_close(&linux_bus);
    }
    return code;
}

/* wiring.c - what a reader of the emulated chips configures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wiring.h"

static const uint8_t usual[EC_N_REGISTERS] = {
    0x00, 0xD0, 0xC0, 0xEC, 0x00, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0xFF, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x0F, 0x20, 0x00, 0x00 };

void wiring_config(const shim_settings *settings, ec_ads1299_config *config)
{
    const ec_emulator_config *e = &settings->emulator;
    uint32_t n = 0, followers = 0;

    memset(config, 0, sizeof *config);
    config->n_selects = e->n_selects;
    config->spi_hz = settings->spi_hz;
    config->clock_hz = e->clock_hz;
    config->rate_scale = e->rate_scale;
    config->n_drdy = e->n_drdy;
    config->trailer = settings->trailer;
    memcpy(config->chips_in, e->chips_in, sizeof config->chips_in);
    memcpy(config->n_channels, e->n_channels, sizeof config->n_channels);
    memcpy(config->clock_master, e->clock_master, sizeof config->clock_master);
    for (uint32_t select = 0; select < e->n_selects; select++) {
        for (uint32_t i = 0; i < e->chips_in[select]; i++, n++) {
            memcpy(config->registers[n], usual, sizeof usual);
            config->registers[n][EC_REG_CONFIG1] |= (uint8_t)settings->dr;
            if (e->chips_in[select] > 1) {
                config->registers[n][EC_REG_CONFIG1] &= (uint8_t)~EC_CONFIG1_NOT_DAISY;
            }
            followers += e->clock_master[n] == 0;
        }
    }
    for (uint32_t i = 0; i < (followers > 0 ? e->chips_in[0] : 0u); i++) {
        config->registers[i][EC_REG_CONFIG1] |= EC_CONFIG1_CLK_EN;
    }
}

static void name_line(const shim_settings *settings, char *name, uint32_t line)
{
    if (line >= SHIM_LINES) {
        name[0] = '\0';
    } else if (settings->names[line][0] != '\0') {
        memcpy(name, settings->names[line], EC_LINUX_NAME);
    } else {
        (void)snprintf(name, EC_LINUX_NAME, "GPIO%u", line);
    }
}

void wiring_nodes(const shim_settings *settings, ec_linux_config *nodes)
{
    const char *const spi = getenv("READER_SPI"), *const drdy = getenv("READER_DRDY");

    memset(nodes, 0, sizeof *nodes);
    nodes->n_selects = settings->emulator.n_selects;
    nodes->n_drdy = settings->emulator.n_drdy;
    for (uint32_t i = 0; i < nodes->n_selects; i++) {
        (void)snprintf(nodes->spi[i], EC_LINUX_PATH, "/dev/spidev0.%u", settings->cs[i] == SHIM_NO_LINE ? i : 0u);
        name_line(settings, nodes->cs[i], settings->cs[i]);
    }
    for (uint32_t i = 0; i < nodes->n_drdy; i++) {
        name_line(settings, nodes->drdy[i], settings->drdy[i]);
    }
    name_line(settings, nodes->start, settings->line[EC_LINE_START]);
    name_line(settings, nodes->reset, settings->line[EC_LINE_RESET]);
    name_line(settings, nodes->pwdn, settings->line[EC_LINE_PWDN]);
    if (spi != NULL) {
        (void)snprintf(nodes->spi[0], EC_LINUX_PATH, "%s", spi);
    }
    if (drdy != NULL) {
        (void)snprintf(nodes->drdy[0], EC_LINUX_NAME, "%s", drdy);
    }
    nodes->pull_up = getenv("READER_PULL_UP") != NULL;
}

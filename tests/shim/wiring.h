/* wiring.h - the host's side of the shim's settings: what the driver and the Linux bus are to be told. */
#ifndef WIRING_H
#define WIRING_H

#include "device/ec_ads1299.h"
#include "device/ec_linux_bus.h"
#include "shim.h"

/* Chips as the settings wire them, registers of an ordinary recording. The masters of followers drive their clock. */
void wiring_config(const shim_settings *settings, ec_ads1299_config *config);

/* Nodes and names of lines; READER_SPI, READER_DRDY and READER_PULL_UP in the environment change the first. */
void wiring_nodes(const shim_settings *settings, ec_linux_config *nodes);

#endif

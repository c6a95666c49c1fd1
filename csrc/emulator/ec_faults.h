/* ec_faults.h - the schedule of injected faults: which of them touches conversion k of a chip.
 *
 * A fault of n conversions covers k = at .. at + n - 1; n = 0: to the end. Kinds
 * that happen once (spurious edge, coalesced pair, reset) cover one for n = 0; EIO, ETIMEDOUT
 * and lost writes begin at `at` and end when they have happened n times.
 *
 * Invariant
 *   L1  a chip with k < ec_faults_next(chip, k) is untouched until then: the fast paths
 *       of the emulator live on that
 */
#ifndef EC_FAULTS_H
#define EC_FAULTS_H

#include <stdint.h>

#include "ec_emulator.h"

typedef struct ec_faults {
    ec_fault *list;                       /* rising `at`; private to one emulator */
    uint32_t  n;
} ec_faults;

/* Smallest k' >= k at which some fault touches `chip`; UINT64_MAX: none. [realtime] */
uint64_t ec_faults_next(const ec_faults *faults, uint32_t chip, uint64_t k);

/* The first fault of `kind` that covers conversion k of `chip`; NULL: none. [realtime] */
ec_fault *ec_faults_find(const ec_faults *faults, int32_t kind, uint32_t chip, uint64_t k);

/* One of the n of a counted fault (EIO, ETIMEDOUT, WRITE_LOST) has happened. [realtime] */
void ec_faults_spend(ec_fault *fault);

/* The damage to a frame: saturation, electrodes that are off, flipped bits of data and prefix. `status_off`: the
 * bits of the status word that an electrode that is off may set (bit c: channel c). [realtime] */
void ec_faults_spoil_frame(const ec_faults *faults, uint32_t chip, uint64_t k, uint32_t n_channels,
                           uint32_t status_off, uint32_t pulled_off, uint8_t *frame);

#endif

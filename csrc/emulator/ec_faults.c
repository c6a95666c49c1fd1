#include "ec_faults.h"

#include <stddef.h>

#include "ec_spi_frame.h"

static int32_t is_once(int32_t kind)
{
    return kind == EC_FAULT_SPURIOUS || kind == EC_FAULT_COALESCE || kind == EC_FAULT_RESET;
}

/* EIO, ETIMEDOUT and lost writes wait from `at` on until they have happened n times. */
static int32_t is_counted(int32_t kind)
{
    return kind == EC_FAULT_EIO || kind == EC_FAULT_ETIMEDOUT || kind == EC_FAULT_WRITE_LOST;
}

/* The conversion behind the last one covered. */
static uint64_t end_of(const ec_fault *fault)
{
    uint64_t n = fault->n;
    if (is_counted(fault->kind) || fault->kind == EC_FAULT_GONE) {
        n = 0;
    } else if (n == 0 && is_once(fault->kind)) {
        n = 1;
    }
    return n == 0 || fault->at > UINT64_MAX - n ? UINT64_MAX : fault->at + n;
}

static int32_t touches(const ec_fault *fault, uint32_t chip)
{
    return fault->kind != EC_FAULT_NONE && (fault->chip == chip || fault->kind == EC_FAULT_GONE);
}

uint64_t ec_faults_next(const ec_faults *faults, uint32_t chip, uint64_t k)
{
    for (uint32_t i = 0; i < faults->n; i++) {
        const ec_fault *fault = &faults->list[i];
        if (touches(fault, chip) && end_of(fault) > k) {
            return fault->at > k ? fault->at : k;
        }
    }
    return UINT64_MAX;
}

ec_fault *ec_faults_find(const ec_faults *faults, int32_t kind, uint32_t chip, uint64_t k)
{
    for (uint32_t i = 0; i < faults->n && faults->list[i].at <= k; i++) {
        ec_fault *fault = &faults->list[i];
        if (fault->kind == kind && touches(fault, chip) && end_of(fault) > k) {
            return fault;
        }
    }
    return NULL;
}

void ec_faults_spend(ec_fault *fault)
{
    if (fault->n == 1) {
        fault->kind = EC_FAULT_NONE;
    } else if (fault->n > 1) {            /* 0: for ever */
        fault->n -= 1;
    }
}

static void flip(uint8_t *frame, uint64_t bit)
{
    frame[bit / 8] = (uint8_t)(frame[bit / 8] ^ 0x80u >> bit % 8);
}

void ec_faults_spoil_frame(const ec_faults *faults, uint32_t chip, uint64_t k, uint32_t n_channels,
                           uint32_t status_off, uint32_t pulled_off, uint8_t *frame)
{
    for (uint32_t i = 0; i < faults->n && faults->list[i].at <= k; i++) {
        const ec_fault *fault = &faults->list[i];
        if (!touches(fault, chip) || end_of(fault) <= k) {
            continue;
        }
        if (fault->kind == EC_FAULT_SATURATE) {
            for (uint32_t c = 0; c < n_channels; c++) {
                ec_spi_put24(frame + 3 + 3 * c, (uint32_t)(fault->value < 0 ? EC_COUNTS_MIN : EC_COUNTS_MAX));
            }
        } else if (fault->kind == EC_FAULT_ELECTRODE_OFF) {
            /* An open input floats at nothing, or goes where its lead-off source pulls it (B-27). */
            const uint32_t c = (uint32_t)fault->value;
            const uint32_t pulled = pulled_off >> c & 1u;
            ec_spi_put24(frame + 3 + 3 * c, pulled ? (uint32_t)EC_COUNTS_MAX : 0u);
            if ((status_off >> c & 1u) != 0) {
                frame[c < 4 ? 1 : 0] |= (uint8_t)(c < 4 ? 0x10u << c : 1u << (c - 4));    /* STATP: word bits 19..12 */
            }
        } else if (fault->kind == EC_FAULT_BIT_FLIP) {
            flip(frame, 24u + (uint64_t)fault->value);
        } else if (fault->kind == EC_FAULT_BAD_STATUS) {
            flip(frame, (uint64_t)fault->value & 3u);
        }
    }
}

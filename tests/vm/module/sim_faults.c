// SPDX-License-Identifier: GPL-2.0
// Faults by order, each at the number of a conversion, so that a host's count can be held against the module's.
//   /sys/devices/platform/ads1299-sim/faults      one line a fault, several lines at once; "clear" forgets all
//   KIND CHIP AT [COUNT [EVERY]]       COUNT in a row, also over a restart of the filter
//   miss     the DRDY edge does not come (the line does not move), the conversion is made
//   status   the status word of the conversion begins 0100
//   extra    one more falling edge, half a period after the conversion
//   stuck    DRDY does not move, whatever the bus does
//   reset    the chip falls back to its reset state in place of the conversion
//   eio      the controller fails COUNT messages to the chip, from conversion AT on
#include <linux/ctype.h>
#include <linux/string.h>
#include "ads1299_sim.h"

static const char *const kinds[N_FAULT_KINDS] = { "miss", "status", "extra", "stuck", "reset", "eio" };

bool sim_fault_strikes(struct sim_chip *chip, enum sim_kind kind)
{
    struct sim_board *board = chip->board;
    bool strikes = false;
    unsigned int i;

    for (i = 0; i < board->n_faults; i++) {
        struct sim_fault *fault = &board->fault[i];

        if (fault->kind != kind || fault->chip != chip->number)
            continue;
        if (!fault->left && fault->every && chip->n >= fault->at + fault->every) {
            fault->at += fault->every;
            fault->left = fault->count;
        }
        if (fault->left && (chip->n >= fault->at || fault->left < fault->count)) {
            fault->left--;
            fault->served++;
            strikes = true;
        }
    }
    return strikes;
}

ssize_t sim_faults_show(struct sim_board *board, char *text)
{
    ssize_t length = 0;
    unsigned long flags;
    unsigned int i;

    raw_spin_lock_irqsave(&board->lock, flags);
    for (i = 0; i < board->n_faults; i++) {
        const struct sim_fault *fault = &board->fault[i];

        length += sysfs_emit_at(text, length, "%s %u %u %u %u served=%llu\n", kinds[fault->kind], fault->chip,
                                fault->at, fault->count, fault->every, fault->served);
    }
    raw_spin_unlock_irqrestore(&board->lock, flags);
    return length;
}

static int add(struct sim_board *board, const char *line)
{
    struct sim_fault fault = { .count = 1 };
    unsigned long flags;
    char word[8];
    int i, error = 0;

    if (!strcmp(line, "clear")) {
        raw_spin_lock_irqsave(&board->lock, flags);
        board->n_faults = 0;
        raw_spin_unlock_irqrestore(&board->lock, flags);
        return 0;
    }
    if (sscanf(line, "%7s %u %u %u %u", word, &fault.chip, &fault.at, &fault.count, &fault.every) < 3)
        return -EINVAL;
    i = match_string(kinds, N_FAULT_KINDS, word);
    if (i < 0 || fault.chip >= board->n_chips || !fault.at || !fault.count ||
        (fault.every && fault.every <= fault.count))
        return -EINVAL;
    fault.kind = i;
    fault.left = fault.count;
    raw_spin_lock_irqsave(&board->lock, flags);
    if (board->n_faults < SIM_MAX_FAULTS)
        board->fault[board->n_faults++] = fault;
    else
        error = -ENOSPC;
    raw_spin_unlock_irqrestore(&board->lock, flags);
    return error;
}

ssize_t sim_faults_store(struct sim_board *board, const char *text, size_t size)
{
    char *copy = kstrndup(text, size, GFP_KERNEL), *rest = copy, *line;
    int error = copy ? 0 : -ENOMEM;

    while (!error && (line = strsep(&rest, "\n"))) {
        line = strim(line);
        if (*line)
            error = add(board, line);
    }
    kfree(copy);
    return error ? error : size;
}

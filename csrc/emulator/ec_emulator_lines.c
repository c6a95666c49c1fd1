/* Data-ready lines: conversions become edges, edges become events in the kernel's queue, and some go wrong. */
#include <string.h>

#include "ec_emulator_state.h"

enum { FOR_STAMP = 102, UNIFORMS_IN_A_NORMAL = 12 };

void ec_lines_init(ec_emulator *e)
{
    for (uint32_t i = 0; i < e->config.n_drdy; i++) {
        e->line[i].t_extra = EC_NEVER;
        e->line[i].jitter_key = ec_random_key(e->config.seed, FOR_STAMP, i);
    }
    ec_lines_update(e);
}

void ec_lines_update(ec_emulator *e)
{
    int64_t earliest = EC_NEVER;
    for (uint32_t i = 0; i < e->config.n_drdy; i++) {
        const int64_t edge = e->chip[i].t_next < e->line[i].t_extra ? e->chip[i].t_next : e->line[i].t_extra;
        earliest = edge < earliest ? edge : earliest;
    }
    e->next_line_ns = earliest;
}

/* ---- stamps ------------------------------------------------------------- */

/* -ln(u) for u in (0, 1), of + - * / only: u = m 2^e with m in [1/2, 1), and the series of the artanh. */
static double minus_log(double u)
{
    double e = 0.0;
    while (u < 0.5) {
        u *= 2.0;
        e += 1.0;
    }
    const double z = (u - 1.0) / (u + 1.0);                   /* -1/3 .. 0 */
    const double z2 = z * z;
    double sum = 0.0;
    for (int32_t n = 25; n >= 1; n -= 2) {
        sum = sum * z2 + 1.0 / (double)n;
    }
    return e * 0.693147180559945309417 - 2.0 * z * sum;
}

/* How wrong the kernel's stamp of event number `seqno` is. */
static int64_t stamp_error(const ec_emulator *e, const ec_line *line)
{
    const double scale = e->config.stamp_jitter_us * 1000.0;
    if (e->config.stamp_jitter == EC_JITTER_LATE) {
        return (int64_t)(scale * minus_log(1.0 - ec_uniform(line->jitter_key, line->seqno)));
    }
    double sum = -0.5 * UNIFORMS_IN_A_NORMAL;                 /* of twelve uniform numbers: variance 1 */
    for (uint64_t i = 0; i < UNIFORMS_IN_A_NORMAL; i++) {
        sum += ec_uniform(line->jitter_key, (uint64_t)line->seqno * UNIFORMS_IN_A_NORMAL + i);
    }
    return (int64_t)(scale * sum);
}

static void push_event(ec_emulator *e, uint32_t i, int64_t t)
{
    ec_line *line = &e->line[i];
    line->seqno += 1;
    if (e->queue_count == EC_BUS_EVENT_QUEUE) {               /* the kernel forgets the oldest */
        e->queue_head += 1;
        e->queue_count -= 1;
        e->tally.overflowed += 1;
    }
    ec_drdy *event = &e->queue[(e->queue_head + e->queue_count) % EC_BUS_EVENT_QUEUE];
    event->t_ns = e->config.stamp_jitter_us > 0.0 ? t + stamp_error(e, line) : t;
    event->line = i;
    event->line_seqno = line->seqno;
    e->queue_count += 1;
}

/* ---- edges -------------------------------------------------------------- */

static void drop_edge(ec_emulator *e, uint32_t i)
{
    e->tally.dropped += i == 0;
}

/* An edge with a fault about: which of F-01 to F-04 and F-14 it is. */
static void faulty_edge(ec_emulator *e, uint32_t i, uint64_t conversion)
{
    ec_line *line = &e->line[i];
    const ec_emulated_chip *chip = &e->chip[i];
    const int64_t t = chip->t_edge;
    const ec_fault *fault = ec_faults_find(&e->faults, EC_FAULT_DRDY, i, conversion);

    if (fault != NULL && (fault->value < 2 || (fault->value == 3 && (conversion - fault->at) % 2 == 0))) {
        drop_edge(e, i);
        return;
    }
    if (fault != NULL && fault->value == 2 && chip->t_next != EC_NEVER) {
        line->t_extra = t + (chip->t_next - t) / 2;
    }
    if (ec_faults_find(&e->faults, EC_FAULT_DROP_EDGE, i, conversion) != NULL ||
        ec_faults_find(&e->faults, EC_FAULT_COALESCE, i, conversion) != NULL) {
        drop_edge(e, i);
        return;
    }
    if (ec_faults_find(&e->faults, EC_FAULT_OVERFLOW, i, conversion) != NULL) {
        line->seqno += 1;
        e->tally.overflowed += 1;
        return;
    }
    fault = ec_faults_find(&e->faults, EC_FAULT_SPURIOUS, i, conversion);
    if (fault != NULL) {
        line->t_extra = t + fault->value;
    }
    push_event(e, i, t);
}

static void step_line(ec_emulator *e, uint32_t i)
{
    ec_emulated_chip *chip = &e->chip[i];
    const uint64_t conversion = ec_chip_conversion(chip) + 1;
    ec_chip_step(chip);                   /* may end in a reset: `conversion` is the one whose edge this is */
    if (conversion >= chip->quiet_until) {
        chip->quiet_until = ec_faults_next(&e->faults, i, conversion);
        if (conversion >= chip->quiet_until) {
            faulty_edge(e, i, conversion);
            return;
        }
    }
    push_event(e, i, chip->t_edge);
}

static void clocks_follow(ec_emulator *e, int64_t t)
{
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_emulated_chip *chip = &e->chip[i];
        const ec_emulated_chip *master = &e->chip[chip->oscillator];
        if (master != chip) {
            ec_chip_clock(chip, ec_chip_alive(master, t) &&
                                (master->registers[EC_REG_CONFIG1] & EC_CONFIG1_CLK_EN) != 0, t);
        }
    }
}

void ec_lines_sync_slow(ec_emulator *e, int64_t t)
{
    while (e->next_line_ns <= t) {
        const int64_t at = e->next_line_ns;
        for (uint32_t i = 0; i < e->config.n_drdy; i++) {
            if (e->line[i].t_extra <= at) {
                e->line[i].t_extra = EC_NEVER;
                e->tally.spurious += 1;
                push_event(e, i, at);
            }
            if (e->chip[i].t_next <= at) {
                const uint64_t resets = e->chip[i].resets;
                step_line(e, i);
                if (e->chip[i].resets != resets) {
                    clocks_follow(e, at);
                }
            }
        }
        ec_lines_update(e);
    }
}

/* ---- what chips do to each other ---------------------------------------- */

void ec_lines_after(ec_emulator *e, int64_t t)
{
    if (e->has_slaves) {
        clocks_follow(e, t);
    }
    ec_lines_update(e);
}

/* If nothing has been read since the run began, the host is still putting the chips in step: what the START before
 * counted is taken back. Otherwise, and for single conversions, the counting goes on. */
static void count_start(ec_emulator *e)
{
    ec_emulated_chip *first = &e->chip[0];
    const int32_t single = (first->registers[EC_REG_CONFIG4] & EC_CONFIG4_SINGLE_SHOT) != 0;
    uint64_t base = first->base;
    if (e->begin_run) {
        memset(&e->tally, 0, sizeof e->tally);
        base = 0;
        e->begin_run = 0;
        e->in_use = 0;
    } else if (e->tally.books.rounds == 0 && !e->in_use && !single) {
        e->tally = e->tally_at_start;
        base = e->base_at_start;
    }
    e->in_use |= e->tally.books.rounds != 0;
    e->tally.books.rounds = 0;
    e->tally.books.round.conversion = 0;
    e->tally_at_start = e->tally;
    e->base_at_start = base;
    for (uint32_t i = 0; i < e->n_chips; i++) {
        ec_chip_count_from(&e->chip[i], base);                /* all chips count on from where chip 0 is */
    }
}

void ec_lines_started(ec_emulator *e, uint32_t chip)
{
    if (chip == 0) {
        count_start(e);
    } else {
        ec_chip_count_from(&e->chip[chip], ec_chip_conversion(&e->chip[0]));
    }
}

int32_t ec_emulator_gone(ec_emulator *e)
{
    ec_emulated_chip *chip = &e->chip[0];
    return !ec_chip_is_quiet(chip) && ec_faults_find(&e->faults, EC_FAULT_GONE, 0, ec_chip_conversion(chip)) != NULL;
}

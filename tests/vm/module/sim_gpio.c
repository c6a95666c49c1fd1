// SPDX-License-Identifier: GPL-2.0
// The gpio_chip "ads1299-sim": one DRDY per chip select, and START, RESET, PWDN that all chips share.
#include "ads1299_sim.h"

static const char *const drdy_names[SIM_MAX_CHIPS] = {
    "ADS1299_DRDY0", "ADS1299_DRDY1", "ADS1299_DRDY2", "ADS1299_DRDY3",
};
static const char *const shared_names[N_SHARED_LINES] = {
    [LINE_START] = "ADS1299_START", [LINE_RESET] = "ADS1299_RESET", [LINE_PWDN] = "ADS1299_PWDN",
};
static const char *names[SIM_MAX_CHIPS + N_SHARED_LINES];

u8 sim_gpio_level(const struct sim_board *board, unsigned int shared_line)
{
    return board->level[board->n_drdy + shared_line];
}

void sim_gpio_drive(struct sim_board *board, int line, u8 level)
{
    unsigned int type = level ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_EDGE_FALLING;

    if (board->level[line] == level)
        return;
    WRITE_ONCE(board->level[line], level);
    if ((READ_ONCE(board->edge_type[line]) & type) && !READ_ONCE(board->masked[line]))
        generic_handle_domain_irq(board->gpio.irq.domain, line);
}

static int get(struct gpio_chip *gpio, unsigned int line)
{
    struct sim_board *board = gpiochip_get_data(gpio);

    return READ_ONCE(board->level[line]);
}

static int get_direction(struct gpio_chip *gpio, unsigned int line)
{
    struct sim_board *board = gpiochip_get_data(gpio);

    return line < board->n_drdy ? GPIO_LINE_DIRECTION_IN : GPIO_LINE_DIRECTION_OUT;
}

static int direction_input(struct gpio_chip *gpio, unsigned int line)
{
    struct sim_board *board = gpiochip_get_data(gpio);

    return line < board->n_drdy ? 0 : -EINVAL;
}

/* One instant for all chips: their filters start together, as with one START net (data sheet 9.4.5). */
static void set(struct gpio_chip *gpio, unsigned int line, int value)
{
    struct sim_board *board = gpiochip_get_data(gpio);
    unsigned long flags;
    unsigned int i;
    bool changed;
    ktime_t now;

    raw_spin_lock_irqsave(&board->lock, flags);
    now = ktime_get();
    changed = board->level[line] != !!value;
    board->level[line] = !!value;
    for (i = 0; changed && i < board->n_chips; i++) {
        struct sim_chip *chip = &board->chip[i];

        if (line == board->n_drdy + LINE_START)
            sim_chip_follow_lines(chip, now);
        else
            sim_chip_reset(chip, now);
        if (line == board->n_drdy + LINE_PWDN)
            chip->ready_at = ktime_add_ns(now, SIM_POR_NS);
    }
    raw_spin_unlock_irqrestore(&board->lock, flags);
}

static int direction_output(struct gpio_chip *gpio, unsigned int line, int value)
{
    struct sim_board *board = gpiochip_get_data(gpio);

    if (line < board->n_drdy)
        return -EINVAL;
    set(gpio, line, value);
    return 0;
}

static void irq_mask(struct irq_data *data)
{
    struct gpio_chip *gpio = irq_data_get_irq_chip_data(data);
    struct sim_board *board = gpiochip_get_data(gpio);

    WRITE_ONCE(board->masked[irqd_to_hwirq(data)], true);
    gpiochip_disable_irq(gpio, irqd_to_hwirq(data));
}

static void irq_unmask(struct irq_data *data)
{
    struct gpio_chip *gpio = irq_data_get_irq_chip_data(data);
    struct sim_board *board = gpiochip_get_data(gpio);

    gpiochip_enable_irq(gpio, irqd_to_hwirq(data));
    WRITE_ONCE(board->masked[irqd_to_hwirq(data)], false);
}

static int irq_set_type(struct irq_data *data, unsigned int type)
{
    struct sim_board *board = gpiochip_get_data(irq_data_get_irq_chip_data(data));

    WRITE_ONCE(board->edge_type[irqd_to_hwirq(data)], type);
    return 0;
}

static const struct irq_chip irq_chip = {
    .name = "ads1299-sim",
    .irq_mask = irq_mask,
    .irq_unmask = irq_unmask,
    .irq_set_type = irq_set_type,
    .flags = IRQCHIP_IMMUTABLE,
    GPIOCHIP_IRQ_RESOURCE_HELPERS,
};

int sim_gpio_add(struct sim_board *board, struct device *parent)
{
    struct gpio_chip *gpio = &board->gpio;
    unsigned int i;

    for (i = 0; i < board->n_drdy; i++) {
        names[i] = drdy_names[i];
        board->level[i] = 1;
    }
    for (i = 0; i < N_SHARED_LINES; i++) {
        names[board->n_drdy + i] = shared_names[i];
        board->level[board->n_drdy + i] = i != LINE_START; /* pulled up; START pulled down */
    }
    *gpio = (struct gpio_chip){
        .label = "ads1299-sim", .parent = parent, .owner = THIS_MODULE, .base = -1, .names = names,
        .ngpio = board->n_drdy + N_SHARED_LINES, .get = get, .set = set, .get_direction = get_direction,
        .direction_input = direction_input, .direction_output = direction_output,
    };
    gpio_irq_chip_set_chip(&gpio->irq, &irq_chip);
    gpio->irq.handler = handle_simple_irq;
    gpio->irq.default_type = IRQ_TYPE_NONE;
    return gpiochip_add_data(gpio, board);
}

void sim_gpio_remove(struct sim_board *board)
{
    gpiochip_remove(&board->gpio);
}

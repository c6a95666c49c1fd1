// SPDX-License-Identifier: GPL-2.0
// Parameters, sysfs, loading and unloading.
//   insmod ads1299_sim.ko [nchips=1..4 | daisy=1..4] [ppm=N]
//   /sys/devices/platform/ads1299-sim/truth      a line per chip; writing anything sets the counters to zero
//   /sys/devices/platform/ads1299-sim/faults     see sim_faults.c
#include <linux/module.h>
#include <linux/platform_device.h>
#include "ads1299_sim.h"

static unsigned int nchips = 1;
module_param(nchips, uint, 0444);
MODULE_PARM_DESC(nchips, "chips with a chip select and a DRDY each, 1 to 4");
static unsigned int daisy;
module_param(daisy, uint, 0444);
MODULE_PARM_DESC(daisy, "chips in one frame on chip select 0 instead, nearest first, 1 to 4");
static int ppm;
module_param(ppm, int, 0444);
MODULE_PARM_DESC(ppm, "error of the oscillator, parts per million, up to 25000 either way");

static struct platform_device *device;

static ssize_t truth_show(struct device *dev, struct device_attribute *attribute, char *text)
{
    struct sim_board *board = dev_get_drvdata(dev);
    ssize_t length = 0;
    unsigned long flags;
    unsigned int i;

    raw_spin_lock_irqsave(&board->lock, flags);
    for (i = 0; i < board->n_chips; i++) {
        const struct sim_chip *chip = &board->chip[i];

        length += sysfs_emit_at(text, length, "chip=%u sps=%u n=%u", i, sim_chip_sps(chip), chip->n);
#define X(name) length += sysfs_emit_at(text, length, " " #name "=%llu", chip->truth.name);
        SIM_TRUTH(X)
#undef X
        length += sysfs_emit_at(text, length, "\n");
    }
    raw_spin_unlock_irqrestore(&board->lock, flags);
    return length;
}

static ssize_t truth_store(struct device *dev, struct device_attribute *attribute, const char *text, size_t size)
{
    struct sim_board *board = dev_get_drvdata(dev);
    unsigned long flags;
    unsigned int i;

    raw_spin_lock_irqsave(&board->lock, flags);
    for (i = 0; i < board->n_chips; i++)
        memset(&board->chip[i].truth, 0, sizeof(board->chip[i].truth));
    raw_spin_unlock_irqrestore(&board->lock, flags);
    return size;
}
static DEVICE_ATTR_RW(truth);

static ssize_t faults_show(struct device *dev, struct device_attribute *attribute, char *text)
{
    return sim_faults_show(dev_get_drvdata(dev), text);
}

static ssize_t faults_store(struct device *dev, struct device_attribute *attribute, const char *text, size_t size)
{
    return sim_faults_store(dev_get_drvdata(dev), text, size);
}
static DEVICE_ATTR_RW(faults);

static struct attribute *attributes[] = { &dev_attr_truth.attr, &dev_attr_faults.attr, NULL };
static const struct attribute_group group = { .attrs = attributes };

static int __init sim_init(void)
{
    struct sim_board *board;
    unsigned int i;
    int error = -ENOMEM;

    if (daisy > SIM_MAX_CHIPS || nchips < 1 || nchips > SIM_MAX_CHIPS || abs(ppm) > 25000)
        return -EINVAL;
    device = platform_device_register_simple("ads1299-sim", PLATFORM_DEVID_NONE, NULL, 0);
    if (IS_ERR(device))
        return PTR_ERR(device);
    board = devm_kzalloc(&device->dev, sizeof(*board), GFP_KERNEL);
    if (!board)
        goto no_device;
    dev_set_drvdata(&device->dev, board);
    raw_spin_lock_init(&board->lock);
    board->n_chips = daisy ? daisy : nchips;
    board->n_selects = board->n_drdy = daisy ? 1 : nchips;
    board->ppm = ppm;
    for (i = 0; i < board->n_chips; i++)
        sim_chip_init(&board->chip[i], board, i);
    error = sim_gpio_add(board, &device->dev);
    if (error)
        goto no_device;
    error = sim_spi_add(board, &device->dev);
    if (error)
        goto no_gpio;
    error = sysfs_create_group(&device->dev.kobj, &group);
    if (error)
        goto no_spi;
    return 0;
no_spi:
    sim_spi_remove(board);
no_gpio:
    sim_gpio_remove(board);
no_device:
    platform_device_unregister(device);
    return error;
}

static void __exit sim_exit(void)
{
    struct sim_board *board = dev_get_drvdata(&device->dev);
    unsigned long flags;
    unsigned int i;

    sysfs_remove_group(&device->dev.kobj, &group);
    sim_spi_remove(board);                           /* no byte can start a chip any more */
    raw_spin_lock_irqsave(&board->lock, flags);
    for (i = 0; i < board->n_chips; i++)
        board->chip[i].converting = false;
    raw_spin_unlock_irqrestore(&board->lock, flags);
    for (i = 0; i < board->n_chips; i++) {
        hrtimer_cancel(&board->chip[i].tick);
        hrtimer_cancel(&board->chip[i].glitch);
    }
    sim_gpio_remove(board);
    platform_device_unregister(device);
}

module_init(sim_init);
module_exit(sim_exit);
MODULE_DESCRIPTION("Simulated ADS1299 chips behind spidev and the GPIO character device");
MODULE_LICENSE("GPL");

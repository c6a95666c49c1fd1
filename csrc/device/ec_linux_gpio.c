/* ec_linux_gpio.c - the GPIO character device, version 2: chip by label, lines by name, events (linux_io section 4). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ec_linux_abi.h"
#include "ec_linux_parts.h"

#define CHIPS_MAX         64u
#define PINCTRL           "pinctrl-"
#define HEADER_LINES      28u             /* 0..27 are on the 40-pin header of every model */
#define CONSUMER          "eegcore"
#define EVENTS_AT_ONCE    64u
#define OUTPUTS_MAX       EC_GPIO_LINES_MAX

static const char *const usual_labels[] = { "pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835" };

static int is_wanted(const ec_linux_config *config, const char *label)
{
    for (uint32_t i = 0; i < config->n_labels; i++) {
        if (strncmp(config->labels[i], label, EC_LINUX_NAME) == 0) {
            return 1;
        }
    }
    for (uint32_t i = 0; config->n_labels == 0 && i < sizeof usual_labels / sizeof usual_labels[0]; i++) {
        if (strcmp(usual_labels[i], label) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The chip with a wanted label: an open descriptor, or a status. Numbers differ between kernels: section 5.1. */
static int32_t find_chip(ec_linux_bus *b, const ec_linux_config *config, ec_gpio_chip_info *info, ec_linux_error *error)
{
    char denied[EC_LINUX_PATH] = "/dev/gpiochip*";
    int number = ENOENT;
    size_t used = 0;

    for (uint32_t i = 0; i < CHIPS_MAX; i++) {
        char path[EC_LINUX_PATH];
        int fd;

        (void)snprintf(path, sizeof path, "/dev/gpiochip%u", i);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            if (errno != ENOENT && errno != ENXIO && number == ENOENT) {
                number = errno;
                memcpy(denied, path, sizeof denied);
            }
            continue;
        }
        memset(info, 0, sizeof *info);
        if (ioctl(fd, EC_GPIO_GET_CHIPINFO, info) == 0) {
            info->name[EC_GPIO_NAME - 1] = info->label[EC_GPIO_NAME - 1] = '\0';
            if (is_wanted(config, info->label)) {
                memcpy(b->gpio_path, path, sizeof path);
                memcpy(b->gpio_label, info->label, sizeof b->gpio_label);
                return fd;
            }
            if (used < sizeof error->found) {
                used += (size_t)snprintf(error->found + used, sizeof error->found - used, "%sgpiochip%u (%s)",
                                         used > 0 ? ", " : "", i, info->label);
            }
        }
        close(fd);
    }
    return ec_linux_failed(error, EC_LINUX_GPIO_CHIP, number, denied);
}

/* Offset of a named line, or a status. */
static int32_t find_line(int fd, const ec_gpio_chip_info *info, const char *name, ec_linux_error *error)
{
    const int is_pinctrl = strncmp(info->label, PINCTRL, sizeof PINCTRL - 1) == 0;
    uint32_t offset = UINT32_MAX;
    char *end;

    for (uint32_t i = 0; i < info->lines && offset == UINT32_MAX; i++) {
        ec_gpio_line_info line = { .offset = i };

        if (ioctl(fd, EC_GPIO_GET_LINEINFO, &line) == 0 && strncmp(line.name, name, EC_GPIO_NAME) == 0) {
            offset = i;
        }
    }
    if (offset == UINT32_MAX && is_pinctrl && strncmp(name, "GPIO", 4) == 0 && name[4] >= '0' && name[4] <= '9') {
        const unsigned long n = strtoul(name + 4, &end, 10);
        offset = *end == '\0' && n < info->lines ? (uint32_t)n : UINT32_MAX;
    }
    if (offset == UINT32_MAX) {
        return ec_linux_failed(error, EC_LINUX_LINE_UNKNOWN, 0, name);
    }
    if (is_pinctrl && offset >= HEADER_LINES) {
        error->seen = offset;
        return ec_linux_failed(error, EC_LINUX_LINE_FORBIDDEN, 0, name);
    }
    return (int32_t)offset;
}

/* Ask for lines; on EBUSY the error names the first of them that somebody has. Descriptor or status. */
static int32_t request_lines(int fd, ec_gpio_request *request, ec_linux_error *error)
{
    char name[EC_LINUX_NAME] = "";
    int number;

    memcpy(request->consumer, CONSUMER, sizeof CONSUMER);
    if (ioctl(fd, EC_GPIO_GET_LINE, request) == 0) {
        return request->fd;
    }
    number = errno;
    for (uint32_t i = 0; i < request->num_lines; i++) {
        ec_gpio_line_info line = { .offset = request->offsets[i] };

        if (ioctl(fd, EC_GPIO_GET_LINEINFO, &line) != 0) {
            continue;
        }
        if (i == 0 || (number == EBUSY && (line.flags & EC_GPIO_USED) != 0)) {
            line.name[EC_GPIO_NAME - 1] = line.consumer[EC_GPIO_NAME - 1] = '\0';
            if (line.name[0] != '\0') {
                memcpy(name, line.name, sizeof name);
            } else {
                (void)snprintf(name, sizeof name, "GPIO%u", request->offsets[i]);
            }
            memcpy(error->holder, line.consumer, sizeof error->holder);
        }
        if (number == EBUSY && (line.flags & EC_GPIO_USED) != 0) {
            break;
        }
    }
    return ec_linux_failed(error, EC_LINUX_LINE_REQUEST, number, name);
}

static int32_t add_line(int fd, const ec_gpio_chip_info *info, const char *name, ec_gpio_request *request,
                        ec_linux_error *error)
{
    const int32_t offset = find_line(fd, info, name, error);

    if (offset < 0) {
        return offset;
    }
    for (uint32_t i = 0; i < request->num_lines; i++) {
        if (request->offsets[i] == (uint32_t)offset) {
            return ec_linux_failed(error, EC_LINUX_LINE_TWICE, 0, name);
        }
    }
    if (request->num_lines == EC_GPIO_LINES_MAX) {
        error->seen = EC_GPIO_LINES_MAX + 1u;
        return ec_linux_failed(error, EC_LINUX_COUNT, 0, name);
    }
    request->offsets[request->num_lines++] = (uint32_t)offset;
    return 0;
}

/* An output with its first level. The bit is its place in the request. */
static int32_t add_output(int fd, const ec_gpio_chip_info *info, const char *name, uint32_t level, uint8_t *bit,
                          ec_gpio_request *request, ec_linux_error *error)
{
    const uint32_t place = request->num_lines;
    const int32_t status = name[0] == '\0' ? 0 : add_line(fd, info, name, request, error);

    if (status < 0 || name[0] == '\0') {
        return status;
    }
    request->config.attrs[0].attr.value |= (uint64_t)level << place;
    request->config.attrs[0].mask |= UINT64_C(1) << place;
    *bit = (uint8_t)place;
    return 0;
}

static int32_t open_inputs(ec_linux_bus *b, int fd, const ec_gpio_chip_info *info, const ec_linux_config *config,
                           ec_gpio_request *request, ec_linux_error *error)
{
    for (uint32_t i = 0; i < config->n_drdy; i++) {
        const int32_t status = add_line(fd, info, config->drdy[i], request, error);

        if (status < 0) {
            return status;
        }
        b->drdy_offset[i] = request->offsets[i];
    }
    request->config.flags = EC_GPIO_INPUT | EC_GPIO_EDGE_FALLING | (config->pull_up ? EC_GPIO_BIAS_PULL_UP : 0);
    request->event_buffer_size = EC_BUS_EVENT_QUEUE;
    b->drdy_fd = request_lines(fd, request, error);
    if (b->drdy_fd < 0) {
        return b->drdy_fd;
    }
    if (fcntl(b->drdy_fd, F_SETFL, fcntl(b->drdy_fd, F_GETFL) | O_NONBLOCK) < 0) {
        return ec_linux_failed(error, EC_LINUX_LINE_REQUEST, errno, config->drdy[0]);
    }
    return 0;
}

static int32_t open_outputs(ec_linux_bus *b, int fd, const ec_gpio_chip_info *info, const ec_linux_config *config,
                            const ec_gpio_request *inputs, ec_linux_error *error)
{
    ec_gpio_request request;
    const char *const names[3] = { config->start, config->reset, config->pwdn };
    int32_t status = 0;

    memset(&request, 0, sizeof request);
    for (uint32_t i = 0; i < 3 && status == 0; i++) {
        status = add_output(fd, info, names[i], i != EC_LINE_START, &b->line_bit[i], &request, error);
    }
    for (uint32_t i = 0; i < config->n_selects && status == 0; i++) {
        status = add_output(fd, info, config->cs[i], 1, &b->cs_bit[i], &request, error);
    }
    for (uint32_t i = 0; i < request.num_lines && status == 0; i++) {
        for (uint32_t k = 0; k < inputs->num_lines; k++) {
            if (request.offsets[i] == inputs->offsets[k]) {
                return ec_linux_failed(error, EC_LINUX_LINE_TWICE, 0, config->drdy[k]);
            }
        }
    }
    if (status < 0 || request.num_lines == 0) {
        return status;
    }
    request.config.flags = EC_GPIO_OUTPUT;
    request.config.num_attrs = 1;
    request.config.attrs[0].attr.id = EC_GPIO_ATTR_OUTPUT_VALUES;
    b->output_fd = request_lines(fd, &request, error);
    return b->output_fd < 0 ? b->output_fd : 0;
}

int32_t ec_linux_gpio_open(ec_linux_bus *b, const ec_linux_config *config, ec_linux_error *error)
{
    ec_gpio_chip_info info;
    ec_gpio_request inputs;
    const int32_t fd = find_chip(b, config, &info, error);
    int32_t status;

    if (fd < 0) {
        return fd;
    }
    memset(&inputs, 0, sizeof inputs);
    status = open_inputs(b, fd, &info, config, &inputs, error);
    if (status == 0) {
        status = open_outputs(b, fd, &info, config, &inputs, error);
    }
    close(fd);                            /* the requests keep the chip */
    return status;
}

int32_t ec_linux_gpio_set(const ec_linux_bus *b, uint32_t bit, uint32_t level)
{
    ec_gpio_values values = { .bits = (uint64_t)(level != 0) << bit, .mask = UINT64_C(1) << bit };

    return ioctl(b->output_fd, EC_GPIO_LINE_SET_VALUES, &values) < 0 ? -errno : 0;
}

static uint32_t line_of(const ec_linux_bus *b, uint32_t offset)
{
    uint32_t line = 0;

    while (line < b->n_drdy && b->drdy_offset[line] != offset) {
        line++;
    }
    return line;
}

int32_t ec_linux_gpio_read(const ec_linux_bus *b, ec_drdy *events, uint32_t max)
{
    ec_gpio_event buffer[EVENTS_AT_ONCE];
    const uint32_t room = max < EVENTS_AT_ONCE ? max : EVENTS_AT_ONCE;
    ssize_t got;
    int32_t n = 0;

    do {
        got = read(b->drdy_fd, buffer, room * sizeof buffer[0]);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    if (got == 0) {
        return -ENODEV;
    }
    if (got % (ssize_t)sizeof buffer[0] != 0) {
        return -EIO;
    }
    for (size_t i = 0; i < (size_t)got / sizeof buffer[0]; i++) {
        const uint32_t line = line_of(b, buffer[i].offset);

        if (buffer[i].id == EC_GPIO_EVENT_FALLING && line < b->n_drdy) {
            events[n++] = (ec_drdy){ .t_ns = (int64_t)buffer[i].t_ns, .line = line,
                                     .line_seqno = buffer[i].line_seqno };
        }
    }
    return n;
}

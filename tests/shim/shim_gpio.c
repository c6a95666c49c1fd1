/* shim_gpio.c - the GPIO character device, version 2: its checks, its queue, its errors (linux_io section 4). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/ec_clock.h"
#include "shim.h"

#define SETS          16u
#define QUEUE_MAX     1024u
#define OUTPUT_FLAGS  (UINT64_C(3) << 6)  /* open drain, open source */
#define EDGE_FLAGS    (UINT64_C(3) << 4)
#define BIAS_FLAGS    (UINT64_C(7) << 8)
#define KNOWN_FLAGS   ((UINT64_C(1) << 13) - 1)
#define HTE           (UINT64_C(1) << 12)
#define GET_VALUES    0xC010B40Eu

typedef struct line_set {
    ec_gpio_request request;
    int      is_open;
    uint32_t size;                        /* of the queue, a power of two */
    uint32_t head, tail;
    uint32_t seqno;
    int32_t  gone;                        /* errno that ended it */
    ec_gpio_event queue[QUEUE_MAX];
} line_set;

static line_set sets[SETS];

int32_t shim_gpio_is_chip(const shim_world *w, const char *path)
{
    char name[64];

    (void)snprintf(name, sizeof name, "/dev/gpiochip%u", w->settings.gpio_number);
    return strcmp(path, name) == 0;
}

static int is_zero(const uint32_t *words, uint32_t n)
{
    uint32_t any = 0;

    for (uint32_t i = 0; i < n; i++) {
        any |= words[i];
    }
    return any == 0;
}

static int32_t check_flags(uint64_t flags)
{
    const uint64_t bias = flags & BIAS_FLAGS;

    if ((flags & ~KNOWN_FLAGS) != 0) {
        return -EINVAL;
    }
    if ((flags & HTE) != 0) {
        return -EOPNOTSUPP;
    }
    if ((flags & EC_GPIO_INPUT) != 0 && (flags & EC_GPIO_OUTPUT) != 0) {
        return -EINVAL;
    }
    if ((flags & EDGE_FLAGS) != 0 && (flags & EC_GPIO_INPUT) == 0) {
        return -EINVAL;
    }
    if ((flags & OUTPUT_FLAGS) != 0 && (flags & EC_GPIO_OUTPUT) == 0) {
        return -EINVAL;
    }
    if (bias != 0 && ((bias & (bias - 1)) != 0 || (flags & (EC_GPIO_INPUT | EC_GPIO_OUTPUT)) == 0)) {
        return -EINVAL;
    }
    return 0;
}

static int32_t check_request(const shim_world *w, const ec_gpio_request *r)
{
    int32_t error = 0;

    if (r->num_lines == 0 || r->num_lines > EC_GPIO_LINES_MAX || !is_zero(r->padding, 5)
        || !is_zero(r->config.padding, 5) || r->config.num_attrs > 10) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < r->config.num_attrs; i++) {
        if (r->config.attrs[i].attr.padding != 0 || r->config.attrs[i].attr.id - 1u > 2u) {
            return -EINVAL;
        }
    }
    error = check_flags(r->config.flags);
    for (uint32_t i = 0; i < r->num_lines && error == 0; i++) {
        const uint32_t offset = r->offsets[i];

        error = offset >= w->settings.n_lines ? -EINVAL : 0;
        if (error == 0 && ((w->used >> offset & 1u) != 0 || w->settings.busy[offset][0] != '\0')) {
            error = -EBUSY;
        }
        for (uint32_t k = 0; k < i && error == 0; k++) {
            error = r->offsets[k] == offset ? -EBUSY : 0;
        }
    }
    return error;
}

static int32_t line_info(const shim_world *w, ec_gpio_line_info *info)
{
    const uint32_t offset = info->offset;
    const char *other;

    if (offset >= w->settings.n_lines || !is_zero(info->padding, 4)) {
        return -EINVAL;
    }
    other = w->settings.busy[offset];
    memset(info, 0, sizeof *info);
    info->offset = offset;
    memcpy(info->name, w->settings.names[offset], sizeof info->name);
    if ((w->used >> offset & 1u) != 0 || other[0] != '\0') {
        info->flags |= EC_GPIO_USED;
        memcpy(info->consumer, other[0] != '\0' ? other : w->consumer[offset], sizeof info->consumer);
    }
    return 0;
}

int32_t shim_chip_ioctl(shim_world *w, unsigned long request, void *argument)
{
    ec_gpio_chip_info *const chip = argument;

    switch (request) {
    case EC_GPIO_GET_CHIPINFO:
        memset(chip, 0, sizeof *chip);
        (void)snprintf(chip->name, sizeof chip->name, "gpiochip%u", w->settings.gpio_number % 1000u);
        memcpy(chip->label, w->settings.label, sizeof chip->label);
        chip->lines = w->settings.n_lines;
        return 0;
    case EC_GPIO_GET_LINEINFO: return line_info(w, argument);
    case EC_GPIO_GET_LINE: return check_request(w, argument);
    default: return -EINVAL;
    }
}

/* Levels of the lines in `bits` where `mask` says so; START, RESET and PWDN reach the chips. */
static int32_t drive(shim_world *w, const line_set *set, uint64_t bits, uint64_t mask)
{
    int32_t error = 0;

    for (uint32_t i = 0; i < set->request.num_lines && error == 0; i++) {
        const uint32_t offset = set->request.offsets[i];
        const uint32_t level = (uint32_t)(bits >> i & 1u);

        if ((mask >> i & 1u) == 0) {
            continue;
        }
        w->levels = (w->levels & ~(UINT64_C(1) << offset)) | (uint64_t)level << offset;
        for (uint32_t line = 0; line < 3; line++) {
            if (w->settings.line[line] == offset) {
                error = w->bus.set_line(w->bus.self, (ec_bus_line)line, level);
            }
        }
    }
    return error;
}

int32_t shim_lines_take(shim_world *w, const ec_gpio_request *request)
{
    uint32_t wanted = request->event_buffer_size != 0 ? request->event_buffer_size : 16u * request->num_lines;
    uint32_t i = 0;
    line_set *set;

    while (i < SETS && sets[i].is_open) {
        i++;
    }
    if (i == SETS) {
        return -ENOMEM;
    }
    set = &sets[i];
    memset(set, 0, sizeof *set);
    set->request = *request;
    set->is_open = 1;
    wanted = wanted > QUEUE_MAX ? QUEUE_MAX : wanted;
    for (set->size = 1; set->size < wanted; set->size *= 2) {
    }
    for (uint32_t k = 0; k < request->num_lines; k++) {
        w->used |= UINT64_C(1) << request->offsets[k];
        memcpy(w->consumer[request->offsets[k]], request->consumer, sizeof request->consumer);
    }
    if ((request->config.flags & EC_GPIO_OUTPUT) != 0) {
        uint64_t bits = 0;
        for (uint32_t k = 0; k < request->config.num_attrs; k++) {
            const ec_gpio_config_attribute *a = &request->config.attrs[k];
            bits |= a->attr.id == EC_GPIO_ATTR_OUTPUT_VALUES ? a->attr.value & a->mask : 0;
        }
        (void)drive(w, set, bits, UINT64_MAX);
    }
    return (int32_t)i;
}

void shim_lines_close(shim_world *w, uint32_t number)
{
    for (uint32_t i = 0; i < sets[number].request.num_lines; i++) {
        w->used &= ~(UINT64_C(1) << sets[number].request.offsets[i]);
    }
    sets[number].is_open = 0;
}

int32_t shim_lines_ioctl(shim_world *w, uint32_t number, unsigned long request, void *argument)
{
    const line_set *set = &sets[number];
    ec_gpio_values *const values = argument;

    if (set->gone != 0) {
        return -set->gone;
    }
    if (request != EC_GPIO_LINE_SET_VALUES && request != GET_VALUES) {
        return -EINVAL;
    }
    if (values->mask == 0) {
        return -EINVAL;
    }
    if (request == GET_VALUES) {
        values->bits = 0;
        for (uint32_t i = 0; i < set->request.num_lines; i++) {
            values->bits |= (w->levels >> set->request.offsets[i] & 1u) << i;
        }
        return 0;
    }
    if ((set->request.config.flags & EC_GPIO_OUTPUT) == 0) {
        return -EPERM;
    }
    return drive(w, set, values->bits, values->mask);
}

/* Move what the chips have raised into the queue; a full queue forgets its oldest. Waits for the first. */
static void collect(shim_world *w, line_set *set, int64_t deadline_ns)
{
    ec_drdy events[64];
    int32_t got;

    if (set->gone != 0 || (set->request.config.flags & EC_GPIO_EDGE_FALLING) == 0) {
        return;
    }
    do {
        got = w->bus.wait(w->bus.self, 1, set->head == set->tail ? deadline_ns : 0, events, 64);
        for (int32_t i = 0; i < got; i++) {
            const uint32_t offset = w->settings.drdy[events[i].line];
            uint32_t k = 0;

            while (k < set->request.num_lines && set->request.offsets[k] != offset) {
                k++;
            }
            if (k == set->request.num_lines) {
                continue;
            }
            set->seqno++;
            set->tail += set->head - set->tail == set->size;
            set->queue[set->head++ % set->size] = (ec_gpio_event){
                .t_ns = (uint64_t)events[i].t_ns, .id = EC_GPIO_EVENT_FALLING, .offset = offset,
                .seqno = set->seqno, .line_seqno = events[i].line_seqno };
        }
    } while (got == 64 || (got > 0 && set->head == set->tail && ec_now_ns() < deadline_ns));
    set->gone = got < 0 && got != -ENODATA ? -got : 0;
}

int64_t shim_lines_read(shim_world *w, uint32_t number, void *buffer, uint64_t n_bytes, int is_blocking)
{
    line_set *set = &sets[number];
    ec_gpio_event *const out = buffer;
    uint64_t n = 0;

    if (n_bytes < sizeof(ec_gpio_event)) {
        return -EINVAL;
    }
    collect(w, set, 0);
    while (is_blocking && set->gone == 0 && set->head == set->tail) {
        collect(w, set, ec_now_ns() + 1000000000);
    }
    while (set->tail != set->head && n < n_bytes / sizeof *out) {
        out[n++] = set->queue[set->tail++ % set->size];
    }
    if (n > 0) {
        return (int64_t)(n * sizeof *out);
    }
    return set->gone != 0 ? -set->gone : -EAGAIN;
}

int32_t shim_lines_poll(shim_world *w, uint32_t number, int64_t deadline_ns, short *revents)
{
    line_set *set = &sets[number];

    collect(w, set, deadline_ns);
    *revents = (short)((set->head != set->tail ? POLLIN : 0) | (set->gone != 0 ? POLLHUP | POLLERR : 0));
    return *revents != 0;
}

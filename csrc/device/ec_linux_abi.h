/* ec_linux_abi.h - structs and ioctl numbers of spidev and of the GPIO character device, version 2.
 *
 * Written down here and not included from the system: the headers of an old
 * build image know no GPIO v2 (Linux 5.10), the running kernel does. Numbers and layouts are those of
 * linux/spi/spidev.h and linux/gpio.h for 64-bit little-endian Linux; the tests compare the two.
 */
#ifndef EC_LINUX_ABI_H
#define EC_LINUX_ABI_H

#include <stddef.h>
#include <stdint.h>

/* spidev */
#define EC_SPI_WR_MODE32            0x40046B05u
#define EC_SPI_RD_MODE32            0x80046B05u
#define EC_SPI_WR_BITS_PER_WORD     0x40016B03u
#define EC_SPI_RD_BITS_PER_WORD     0x80016B03u
#define EC_SPI_MESSAGE(n)           (0x40006B00u | (32u * (n)) << 16)     /* n <= 511, else it says 0 transfers */
#define EC_SPI_CPHA                 0x01u
#define EC_SPI_CS_HIGH              0x04u
#define EC_SPI_NO_CS                0x40u
#define EC_SPI_TRANSFERS_MAX        32u       /* per message: bufsiz 4096, every transfer rounded up to 128 on arm64 */

typedef struct ec_spi_transfer {
    uint64_t tx_buf;
    uint64_t rx_buf;
    uint32_t len;
    uint32_t speed_hz;
    uint16_t delay_usecs;                     /* after the last bit, before the select rises */
    uint8_t  bits_per_word;
    uint8_t  cs_change;
    uint8_t  tx_nbits;
    uint8_t  rx_nbits;
    uint8_t  word_delay_usecs;
    uint8_t  pad;
} ec_spi_transfer;

/* GPIO character device */
#define EC_GPIO_GET_CHIPINFO        0x8044B401u
#define EC_GPIO_GET_LINEINFO        0xC100B405u
#define EC_GPIO_GET_LINE            0xC250B407u
#define EC_GPIO_LINE_SET_VALUES     0xC010B40Fu
#define EC_GPIO_USED                (UINT64_C(1) << 0)
#define EC_GPIO_INPUT               (UINT64_C(1) << 2)
#define EC_GPIO_OUTPUT              (UINT64_C(1) << 3)
#define EC_GPIO_EDGE_FALLING        (UINT64_C(1) << 5)
#define EC_GPIO_BIAS_PULL_UP        (UINT64_C(1) << 8)
#define EC_GPIO_ATTR_OUTPUT_VALUES  2u
#define EC_GPIO_EVENT_FALLING       2u
#define EC_GPIO_NAME                32u
#define EC_GPIO_LINES_MAX           64u

typedef struct ec_gpio_chip_info {
    char     name[EC_GPIO_NAME];
    char     label[EC_GPIO_NAME];
    uint32_t lines;
} ec_gpio_chip_info;

typedef struct ec_gpio_attribute {
    uint32_t id;
    uint32_t padding;
    uint64_t value;
} ec_gpio_attribute;

typedef struct ec_gpio_config_attribute {
    ec_gpio_attribute attr;
    uint64_t mask;                            /* bit i: line i of the request */
} ec_gpio_config_attribute;

typedef struct ec_gpio_config {
    uint64_t flags;
    uint32_t num_attrs;
    uint32_t padding[5];
    ec_gpio_config_attribute attrs[10];
} ec_gpio_config;

typedef struct ec_gpio_request {
    uint32_t offsets[EC_GPIO_LINES_MAX];
    char     consumer[EC_GPIO_NAME];
    ec_gpio_config config;
    uint32_t num_lines;
    uint32_t event_buffer_size;
    uint32_t padding[5];
    int32_t  fd;
} ec_gpio_request;

typedef struct ec_gpio_values {
    uint64_t bits;
    uint64_t mask;
} ec_gpio_values;

typedef struct ec_gpio_event {
    uint64_t t_ns;
    uint32_t id;
    uint32_t offset;
    uint32_t seqno;
    uint32_t line_seqno;
    uint32_t padding[6];
} ec_gpio_event;

typedef struct ec_gpio_line_info {
    char     name[EC_GPIO_NAME];
    char     consumer[EC_GPIO_NAME];
    uint32_t offset;
    uint32_t num_attrs;
    uint64_t flags;
    ec_gpio_attribute attrs[10];
    uint32_t padding[4];
} ec_gpio_line_info;

_Static_assert(sizeof(ec_spi_transfer) == 32, "spi_ioc_transfer");
_Static_assert(offsetof(ec_spi_transfer, delay_usecs) == 24 && offsetof(ec_spi_transfer, pad) == 31, "spi_ioc_transfer");
_Static_assert(sizeof(ec_gpio_chip_info) == 68, "gpiochip_info");
_Static_assert(sizeof(ec_gpio_config_attribute) == 24, "gpio_v2_line_config_attribute");
_Static_assert(sizeof(ec_gpio_config) == 272 && offsetof(ec_gpio_config, attrs) == 32, "gpio_v2_line_config");
_Static_assert(sizeof(ec_gpio_request) == 592 && offsetof(ec_gpio_request, config) == 288
               && offsetof(ec_gpio_request, num_lines) == 560 && offsetof(ec_gpio_request, fd) == 588,
               "gpio_v2_line_request");
_Static_assert(sizeof(ec_gpio_values) == 16, "gpio_v2_line_values");
_Static_assert(sizeof(ec_gpio_event) == 48 && offsetof(ec_gpio_event, line_seqno) == 20, "gpio_v2_line_event");
_Static_assert(sizeof(ec_gpio_line_info) == 256 && offsetof(ec_gpio_line_info, flags) == 72
               && offsetof(ec_gpio_line_info, padding) == 240, "gpio_v2_line_info");

#endif

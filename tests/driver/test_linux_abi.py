"""Structs and numbers of the Linux bus: the table of the kernel's interface, and the headers of this system."""

from __future__ import annotations

import subprocess
from pathlib import Path

import driver_structs as ds
import pytest

NUMBERS = {
    "EC_SPI_MESSAGE(1)": 0x40206B00, "EC_SPI_MESSAGE(2)": 0x40406B00, "EC_SPI_MESSAGE(3)": 0x40606B00,
    "EC_SPI_MESSAGE(8)": 0x41006B00, "EC_SPI_MESSAGE(511)": 0x7FE06B00,
    "EC_SPI_RD_BITS_PER_WORD": 0x80016B03, "EC_SPI_WR_BITS_PER_WORD": 0x40016B03,
    "EC_SPI_RD_MODE32": 0x80046B05, "EC_SPI_WR_MODE32": 0x40046B05,
    "EC_GPIO_GET_CHIPINFO": 0x8044B401, "EC_GPIO_GET_LINEINFO": 0xC100B405, "EC_GPIO_GET_LINE": 0xC250B407,
    "EC_GPIO_LINE_SET_VALUES": 0xC010B40F,
    "EC_GPIO_USED": 1, "EC_GPIO_INPUT | EC_GPIO_EDGE_FALLING": 0x24, "EC_GPIO_OUTPUT": 8, "EC_GPIO_BIAS_PULL_UP": 0x100,
    "sizeof(ec_spi_transfer)": 32, "sizeof(ec_gpio_chip_info)": 68, "sizeof(ec_gpio_request)": 592,
    "sizeof(ec_gpio_config)": 272, "sizeof(ec_gpio_config_attribute)": 24, "sizeof(ec_gpio_attribute)": 16,
    "sizeof(ec_gpio_values)": 16, "sizeof(ec_gpio_event)": 48, "sizeof(ec_gpio_line_info)": 256,
    "offsetof(ec_gpio_request, consumer)": 256, "offsetof(ec_gpio_request, config)": 288,
    "offsetof(ec_gpio_request, num_lines)": 560, "offsetof(ec_gpio_request, event_buffer_size)": 564,
    "offsetof(ec_gpio_request, fd)": 588, "offsetof(ec_gpio_config, attrs)": 32,
    "offsetof(ec_gpio_event, t_ns)": 0, "offsetof(ec_gpio_event, id)": 8, "offsetof(ec_gpio_event, offset)": 12,
    "offsetof(ec_gpio_event, seqno)": 16, "offsetof(ec_gpio_event, line_seqno)": 20,
    "offsetof(ec_gpio_line_info, consumer)": 32, "offsetof(ec_gpio_line_info, offset)": 64,
    "offsetof(ec_gpio_line_info, flags)": 72, "offsetof(ec_gpio_line_info, attrs)": 80,
    "offsetof(ec_spi_transfer, speed_hz)": 20, "offsetof(ec_spi_transfer, delay_usecs)": 24,
    "offsetof(ec_spi_transfer, bits_per_word)": 26, "offsetof(ec_spi_transfer, cs_change)": 27,
}
SYSTEM = {
    "EC_SPI_MESSAGE(7)": "SPI_IOC_MESSAGE(7)", "EC_SPI_WR_MODE32": "SPI_IOC_WR_MODE32",
    "EC_SPI_RD_MODE32": "SPI_IOC_RD_MODE32", "EC_SPI_WR_BITS_PER_WORD": "SPI_IOC_WR_BITS_PER_WORD",
    "EC_SPI_RD_BITS_PER_WORD": "SPI_IOC_RD_BITS_PER_WORD", "EC_SPI_NO_CS": "SPI_NO_CS", "EC_SPI_CPHA": "SPI_CPHA",
    "EC_SPI_CS_HIGH": "SPI_CS_HIGH", "EC_GPIO_GET_CHIPINFO": "GPIO_GET_CHIPINFO_IOCTL",
    "EC_GPIO_GET_LINEINFO": "GPIO_V2_GET_LINEINFO_IOCTL", "EC_GPIO_GET_LINE": "GPIO_V2_GET_LINE_IOCTL",
    "EC_GPIO_LINE_SET_VALUES": "GPIO_V2_LINE_SET_VALUES_IOCTL", "EC_GPIO_USED": "GPIO_V2_LINE_FLAG_USED",
    "EC_GPIO_INPUT": "GPIO_V2_LINE_FLAG_INPUT", "EC_GPIO_OUTPUT": "GPIO_V2_LINE_FLAG_OUTPUT",
    "EC_GPIO_EDGE_FALLING": "GPIO_V2_LINE_FLAG_EDGE_FALLING", "EC_GPIO_BIAS_PULL_UP": "GPIO_V2_LINE_FLAG_BIAS_PULL_UP",
    "EC_GPIO_EVENT_FALLING": "GPIO_V2_LINE_EVENT_FALLING_EDGE", "EC_GPIO_LINES_MAX": "GPIO_V2_LINES_MAX",
    "EC_GPIO_ATTR_OUTPUT_VALUES": "GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES",
    "offsetof(ec_gpio_request, fd)": "offsetof(struct gpio_v2_line_request, fd)",
    "offsetof(ec_gpio_event, line_seqno)": "offsetof(struct gpio_v2_line_event, line_seqno)",
    "sizeof(ec_gpio_request)": "sizeof(struct gpio_v2_line_request)",
    "sizeof(ec_gpio_line_info)": "sizeof(struct gpio_v2_line_info)",
    "sizeof(ec_spi_transfer)": "sizeof(struct spi_ioc_transfer)",
    "offsetof(ec_spi_transfer, word_delay_usecs)": "offsetof(struct spi_ioc_transfer, word_delay_usecs)",
}


def asserted(cc: str, folder: Path, claims: dict[str, object], *includes: str) -> str:
    """Compile one static assertion a claim; return the compiler's complaints."""
    lines = [f"#include {include}" for include in ("<stddef.h>", *includes, '"device/ec_linux_abi.h"')]
    lines += [f'_Static_assert(({ours}) == ({theirs}), "{ours}");' for ours, theirs in claims.items()]
    source = folder / "abi.c"
    source.write_text("\n".join([*lines, "int unused;", ""]))
    done = subprocess.run([cc, "-std=gnu11", "-fsyntax-only", f"-I{ds.REPOSITORY / 'csrc'}", str(source)],
                          capture_output=True, text=True, check=False)
    return done.stderr


def test_numbers_of_the_reference(cc, tmp_path):
    assert asserted(cc, tmp_path, NUMBERS) == ""


def test_numbers_of_this_system(cc, tmp_path):
    probe = "#include <linux/gpio.h>\n#include <linux/spi/spidev.h>\nint x = GPIO_V2_LINES_MAX;\n"
    has = subprocess.run([cc, "-xc", "-fsyntax-only", "-"], input=probe, capture_output=True, text=True, check=False)
    if has.returncode != 0:
        pytest.skip("the headers of this system know no GPIO version 2")
    assert asserted(cc, tmp_path, SYSTEM, "<linux/gpio.h>", "<linux/spi/spidev.h>") == ""

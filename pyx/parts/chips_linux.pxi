# The bus of real chips: nodes and lines by name, and a sentence for each way this can fail. [control-thread]

_SPI_ON = "Enable SPI (dtparam=spi=on in /boot/firmware/config.txt) and restart, then run: eegcore doctor"
_GROUPS = "Add yourself to the groups: sudo usermod -aG spi,gpio $USER, and log in again"


cdef void put_name(char *place, size_t size, str name) except *:
    cdef bytes raw = name.encode()
    if len(raw) >= size:
        raise errors.BadArgument(f"acquire: {name!r} is too long for a device. At most {size - 1} bytes.")
    memcpy(place, <const char *>raw, len(raw))


cdef void fill_linux_config(ec_linux_config *config, dict wires) except *:
    cdef uint32_t i
    memset(config, 0, sizeof(ec_linux_config))
    config.n_selects = len(wires["spi"])
    config.n_drdy = len(wires["drdy"])
    config.n_labels = len(wires["gpiochip"])
    if config.n_selects > EC_BUS_MAX_SELECTS or config.n_drdy > EC_BUS_MAX_CHIPS or config.n_labels > 8:
        raise errors.BadArgument("acquire: too many nodes, lines or labels. At most 64 nodes, 64 lines, 8 labels.")
    for i in range(config.n_selects):
        put_name(config.spi[i], sizeof(config.spi[i]), wires["spi"][i])
        put_name(config.cs[i], sizeof(config.cs[i]), wires["cs"][i])
    for i in range(config.n_drdy):
        put_name(config.drdy[i], sizeof(config.drdy[i]), wires["drdy"][i])
    for i in range(config.n_labels):
        put_name(config.labels[i], sizeof(config.labels[i]), wires["gpiochip"][i])
    put_name(config.start, sizeof(config.start), wires["start"])
    put_name(config.reset, sizeof(config.reset), wires["reset"])
    put_name(config.pwdn, sizeof(config.pwdn), wires["pwdn"])


cdef object open_error(const ec_linux_error *e, str board, list labels):
    """A sentence from what the kernel said."""
    place = (<bytes>e.place).decode(errors="replace")
    why = f": {os_strerror(e.error)}" if e.error else ""
    if e.step == EC_LINUX_SPI_OPEN:
        do = _SPI_ON if e.error == ENOENT else _GROUPS if e.error == EACCES else "Run: eegcore doctor"
        what = f"{place} cannot be opened{why}"
    elif e.step == EC_LINUX_SPI_FORBIDDEN:
        what, do = f"{place} belongs to the boot EEPROM of a Raspberry Pi 5", "Use /dev/spidev0.0 or another of the header"
    elif e.step == EC_LINUX_SPI_MODE:
        what = f"{place} does not take SPI mode 1{why or f' (it has mode {e.seen:#x})'}"
        do = "Check that it is a spidev node and that no other program has changed it"
    elif e.step == EC_LINUX_SPI_BITS:
        what, do = f"{place} does not take words of 8 bits{why}", "Use another SPI controller"
    elif e.step == EC_LINUX_GPIO_CHIP:
        found = (<bytes>e.found).decode(errors="replace")
        what = f"no GPIO chip is labelled {' or '.join(labels)}{why}; found: {found or 'none'}"
        do = _GROUPS if e.error == EACCES else "Set gpiochip to one that is there"
    elif e.step == EC_LINUX_LINE_UNKNOWN:
        what, do = f"there is no GPIO line {place!r}{why}", "Use a name that gpioinfo shows, GPIO0 to GPIO27 on a header"
    elif e.step == EC_LINUX_LINE_FORBIDDEN:
        what, do = f"GPIO line {place!r} is a function of the board itself", "Use GPIO0 to GPIO27"
    elif e.step == EC_LINUX_LINE_TWICE:
        what, do = f"GPIO line {place!r} has two purposes", "Give drdy, start, reset, pwdn and cs a line each"
    elif e.step == EC_LINUX_LINE_REQUEST:
        holder = (<bytes>e.holder).decode(errors="replace")
        what = f"GPIO line {place!r} is taken by {holder!r}" if holder else f"GPIO line {place!r} is refused{why}"
        do = "End that program, or use another line" if holder else "Run: eegcore doctor"
    else:
        what, do = f"{place}: {e.seen} of them", "Use fewer"
    return errors.DeviceError(f"{board}: {what}. {do}.", code="device_missing" if e.error else "bad_wiring",
                              errno=e.error or None)


cdef ec_linux_bus *open_linux_bus(dict node) except NULL:
    cdef ec_linux_config config
    cdef ec_linux_error error
    cdef int32_t status
    cdef ec_linux_bus *bus
    fill_linux_config(&config, node["wires"])
    bus = <ec_linux_bus *>new_aligned(sizeof(ec_linux_bus))
    if bus is NULL:
        raise MemoryError("eegcore: no memory for a bus")
    with nogil:
        status = ec_linux_bus_open(bus, &config, &error)
    if status < 0:
        free(bus)
        raise open_error(&error, node["board"], node["wires"]["gpiochip"])
    return bus


def probe_chips(dict node):
    """Bring the real chips of an `acquire` up, let them go, and return their registers, 24 bytes each.

    Raises
    ------
    DeviceError
        With what is missing, or what was seen and expected.
    """
    cdef ec_ads1299_config config
    cdef ec_linux_bus *bus = NULL
    cdef ec_ads1299 *d = NULL
    cdef ec_bus wires
    cdef int32_t status
    fill_driver_config(&config, node)
    bus = open_linux_bus(node)
    try:
        d = <ec_ads1299 *>new_aligned(sizeof(ec_ads1299))
        if d is NULL:
            raise MemoryError("eegcore: no memory for a driver")
        wires = ec_linux_bus_bus(bus)
        ec_ads1299_init(d, &wires, &config)
        with nogil:
            status = ec_ads1299_bring_up(d)
        if status < 0:
            raise bring_up_error(d, status, node["board"])
        return [(<const char *>d.seen[chip])[:EC_N_REGISTERS] for chip in range(d.n_chips)]
    finally:
        ec_linux_bus_close(bus)
        free(bus)
        free(d)

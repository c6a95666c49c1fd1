# From a plan's `ads1299` node to a driver on a bus, emulated or real. [control-thread]

_BRING_UP_STEPS = ("", "the registers asked for", "the reset", "the ID register", "the registers after reset",
                  "the clock", "the registers", "the registers read back", "the daisy chain", "START",
                  "the chips' step", "the register check")


cdef void fill_driver_config(ec_ads1299_config *config, dict node) except *:
    cdef uint32_t i, k
    memset(config, 0, sizeof(ec_ads1299_config))
    if len(node["n_channels"]) > EC_BUS_MAX_CHIPS or sum(node["n_channels"]) > EC_EMULATOR_MAX_CHANNELS:
        raise errors.EegcoreError(f"acquire: {len(node['n_channels'])} chips with {sum(node['n_channels'])} channels. "
                                  "At most 64 chips and 256 channels. Use fewer.")
    config.n_selects = len(node["chips_in"])
    for i in range(config.n_selects):
        config.chips_in[i] = node["chips_in"][i]
    for i, (n, image, master) in enumerate(zip(node["n_channels"], node["registers"], node["clock_master"],
                                               strict=True)):
        config.n_channels[i] = n
        config.clock_master[i] = master
        for k, value in enumerate(bytes.fromhex(image)):
            config.registers[i][k] = value
    config.spi_hz = node["spi_hz"]
    config.clock_hz = node["clock_hz"]
    config.rate_scale = node["rate_scale"]
    config.n_drdy = node["n_drdy"]
    config.trailer = 1


cdef void fill_emulator_config(ec_emulator_config *config, dict node, bint is_virtual) except *:
    """Copy what an emulated board is told; the emulator checks ranges."""
    cdef uint32_t i
    cdef dict world = node["world"]
    ec_emulator_config_default(config)
    config.n_selects = len(node["chips_in"])
    for i in range(config.n_selects):
        config.chips_in[i] = node["chips_in"][i]
    for i, (n, master, chip_id) in enumerate(zip(node["n_channels"], node["clock_master"], world["ids"], strict=True)):
        config.n_channels[i] = n
        config.clock_master[i] = master
        config.id[i] = chip_id
        config.drift_ppm[i] = world["drift_ppm"]
        config.reference_kohm[i] = world["reference_kohm"]
    config.n_drdy = node["n_drdy"]
    config.start_wired = config.reset_wired = 1
    if is_virtual:
        config.time = EC_TIME_VIRTUAL
    else:
        config.time = EC_TIME_REAL if world["late"] == "lose" else EC_TIME_PATIENT
    config.rate_scale = node["rate_scale"]
    config.clock_hz = node["clock_hz"]
    config.drift_ppm_per_s = world["drift_ppm_per_s"]
    config.jitter_us = world["jitter_us"]
    config.stamp_jitter_us = world["stamp_jitter_us"]
    config.stamp_jitter = EC_JITTER_BOTH if world["stamp_jitter"] == "both" else EC_JITTER_LATE
    config.seed = world["seed"]
    config.signal = {"eeg": EC_SIGNAL_EEG, "sine": EC_SIGNAL_SINE, "file": EC_SIGNAL_FILE}[world["signal"]]
    config.vref_v = world["vref_v"]
    config.noise_scale = 1.0 if world["noise"] else 0.0
    config.mains_hz = world["mains_hz"]
    config.sine_hz = world["sine_hz"]
    config.sine_uv = world["sine_uv"]
    config.loop = bool(world["loop"])
    for i, (alpha, blink, kohm) in enumerate(zip(world["alpha_weight"], world["blink_weight"], world["electrode_kohm"],
                                                 strict=True)):
        config.alpha_weight[i] = alpha
        config.blink_weight[i] = blink
        config.electrode_kohm[i] = kohm


cdef bytes fault_table(list faults):
    """The faults as an array of ec_fault."""
    cdef ec_fault fault
    cdef list rows = []
    for kind, chip, at, n, value in faults:
        fault.kind, fault.chip, fault.at, fault.n, fault.value = kind, chip, at, n, value
        rows.append(PyBytes_FromStringAndSize(<char *>&fault, sizeof(fault)))
    return b"".join(rows)


cdef object bring_up_error(ec_ads1299 *d, int32_t status, str board):
    """A sentence from what the driver saw."""
    cdef ec_ads1299_report *r = &d.report
    step = _BRING_UP_STEPS[r.step] if 0 <= r.step < len(_BRING_UP_STEPS) else "the chips"
    chip = f"chip {r.chip + 1}"
    if r.error:
        what, do = f"{step}: {os_strerror(r.error)}", "Check power and wiring, then run: eegcore doctor"
    elif r.step == EC_STEP_ID and r.seen in (0x00, 0xFF):
        what = f"{step} reads {r.seen:02X}h in {r.attempts} tries: the bus is stuck"
        do = "Check power, MISO, the chip select and the SPI node, then run: eegcore doctor"
    elif r.step == EC_STEP_ID:
        what = f"{step} reads {r.seen:02X}h, an ADS1299 with these channels has {r.expected:02X}h in its low five bits"
        do = "Set channels to what this part has, or check which part is fitted"
    elif status == EC_STATUS_NO_DRDY:
        what, do = "its data-ready line is silent", "Check drdy, START and the clock, then run: eegcore doctor"
    elif r.step == EC_STEP_SYNC:
        what = f"its first data-ready edge is {r.seen} us off that of the earliest chip after {r.attempts + 1} starts"
        do = "Give the chips one clock and one START line, or one acquire each and an align_and_zip"
    elif r.step == EC_STEP_CHAIN:
        what, do = "no frame of it is seen behind the chip before", "Check DAISY_IN, the common clock and chained"
    elif r.step == EC_STEP_RULES:
        what = f"register {r.address:02X}h was to be {r.seen:02X}h, which breaks a fixed bit or a reserved code"
        do = "This is a bug in eegcore: report it with the pipeline file"
    else:
        what = f"{step}: {r.address:02X}h holds {r.seen:02X}h and not {r.expected:02X}h after {r.attempts} tries"
        do = "Check SCLK and wiring, or lower spi_hz"
    return errors.DeviceError(f"{board}: {chip}: {what}. {do}.", code=errors.STATUS_TABLE[status].code,
                              errno=r.error or None)


cdef object os_strerror(int error):
    from os import strerror

    return f"{strerror(error)} [errno {error}]"

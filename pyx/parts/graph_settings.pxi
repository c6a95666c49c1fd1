# How plan dictionaries become C structures.


cdef void fill_stream(eegcore_stream *stream, dict given) except *:
    stream.struct_size = sizeof(eegcore_stream)
    stream.kind = given["kind"]
    stream.sps = given["sps"]
    stream.n_channels = given["n_channels"]
    stream.n_bins = given["n_bins"]
    stream.max_frames = given["max_frames"]
    stream.step_num, stream.step_den = given["step"]
    stream.labels = NULL


cdef void fill_emulator_config(ec_emulator_config *config, dict settings) except *:
    """Copy the settings of an emulated board; the emulator checks their ranges."""
    cdef int i
    chips, gains = settings["channels_per_chip"], settings["gain"]
    if len(chips) > EC_EMULATOR_MAX_CHIPS or len(gains) > EC_EMULATOR_MAX_CHANNELS:
        raise errors.EegcoreError(f"emulator: {len(chips)} chips with {len(gains)} channels. "
                                  "At most 64 chips and 256 channels. Use fewer.")
    config.n_chips = len(chips)
    for i in range(len(chips)):
        config.channels_per_chip[i] = chips[i]
    for i in range(len(gains)):
        config.gain[i] = gains[i]
        config.alpha_weight[i] = settings["alpha_weight"][i]
        config.blink_weight[i] = settings["blink_weight"][i]
    config.sps = settings["sps"]
    config.vref_v = settings["vref_v"]
    config.signal = {"eeg": EC_SIGNAL_EEG, "sine": EC_SIGNAL_SINE, "test": EC_SIGNAL_TEST,
                     "file": EC_SIGNAL_FILE}[settings["signal"]]
    config.late = EC_LATE_LOSE if settings["late"] == "lose" else EC_LATE_BUFFER
    config.loop = bool(settings["loop"])
    config.seed = settings["seed"]
    config.drift_ppm = settings["drift_ppm"]
    config.jitter_us = settings["jitter_us"]
    config.mains_hz = settings["mains_hz"]
    config.sine_hz = settings["sine_hz"]
    config.sine_uv = settings["sine_uv"]

# What a packet is beside its payload, for those who write packets down and play them again. Fields up to `masks` are
# what a hash of it covers (eegcore/sinks/history_format.py has the same layout).
cdef struct PacketHead:
    uint64_t frame_index
    uint32_t kind
    uint32_t flags
    uint32_t n_frames
    uint32_t n_channels
    uint32_t n_bins
    uint32_t payload_bytes
    uint64_t masks[20]         # saturated, lead_off, flatline, blink, muscle; the last three 0 unless their flag is set
    int64_t t_ns
    double sps
    uint32_t device_frames
    uint32_t meta_rev
    uint32_t config_rev
    uint32_t step_num
    uint32_t step_den
    uint32_t reserved


cdef void head_of(PacketHead *h, const ec_packet *p) noexcept nogil:
    memset(h, 0, sizeof(PacketHead))
    h.frame_index = p.frame_index
    h.kind = p.kind
    h.flags = p.flags
    h.n_frames = p.n_frames
    h.n_channels = p.n_channels
    h.n_bins = p.n_bins
    h.payload_bytes = p.payload_bytes
    memcpy(&h.masks[0], p.saturated, sizeof(p.saturated))
    memcpy(&h.masks[4], p.lead_off, sizeof(p.lead_off))
    if p.flags & EEGCORE_FLAG_FLATLINE:
        memcpy(&h.masks[8], p.flatline, sizeof(p.flatline))
    if p.flags & EEGCORE_FLAG_BLINK:
        memcpy(&h.masks[12], p.blink, sizeof(p.blink))
    if p.flags & EEGCORE_FLAG_MUSCLE:
        memcpy(&h.masks[16], p.muscle, sizeof(p.muscle))
    h.t_ns = p.t_ns
    h.sps = p.sps
    h.device_frames = p.device_frames
    h.meta_rev = p.meta_rev
    h.config_rev = p.config_rev
    h.step_num = p.step_num
    h.step_den = p.step_den

import struct

import numpy as np


def decode(message: bytes):
    """Return header fields and samples of one binary message of /ws/data."""
    (magic, kind, flags, topic_id, n_frames, n_channels, frame_index, t_ns, sps, meta_rev, config_rev, _,
     step_num, step_den, n_bins) = struct.unpack_from("<4sBBHIIQqdIIIIII", message)
    if magic != b"EEG1":
        raise ValueError("not a packet of eegcore")
    shape = (n_frames, n_bins, n_channels) if kind == 4 else (n_frames, n_channels)
    plane = 4 * int(np.prod(shape))                  # kind 3 carries counts, then uV
    counts = np.frombuffer(message, "<i4", plane // 4, 64).reshape(shape) if kind in (1, 3) else None
    start = 64 + (plane if kind == 3 else 0)
    data = np.frombuffer(message, "<f4", plane // 4, start).reshape(shape) if kind != 1 else None
    return {"kind": kind, "flags": flags, "topic_id": topic_id, "frame_index": frame_index, "t_ns": t_ns,
            "sps": sps, "meta_rev": meta_rev, "config_rev": config_rev, "step": (step_num, step_den),
            "counts": counts, "data": data}

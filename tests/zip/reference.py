"""What the zip must do, said by numpy: nearest neighbours, one frame of the master after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from zip_driver import GAP, Input, Made

NAN_BITS = 0x7FC00000


@dataclass
class Frame:
    """One frame of an input, or of the output."""

    key: int
    index: int
    t_ns: int
    row: list[int]
    flags: int
    saturated: int
    lead_off: int
    gap: bool
    packet: int


def keys_of(one: Input, by_time: bool) -> list[int]:
    """The time of every frame: counted on from each packet's with the period the source has had."""
    nominal = 1e9 / one.sps
    num, den = one.step
    old = young = None
    found: list[int] = []
    for packet in one.packets:
        period = nominal
        now = (packet.t_ns, packet.frame_index)
        if old is None or now[1] <= old[1]:
            old = young = now
        else:
            period = float(now[0] - old[0]) * num / (float(now[1] - old[1]) * den)
            if abs(period - nominal) > 0.06 * nominal:
                old = young = now
                period = nominal
            elif now[0] - young[0] >= 1_000_000_000:
                old, young = young, now
        for i in range(len(packet.data)):
            key = packet.t_ns + int(i * period + 0.5) if by_time else packet.frame_index + i * num // den
            found.append(max(key, found[-1]) if found else key)
    return found


def frames_of(one: Input, by_time: bool) -> list[Frame]:
    keys = keys_of(one, by_time)
    out: list[Frame] = []
    following = None
    num, den = one.step
    for number, packet in enumerate(one.packets):
        n = len(packet.data)
        gap = bool(packet.flags & GAP) or (following not in (None, packet.frame_index) and den == 1)
        following = packet.frame_index + n * num // den
        for i in range(n):
            out.append(Frame(keys[len(out)], packet.frame_index + i * num // den,
                             packet.t_ns + int(i * (1e9 / one.sps) + 0.5), [int(v) for v in packet.data[i]],
                             packet.flags & ~GAP, packet.saturated, packet.lead_off, gap and i == 0, number))
    return out


@dataclass
class Joined:
    """The output, frame by frame, and the ledger of every input."""

    frames: list[Frame]
    counts: list[dict[str, int]]


def nearest(keys: np.ndarray, key: int) -> int | None:
    """The number of the nearest key; of two at the same distance, and of equal ones, see `ec_zip.h`."""
    if len(keys) == 0:
        return None
    after = int(np.searchsorted(keys, key, "left"))
    if after == 0:
        return 0
    if after == len(keys) or key - keys[after - 1] <= keys[after] - key:
        return after - 1
    return after


def join(inputs: Sequence[Input], *, by_time: bool, tolerance: int, skip: bool, is_float: bool) -> Joined:
    given = [frames_of(one, by_time) for one in inputs]
    keys = [np.array([frame.key for frame in frames], np.int64) for frames in given]
    last_used = [-1] * len(inputs)
    last_row = [[0] * one.n_channels for one in inputs]
    uses: list[list[int]] = [[] for _ in inputs]
    filled = [0] * len(inputs)
    filled_before = [False] * len(inputs)
    begun = [False] * len(inputs)
    out: list[Frame] = []
    left_out = False
    master_seen = -1
    for number, frame in enumerate(given[0]):
        chosen: list[int | None] = [number]
        for k in range(1, len(inputs)):
            at = nearest(keys[k], frame.key)
            chosen.append(None if at is None or abs(int(keys[k][at]) - frame.key) > tolerance else at)
        early = False
        for k in range(1, len(inputs)):
            if chosen[k] is None:
                if not begun[k] and len(keys[k]) and keys[k][0] >= frame.key:
                    early = True
                else:
                    begun[k] = True
        if early or (skip and None in chosen):
            left_out = bool(out)
            if not out:
                master_seen = number
            continue
        gap = left_out
        left_out = False
        row: list[int] = []
        saturated = lead_off = flags = 0
        for k, at in enumerate(chosen):
            if at is None:
                row += [NAN_BITS] * inputs[k].n_channels if is_float else last_row[k]
                filled[k] += 1
                filled_before[k] = gap = True
                continue
            seen = given[k][at]
            since = last_used[k] if k else max(last_used[0], master_seen)
            gap = gap or filled_before[k] or any(one.gap for one in given[k][since + 1: at + 1])
            filled_before[k] = False
            last_used[k] = at
            last_row[k] = seen.row
            begun[k] = True
            uses[k].append(at)
            saturated |= seen.saturated << len(row)
            lead_off |= seen.lead_off << len(row)
            flags |= seen.flags
            row += seen.row
        out.append(Frame(frame.key, frame.index, frame.t_ns, row, flags, saturated, lead_off, gap, frame.packet))
    counts = []
    for k, one in enumerate(given):
        used = len(set(uses[k]))
        counts.append({"in": len(one), "used": used, "skipped": len(one) - used, "held": 0, "out": len(out),
                       "repeated": len(uses[k]) - used, "filled": filled[k]})
    return Joined(out, counts)


def check_blocks(made: Sequence[Made], wanted: Joined) -> None:
    """Blocks hold the wanted frames, each a packet of the master or a part of one with the same flags."""
    at = 0
    for block in made:
        frames = wanted.frames[at: at + len(block.data)]
        at += len(frames)
        first = frames[0]
        assert (block.frame_index, block.t_ns) == (first.index, first.t_ns)
        assert [list(row) for row in block.data.view(np.uint32)] == [
            [value & 0xFFFFFFFF for value in frame.row] for frame in frames]
        assert {frame.packet for frame in frames} == {first.packet}
        for frame in frames:
            assert (block.saturated, block.lead_off, block.flags & ~GAP) == (
                frame.saturated, frame.lead_off, frame.flags)
        assert bool(block.flags & GAP) == first.gap == any(frame.gap for frame in frames)
    assert at == len(wanted.frames)

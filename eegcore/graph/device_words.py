"""What the acquisition thread has to say, in sentences: one place for the words of device trouble."""

from __future__ import annotations

import os

from eegcore import _rt

# ec_log_code of csrc/graph/ec_node.h
BAD_STATUS, READ_FAILED, DEVICE, BUS_STUCK, RECOVERING, RECOVERED, OUT_OF_STEP = range(4, 11)


def device_words(code: int, stage: str, frame_index: int, value: int) -> tuple[str, str, str] | None:
    """Return (level, place, message) of a record about a device, None if it is about something else.

    Places differ by kind of trouble, so that one does not silence another in the log.
    """
    if code == BAD_STATUS:
        return "warning", f"{stage}.status", (
            f"{stage}: status word {value & 0xFFFFFF:06X}h of chip {(value >> 24) + 1} of frame {frame_index} does not "
            "begin with 1100, or is not repeated behind the data; the frame is left out and the gap is flagged. "
            "Check wiring and SPI speed.")
    if code == READ_FAILED:
        return "warning", f"{stage}.read", (
            f"{stage}: frame {frame_index} could not be read: {os.strerror(value)} [errno {value}]; it is left out and "
            "the gap is flagged. Check wiring and power" + (
                "; with DMA, transfers above 64 bytes are the usual cause." if value == 110 else "."))
    if code == BUS_STUCK:
        return "error", f"{stage}.stuck", (
            f"{stage}: the bus is stuck: {_stuck(value & 0xFFFFFF)} instead of status words of chip "
            f"{(value >> 24) + 1} since about frame {frame_index}. Check power, MISO and the chip select; the chips "
            "are brought up again if it lasts.")
    if code == RECOVERING:
        return "error", f"{stage}.recovering", (
            f"{stage}: {_rt.status_text(value)} [{_rt.status_name(value)}] after frame {frame_index}. The chips are "
            "brought up again; the gap will have its true length.")
    if code == RECOVERED:
        return "warning", f"{stage}.recovered", (
            f"{stage}: the chips run again after {value} {'try' if value == 1 else 'tries'}; the stream goes on "
            f"with frame {frame_index}. Check what happened to them.")
    if code == OUT_OF_STEP:
        line, apart = value >> 32, value & 0xFFFFFFFF
        return "error", f"{stage}.step", (
            f"{stage}: chip {line + 1} converts {apart / 10:g} % of a period away from chip 1 by frame {frame_index}: "
            "they have no common clock. Give each an acquire, joined by align_and_zip.")
    if code == DEVICE:
        return "error", f"{stage}.device", (
            f"{stage}: {_rt.status_text(value)} [{_rt.status_name(value)}] at frame {frame_index}; given up. "
            "Run: eegcore doctor")
    return None


def _stuck(word: int) -> str:
    if word in (0x000000, 0xFFFFFF):
        return f"{word & 0xFF:02X}h"
    return f"{word:06X}h and the like"

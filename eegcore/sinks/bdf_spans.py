"""From flags that come with every packet to annotations that say from when to when.

A span is a stretch in which a channel is saturated, has its electrode off, ...; it ends when the flag has been away
for `HOLD_S`, so that a flag that flickers makes one annotation and not hundreds. Spans that end together share an
annotation, ``saturated Fp1 Cz``. One that lasts is handed out every `LONGEST_S`, so that a power cut does not take
it along. The memory is bounded: if annotations pile up, the hold grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from eegcore.sinks.bdf_annotations import Annotation

HOLD_S = Fraction(1, 2)
LONGEST_S = 10
CROWD = 64                                           # annotations waiting at which the hold doubles, again and again
MOST_DOUBLINGS = 8


class SpanTracker:
    """Stretches of one flag.

    Parameters
    ----------
    word : str
        What the annotation begins with.
    labels : sequence of str
        Channels, bit 0 of a mask first. Empty: the flag is not about channels, the mask is 0 or 1.
    rate : Fraction
        Frames per second.
    """

    def __init__(self, word: str, labels: Sequence[str], rate: Fraction) -> None:
        self._word, self._labels, self._rate = word, labels, rate
        self._open: dict[int, list[int]] = {}        # bit -> [first frame, frame after the last]

    def look(self, at: int, n_frames: int, mask: int, crowd: int = 0) -> list[Annotation]:
        """Take the flag of frames `at` to `at + n_frames`; return the spans that are over.

        Parameters
        ----------
        at, n_frames : int
            Frames of the file, in order.
        mask : int
            Bit c is set if the flag is up for channel c.
        crowd : int
            Annotations that wait for a place.
        """
        if not mask and not self._open:
            return []
        hold = int(HOLD_S * self._rate) << min(MOST_DOUBLINGS, crowd // CROWD)
        longest = max(1, int(LONGEST_S * self._rate), 2 * hold)
        over = [bit for bit, (first, end) in self._open.items()
                if at - end > hold or (end - first >= longest and not mask >> bit & 1)]
        done = self._hand_out(over)
        bits = mask
        while bits:
            bit = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            self._open.setdefault(bit, [at, at])[1] = at + n_frames
        lasting = [bit for bit, (first, end) in self._open.items() if end - first >= longest]
        return done + self._hand_out(lasting)

    def close(self) -> list[Annotation]:
        """Return what is open as if it ended where it was last seen."""
        return self._hand_out(list(self._open))

    def _hand_out(self, bits: list[int]) -> list[Annotation]:
        groups: dict[tuple[int, int], list[int]] = {}
        for bit in bits:
            first, end = self._open.pop(bit)
            groups.setdefault((first, end), []).append(bit)
        return [Annotation(first, " ".join([self._word, *self._names(group)]), end - first)
                for (first, end), group in groups.items()]

    def _names(self, bits: list[int]) -> list[str]:
        return [self._labels[bit] for bit in sorted(bits) if bit < len(self._labels)]

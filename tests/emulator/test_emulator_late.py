"""A reader that comes too late: what it can know must be what the emulator counted."""

import numpy as np
import pytest
from emulator_driver import LOSE, NO_DRDY, Emulator, decode
from hypothesis import given
from hypothesis import strategies as st

PERIOD_NS = 500_000                                                        # 2000 SPS
WIRE_NS = 27_000                                                           # 27 bytes at 8 MHz


def late(emulator, **settings):
    """One latch, 2000 SPS, a file in which every channel of conversion k holds k."""
    channels = settings.get("channels", (8,))
    counts = np.repeat(np.arange(1, 4001, dtype=np.int32)[:, None], sum(channels), axis=1)
    return emulator(**{"signal": "file", "file": counts, "sps": 2000.0, "late": LOSE, **settings})


class Reader:
    """The rule of the acquisition loop: edges say which conversion a round of reads was."""

    def __init__(self, one):
        self.one = one
        self.known = []                                                    # edges not yet attributed
        self.seen = set()
        self.clean = []
        self.torn = []
        self.values = []

    def poll(self):
        while edges := self.one.wait(deadline_ns=0):
            if isinstance(edges, int):
                return
            self.known += edges

    def serve(self):
        """Wait, read every chip, judge."""
        edges = self.one.wait()
        if isinstance(edges, int):
            return False
        self.known += edges
        self.poll()
        reads = [self.one.read(chip) for chip in range(len(self.one.channels))]
        begin, end = reads[0][1], reads[-1][2]
        self.poll()
        past = [seqno for seqno, t_ns in self.known if t_ns <= begin]
        during = [seqno for seqno, t_ns in self.known if begin < t_ns <= end]
        self.known = [edge for edge in self.known if edge[1] > begin]
        if past and past[-1] not in self.seen:
            self.seen.add(past[-1])
            (self.torn if during else self.clean).append(past[-1])
            if not during:
                self.values.append([decode(np.frombuffer(f, np.uint8)[None]).ravel() for f, _, _ in reads])
        return True


delays = st.lists(st.one_of(st.just(0), st.integers(0, 3 * PERIOD_NS), st.integers(0, 1200 * PERIOD_NS)),
                  min_size=1, max_size=12)


@given(delays=delays, jitter_us=st.sampled_from([0.0, 30.0, 480.0]), chips=st.sampled_from([1, 2, 4]),
       spi_hz=st.sampled_from([20e6, 8e6, 1e6, 3e5]), drift_ppm=st.sampled_from([0.0, 5000.0, -25000.0]))
def test_m4_the_reader_finds_exactly_what_the_emulator_counted(library, delays, jitter_us, chips, spi_hz, drift_ppm):
    one = late(lambda **settings: Emulator(library, **settings), channels=(8,) * chips, jitter_us=jitter_us,
               spi_hz=spi_hz, drift_ppm=drift_ppm)
    reader = Reader(one)
    for delay in [0, *delays, 0, 0]:
        one.advance(delay)
        if not reader.serve():
            break
    last = one.stop()
    truth = one.truth()
    one.close()
    assert truth.edges == last
    assert truth.edges == truth.clean + truth.torn + truth.never_read
    assert truth.clean == len(reader.clean)
    assert truth.torn == len(reader.torn)
    for chip in truth.chip[:chips]:
        assert truth.edges == chip.clean + chip.torn + chip.never_read
    for seqno, values in zip(reader.clean, reader.values, strict=True):
        assert all((v == seqno).all() for v in values)


def test_a_punctual_reader_loses_nothing(emulator):
    one = late(emulator, channels=(8, 8, 8, 8))
    frames, _ = one.collect(500, want=1)
    assert (decode(frames[:, 27:54])[:, 0] == np.arange(1, 501)).all()
    truth = one.truth()
    assert (truth.clean, truth.torn, truth.never_read) == (500, 0, 0)
    assert not one.library.harness_patient(one.at)


def test_b_17_a_transfer_across_an_edge_is_old_then_new(emulator):
    file = b"".join(bytes([value]) * 27 for value in (0x11, 0x22, 0x33, 0x44))
    one = emulator(signal="file", file=file, sps=2000.0, late=LOSE)
    assert one.wait() == [(1, PERIOD_NS)]
    one.advance(PERIOD_NS - 10_500)                                        # ten and a half bytes before edge 2
    frame, begin, end = one.read()
    assert (begin, end) == (2 * PERIOD_NS - 10_500, 2 * PERIOD_NS - 10_500 + WIRE_NS)
    assert frame == b"\x11" * 10 + b"\x22" * 17
    assert one.wait(deadline_ns=0) == [(2, 2 * PERIOD_NS)]
    assert one.read()[0] == b"\x22" * 27
    truth = one.truth()
    assert (truth.edges, truth.torn, truth.clean, truth.never_read) == (2, 1, 1, 0)


def test_b_17_an_edge_at_the_last_moment_tears_and_one_at_the_first_does_not(emulator):
    one = late(emulator)
    one.advance(2 * PERIOD_NS - WIRE_NS)
    one.read()                                                             # ends at edge 2
    one.read()                                                             # begins at edge 2
    truth = one.truth()
    assert (truth.edges, truth.torn, truth.clean) == (2, 1, 1)


def test_b_17_a_slow_wire_mixes_many_conversions(emulator):
    file = b"".join(bytes([value]) * 27 for value in range(200))
    one = emulator(signal="file", file=file, sps=2000.0, late=LOSE, spi_hz=16000.0)      # a byte takes a period
    one.wait()
    frame, begin, end = one.read()
    assert end - begin == 27 * PERIOD_NS
    assert list(frame) == list(range(27))
    assert one.truth().torn == 1


def test_b_18_before_the_first_edge_a_read_is_zeros(emulator):
    one = late(emulator)
    assert one.read()[0] == bytes(27)
    truth = one.truth()
    assert (truth.edges, truth.chip[0].early, truth.clean) == (0, 1, 0)


def test_b_20_clocks_beyond_the_frame_shift_zeros(emulator):
    one = late(emulator, channels=(4,))
    one.wait()
    frame = one.read(n_bytes=27)[0]
    assert frame[:3] == b"\xc0\x00\x00"
    assert frame[15:] == bytes(12)


def test_reading_again_gives_the_same_conversion_and_counts_it_once(emulator):
    one = late(emulator)
    one.wait()
    assert one.read()[0] == one.read()[0]
    truth = one.truth()
    assert (truth.clean, truth.chip[0].repeated) == (1, 1)


def test_the_queue_keeps_1024_edges_and_seqno_shows_the_rest(emulator):
    one = late(emulator)
    one.advance(1500 * PERIOD_NS)
    edges = one.wait(most=2000)
    assert len(edges) == 1024
    assert edges[0] == (477, 477 * PERIOD_NS)
    assert edges[-1] == (1500, 1500 * PERIOD_NS)
    assert one.truth().overflowed == 476
    frame = np.frombuffer(one.read()[0], np.uint8)[None]
    assert (decode(frame) == 1500).all()
    assert one.truth().never_read == 1499


def test_chips_on_both_sides_of_an_edge_make_no_frame(emulator):
    one = late(emulator, channels=(8, 8))
    one.wait()
    one.advance(PERIOD_NS - WIRE_NS - 13_000)                              # edge 2 amid chip 1
    first, second = (decode(np.frombuffer(one.read(chip)[0], np.uint8)[None]) for chip in (0, 1))
    assert (first == 1).all()
    assert 1 in second
    assert 2 in second
    truth = one.truth()
    assert (truth.clean, truth.torn) == (0, 1)
    assert (truth.chip[0].clean, truth.chip[1].torn) == (1, 1)


def test_an_edge_between_the_reads_of_two_chips_makes_no_frame(emulator):
    one = late(emulator, channels=(8, 8))
    one.wait()
    one.read(0)
    one.advance(PERIOD_NS)
    one.read(1)
    truth = one.truth()
    assert (truth.edges, truth.clean, truth.torn, truth.never_read) == (2, 0, 1, 1)
    assert (truth.chip[0].clean, truth.chip[1].clean, truth.chip[1].never_read) == (1, 1, 1)


def test_in_real_time_a_transfer_occupies_the_bus_until_its_end(emulator):
    one = late(emulator, virtual_clock=0, spi_hz=10e3)                     # 21.6 ms for a frame
    one.wait()
    end = one.read()[2]
    assert one.now() >= end
    assert one.read()[1] >= end
    assert one.wait(deadline_ns=0)[-1][1] > end - PERIOD_NS


# ---- patient ----------------------------------------------------------------------------

def test_a_patient_chip_gives_every_conversion_however_late(emulator):
    one = late(emulator, late=0)
    one.advance(3000 * PERIOD_NS)
    seqnos = []
    while len(seqnos) < 3000:
        seqnos += [seqno for seqno, _ in one.wait(deadline_ns=0)]
    assert seqnos == list(range(1, 3001))
    values = [decode(np.frombuffer(one.read()[0], np.uint8)[None])[0, 0] for _ in range(3000)]
    assert values == seqnos
    assert one.read() == NO_DRDY
    truth = one.truth()
    assert (truth.edges, truth.clean, truth.torn, truth.never_read) == (3000, 3000, 0, 0)
    assert one.library.harness_patient(one.at)


def test_a_patient_read_carries_the_stamp_of_its_edge(emulator):
    one = emulator(sps=250.0, jitter_us=100.0)
    edges = one.wait(want=20)
    assert [one.read()[1:] for _ in range(20)] == [(t_ns, t_ns) for _, t_ns in edges]


@pytest.mark.parametrize("signal", ["eeg", "file"])
def test_patient_chips_may_be_read_one_after_the_other(emulator, signal):
    file = np.arange(16 * 300, dtype=np.int32).reshape(300, 16) if signal == "file" else None
    frames, _ = emulator(channels=(8, 8), signal=signal, file=file).collect(300)
    one = emulator(channels=(8, 8), signal=signal, file=file)
    for _ in range(5):
        one.wait(want=60)
    first = [one.read(0)[0] for _ in range(300)]
    truth = one.truth()
    assert (truth.clean, truth.torn, truth.never_read) == (0, 300, 0)
    second = [one.read(1)[0] for _ in range(300)]
    assert one.truth().clean == 300
    assert b"".join(a + b for a, b in zip(first, second, strict=True)) == frames.tobytes()


# ---- real time --------------------------------------------------------------------------

def test_in_real_time_the_reader_and_the_emulator_agree(emulator):
    one = late(emulator, virtual_clock=0, channels=(8, 8), n_frames_max=400)
    reader = Reader(one)
    while reader.serve():
        pass
    last = one.stop()
    truth = one.truth()
    assert truth.edges == last == 400
    assert truth.edges == truth.clean + truth.torn + truth.never_read
    assert (truth.clean, truth.torn) == (len(reader.clean), len(reader.torn))
    assert truth.clean > 0

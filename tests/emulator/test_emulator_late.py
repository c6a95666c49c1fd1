"""A reader that comes too late: what it can know must be what the emulator counted."""

import numpy as np
from emulator_driver import DATA_HZ, Emulator, decode_one
from hypothesis import given
from hypothesis import strategies as st

PERIOD_NS = 500_000                                                        # 2000 SPS
WIRE_NS = 27_000                                                           # 27 bytes at 8 MHz


def late(emulator, **settings):
    """2000 SPS, a file in which every channel of conversion k holds k; started."""
    channels = settings.get("channels", (8,))
    counts = np.repeat(np.arange(1, 8001, dtype=np.int32)[:, None], sum(channels), axis=1)
    return emulator(**{"file": counts, **settings}).begin(sps=2000)


class Reader:
    """The rule of the acquisition loop: edges say which conversion a round of reads was."""

    def __init__(self, one, speed_hz=DATA_HZ):
        self.one = one
        self.speed_hz = speed_hz
        self.known = []                                                    # edges not yet attributed
        self.seen = set()
        self.clean = []
        self.torn = []
        self.values = []

    def serve(self):
        """Wait, read every chip, judge."""
        edges = self.one.wait()
        if isinstance(edges, int):
            return False
        self.known += edges
        self.known += self.one.poll()
        begin = self.one.now()
        reads = [self.one.read(chip, speed_hz=self.speed_hz) for chip in range(len(self.one.channels))]
        end = self.one.now()
        self.known += self.one.poll()
        past = [edge.seqno for edge in self.known if edge.t_ns <= begin]
        during = [edge.seqno for edge in self.known if begin < edge.t_ns <= end]
        self.known = [edge for edge in self.known if edge.t_ns > begin]
        if past and past[-1] not in self.seen:
            self.seen.add(past[-1])
            (self.torn if during else self.clean).append(past[-1])
            if not during:
                self.values.append([decode_one(frame) for frame in reads])
        return True


delays = st.lists(st.one_of(st.just(0), st.integers(0, 3 * PERIOD_NS), st.integers(0, 1200 * PERIOD_NS)),
                  min_size=1, max_size=12)


@given(delays=delays, jitter_us=st.sampled_from([0.0, 30.0, 480.0]), chips=st.sampled_from([1, 2, 4]),
       speed_hz=st.sampled_from([20_000_000, 8_000_000, 1_000_000, 300_000]),
       drift_ppm=st.sampled_from([0.0, 5000.0, -25000.0]))
def test_the_reader_finds_exactly_what_the_emulator_counted(library, delays, jitter_us, chips, speed_hz, drift_ppm):
    one = late(lambda **settings: Emulator(library, **settings), channels=(8,) * chips, jitter_us=jitter_us,
               drift_ppm=drift_ppm)
    reader = Reader(one, speed_hz)
    for delay in [0, *delays, 0, 0]:
        one.advance(delay)
        if not reader.serve():
            break
    truth = one.truth()
    one.close()
    assert truth.clean == len(reader.clean)
    assert truth.torn == len(reader.torn)
    assert truth.spoiled == 0
    assert truth.conversions >= max([*reader.clean, *reader.torn])
    for seqno, values in zip(reader.clean, reader.values, strict=True):
        assert all(v == [seqno] * 8 for v in values)


def test_a_punctual_reader_loses_nothing(emulator):
    one = late(emulator, channels=(8, 8, 8, 8))
    counts = one.counts(500, want=1)
    assert (counts == np.arange(1, 501)[:, None]).all()
    truth = one.truth()
    assert (truth.clean, truth.torn, truth.never_read, truth.events) == (500, 0, 0, 500)


def test_an_edge_at_the_last_moment_tears_and_one_at_the_first_does_not(emulator):
    one = late(emulator)
    edge = one.wait()[0]
    one.sleep_until(edge.t_ns + PERIOD_NS - WIRE_NS)
    one.read()                                                             # ends at edge 2
    one.read()                                                             # begins at edge 2
    truth = one.truth()
    assert (truth.conversions, truth.torn, truth.clean) == (2, 1, 1)


def test_reading_again_gives_the_same_conversion_and_counts_it_once(emulator):
    one = late(emulator)
    one.wait()
    assert one.read() == one.read()
    truth = one.truth()
    assert (truth.clean, truth.repeated) == (1, 1)


def test_the_queue_keeps_1024_edges_and_seqno_shows_the_rest(emulator):
    one = late(emulator)
    first = one.wait()[0]
    one.advance(1499 * PERIOD_NS)
    edges = one.wait(most=2000)
    assert len(edges) == 1024
    assert edges[0] == (477, first.t_ns + 476 * PERIOD_NS, 0)
    assert edges[-1] == (1500, first.t_ns + 1499 * PERIOD_NS, 0)
    assert one.truth().overflowed == 475
    assert decode_one(one.read()) == [1500] * 8
    assert one.truth().never_read == 1499


def test_chips_on_both_sides_of_an_edge_make_no_frame(emulator):
    one = late(emulator, channels=(8, 8))
    one.wait()
    one.advance(PERIOD_NS - WIRE_NS - 13_000)                              # edge 2 amid chip 1
    first, second = (decode_one(one.read(chip)) for chip in (0, 1))
    assert first == [1] * 8
    assert second[0] == 1
    assert second[-1] == 2
    truth = one.truth()
    assert (truth.clean, truth.torn) == (0, 1)


def test_an_edge_between_the_reads_of_two_chips_makes_no_frame(emulator):
    one = late(emulator, channels=(8, 8))
    one.wait()
    one.read(0)
    one.advance(PERIOD_NS)
    one.read(1)
    truth = one.truth()
    assert (truth.conversions, truth.clean, truth.torn, truth.never_read) == (2, 0, 1, 1)


def test_a_round_that_did_not_reach_the_last_chip_is_no_round(emulator):
    one = late(emulator, channels=(8, 8))
    one.wait()
    one.read(0)
    one.wait()
    one.read(0)
    one.read(1)
    one.wait()
    one.read(1)
    truth = one.truth()
    assert (truth.conversions, truth.clean, truth.torn, truth.never_read) == (3, 1, 0, 2)


def test_a_shorter_read_is_no_read(emulator):
    one = late(emulator)
    one.wait()
    assert one.read(n_bytes=26)[3:6] == b"\0\0\1"
    assert one.truth().never_read == 1
    one.read()
    assert one.truth().clean == 1


def test_in_real_time_a_transfer_occupies_the_bus_until_its_end(emulator):
    one = late(emulator, time="real")
    one.wait()
    begin = one.now()
    one.read(speed_hz=10_000)                                              # 21.6 ms
    end = one.now()
    assert end - begin >= 21_600_000
    one.read(speed_hz=10_000)
    assert one.now() >= end + 21_600_000


def test_in_real_time_the_reader_and_the_emulator_agree(emulator):
    one = late(emulator, time="real", channels=(8, 8), n_frames_max=400)
    reader = Reader(one)
    while reader.serve():
        pass
    truth = one.truth()
    assert truth.conversions == 400
    assert (truth.clean, truth.torn) == (len(reader.clean), len(reader.torn))
    assert truth.clean > 0

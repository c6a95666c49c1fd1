"""Any order of waits, reads, sleeps and restarts: the books balance, and no byte is of a conversion it cannot be."""


import numpy as np
import pytest
from emulator_driver import ENODATA, START, Emulator, decode_one
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

FAULTS = (
    ("bad_status", {"at": 3, "chip": 1, "n": 2}), ("drop_edge", {"at": 4}), ("eio", {"at": 6, "n": 2}),
    ("spurious", {"at": 8, "value": 40_000}), ("slow", {"at": 9, "value": 700_000}), ("eio", {"at": 11, "chip": 1}),
    ("miso_stuck", {"at": 13, "value": 0xFF}), ("overflow", {"at": 15, "n": 2}), ("bit_slip", {"at": 17, "value": 0}),
)


class Machine(RuleBasedStateMachine):
    library = None

    @initialize(chips=st.sampled_from([1, 2, 3]), faulty=st.booleans(), jitter_us=st.sampled_from([0.0, 200.0]),
                chain=st.booleans(), lines=st.booleans())
    def power_up(self, chips, faulty, jitter_us, chain, lines):
        counts = np.repeat(np.arange(1, 200_001, dtype=np.int32)[:, None], 8 * chips, axis=1)
        faults = [fault for fault in FAULTS if fault[1].get("chip", 0) < chips] if faulty else []
        self.one = Emulator(self.library, channels=(8,) * chips, chain=chain, file=counts, jitter_us=jitter_us,
                            n_drdy=chips if lines else 1, faults=faults)
        self.one.begin(sps=2000, daisy=chain)
        self.faulty = faulty
        self.selects = 1 if chain else chips
        self.now = self.one.now()
        self.seqno = 0

    def take(self, edges):
        for edge in edges if isinstance(edges, list) else ():
            if edge.line == 0:
                assert edge.seqno > self.seqno
                self.seqno = edge.seqno

    @rule(ns=st.one_of(st.integers(0, 600_000), st.integers(0, 10**9)))
    def sleep(self, ns):
        before = self.one.now()
        self.one.sleep(ns)
        assert self.one.now() == before + ns

    @rule(ns=st.integers(0, 1_200_000), most=st.integers(1, 8))
    def wait(self, ns, most):
        deadline = self.one.now() + ns
        edges = self.one.wait(deadline_ns=deadline, most=most)
        assert edges == ENODATA or isinstance(edges, list)
        self.take(edges)

    @rule(select=st.integers(0, 2), speed_hz=st.sampled_from([20_000_000, 8_000_000, 400_000]))
    def read(self, select, speed_hz):
        before = self.one.truth().conversions
        frame = self.one.read(select % self.selects, speed_hz=speed_hz)
        if not self.faulty and frame[0] == 0xC0 and self.one.truth().conversions == before:
            assert decode_one(frame[:27]) == [before] * 8                  # no edge came: this conversion and no other

    @rule(speed_hz=st.sampled_from([20_000_000, 2_000_000]))
    def read_round(self, speed_hz):
        for select in range(self.selects):
            self.one.read(select, speed_hz=speed_hz)

    @rule()
    def restart(self):
        self.one.set_line(START, 0)
        self.one.sleep(2_000_000)
        self.take(self.one.poll())
        self.one.set_line(START, 1)

    @invariant()
    def books_balance(self):
        truth = self.one.truth()                                           # its identity is asserted there
        now = self.one.now()
        assert now >= self.now
        self.now = now
        if not self.faulty:
            assert (truth.dropped, truth.spurious, truth.failed_transfers, truth.violations) == (0, 0, 0, 0)
            assert truth.spoiled == 0 or self.selects > 1

    def teardown(self):
        if hasattr(self, "one"):
            self.one.close()


@pytest.mark.parametrize("n_examples", [40, pytest.param(1000, marks=pytest.mark.deep)])
def test_any_interleaving_balances(library, n_examples):
    machine = type("BoundMachine", (Machine,), {"library": library})
    machine.TestCase.settings = settings(max_examples=n_examples, stateful_step_count=30, deadline=None)
    machine.TestCase().runTest()

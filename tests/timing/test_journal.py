"""The journal of a run: order, bounds, subscribers."""

import threading

from eegcore.graph.journal import Journal, JournalEvent


def marker(number: int) -> JournalEvent:
    return JournalEvent("marker", number, number * 4_000_000, f"stimulus {number}")


def test_events_are_kept_in_order_and_bounded():
    journal = Journal(max_events=4)
    assert [journal.add(marker(i)) for i in range(7)] == list(range(7))
    assert journal.n_added == 7
    assert [event.frame_index for event in journal.events()] == [3, 4, 5, 6]
    assert [event.frame_index for event in journal.events(since=5)] == [5, 6]
    assert journal.events(since=2) == journal.events(), "what is gone is left out"
    assert journal.events(since=7) == []


def test_subscribers_hear_everything_until_they_leave():
    journal = Journal(max_events=2)
    heard: list[int] = []

    def listen(event: JournalEvent) -> None:
        heard.append(event.frame_index)

    forget = journal.subscribe(listen)
    for i in range(5):
        journal.add(marker(i))
    forget()
    forget()
    journal.add(marker(5))
    assert heard == [0, 1, 2, 3, 4]


def test_a_subscriber_that_raises_does_not_cost_the_others_an_event(caplog):
    journal = Journal()
    heard: list[JournalEvent] = []

    def fail(_: JournalEvent) -> None:
        raise OSError("disk")

    journal.subscribe(fail)
    journal.subscribe(heard.append)
    journal.add(marker(1))
    assert heard == [marker(1)]
    assert "a subscriber failed" in caplog.text


def test_a_late_subscriber_is_told_each_event_once_and_in_order():
    """Several threads add while a subscriber joins: nothing is missed, nothing told twice."""
    journal = Journal()
    heard: list[JournalEvent] = []
    going = threading.Event()

    def add(base: int) -> None:
        for i in range(300):
            journal.add(marker(base + i))
            if i == 50:
                going.set()

    threads = [threading.Thread(target=add, args=(1000 * k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    going.wait(10)
    journal.subscribe(heard.append, since=0)
    for thread in threads:
        thread.join()
    assert heard == journal.events()
    assert len(heard) == 900

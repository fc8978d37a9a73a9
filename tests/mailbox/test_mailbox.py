"""The mailbox's promises, with real threads."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.mailbox import Mailbox, MailboxClosed


@given(st.lists(st.integers() | st.just("take"), max_size=60))
def test_any_order_of_puts_and_takes_gives_the_newest_and_counts_the_replaced(steps):
    box, lying, replaced = Mailbox(), None, 0
    for step in steps:
        if step == "take":
            assert box.take(0) == lying
            lying = None
        else:
            box.put(step)
            replaced += lying is not None
            lying = step
    assert box.replaced == replaced


def test_an_empty_mailbox_gives_none_when_the_time_is_over():
    started = time.monotonic()
    assert Mailbox().take(0.05) is None
    assert time.monotonic() - started >= 0.045


def test_a_waiter_gets_what_is_put_later():
    box = Mailbox()
    threading.Timer(0.05, box.put, ["late"]).start()
    assert box.take(5) == "late"


def test_close_wakes_every_waiter_at_once():
    box, woken = Mailbox(), []

    def wait():
        with pytest.raises(MailboxClosed):
            box.take()
        woken.append(True)

    waiters = [threading.Thread(target=wait) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    time.sleep(0.05)
    box.close()
    box.close()
    for waiter in waiters:
        waiter.join(5)
    assert len(woken) == 4


def test_a_closed_mailbox_takes_nothing_and_gives_nothing():
    box = Mailbox()
    box.put("lost")
    box.close()
    with pytest.raises(MailboxClosed):
        box.put("more")
    with pytest.raises(MailboxClosed):
        box.take(0)


def test_a_slow_taker_sees_rising_numbers_and_every_item_is_taken_or_counted():
    box, count, seen = Mailbox(), 20_000, []

    def produce():
        for number in range(count):
            box.put(number)

    producer = threading.Thread(target=produce)
    producer.start()
    while not seen or seen[-1] != count - 1:
        seen.append(box.take(5))
    producer.join()
    assert seen == sorted(set(seen))
    assert len(seen) + box.replaced == count


def test_the_putter_waits_while_what_it_put_is_in_use():
    box, events = Mailbox(), []

    def produce():
        for number in range(50):
            box.put(number)
            box.wait_until_unused()
            events.append(("put", number))
        box.close()

    producer = threading.Thread(target=produce)
    producer.start()
    with pytest.raises(MailboxClosed):
        while True:
            with box.using(5) as number:
                time.sleep(0.001)
                events.append(("used", number))
    producer.join(5)
    # When an item's use ends, at most one newer one has been put.
    puts = 0
    for what, number in events:
        if what == "put":
            puts = number + 1
        else:
            assert puts <= number + 1


def test_an_error_while_using_ends_the_use():
    box = Mailbox()
    box.put(1)
    with pytest.raises(ZeroDivisionError), box.using(0):
        raise ZeroDivisionError
    box.wait_until_unused()

"""When a worker that died is started again, and when that is given up for a while."""

from lensd.keeper.restart import MAX_FAILURES, RETRY_S, RestartPolicy


def test_a_first_failure_is_followed_by_a_start_at_once():
    policy = RestartPolicy()
    policy.failed(100.0)
    assert policy.due_s == 100.0


def test_restarts_slow_down_and_five_in_a_minute_give_up():
    policy, delays = RestartPolicy(), []
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
        delays.append(policy.due_s - now)
    assert delays[:-1] == sorted(delays[:-1])
    assert policy.given_up
    assert delays[-1] == RETRY_S


def test_failures_far_apart_never_give_up():
    policy = RestartPolicy()
    for minute in range(20):
        policy.failed(minute * 61.0)
        assert not policy.given_up
        assert policy.due_s == minute * 61.0


def test_a_failed_retry_waits_again():
    policy = RestartPolicy()
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
    policy.failed(MAX_FAILURES + RETRY_S)
    assert policy.given_up
    assert policy.due_s == MAX_FAILURES + 2 * RETRY_S


def test_five_that_got_nowhere_give_up_however_slow_they_were():
    policy = RestartPolicy()
    for minute in range(MAX_FAILURES):
        assert not policy.given_up
        policy.failed(minute * 70.0, in_vain=True)
    assert policy.given_up
    policy.failed(1000.0)
    assert not policy.given_up, "that one worked for a while"


def test_deaths_of_the_last_minute_are_counted():
    policy = RestartPolicy()
    for now in (0.0, 50.0, 55.0):
        policy.failed(now)
    assert [policy.recent(now) for now in (56.0, 70.0, 120.0)] == [3, 2, 0]


def test_a_person_who_switches_gets_a_try_at_once():
    policy = RestartPolicy()
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
    policy.forgive()
    assert not policy.given_up
    assert policy.due_s == 0.0

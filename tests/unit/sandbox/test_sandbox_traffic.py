"""The sliding window and the tally."""

from random import Random

from sandbox.traffic import Traffic, Window


def count_densest(moments, span):
    return max(sum(start <= moment < start + span for moment in moments) for start in moments)


def test_densest_window_agrees_with_counting_every_window():
    random = Random(7)
    moments = sorted(random.uniform(0, 300) for _ in range(400))
    window = Window(limit=10_000)
    for moment in moments:
        window.admit(moment)
    assert window.densest == count_densest(moments, 60)


def test_burst_over_a_minute_boundary_is_one_window():
    window = Window(limit=100)
    admitted = [window.admit(59.9) for _ in range(100)] + [window.admit(60.1) for _ in range(100)]
    assert admitted == [True] * 100 + [False] * 100
    assert window.densest == 200


def test_admits_the_limit_in_any_window_and_again_when_it_has_slid():
    window = Window(limit=2)
    assert [window.admit(t) for t in (0.0, 30.0, 59.99, 60.0, 60.01, 90.0)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_tells_when_one_more_fits():
    window = Window(limit=2)
    window.admit(0.0)
    assert window.seconds_until_free(10.0) == 0
    window.admit(10.0)
    assert window.seconds_until_free(15.0) == 45.0


def test_what_is_turned_away_arrived_but_used_nothing_up():
    window = Window(limit=1)
    window.admit(0.0)
    for n in range(5):
        assert window.admit(50.0 + n) is False
    assert window.admit(60.0) is True
    assert window.densest == 6


def test_unmetered_requests_are_counted_apart():
    traffic = Traffic(Window(limit=1))
    assert traffic.arrive(0.0, metered=False)
    assert traffic.arrive(0.0, metered=True)
    assert not traffic.arrive(0.0, metered=True)
    report = traffic.report()
    assert (report["requests"], report["densest_window"], report["limit"]) == (3, 2, 1)
    assert report["first_at"] <= report["last_at"]

"""The watch over long work: heartbeats whatever the work is doing, and an end of it wherever it is."""

import threading
from collections.abc import Callable

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.common import heartbeat
from activities.common.heartbeat import NO_PROGRESS, WORKER_STOPS, Watch, WorkCancelled

LONG = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)


def blocked(environment: ActivityEnvironment, *, until: Callable[[int], bool] = lambda _: False) -> int:
    """Run work that is in one call until it is stopped, or enough heartbeats were sent; the number of these."""
    beats, over = [0], threading.Event()

    def beaten(*_: object) -> None:
        beats[0] += 1
        if until(beats[0]):
            over.set()

    environment.on_heartbeat = beaten

    def work() -> None:
        watch = Watch()
        with watch.watching(), watch.stopped_by(over.set):
            assert over.wait(LONG), "neither stopped nor beating"
            watch.progress("so far")

    environment.run(work)
    return beats[0]


def test_heartbeats_are_sent_while_the_work_is_in_one_call() -> None:
    assert blocked(ActivityEnvironment(), until=lambda beats: beats == 5) >= 5


def test_work_that_is_cancelled_is_stopped_in_its_call() -> None:
    environment = ActivityEnvironment()
    threading.Timer(0.1, environment.cancel).start()
    with pytest.raises(WorkCancelled):
        blocked(environment)


def test_work_of_a_worker_that_stops_is_stopped_and_begins_elsewhere_at_once() -> None:
    environment = ActivityEnvironment()
    threading.Timer(0.1, environment.worker_shutdown).start()
    with pytest.raises(ApplicationError) as left:
        blocked(environment)
    assert (left.value.type, left.value.non_retryable) == (WORKER_STOPS, False)
    assert left.value.next_retry_delay is not None


def test_work_without_progress_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "STUCK_SECONDS", 0.1)
    with pytest.raises(ApplicationError) as left:
        blocked(ActivityEnvironment())
    assert (left.value.type, left.value.non_retryable) == (NO_PROGRESS, False)


def test_an_error_of_the_work_itself_stays_what_it_is() -> None:
    def work() -> None:
        with Watch().watching():
            raise KeyError("x")

    with pytest.raises(KeyError):
        ActivityEnvironment().run(work)

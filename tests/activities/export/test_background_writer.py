"""Work behind the reading thread: in order, bounded, and never a failure lost."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from activities.export.background_writer import WAITING, BackgroundWriter


class Full(Exception):  # noqa: N818 - as a store says it
    pass


def fail() -> None:
    raise Full


def test_tasks_are_done_in_their_order_before_the_block_ends() -> None:
    done: list[int] = []
    with BackgroundWriter() as writer:
        for number in range(100):
            writer.do(partial(done.append, number))
    assert done == list(range(100))


def do_all(*tasks: Callable[[], object]) -> None:
    with BackgroundWriter() as writer:
        for task in tasks:
            writer.do(task)


def test_a_failure_ends_the_block_and_no_later_task_is_done() -> None:
    done: list[int] = []
    with pytest.raises(Full):
        do_all(fail, partial(done.append, 1))
    assert done == []


def test_a_failure_stops_whoever_gives_more() -> None:
    given: list[int] = []

    def give_without_end() -> None:
        with BackgroundWriter() as writer:
            writer.do(fail)
            for number in count():
                writer.do(lambda: None)
                given.append(number)

    with pytest.raises(Full):
        give_without_end()
    assert len(given) < 1000


def test_after_an_exception_what_is_not_begun_is_dropped() -> None:
    done: list[int] = []

    def give_and_fail() -> None:
        with BackgroundWriter() as writer:
            writer.do(lambda: until(lambda: writer._dropping))
            for number in range(WAITING - 1):
                writer.do(partial(done.append, number))
            raise KeyError

    with pytest.raises(KeyError):
        give_and_fail()
    assert done == []


def test_the_giver_waits_while_too_much_is_not_done() -> None:
    resume = threading.Event()
    writer = BackgroundWriter()
    given: list[int] = []

    def give() -> None:
        with writer:
            writer.do(resume.wait)
            for number in range(WAITING + 5):
                writer.do(lambda: None)
                given.append(number)

    giver = threading.Thread(target=give)
    giver.start()
    until(writer._tasks.full)
    assert len(given) <= WAITING
    resume.set()
    giver.join()
    assert len(given) == WAITING + 5


def until(true: Callable[[], bool]) -> None:
    while not true():
        threading.Event().wait(0.001)

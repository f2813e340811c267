import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from starter.local.leftovers import ProcessRecord, stop_leftovers
from starter.local.refusals import ServiceDidNotStart
from starter.local.supervisor import Event, Happening, Service, Supervisor
from tests.support.processes import python, wait_until

STUBBORN = "trap '' TERM; touch deaf; while :; do sleep 0.1; done"


class Watched:
    """A supervisor, and what it told."""

    def __init__(self, directory: Path) -> None:
        self.run = directory / "run"
        self.run.mkdir()
        self.events: list[Event] = []
        self.supervisor = Supervisor(self.run, directory, self.events.append)

    def told(self, happening: Happening) -> list[str]:
        return [event.service for event in self.events if event.happening == happening]


@pytest_asyncio.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    await watched.supervisor.stop()


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def sleeper(name: str) -> Service:
    return Service(name=name, command=("/bin/sleep", "1000"), is_ready=at_once)


async def test_services_start_in_order_and_stop_in_reverse_order(watched: Watched) -> None:
    for name in ("database", "engine", "worker"):
        await watched.supervisor.start(sleeper(name))
    pids = watched.supervisor.pids()
    await watched.supervisor.stop()
    assert watched.told(Happening.READY) == ["database", "engine", "worker"]
    assert watched.told(Happening.STOPPED) == ["worker", "engine", "database"]
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert list(watched.run.iterdir()) == []


async def test_ctrl_c_in_the_terminal_does_not_reach_the_children(watched: Watched) -> None:
    await watched.supervisor.start(sleeper("database"))
    assert os.getpgid(watched.supervisor.pids()["database"]) != os.getpgid(0)


async def test_a_killed_child_is_started_again_and_it_says_so(watched: Watched) -> None:
    await watched.supervisor.start(sleeper("engine"))
    killed = watched.supervisor.pids()["engine"]
    os.kill(killed, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: len(watched.told(Happening.READY)) == 2, "the engine is ready again")
    assert watched.supervisor.pids()["engine"] != killed
    (crash,) = [event for event in watched.events if event.happening == Happening.CRASHED]
    assert crash.detail == "was ended by SIGKILL; starting it again in 0.5 s"


async def test_a_child_that_ignores_the_signal_is_killed_when_its_time_is_over(
    watched: Watched, tmp_path: Path
) -> None:
    async def is_deaf() -> bool:
        return await asyncio.to_thread((tmp_path / "deaf").exists)

    command = ("/bin/sh", "-c", STUBBORN)
    await watched.supervisor.start(
        Service(name="stubborn", command=command, is_ready=is_deaf, stop_within=0.2, directory=tmp_path)
    )
    pid = watched.supervisor.pids()["stubborn"]
    await watched.supervisor.stop()
    assert watched.told(Happening.KILLED) == ["stubborn"]
    assert not psutil.pid_exists(pid)


async def test_a_service_that_always_ends_is_refused_with_the_end_of_its_log(watched: Watched) -> None:
    hopeless = Service(name="hopeless", command=("/bin/sh", "-c", "echo no disk >&2; exit 3"), is_ready=never)
    with pytest.raises(
        ServiceDidNotStart, match=r"hopeless ended with status 3. Its log ends with:\nno disk"
    ) as refusal:
        await watched.supervisor.start(hopeless)
    assert refusal.value.values["log_file"].endswith("hopeless.log")
    assert len(watched.told(Happening.CRASHED)) == 2


async def test_a_service_that_never_answers_is_refused_and_stopped(watched: Watched) -> None:
    mute = Service(name="mute", command=("/bin/sleep", "1000"), is_ready=never, start_within=0.2)
    with pytest.raises(ServiceDidNotStart, match=r"mute did not answer within 0\.2 s"):
        await watched.supervisor.start(mute)
    pid = watched.supervisor.pids()["mute"]
    await watched.supervisor.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("rounds", range(6))
async def test_a_start_that_is_given_up_as_the_service_answers_ends(watched: Watched, rounds: int) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def not_yet() -> bool:
        asked.set()
        await answer.wait()
        return False

    slow = Service(name="slow", command=("/bin/sleep", "1000"), is_ready=not_yet)
    starting = asyncio.create_task(watched.supervisor.start(slow))
    await asked.wait()
    answer.set()
    for _ in range(rounds):  # of the loop, in one of which the answer is there and has not been taken
        await asyncio.sleep(0)
    starting.cancel()

    done, _ = await asyncio.wait({starting}, timeout=30)
    assert done == {starting}
    assert starting.cancelled()


async def test_a_program_that_is_not_there_is_refused(watched: Watched) -> None:
    with pytest.raises(ServiceDidNotStart, match=r"could not be started: .*No such file"):
        await watched.supervisor.start(Service(name="gone", command=("/nowhere/server",), is_ready=at_once))


def record_of(process: subprocess.Popen[bytes], *command: str) -> ProcessRecord:
    return ProcessRecord(
        name="sleeper", order=0, pid=process.pid, command=command, stop_signal=signal.SIGTERM, stop_seconds=5
    )


def test_what_a_killed_stack_left_behind_is_found_and_stopped(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as process:
        record = record_of(process, "/bin/sleep", "1000")
        record.keep(tmp_path)
        assert stop_leftovers(tmp_path) == [record]
        assert process.wait(60) == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_was_given_the_pid_of_an_earlier_child_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as stranger:
        record_of(stranger, "/opt/postgres", "-D", "data").keep(tmp_path)
        assert stop_leftovers(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()
    assert list(tmp_path.iterdir()) == []


PARENT = """
import subprocess, sys, time
from pathlib import Path
from starter.local.leftovers import Guard, ProcessRecord
run = Path(sys.argv[1])
guard = Guard(run)
child = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
ProcessRecord(name="child", order=0, pid=child.pid, command=("/bin/sleep", "1000"), stop_signal=15, stop_seconds=5).keep(run)
print(child.pid, flush=True)
time.sleep(1000)
"""


def test_when_the_parent_is_killed_outright_the_guard_stops_the_children(tmp_path: Path) -> None:
    with python("-c", PARENT, str(tmp_path)) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        wait_until(lambda: _gone(child), "the child is stopped")
        wait_until(lambda: not list(tmp_path.iterdir()), "its record is removed")


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

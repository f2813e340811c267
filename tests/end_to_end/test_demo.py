"""``offramp up --demo`` as its first user runs it, killed in the middle and started again."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from starter.local.data_directory import DataDirectory
from starter.local.leftovers import ProcessRecord
from starter.local.mails import list_mails
from tests.support.ports import free_port
from tests.support.processes import ROOT, wait_until
from tests.support.servers import open_directory

pytestmark = pytest.mark.timeout(240)

SERVICES = {
    "postgres",
    "temporal",
    "object-store",
    "mail-catcher",
    "webhook-receiver",
    "worker",
    "pages",
    "codec",
    "api",
}
MAILS = {
    "Cancellation received": 6,
    "Cancellation scheduled": 5,
    "Access to": 5,
    "Last days": 2,
    "Cancellation reversed": 1,
    "Cancellation certificate": 2,
    # The export to the billing administrator; to the IT department, when the transfer will be and when it was.
    "Your data": 3,
    "Certificate of": 1,
    "Migration requested": 1,
    "Migration downloaded": 1,
    "Migration complete": 1,
    "Cancellation of": 1,
    "The marketing": 1,
    "The campaigns": 1,
}
ENDS = ("SUB-1002  reversed", "SUB-1003  canceled", "SUB-1004  intake", "SUB-1016  canceled", "ORG-ELBE  canceled")


class Demo:
    """A running ``offramp up --demo``, whose output goes to a file and to no terminal."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, data: DataDirectory) -> None:
        self.process = process
        self.data = data
        self._output = output

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_until_said(self, *texts: str) -> None:
        def all_said() -> bool:
            return all(text in self.said for text in texts)

        wait_until(lambda: all_said() or self.process.poll() is not None, f"it says {texts}", within=90)
        assert all_said(), self.said

    def asked(self, path: str, role: str, *, of: str | None = None) -> httpx.Response:
        """Ask the HTTP API with a token, as somebody in another terminal does."""
        call = "from starter.cli.main import main; main()"
        organizations = ["--organization", of] if of else []
        token = subprocess.run(
            [sys.executable, "-c", call, "token", "--role", role, "--subject", "ann", *organizations],
            env={**os.environ, "OFFRAMP_DATA_DIR": str(self.data.path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        line = next(line for line in self.said.splitlines() if line.strip().startswith("HTTP API"))
        url = f"{line.split()[-1]}{path}"
        return httpx.get(url, headers={"authorization": f"Bearer {token}"}).raise_for_status()

    def metrics(self) -> str:
        """What the worker serves on its metrics address."""
        [address] = re.findall(r"http://\S+/metrics", self.said)
        return httpx.get(address).raise_for_status().text

    def pids(self) -> dict[str, int]:
        records = [ProcessRecord.model_validate_json(file.read_bytes()) for file in self.data.run.glob("*.json")]
        return {record.name: record.pid for record in records}


@contextmanager
def demo(directory: Path) -> Iterator[Demo]:
    names = (
        *("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SMTP", "WEBHOOKS", "OBJECTS", "PAGES"),
        *("METRICS", "API_METRICS", "PAGES_METRICS"),
    )
    ports = {f"OFFRAMP_PORT_{name}": str(free_port()) for name in names}
    output = directory / f"output-{len(list(directory.glob('output-*')))}"
    data = DataDirectory(directory / "data")
    call = "from starter.cli.main import main; main()"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", call, "up", "--demo", "--data-dir", str(data.path)],
            env={**os.environ, **ports, "PYTHONPATH": str(ROOT)},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield Demo(process, output, data)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


@pytest.mark.soak
def test_the_demonstration_reaches_its_ends_whatever_is_killed_and_stops_when_asked() -> None:
    with open_directory() as directory:
        with demo(directory) as first:
            first.wait_until_said(*ENDS[:3])
            assert "\x1b" not in first.said  # plain lines, since nobody watches
            # A mail that is under way when its worker dies follows when its time is over, which is not waited for here.
            wait_until(lambda: kinds_of_mail(first.data)["Cancellation reversed"] == 1, "the reversal was mailed")
            os.kill(first.pids()["worker"], signal.SIGKILL)
            wait_until(lambda: first.said.count("worker            ready") == 2, "the worker runs again", within=60)
            everything = first.pids()
            assert set(everything) == SERVICES
            for pid in (first.process.pid, *everything.values()):
                os.kill(pid, signal.SIGKILL)
            first.process.wait(30)

        with demo(directory) as second:
            second.wait_until_said("Continuing the demonstration of an earlier run.", "SUB-1001  closed")
            second.wait_until_said(*ENDS, "SUB-1015  closed", "Try, in another")
            wait_until(
                lambda: kinds_of_mail(second.data).total() >= sum(MAILS.values()), "every mail is there", within=60
            )
            listed = second.asked("/v1/cancellations", "auditor")
            assert {"SUB-1001", "SUB-1015"} <= {case["subscription"] for case in listed.json()["cancellations"]}
            assert second.asked("/v1/cancellations", "auditor", of="ORG-NOWHERE").json()["cancellations"] == []
            assert 'offramp_open_cases{kind="cancellation",stage="intake"} 1' in second.metrics()
            pids = second.pids()
            second.process.send_signal(signal.SIGTERM)
            assert second.process.wait(60) == 0, second.said
            assert second.said.endswith("Stopped; nothing is lost.\n")

        assert "Traceback" not in first.said + second.said
        assert not any(psutil.pid_exists(pid) for pid in pids.values())
        assert kinds_of_mail(second.data) == MAILS


def kinds_of_mail(data: DataDirectory) -> Counter[str]:
    """The number of mails of each kind, repetitions left out: a kill may cut off what must then be sent again."""
    first_sent = [mail.subject.replace(":", "") for mail in list_mails(data.mails) if mail.repeats is None]
    return Counter(" ".join(subject.split()[:2]) for subject in first_sent)

import json
import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starter.cli.main import app
from starter.local import HOST
from starter.local.mails import find_mail, list_mails
from starter.local.ports import is_free
from starter.local.refusals import MailNotFound
from tests.support.ports import free_port
from tests.support.processes import python, wait_until


@pytest.fixture
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFRAMP_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def catcher(data_directory: Path) -> Iterator[int]:
    port = free_port()
    command = ["-m", "starter.local.mail_catcher", "--port", str(port), "--directory", str(data_directory / "mails")]
    with python(*command) as process:
        wait_until(lambda: not is_free(port), "the mail catcher listens")
        yield port
        process.terminate()
        assert process.wait(60) == 0


def send(port: int, subject: str, *, message_id: str, text: str = "Guten Tag") -> None:
    message = EmailMessage()
    message["From"] = "offramp@localhost"
    message["To"] = "ada@example.com"
    message["Bcc"] = "archive@example.com"
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content(text)
    with smtplib.SMTP(HOST, port) as client:
        client.send_message(message)


def test_each_mail_is_kept_as_a_file_whose_name_begins_with_the_time(catcher: int, data_directory: Path) -> None:
    send(catcher, "Kündigung erhalten", message_id="<1@offramp>", text="Zugriff bis 31.12. – danke")
    (mail,) = list_mails(data_directory / "mails")
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml", mail.file.name)
    assert (mail.subject, mail.sender, mail.text.strip()) == (
        "Kündigung erhalten",
        "offramp@localhost",
        "Zugriff bis 31.12. – danke",
    )
    assert mail.recipients == ("ada@example.com", "archive@example.com")


def test_a_mail_sent_twice_is_kept_twice_and_shown_as_a_repeat(catcher: int, data_directory: Path) -> None:
    for subject, message_id in (("first", "<1@offramp>"), ("second", "<2@offramp>"), ("first", "<1@offramp>")):
        send(catcher, subject, message_id=message_id)
    assert [(mail.number, mail.repeats) for mail in list_mails(data_directory / "mails")] == [
        (1, None),
        (2, None),
        (3, 1),
    ]


def test_the_command_lists_the_newest_and_shows_the_text_of_one(catcher: int, data_directory: Path) -> None:
    for number in (1, 2, 3):
        send(catcher, f"subject {number}", message_id=f"<{number}@offramp>", text=f"text [{number}]")
    runner = CliRunner()
    listed = json.loads(runner.invoke(app, ["mails", "2", "--json"]).stdout)
    assert [(mail["number"], mail["subject"]) for mail in listed] == [(2, "subject 2"), (3, "subject 3")]
    assert "subject 1" in runner.invoke(app, ["mails"]).stdout
    assert "text [2]" in runner.invoke(app, ["mails", "show", "2"]).stdout


def test_a_mail_that_was_never_caught_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MailNotFound, match=r"no mail number 1 .* 0 were caught"):
        find_mail(tmp_path, 1)

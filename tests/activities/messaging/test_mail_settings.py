"""The settings of outgoing mail: their valid values, and the secrets that they never show."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.messaging.mail import MailSettings
from activities.messaging.smtp import SmtpServer, StartTls

PASSWORD = "s3cr3t/word"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 25, tls=False, starttls=StartTls.OPTIONAL)),
        (
            "smtp://mail.example:587?starttls=required",
            SmtpServer("mail.example", 587, tls=False, starttls=StartTls.REQUIRED),
        ),
        (
            "smtp://kim%40example:s3cr3t%2Fword@mail.example:587",
            SmtpServer("mail.example", 587, False, StartTls.REQUIRED, "kim@example", PASSWORD),
        ),
        (
            "smtp://kim:s3cr3t%2Fword@mail.example?starttls=never",
            SmtpServer("mail.example", 25, False, StartTls.NEVER, "kim", PASSWORD),
        ),
        ("smtps://mail.example", SmtpServer("mail.example", 465, tls=True, starttls=StartTls.OPTIONAL)),
    ],
)
def test_a_url_names_the_server_and_a_password_is_never_sent_in_the_clear_unasked(url: str, server: SmtpServer) -> None:
    assert SmtpServer.at(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "http://kim:s3cr3t@mail.example",
        "smtp://kim:s3cr3t@",
        "smtp://s3cr3t@mail.example",
        "smtp://kim:s3cr3t@mail.example:587?starttls=perhaps",
        "smtp://kim:s3cr3t@mail.example:587?tls=1",
        "smtp://kim:s3cr3t@mail.example:mail",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        MailSettings(smtp_url=url, mail_from="billing@provider.example")
    assert "smtp_url" in str(raised.value)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("sender", ["", "Example Billing", "billing@", "billing@provider.example\r\nBcc: x@y.example"])
def test_a_sender_without_an_address_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError, match="mail_from"):
        MailSettings(smtp_url="smtp://mail.example", mail_from=sender)


def test_the_server_can_be_named_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "smtp"
    file.write_text("smtps://billing:s3cr3t@mail.example\n", encoding="utf-8")
    monkeypatch.setenv("OFFRAMP_SMTP_URL_FILE", str(file))
    monkeypatch.setenv("OFFRAMP_MAIL_FROM", "billing@provider.example")
    settings = MailSettings()
    assert (settings.server.host, settings.server.password) == ("mail.example", "s3cr3t")
    monkeypatch.setenv("OFFRAMP_SMTP_URL", "smtp://elsewhere")
    with pytest.raises(ValidationError, match="OFFRAMP_SMTP_URL or OFFRAMP_SMTP_URL_FILE, not both"):
        MailSettings()


def test_settings_come_from_the_environment_and_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_SMTP_URL", "smtp://kim:s3cr3t%2Fword@mail.example:587")
    monkeypatch.setenv("OFFRAMP_MAIL_FROM", "Example Billing <billing@provider.example>")
    settings = MailSettings()
    assert settings.server.password == PASSWORD
    assert settings.sender.domain == "provider.example"
    assert "s3cr3t" not in repr(settings) + repr(settings.server) + settings.server.name

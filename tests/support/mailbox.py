"""A real mail server whose mails a test reads."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller

from starter.local import HOST
from tests.support.servers import free_port


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._controller: Any = None
        self._port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def of(self, subscription: str) -> list[EmailMessage]:
        """The mails about a subscription: every Message-ID begins with it."""
        return [mail for mail in self.mails if str(mail["Message-ID"]).startswith(f"<{subscription}/")]

    def subjects_of(self, subscription: str) -> list[str]:
        return [str(mail["Subject"]) for mail in self.of(subscription)]

    def text_of(self, mail: EmailMessage) -> str:
        body = mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def __enter__(self) -> Self:
        self._port = free_port()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Answer."""
        # It starts in a thread, for which five seconds, its own limit, are too few on a busy machine.
        self._controller = Controller(self, hostname=HOST, port=self._port, ready_timeout=60)
        self._controller.start()

    def close(self) -> None:
        """Be out of reach."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self._port}"

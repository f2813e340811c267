"""A real mail server whose mails a test reads."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller

from starter.local import HOST
from tests.support.ports import free_port


class HangingUp(Controller):
    """A server that ends its connections before it stops: one left open is found by whichever test runs then."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sessions: list[Any] = []

    def factory(self) -> Any:
        """Make the session of a connection."""
        session = super().factory()  # type: ignore[no-untyped-call]
        self.sessions.append(session)
        return session

    def stop(self, no_assert: bool = False) -> None:
        """End every connection, then the server."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(60)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        # Accept nothing more. Not by closing the server: it would fail the connections that it is just accepting, unclosed.
        for listening in getattr(self.server, "sockets", ()):
            self.loop.remove_reader(listening)
        # One that is accepted at this moment has its transport some rounds of the loop later; the loop needs another two to
        # close the socket of one that is ended.
        for _ in range(10):
            for session in self.sessions:
                if session.transport is not None:
                    session.transport.abort()
            await asyncio.sleep(0)


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.server: Any = None
        """The server while it runs."""
        self._port = 0

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take a mail, unless its sender could not be told so any more, and would rightly send it again."""
        if server.transport is None or server.transport.is_closing():
            return "421 Closing"
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
        self.server = HangingUp(self, hostname=HOST, port=self._port, ready_timeout=60)
        self.server.start()

    def close(self) -> None:
        """Be out of reach."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self._port}"

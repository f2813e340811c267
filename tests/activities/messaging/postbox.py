# ruff: noqa: ARG002, N802 - the names and arguments are aiosmtpd's
"""A real SMTP server whose answers a test chooses."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Postbox:
    """The mails that a server took, and its answers to the next ones, one each (``None``: take it)."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.encrypted = False
        self.answers_to_sender: list[str | None] = []
        self.answers_to_recipient: list[str | None] = []
        self.answers_to_data: list[str | None] = []
        self.reached = threading.Event()
        """Set when the content of a mail has arrived."""
        self.may_answer = threading.Event()
        """Clear it to keep the server from answering to the content."""
        self.may_answer.set()
        self.may_quit = threading.Event()
        """Clear it to keep the server from answering to the goodbye."""
        self.may_quit.set()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers_to_sender.pop(0) if self.answers_to_sender else None
        envelope.mail_from = None if answer else address
        return answer or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers_to_recipient.pop(0) if self.answers_to_recipient else None
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.to_thread(self.may_quit.wait)
        return "221 Bye"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.reached.set()
        await asyncio.to_thread(self.may_answer.wait)
        answer = self.answers_to_data.pop(0) if self.answers_to_data else None
        if answer is None:
            assert isinstance(envelope.content, bytes)
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.taken.append(mail)
            self.encrypted = session.ssl is not None
            self.recipients += envelope.rcpt_tos
        return answer or "250 OK"

    @contextmanager
    def listening(self, *, tls: ssl.SSLContext | None = None, utf8: bool = True) -> Iterator[str]:
        """Run the server, and give its ``host:port``; with a context it offers STARTTLS."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # It starts in a thread, for which five seconds, its own limit, are too few on a busy machine.
        controller = Controller(
            self, hostname="127.0.0.1", port=port, ready_timeout=60, tls_context=tls, enable_SMTPUTF8=utf8
        )
        controller.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            controller.stop()

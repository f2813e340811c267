"""The mail server: its address, one connection, and the meaning of its answers for a message."""

import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from temporalio.exceptions import ApplicationError

from activities.messaging.deadline import Deadline
from activities.messaging.delivery import MessagePutOff, MessageRejected
from activities.messaging.mime import Envelope

TIMEOUT_SECONDS = 20.0
"""The time limit for one message as a whole, opening the connection included, however slowly the server answers."""

_QUIT_SECONDS = 2.0
MAIL_SERVER_UNAVAILABLE = "mail_server_unavailable"

_CLOSING = 421
"""The one answer to a mail that is about the server: it closes the connection (RFC 5321, section 3.8)."""
_INTERNATIONAL = ("SMTPUTF8", "BODY=8BITMIME")
"""What a mail with addresses beyond ASCII asks of its server (RFC 6531, section 3.4)."""
_ENHANCED_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_DEFAULT_PORTS: Mapping[str, int] = {"smtp": 25, "smtps": 465}


class StartTls(StrEnum):
    """The encryption of a connection that begins in the clear, before anything is sent."""

    REQUIRED = "required"
    """Encrypted, with a certificate that is valid for the host; otherwise nothing is sent."""
    OPTIONAL = "optional"
    """Encrypted if the server offers it, whatever its certificate (RFC 7435): protects against listeners only."""
    NEVER = "never"


@dataclass(frozen=True)
class SmtpServer:
    """A mail server, as its URL names it."""

    host: str
    port: int
    tls: bool
    """True for a connection that is encrypted from its first byte (``smtps``)."""
    starttls: StartTls
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The server's name in messages: host and port, nothing secret."""
        return f"{self.host}:{self.port}"

    @classmethod
    def at(cls, url: str) -> "SmtpServer":
        """Read ``smtp://user:password@host:port?starttls=required|optional|never``, or ``smtps://…``.

        Ports default to 25 and 465. STARTTLS defaults to required where there is a password to protect, else to
        optional. User and password are percent-encoded. Raises ValueError, which repeats nothing of the URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("write smtp://user:password@host:port or smtps://user:password@host:port")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("give both a user and a password, or neither")
        query = parse_qs(parts.query)
        asked = query.pop("starttls", [StartTls.OPTIONAL if parts.username is None else StartTls.REQUIRED])[-1]
        if query or asked not in list(StartTls) or parts.path.strip("/"):
            raise ValueError("after the port there is only ?starttls=required, ?starttls=optional or ?starttls=never")
        return cls(
            host=parts.hostname,
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            starttls=StartTls(asked),
            username=unquote(parts.username) if parts.username is not None else None,
            password=unquote(parts.password) if parts.password is not None else None,
        )


class SmtpConnection:
    """At most one connection to a mail server, opened by the first message sent."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._smtp: _Smtp | None = None

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Quit; a server that does not answer that has accepted the messages all the same."""
        if self._smtp is not None:
            with Deadline(_QUIT_SECONDS) as deadline:
                deadline.watch(self._smtp.wire)
                with suppress(OSError, smtplib.SMTPException):
                    self._smtp.quit()
            self._smtp.close()

    def send(self, message: bytes, envelope: Envelope) -> None:
        """Send a message, as it is mailed; return when the server has accepted it.

        Raises:
            MessageRejected: it never will: 5xx for this recipient or this content.
            MessagePutOff: it may later: 4xx for this recipient or this content.
            ApplicationError: type ``mail_server_unavailable``, to be retried: it takes no mail of ours at all now.

        """
        # All are raised without their cause: the server's words often repeat the recipient's address, and a cause
        # travels with the failure into the history and the logs.
        try:
            with Deadline(TIMEOUT_SECONDS) as deadline:
                self._send(message, envelope, deadline)
        except smtplib.SMTPNotSupportedError:
            raise MessageRejected(
                f"The mail server {self._server.name} does not take addresses beyond ASCII."
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            answer = _answer_to_message(error)
            if answer is None:
                raise ApplicationError(
                    f"The mail server {self._server.name} cannot be used now: {_reason(error)}.",
                    type=MAIL_SERVER_UNAVAILABLE,
                ) from None
            if answer.is_final:
                raise MessageRejected(
                    f"The mail server {self._server.name} refused the {answer.refused} with {answer.status}."
                ) from None
            raise MessagePutOff(
                f"The mail server {self._server.name} put the {answer.refused} off with {answer.status}."
            ) from None

    def _send(self, message: bytes, envelope: Envelope, deadline: Deadline) -> None:
        try:
            if self._smtp is None:
                self._smtp = _opened(self._server, deadline)
            deadline.watch(self._smtp.wire)
            if envelope.is_international and not self._smtp.has_extn("smtputf8"):
                raise smtplib.SMTPNotSupportedError
            options = _INTERNATIONAL if envelope.is_international else ()
            self._smtp.sendmail(envelope.sender, [envelope.recipient], message, options)
        except (smtplib.SMTPException, OSError):
            if deadline.is_over:
                raise TimeoutError from None
            raise


class _Smtp(smtplib.SMTP):
    """A connection to a mail server; ``wire`` is a duplicate of its socket, which TLS leaves as it is."""

    def __init__(self, server: SmtpServer, deadline: Deadline) -> None:
        self._tls = ssl.create_default_context() if server.tls else None
        self._deadline = deadline
        self.wire = socket.socket()
        try:
            super().__init__(server.host, server.port, timeout=TIMEOUT_SECONDS)
        except (smtplib.SMTPException, OSError):
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self.wire.close()
        super().close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # Here, so that the deadline holds for the handshake of TLS and for the greeting, too.
        connection = self._deadline.connect(host, port)
        connection.settimeout(timeout)
        self.wire.close()
        self.wire = connection.dup()
        self._deadline.watch(self.wire)
        try:
            return self._tls.wrap_socket(connection, server_hostname=host) if self._tls else connection
        except OSError:
            connection.close()
            raise


@dataclass(frozen=True)
class _Answer:
    """The server's answer to one message: its codes, never its words."""

    refused: str
    code: int
    enhanced: str

    @property
    def is_final(self) -> bool:
        return 500 <= self.code < 600

    @property
    def status(self) -> str:
        return f"{self.code} {self.enhanced}".strip()


def _answer_to_message(error: Exception) -> _Answer | None:
    """Return the server's refusal of the recipient or the content; None if it was not about the message at all."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return _Answer("recipient", code, _enhanced(words)) if code != _CLOSING else None
    if isinstance(error, smtplib.SMTPDataError) and error.smtp_code != _CLOSING:
        return _Answer("message", error.smtp_code, _enhanced(error.smtp_error))
    return None


def _enhanced(words: bytes | str) -> str:
    found = _ENHANCED_STATUS.search(words.decode("ascii", "replace") if isinstance(words, bytes) else words)
    return found.group() if found else ""


def _opened(server: SmtpServer, deadline: Deadline) -> _Smtp:
    smtp = _Smtp(server, deadline)
    try:
        smtp.ehlo_or_helo_if_needed()
        if not server.tls and server.starttls is not StartTls.NEVER:
            if smtp.has_extn("starttls"):
                smtp.starttls(context=_starttls_context(server.starttls))
                smtp.ehlo_or_helo_if_needed()  # what it offered in the clear counts no longer (RFC 3207, section 4.2)
            elif server.starttls is StartTls.REQUIRED:
                raise _NoStartTls
        if server.username is not None and server.password is not None:
            smtp.login(server.username, server.password)
    except (smtplib.SMTPException, OSError):
        smtp.close()
        raise
    return smtp


class _NoStartTls(smtplib.SMTPException):
    """The error of a server without the encryption that our settings require."""


def _starttls_context(starttls: StartTls) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if starttls is StartTls.OPTIONAL:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    """Return the reason why the server cannot be used, in words of ours: those of the server may name people."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        error = error.__context__
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refused our user or password with {error.smtp_code} {_enhanced(error.smtp_error)}".strip()
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"it refused our sender address with {error.smtp_code} {_enhanced(error.smtp_error)}".strip()
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it answered {_CLOSING}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code} {_enhanced(error.smtp_error)}".strip()
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return f"the connection failed ({type(error).__name__})"


_REASONS: Mapping[type[Exception], str] = {
    TimeoutError: f"it did not answer within {TIMEOUT_SECONDS:.0f} s",
    ConnectionRefusedError: "it refused the connection",
    socket.gaierror: "its name cannot be resolved",
    smtplib.SMTPServerDisconnected: "it broke off the connection",
    _NoStartTls: "it does not offer STARTTLS, which our settings require",
}

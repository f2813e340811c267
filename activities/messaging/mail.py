"""Mail to people: the outbox's messages as letters, and one-time codes, which are never stored."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.registration import Registered
from activities.messaging.case_mail import CASE_MAIL
from activities.messaging.delivery import MessagePutOff, MessageRejected, deliver_all, facts_of, portable_id
from activities.messaging.letters import Letter, code_letter, given_up_letter, joint_letter, letter, pause_letter
from activities.messaging.links import LinkPurpose, Links
from activities.messaging.mime import Envelope, written_mail
from activities.messaging.smtp import MAIL_SERVER_UNAVAILABLE, SmtpConnection, SmtpServer
from contract import WorkQueue
from domain.cases import CaseRef
from domain.messaging import Facts, MessageFacts
from domain.migration import Party, transfer_id
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.vocabulary import Channel, Event, message_id
from records.joint_letters import letter_of
from records.one_time_codes import FreshCode
from storage.secret_files import with_secrets_of_files
from storage.tables import MessageRow, WebhookEndpointRow


class CodeNotDeliverable(Refusal):
    """The mail server refused the one-time code for good: most likely, the address on record does not exist."""

    code = "code_not_deliverable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The one-time code could not be delivered to the address on record. {reason}",
            remedy=Remedy.of(RemedyKind.CORRECT_ADDRESS_OR_ATTEST),
        )


class MailSettings(BaseSettings):
    """The settings of mail: the server, the sender, the address for replies, and the wait of letters about several cases.

    ``OFFRAMP_SMTP_URL``, or a file with it alone, ``OFFRAMP_SMTP_URL_FILE``: see `SmtpServer.at`. ``OFFRAMP_MAIL_FROM``:
    ``billing@example.com`` or ``Example Billing <billing@example.com>``. ``OFFRAMP_MAIL_REPLY_TO``: an address that people
    read; where it is set, letters invite to reply. ``OFFRAMP_MAIL_GATHER_SECONDS``: the time after which a letter about several
    subscriptions is sent, if no other one has had anything to add to it meanwhile.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    smtp_url: SecretStr
    smtp_url_file: Path | None = None
    mail_from: str
    mail_reply_to: str | None = None
    mail_gather_seconds: float = Field(default=60, ge=0, le=600)

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, values: dict[str, Any]) -> dict[str, Any]:
        return with_secrets_of_files(values, "smtp_url")

    @field_validator("smtp_url_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("smtp_url")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        SmtpServer.at(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, value: str) -> str:
        _address(value)
        return value

    @field_validator("mail_reply_to")
    @classmethod
    def _an_address_or_none(cls, value: str | None) -> str | None:
        return cls._an_address(value) if value else None

    @property
    def server(self) -> SmtpServer:
        """The mail server."""
        return SmtpServer.at(self.smtp_url.get_secret_value())

    @property
    def sender(self) -> Address:
        """The sender of the mails; its domain is also that of their Message-IDs."""
        return _address(self.mail_from)


class Mail:
    """The activity that mails the messages of the outbox, and the sending of one-time codes."""

    def __init__(self, engine: Engine, settings: MailSettings, links: Links | None = None) -> None:
        self._engine = engine
        self._quiet = timedelta(seconds=settings.mail_gather_seconds)
        self._links = links
        self._server = settings.server
        self._sender = settings.sender
        self._reply_to = settings.mail_reply_to

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.MAIL: [self.deliver_mail]}

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_mail(self, cancellation: str) -> int:
        """Mail the pending messages of a cancellation, and return the sequence number up to which all are handled.

        Run again, it sends nothing again; after a crash between the server's acceptance and our record of it, one mail
        is sent twice with the same Message-ID. A server that takes no mail at all is waited for without end; a mail that
        it puts off, for example because the mailbox is full, is given up five days after it did so first.

        Raises:
            ApplicationError: ``mail_server_unavailable``, to be retried (`activities.common.retries.MAIL_RETRY`).

        """
        with SmtpConnection(self._server) as server:

            def hand_over(messages: Sequence[MessageRow]) -> None:
                message = messages[0]
                event, facts = Event(message.event), facts_of(message)
                if len(messages) == 1:
                    link = self._link_to(event, facts, message.recipient)
                    written = letter(event, facts, link=link, reply_to=self._reply_to)
                else:
                    written = joint_letter(event, [facts_of(each) for each in messages], reply_to=self._reply_to)
                id_ = message.letter or message.id
                first = message_id(facts.cancellation, _first_of_thread(event, facts), Channel.MAIL)
                if message.bulk is not None:
                    with Session(self._engine) as session:
                        first = letter_of(session, first)
                answers = first if id_ != first else None
                envelope = self._envelope(message.recipient)
                server.send(self._mail(written, id_, envelope, at=message.created_at, answers=answers), envelope)

            return deliver_all(
                self._engine,
                cancellation,
                hand_over,
                unavailable=MAIL_SERVER_UNAVAILABLE,
                quiet=self._quiet,
            )

    def send_code_mail(self, code: FreshCode, message_id: str) -> None:
        """Mail a one-time code at once; it is in no outbox, because it must not be stored.

        ``message_id`` differs for every code, also for those of one step: a receiver could drop a mail with a repeated
        id, and with it the valid code.

        Raises:
            ApplicationError: ``mail_server_unavailable``, to be retried.
            CodeNotDeliverable: the mail server refused the address or the mail for good.

        """
        try:
            self._send_now(code_letter(code, reply_to=self._reply_to), message_id, code.recipient)
        except MessageRejected as rejection:
            raise CodeNotDeliverable(rejection.reason) from None

    def send_pause_notice(self, endpoint: WebhookEndpointRow) -> None:
        """Notify the owner of a webhook endpoint that it was paused. An address that is refused for good is not tried again.

        Raises:
            ApplicationError: ``mail_server_unavailable``, to be retried.

        """
        paused_at = endpoint.paused_at or datetime.now(UTC)
        id_ = f"webhooks/{endpoint.name}/paused-{int(paused_at.timestamp())}"
        self._send_to_owner(endpoint, pause_letter(endpoint, reply_to=self._reply_to), id_)

    def send_notice_of_given_up(self, endpoint: WebhookEndpointRow, at: datetime) -> None:
        """Notify the owner of a webhook endpoint of what was given up, at an instant or before; otherwise as `send_pause_notice`."""
        id_ = f"webhooks/{endpoint.name}/given-up-{int(at.timestamp())}"
        self._send_to_owner(endpoint, given_up_letter(endpoint, at, reply_to=self._reply_to), id_)

    def _send_to_owner(self, endpoint: WebhookEndpointRow, written: Letter, id_: str) -> None:
        with suppress(MessageRejected):
            self._send_now(written, id_, str(endpoint.owner))

    def _send_now(self, written: Letter, message_id: str, recipient: str) -> None:
        envelope = self._envelope(recipient)
        mail = self._mail(written, message_id, envelope, at=datetime.now(UTC))
        with SmtpConnection(self._server) as server:
            try:
                server.send(mail, envelope)
            except MessagePutOff as delay:
                raise ApplicationError(delay.reason, type=MAIL_SERVER_UNAVAILABLE) from None

    def _link_to(self, event: Event, facts: Facts, recipient: str) -> str | None:
        """Return the link to the page for the letter's request, if there is one; the same in every attempt."""
        if self._links is None or not isinstance(facts, MessageFacts):
            return None
        if (migration := facts.migration) is not None and migration.told is Party.IT_DEPARTMENT:
            expires = migration.link_expires_at
            subject = transfer_id(facts.cancellation, migration.transfer)
            return self._links.link(LinkPurpose.MIGRATION, subject, expires, recipient) if expires else None
        if facts.export is not None:
            until = facts.export.link_expires_at
            return self._links.link(LinkPurpose.EXPORT, facts.cancellation, until, recipient)
        if event is Event.MARKETING_CONSENT_REQUESTED and facts.marketing and facts.marketing.consent_until:
            until = facts.marketing.consent_until
            return self._links.link(LinkPurpose.MARKETING_CONSENT, facts.cancellation, until, recipient)
        return None

    def _envelope(self, recipient: str) -> Envelope:
        return Envelope(sender=self._sender.addr_spec, recipient=recipient)

    def _mail(
        self, written: Letter, message: str, envelope: Envelope, *, at: datetime, answers: str | None = None
    ) -> bytes:
        headers = {"From": str(self._sender), "To": envelope.recipient}
        if self._reply_to:
            headers["Reply-To"] = self._reply_to
        headers |= {
            "Subject": written.subject,
            "Date": format_datetime(at),
            "Message-ID": self._message_id(message),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "Content-Language": "en",
        }
        if answers is not None:
            headers["In-Reply-To"] = headers["References"] = self._message_id(answers)
        return written_mail(headers, written, envelope)

    def _message_id(self, message: str) -> str:
        return f"<{portable_id(message)}@{self._sender.domain}>"


def _first_of_thread(event: Event, facts: Facts) -> Event:
    """Return the event of the message to which the later mails of a case to the same person reply."""
    if event is Event.MARKETING_CONSENT_REQUESTED:
        return event  # it goes to another person
    return CASE_MAIL[CaseRef.parse(facts.cancellation).kind].first


def _address(written: str) -> Address:
    name, spec = parseaddr(written)
    try:
        address = Address(display_name=name, addr_spec=spec)
    except (ValueError, IndexError):
        address = Address()
    if not address.username or not address.domain or not written.isprintable():
        raise ValueError("write an address, as billing@example.com or Example Billing <billing@example.com>")
    return address

"""The mails that the mail catcher caught, for people and tests to read."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from starter.local.refusals import MailNotFound

_STAMP = "%Y%m%dT%H%M%S.%fZ"


class CaughtMail(BaseModel):
    """One mail, numbered from 1 in the order of receipt; ``received_at`` is UTC."""

    model_config = ConfigDict(frozen=True)

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    repeats: int | None
    """The number of the first mail with the same Message-ID, if this is not it."""
    text: str
    file: Path


def list_mails(directory: Path) -> list[CaughtMail]:
    """Return every caught mail, oldest first; empty while there is no such directory."""
    mails: list[CaughtMail] = []
    first_with: dict[str, int] = {}
    for number, file in enumerate(sorted(directory.glob("[!.]*.eml")), start=1):
        message = email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=email.policy.default)
        message_id = str(message["Message-ID"] or "")
        repeats = first_with.setdefault(message_id, number) if message_id else number
        mails.append(
            CaughtMail(
                number=number,
                received_at=datetime.strptime(file.name.partition("-")[0], _STAMP).replace(tzinfo=UTC),
                sender=str(message["From"] or ""),
                recipients=tuple(str(recipient) for recipient in message.get_all("Delivered-To", [])),
                subject=str(message["Subject"] or ""),
                message_id=message_id,
                repeats=repeats if repeats != number else None,
                text=_text(message),
                file=file,
            )
        )
    return mails


def find_mail(directory: Path, number: int) -> CaughtMail:
    """Return the mail with this number.

    Raises:
        MailNotFound: there is none.
    """
    mails = list_mails(directory)
    if not 1 <= number <= len(mails):
        raise MailNotFound(number, len(mails), directory)
    return mails[number - 1]


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    return str(body.get_content()) if body is not None else ""

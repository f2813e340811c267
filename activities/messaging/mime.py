"""A letter in the form in which it is mailed (RFC 5322, RFC 2046)."""

from binascii import b2a_qp
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.policy import SMTP

from activities.messaging.letters import Letter

_LINE_LENGTH = 998
"""As long as RFC 5322 allows: shorter lines would break ids that are longer than a line."""
_POLICY = SMTP.clone(max_line_length=_LINE_LENGTH)
_POLICY_UTF8 = _POLICY.clone(utf8=True)
_UNSTRUCTURED = ("Subject",)
"""The headers that are words alone. The policy would take what looks like an encoded word for one."""

# Quoted-printable text has no "=_" (RFC 2045, section 6.7): no letter can contain it.
_BOUNDARY = "=_offramp"
_PART = (
    "--{boundary}\r\n"
    'Content-Type: text/{subtype}; charset="utf-8"\r\n'
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
)


@dataclass(frozen=True)
class Envelope:
    """The addresses between which a mail is carried, without display names."""

    sender: str
    recipient: str

    @property
    def is_international(self) -> bool:
        """True if an address has characters beyond ASCII: only a server with SMTPUTF8 (RFC 6531) takes the mail."""
        return not (self.sender.isascii() and self.recipient.isascii())


def written_mail(headers: Mapping[str, str], letter: Letter, envelope: Envelope) -> bytes:
    """Return a mail with a letter in text and in HTML; the same bytes for the same letter.

    Written by hand where that is plain: the standard library parses every header that it writes, which takes twenty times as long. It
    writes the headers that have to be encoded. Raises ValueError for one that would begin another line.
    """
    of_mail = "".join(_header(name, value, utf8=envelope.is_international) for name, value in headers.items())
    of_content = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n'
    parts = b"".join(_part(subtype, text) for subtype, text in (("plain", letter.text), ("html", letter.html)))
    return (of_mail + of_content).encode() + parts + f"--{_BOUNDARY}--\r\n".encode()


def _header(name: str, value: str, *, utf8: bool) -> str:
    plain = f"{name}: {value}\r\n"
    if value.isascii() and value.isprintable() and "=?" not in value and len(plain) <= _LINE_LENGTH:
        return plain
    if name in _UNSTRUCTURED and value.splitlines() == [value]:
        encoded = Header(value, "utf-8", header_name=name).encode(linesep="\r\n")
        return f"{name}: {encoded}\r\n"
    policy = _POLICY_UTF8 if utf8 else _POLICY
    folded: str = policy.fold(*policy.header_store_parse(name, value))
    return folded


def _part(subtype: str, text: str) -> bytes:
    lines = b"".join(line + b"\r\n" for line in text.encode().splitlines())
    return _PART.format(boundary=_BOUNDARY, subtype=subtype).encode() + b2a_qp(lines) + b"\r\n"

"""A mail as it is written: what a reader's program finds in it, whatever the letter says."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.messaging.letters import Letter
from activities.messaging.mime import Envelope, written_mail

TO_ANNA = Envelope(sender="billing@offramp.example", recipient="anna@contoso.example")
HEADERS = {"From": "Example Billing <billing@offramp.example>", "To": "anna@contoso.example", "Subject": "Your request"}
LETTER = Letter(subject="Your request", text="Dear Anna,\n\nit is done.\n", html="<p>It is done.</p>\n")
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300)


def read(mail: bytes) -> EmailMessage:
    found = message_from_bytes(mail, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert found.defects == []
    return found


def content_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    assert part.defects == []
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


@given(text=LINES, html=LINES)
def test_both_texts_arrive_as_they_were_written_in_lines_that_every_server_takes(text: str, html: str) -> None:
    mail = written_mail(HEADERS, Letter(subject="Your request", text=text, html=html), TO_ANNA)

    for kind, written in (("plain", text), ("html", html)):
        ended = written if written.endswith("\n") or not written else f"{written}\n"
        assert content_of(read(mail), kind) == ended
    lines = mail.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 78
    assert mail.isascii()


@given(subject=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=400).map(str.strip).filter(bool))
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    mail = written_mail({**HEADERS, "Subject": subject}, LETTER, TO_ANNA)

    assert read(mail)["Subject"] == subject
    assert mail.isascii()


@pytest.mark.parametrize("subject", ["=?utf-8?q?Nothing?=", "Zürich", "x" * 990, "=_offramp"])
def test_a_subject_is_never_taken_for_an_encoded_one(subject: str) -> None:
    assert read(written_mail({**HEADERS, "Subject": subject}, LETTER, TO_ANNA))["Subject"] == subject


def test_the_name_of_a_sender_is_encoded_beside_the_address() -> None:
    mail = written_mail({**HEADERS, "From": "Müller & Söhne <billing@offramp.example>"}, LETTER, TO_ANNA)

    (sender,) = read(mail)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Müller & Söhne", "billing@offramp.example")
    assert b"<billing@offramp.example>" in mail
    assert mail.isascii()


def test_an_address_beyond_ascii_is_written_in_utf_8() -> None:
    to = Envelope(sender="billing@offramp.example", recipient="jörg@contoso.example")
    mail = written_mail({**HEADERS, "To": to.recipient}, LETTER, to)

    assert "\r\nTo: jörg@contoso.example\r\n".encode() in mail


@pytest.mark.parametrize("value", ["Done\r\nBcc: eve@evil.example", "Done\nBcc: eve@evil.example"])
def test_a_header_adds_no_other(value: str) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        written_mail({**HEADERS, "Subject": value}, LETTER, TO_ANNA)


def test_no_letter_ends_its_part() -> None:
    hostile = "--=_offramp--\r\n\r\n.\r\nQUIT\r\n"
    found = read(written_mail(HEADERS, Letter(subject="Your request", text=hostile, html=hostile), TO_ANNA))

    assert content_of(found, "plain") == content_of(found, "html") == hostile.replace("\r\n", "\n")


def test_the_same_letter_is_the_same_mail() -> None:
    assert written_mail(HEADERS, LETTER, TO_ANNA) == written_mail(HEADERS, LETTER, TO_ANNA)

"""A mailbox that goes out of reach keeps no mail whose sender could not be told so."""

import smtplib
import threading

import pytest

from starter.local import HOST
from tests.support.mailbox import Mailbox

MAIL = b"Message-ID: <1>\r\n\r\nA word.\r\n"


def test_a_mail_whose_end_comes_together_with_the_end_of_the_connection_is_not_kept() -> None:
    with Mailbox() as mailbox:
        server = mailbox.server
        port = int(mailbox.url.rpartition(":")[2])
        blocked, sent = threading.Event(), threading.Event()

        def hang_up_after_the_next_look_at_the_connection() -> None:
            *_, session = server.sessions  # the first one is the check that it has started
            blocked.set()
            assert sent.wait(60)
            server.loop.call_soon(lambda: server.loop.call_soon(session.transport.abort))

        with smtplib.SMTP(HOST, port, timeout=60) as sender:
            sender.ehlo_or_helo_if_needed()
            sender.mail("sender@example.com")
            sender.rcpt("recipient@example.com")
            sender.putcmd("data")
            assert sender.getreply()[0] == 354
            server.loop.call_soon_threadsafe(hang_up_after_the_next_look_at_the_connection)
            assert blocked.wait(60)
            sender.send(MAIL + b".\r\n")
            sent.set()
            with pytest.raises(smtplib.SMTPServerDisconnected):
                sender.getreply()
        assert mailbox.mails == []

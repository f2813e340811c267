"""Mail to people, against a real SMTP server and a real database."""

import shutil
import socket
import ssl
import subprocess
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.common.retries import MAIL_MAX_ATTEMPTS, MAIL_RETRY
from activities.messaging.mail import CodeNotDeliverable, Mail, MailSettings
from domain.vocabulary import Channel, Event, Stage, message_id
from records.verification import FreshCode
from tests.activities.messaging.outbox import failures, messages, told, unmark, waited_before
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS, CANCELLATION, facts

SENDER = "Example Billing <billing@provider.example>"
CODE = FreshCode(
    code="042137",
    number=1,
    salt="5a17",
    recipient=ADDRESS,
    organization_name="contoso & sons",
    time_zone="Europe/Berlin",
    expires_at=datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
)
FIRST_ID = "<SUB-1001/1/cancellation%2Ereceived/mail@provider.example>"
NO_SUCH_MAILBOX = f"550 5.1.1 <{ADDRESS}> has no mailbox here"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[str]:
    with postbox.listening() as address:
        yield address


@pytest.fixture
def mail(engine: Engine, server: str) -> Mail:
    return sending_by(engine, f"smtp://{server}")


def sending_by(engine: Engine, url: str) -> Mail:
    return Mail(engine, MailSettings(smtp_url=url, mail_from=SENDER, mail_reply_to="help@provider.example"))


def deliver(mail: Mail, *, attempt: int = 1) -> int:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return environment.run(mail.deliver_mail, CANCELLATION)


def refused_delivery(mail: Mail, *, attempt: int = 1) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        deliver(mail, attempt=attempt)
    assert raised.value.type == "mail_server_unavailable"
    assert not raised.value.non_retryable
    assert ADDRESS not in as_temporal_stores(raised.value)
    assert ADDRESS not in "".join(traceback.format_exception(raised.value))
    return raised.value


def as_temporal_stores(error: BaseException) -> str:
    """The failure with its causes, as it goes into the history of a workflow."""
    failure = Failure()
    converter = DataConverter.default
    converter.failure_converter.to_failure(error, converter.payload_converter, failure)
    return str(failure)


def tell_two(engine: Engine) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE))
    told(engine, Event.SCHEDULED, facts(Stage.SCHEDULED))


def test_all_pending_mails_go_out_oldest_first_over_one_connection(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_two(engine)
    up_to = deliver(mail)
    assert [taken["Subject"].split(":")[0] for taken in postbox.taken] == [
        "Cancellation received",
        "Cancellation scheduled",
    ]
    assert postbox.recipients == [ADDRESS, ADDRESS]
    assert postbox.connections == 1
    rows = messages(engine, Channel.MAIL)
    assert all(row.delivered_at for row in rows)
    assert up_to == rows[-1].sequence


def test_a_case_without_mail_is_told_up_to_nothing(mail: Mail) -> None:
    assert deliver(mail) == 0


def test_delivering_twice_sends_once_and_returns_the_same(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    tell_two(engine)
    assert deliver(mail) == deliver(mail)
    assert len(postbox.taken) == 2
    assert postbox.connections == 1


def test_a_mail_accepted_but_not_marked_is_repeated_under_the_same_message_id(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_two(engine)
    deliver(mail)
    unmark(engine, message_id(CANCELLATION, Event.SCHEDULED, Channel.MAIL))
    deliver(mail)
    assert len(postbox.taken) == 3
    assert postbox.taken[1]["Message-ID"] == postbox.taken[2]["Message-ID"]
    assert postbox.taken[1].as_bytes().count(b"Message-ID") == 1


def test_a_second_delivery_waits_for_the_first_and_sends_nothing_again(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_two(engine)
    postbox.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(deliver, mail)
        postbox.reached.wait()
        second = pool.submit(deliver, mail)
        with engine.connect() as connection:
            while not connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                connection.rollback()
        postbox.may_answer.set()
        assert first.result() == second.result()
    assert [taken["Subject"].split()[1] for taken in postbox.taken] == ["received:", "scheduled:"]


def test_the_headers_say_who_when_and_which_thread(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    tell_two(engine)
    deliver(mail)
    first, second = postbox.taken
    assert first["Message-ID"] == FIRST_ID
    assert "References" not in first
    assert second["In-Reply-To"] == second["References"] == FIRST_ID
    assert str(first["From"]) == SENDER
    assert first["To"] == ADDRESS
    assert first["Reply-To"] == "help@provider.example"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime == facts(Stage.INTAKE).occurred_at


def test_a_mail_carries_the_same_letter_as_text_and_as_html(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE))
    deliver(mail)
    text, html = (part.get_content() for part in postbox.taken[0].iter_parts())
    assert "CRM <Enterprise> (SUB-1001)" in text
    assert "CRM &lt;Enterprise&gt; (SUB-1001)" in html


def test_the_longest_id_stays_whole_in_its_header(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    occasion = f"{Event.REMINDER}/{'x.' * 60}x"
    told(engine, Event.REMINDER, facts(Stage.SCHEDULED), occasion=occasion)
    deliver(mail)
    escaped = message_id(CANCELLATION, occasion, Channel.MAIL).replace(".", "%2E")
    assert postbox.taken[0]["Message-ID"] == f"<{escaped}@provider.example>"


def test_a_line_break_in_a_description_adds_no_header(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE, description="CRM\r\nBcc: other@contoso.example"))
    deliver(mail)
    assert postbox.taken[0]["Bcc"] is None
    assert postbox.recipients == [ADDRESS]


def test_a_server_that_is_down_is_named_and_tried_again(engine: Engine, postbox: Postbox) -> None:
    with postbox.listening() as server:
        mail = sending_by(engine, f"smtp://{server}")
    tell_two(engine)
    assert str(refused_delivery(mail)) == (
        f"mail_server_unavailable: The mail server {server} cannot be used now: it refused the connection."
    )
    assert all(row.delivered_at is None and row.failed_at is None for row in messages(engine, Channel.MAIL))


def test_a_server_that_hangs_up_at_once_is_tried_again(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mail = sending_by(engine, f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        tell_two(engine)
        listener.close()
    refused_delivery(mail)


def test_a_server_without_starttls_gets_nothing_where_it_is_required(
    engine: Engine, server: str, postbox: Postbox
) -> None:
    tell_two(engine)
    error = refused_delivery(sending_by(engine, f"smtp://kim:s3cr3t@{server}"))
    assert "does not offer STARTTLS, which our settings require" in str(error)
    assert "s3cr3t" not in as_temporal_stores(error)
    assert postbox.taken == []


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = [openssl, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_starttls_is_used_where_it_is_offered_whoever_signed_the_certificate(
    engine: Engine, postbox: Postbox, self_signed: ssl.SSLContext
) -> None:
    tell_two(engine)
    with postbox.listening(tls=self_signed) as server:
        deliver(sending_by(engine, f"smtp://{server}"))
    assert len(postbox.taken) == 2
    assert postbox.encrypted


def test_where_starttls_is_required_the_certificate_must_be_valid(
    engine: Engine, postbox: Postbox, self_signed: ssl.SSLContext
) -> None:
    tell_two(engine)
    with postbox.listening(tls=self_signed) as server:
        error = refused_delivery(sending_by(engine, f"smtp://{server}?starttls=required"))
    assert "its certificate is not valid" in str(error)
    assert postbox.taken == []


@pytest.mark.parametrize(
    "answer", ["451 4.7.1 greylisted, kim.meyer@contoso.example", "421 shutting down kim.meyer@contoso.example"]
)
def test_a_temporary_no_to_a_mail_holds_those_after_it(
    engine: Engine, mail: Mail, postbox: Postbox, answer: str
) -> None:
    tell_two(engine)
    postbox.answers_to_data = [answer]
    assert answer[:3] in str(refused_delivery(mail))
    assert postbox.taken == []
    deliver(mail)
    assert [taken["Subject"].split()[1] for taken in postbox.taken] == ["received:", "scheduled:"]


def test_a_mail_put_off_for_five_days_is_given_up_and_the_next_one_goes_out(
    engine: Engine, mail: Mail, postbox: Postbox, server: str
) -> None:
    tell_two(engine)
    postbox.answers_to_recipient = ["452 4.2.2 mailbox full"] * 2
    refused_delivery(mail, attempt=MAIL_MAX_ATTEMPTS - 1)
    deliver(mail, attempt=MAIL_MAX_ATTEMPTS)
    failed, delivered = messages(engine, Channel.MAIL)
    assert failed.failure == (
        f"The mail server {server} put the recipient off with 452 4.2.2. Given up after {MAIL_MAX_ATTEMPTS} attempts."
    )
    assert delivered.delivered_at is not None
    assert [row.why for row in failures(engine)] == [failed.failure]


@pytest.mark.parametrize("said_to", ["recipient", "data"])
def test_a_server_that_is_shutting_down_costs_no_mail_however_long_it_takes(
    engine: Engine, mail: Mail, postbox: Postbox, said_to: str
) -> None:
    tell_two(engine)
    setattr(postbox, f"answers_to_{said_to}", ["421 4.3.2 shutting down"])
    assert "it answered 421" in str(refused_delivery(mail, attempt=MAIL_MAX_ATTEMPTS))
    assert not failures(engine)


def test_a_mail_is_put_off_for_five_days() -> None:
    assert timedelta(days=5) <= waited_before(MAIL_MAX_ATTEMPTS, MAIL_RETRY) < timedelta(days=5) + timedelta(minutes=5)
    assert MAIL_RETRY.maximum_attempts == 0


def test_a_no_to_our_own_sender_fails_no_mail(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    tell_two(engine)
    postbox.answers_to_sender = ["553 5.7.1 not yours"]
    assert "refused our sender address with 553 5.7.1" in str(refused_delivery(mail))
    assert not failures(engine)


@pytest.mark.parametrize("said_to", ["recipient", "data"])
def test_a_final_no_fails_that_mail_is_audited_and_the_next_one_goes_out(
    engine: Engine, mail: Mail, postbox: Postbox, server: str, said_to: str
) -> None:
    tell_two(engine)
    setattr(postbox, f"answers_to_{said_to}", [NO_SUCH_MAILBOX])
    up_to = deliver(mail)
    failed, delivered = messages(engine, Channel.MAIL)
    refused = {"recipient": "recipient", "data": "message"}[said_to]
    assert failed.failure == f"The mail server {server} refused the {refused} with 550 5.1.1."
    assert failed.failed_at is not None
    assert delivered.delivered_at is not None
    assert up_to == delivered.sequence
    (row,) = failures(engine)
    assert (row.cancellation, row.subscription, row.why) == (CANCELLATION, "SUB-1001", failed.failure)
    assert row.after == {"message": failed.id, "event": "cancellation.received", "channel": "mail"}
    deliver(mail)
    assert len(postbox.taken) == 1
    assert len(failures(engine)) == 1


@pytest.mark.parametrize("utf8", [True, False])
def test_an_address_beyond_ascii_goes_out_where_the_server_can_take_it_and_fails_where_it_cannot(
    engine: Engine, postbox: Postbox, utf8: bool
) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE), to="jörg@contoso.example")
    with postbox.listening(utf8=utf8) as server:
        deliver(sending_by(engine, f"smtp://{server}"))
    (row,) = messages(engine, Channel.MAIL)
    assert (row.delivered_at is not None) is utf8
    assert (row.failed_at is not None) is not utf8
    assert postbox.recipients == (["jörg@contoso.example"] if utf8 else [])


def test_a_code_goes_out_at_once_and_not_in_the_subject(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    mail.send_code_mail(CODE, "SUB-1001/1/code-1/mail")
    (taken,) = postbox.taken
    assert taken["Message-ID"] == "<SUB-1001/1/code-1/mail@provider.example>"
    assert "042137" not in taken["Subject"]
    assert all("042137" in part.get_content() for part in taken.iter_parts())
    assert not messages(engine, Channel.MAIL)


def test_a_code_to_an_address_that_does_not_exist_is_refused_with_a_way_out(mail: Mail, postbox: Postbox) -> None:
    postbox.answers_to_recipient = [NO_SUCH_MAILBOX]
    with pytest.raises(CodeNotDeliverable) as raised:
        mail.send_code_mail(CODE, "SUB-1001/1/code-1/mail")
    assert "attest" in raised.value.way_out
    assert ADDRESS not in as_temporal_stores(raised.value)

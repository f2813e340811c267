"""Mail to people, against a real SMTP server and a real database."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from activities.messaging.mail import Mail
from domain.vocabulary import Channel, Event, Stage, message_id
from tests.activities.messaging.mail_delivery import CODE, SENDER, deliver, tell_two
from tests.activities.messaging.outbox import messages, told, unmark
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS, CANCELLATION, facts

FIRST_ID = "<SUB-1001/1/cancellation%2Ereceived/mail@provider.example>"


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


def test_a_code_goes_out_at_once_and_not_in_the_subject(engine: Engine, mail: Mail, postbox: Postbox) -> None:
    mail.send_code_mail(CODE, "SUB-1001/1/code-1/mail")
    (taken,) = postbox.taken
    assert taken["Message-ID"] == "<SUB-1001/1/code-1/mail@provider.example>"
    assert "042137" not in taken["Subject"]
    assert all("042137" in part.get_content() for part in taken.iter_parts())
    assert not messages(engine, Channel.MAIL)

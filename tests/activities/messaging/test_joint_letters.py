"""What an organization that is cancelled as a whole is told: one letter for all of its subscriptions, whatever dies on the way."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.delivery import GATHERED, PUT_OFF_FOR
from activities.messaging.mail import Mail, MailSettings
from domain.joint_letters import GATHERED as GATHERED_EVENTS
from domain.joint_letters import MOST_IN_A_LETTER, WAITS_AT_MOST
from domain.vocabulary import Channel, Event, Stage, message_id
from records import outbox
from records.transaction import Transaction
from tests.activities.messaging.mail_delivery import SENDER
from tests.activities.messaging.outbox import failures, messages, put_off_for, unmark
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS
from tests.activities.messaging.whole_organization import BULK, CASES, about, add_case, subscription_of, whole

__all__ = ["whole"]


@pytest.fixture
def at_once(whole: Engine, server: str) -> Mail:
    """Mail whose letters wait for nothing but cases that are still to be opened."""
    return mailing(whole, server, 0)


def mailing(engine: Engine, server: str, seconds: float) -> Mail:
    return Mail(engine, MailSettings(smtp_url=f"smtp://{server}", mail_from=SENDER, mail_gather_seconds=seconds))


def tell(
    engine: Engine, *cases: str, event: Event = Event.RECEIVED, stage: Stage = Stage.INTAKE, to: str = ADDRESS
) -> None:
    for case in cases:
        with Transaction.begin(engine, frozenset({Channel.MAIL})) as transaction:
            outbox.add(transaction, event, about(case, stage), occasion=event.value, mail_to=to, bulk=BULK)


def deliver(mail: Mail, case: str, *, attempt: int = 1) -> int:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return environment.run(mail.deliver_mail, case)


def held(mail: Mail, case: str) -> timedelta:
    """The pause after which a delivery is to be tried again."""
    with pytest.raises(ApplicationError) as raised:
        deliver(mail, case)
    assert (raised.value.type, raised.value.non_retryable) == (GATHERED, False)
    assert raised.value.next_retry_delay is not None
    return raised.value.next_retry_delay


def is_delivered(mail: Mail, case: str) -> bool:
    try:
        deliver(mail, case)
    except ApplicationError as error:
        if error.type != GATHERED:
            raise
        return False
    return True


def execute(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def words_of(postbox: Postbox, number: int = -1) -> tuple[str, str]:
    """The text and the HTML of a mail, in one line each."""
    bodies = [postbox.taken[number].get_body((kind,)) for kind in ("plain", "html")]
    text_, html = (" ".join(str(body.get_content()).split()) for body in bodies if body is not None)
    return text_, html


def test_the_mails_of_one_event_are_one_letter_with_a_part_for_each_case(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    tell(whole, *CASES)
    handled = deliver(at_once, CASES[1])

    assert [mail["Subject"] for mail in postbox.taken] == ["Cancellation received: 3 subscriptions of contoso & sons"]
    assert postbox.recipients == [ADDRESS]
    text_, html = words_of(postbox)
    for case in CASES:
        assert f"Seats & <{subscription_of(case)}> ({subscription_of(case)}): {case} ====" in text_
        assert f"Seats &amp; &lt;{subscription_of(case)}&gt; ({subscription_of(case)}): {case}</h2>" in html
    assert text_.count("Billing of line L-1 ends on 31 December 2026.") == 3
    assert html.count("Nothing has been switched off.") == 3
    rows = messages(whole, Channel.MAIL)
    assert all(row.delivered_at for row in rows)
    assert len({row.letter for row in rows}) == 1
    assert handled == next(row.sequence for row in rows if row.cancellation == CASES[1])
    assert [deliver(at_once, case) for case in CASES] == [row.sequence for row in rows]
    assert len(postbox.taken) == 1, "each of the others finds its part delivered"


def test_a_letter_waits_until_none_was_added_for_a_while(whole: Engine, server: str, postbox: Postbox) -> None:
    mail = mailing(whole, server, 60)
    tell(whole, CASES[0], event=Event.EFFECTIVE, stage=Stage.CANCELED)
    execute(whole, "UPDATE messages SET gathered_at = now() - interval '50 seconds'")
    tell(whole, CASES[1], event=Event.EFFECTIVE, stage=Stage.CANCELED)
    assert timedelta(seconds=30) < held(mail, CASES[0]) <= timedelta(seconds=60)
    assert postbox.taken == []

    execute(whole, "UPDATE messages SET gathered_at = now() - interval '61 seconds'")
    deliver(mail, CASES[0])
    assert [taken["Subject"] for taken in postbox.taken] == ["Access to 2 subscriptions of contoso & sons has ended"]


def test_an_acknowledgement_of_receipt_waits_for_cases_that_are_still_to_be_opened_but_not_for_long(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    opens = (
        "UPDATE bulk_rows SET state = 'under_way', cancellation = NULL, start = '{}', begun_at = now() WHERE number = 3"
    )
    execute(whole, opens)
    tell(whole, *CASES[:2])
    assert held(at_once, CASES[0]) > timedelta(0)
    tell(whole, CASES[0], event=Event.SCHEDULED, stage=Stage.SCHEDULED)
    assert held(at_once, CASES[0]) > timedelta(0), "in the order of the case"

    execute(whole, "UPDATE messages SET gathered_at = now() - CAST(:wait AS interval)", wait=WAITS_AT_MOST)
    deliver(at_once, CASES[0])
    assert [taken["Subject"].partition(":")[0] for taken in postbox.taken] == [
        "Cancellation received",
        "Cancellation scheduled",
    ]


def test_a_stopped_bulk_keeps_no_letter_waiting(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    execute(whole, "UPDATE bulk_rows SET state = 'ready', cancellation = NULL, start = '{}' WHERE number = 3")
    execute(whole, "UPDATE bulks SET state = 'stopped'")
    tell(whole, *CASES[:2])
    deliver(at_once, CASES[0])
    assert len(postbox.taken) == 1


def test_a_crash_after_its_acceptance_repeats_the_same_letter_though_another_case_has_come(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    tell(whole, *CASES[:2])
    deliver(at_once, CASES[0])
    for case in CASES[:2]:
        unmark(whole, message_id(case, Event.RECEIVED, Channel.MAIL))
    tell(whole, CASES[2])
    for case in reversed(CASES):
        deliver(at_once, case)

    first, *others = postbox.taken
    assert sorted(mail["Message-ID"] == first["Message-ID"] for mail in others) == [False, True]
    repeated = next(mail for mail in others if mail["Message-ID"] == first["Message-ID"])
    assert repeated["Subject"] == first["Subject"]
    alone = next(mail for mail in others if mail is not repeated)
    assert alone["Message-ID"] == "<SUB-1003/1/cancellation%2Ereceived/mail@provider.example>"
    assert "Seats & <SUB-1003>" in alone["Subject"]


@pytest.mark.parametrize(
    ("other", "subjects"),
    [
        ({"event": Event.SCHEDULED, "stage": Stage.SCHEDULED}, 2),
        ({"stage": Stage.PREPARING}, 2),
        ({}, 1),
    ],
)
def test_only_the_same_news_are_one_letter(
    whole: Engine, at_once: Mail, postbox: Postbox, other: dict[str, object], subjects: int
) -> None:
    tell(whole, CASES[0])
    tell(whole, CASES[1], **other)  # type: ignore[arg-type]
    for case in CASES[:2]:
        deliver(at_once, case)
    assert len(postbox.taken) == subjects


def test_an_address_that_was_corrected_while_mails_waited_gets_none_of_them(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    tell(whole, CASES[0])
    execute(whole, "UPDATE organizations SET billing_administrator = 'lee@contoso.example'")
    tell(whole, CASES[1], to="lee@contoso.example")
    deliver(at_once, CASES[0])
    assert postbox.recipients == ["lee@contoso.example"]
    assert "2 subscriptions" in postbox.taken[0]["Subject"]


def test_waits_for_other_cases_give_no_letter_up(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    postbox.answers_to_recipient = ["450 Later", "450 Later"]
    tell(whole, *CASES[:2])
    with pytest.raises(ApplicationError, match="450"):
        deliver(at_once, CASES[0], attempt=10_000)
    assert failures(whole) == []

    put_off_for(whole, PUT_OFF_FOR)
    deliver(at_once, CASES[0])
    assert [entry.cancellation for entry in failures(whole)] == list(CASES[:2])


def test_deliveries_at_the_same_time_send_one_letter(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    tell(whole, *CASES)
    postbox.may_answer.clear()

    def until_done(case: str) -> None:
        while not is_delivered(at_once, case):
            postbox.may_answer.set()  # another one is at work, and keeps nobody waiting

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(until_done, CASES))
    assert len(postbox.taken) == 1


def test_later_letters_answer_to_the_first_one(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    tell(whole, *CASES)
    tell(whole, *CASES[:2], event=Event.SCHEDULED, stage=Stage.SCHEDULED)
    tell(whole, CASES[2], event=Event.EFFECTIVE, stage=Stage.CANCELED)
    for case in CASES:
        deliver(at_once, case)
    first, *later = postbox.taken
    assert len(later) == 2
    assert "References" not in first
    assert {mail["References"] for mail in later} == {first["Message-ID"]}


def test_a_letter_that_is_refused_for_good_is_given_up_for_each_of_its_cases(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    postbox.answers_to_recipient = ["550 No such user"]
    tell(whole, *CASES)
    deliver(at_once, CASES[0])
    assert [entry.cancellation for entry in failures(whole)] == list(CASES)
    assert all(row.failed_at for row in messages(whole, Channel.MAIL))


def test_a_letter_that_is_put_off_is_tried_again_as_it_was(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    postbox.answers_to_recipient = ["450 Later"]
    tell(whole, *CASES[:2])
    with pytest.raises(ApplicationError, match="450"):
        deliver(at_once, CASES[0])
    tell(whole, CASES[2])
    deliver(at_once, CASES[0])
    assert "2 subscriptions" in postbox.taken[0]["Subject"]


def test_more_cases_than_one_letter_takes_make_several(whole: Engine, server: str, postbox: Postbox) -> None:
    mail = mailing(whole, server, 600)
    many = [f"SUB-{number}/1" for number in range(2001, 2001 + MOST_IN_A_LETTER + 1)]
    with Session(whole) as session, session.begin():
        for case in many:
            add_case(session, case)
    tell(whole, *many)
    deliver(mail, many[0])
    assert f"{MOST_IN_A_LETTER} subscriptions" in postbox.taken[0]["Subject"]
    assert held(mail, many[-1]) > timedelta(0), "the next letter waits for its own"


def test_every_event_that_is_gathered_has_a_subject_of_its_own(whole: Engine, at_once: Mail, postbox: Postbox) -> None:
    for event in sorted(GATHERED_EVENTS):
        stage = Stage.CANCELED if event in (Event.EFFECTIVE, Event.REVERSAL_REMINDER, Event.CLOSED) else Stage.INTAKE
        tell(whole, *CASES[:2], event=event, stage=stage)
        deliver(at_once, CASES[0])
    subjects = [mail["Subject"] for mail in postbox.taken]
    assert len(set(subjects)) == len(GATHERED_EVENTS)
    assert all("2 subscriptions of contoso & sons" in subject for subject in subjects)

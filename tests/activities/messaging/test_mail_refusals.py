"""Answers of a mail server to one mail: a temporary refusal, a final one, an impossible address."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from activities.common.retries import MAIL_RETRY
from activities.messaging.delivery import PUT_OFF_FOR
from activities.messaging.mail import CodeNotDeliverable, Mail
from domain.vocabulary import Channel, Event, Stage
from tests.activities.messaging.mail_delivery import (
    CODE,
    as_temporal_stores,
    deliver,
    refused_delivery,
    sending_by,
    tell_two,
)
from tests.activities.messaging.outbox import failures, messages, put_off_for, told
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS, CANCELLATION, facts

LONG = 10_000
"""An attempt of a delivery that has waited for more than five days, whatever for."""
NO_SUCH_MAILBOX = f"550 5.1.1 <{ADDRESS}> has no mailbox here"


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
    postbox.answers_to_recipient = ["452 4.2.2 mailbox full"] * 3
    refused_delivery(mail)
    put_off_for(engine, PUT_OFF_FOR - timedelta(minutes=1))
    refused_delivery(mail, attempt=LONG)
    put_off_for(engine, PUT_OFF_FOR)
    deliver(mail, attempt=LONG)
    failed, delivered = messages(engine, Channel.MAIL)
    assert failed.failure == f"The mail server {server} put the recipient off with 452 4.2.2. Given up after 5 days."
    assert delivered.delivered_at is not None
    assert [row.why for row in failures(engine)] == [failed.failure]


@pytest.mark.parametrize("said_to", ["recipient", "data"])
def test_a_server_that_is_shutting_down_costs_no_mail_however_long_it_takes(
    engine: Engine, mail: Mail, postbox: Postbox, said_to: str
) -> None:
    tell_two(engine)
    setattr(postbox, f"answers_to_{said_to}", ["421 4.3.2 shutting down"])
    assert "it answered 421" in str(refused_delivery(mail, attempt=LONG))
    assert not failures(engine)
    assert [message.put_off_since for message in messages(engine, Channel.MAIL)] == [None, None]


def test_a_mail_that_has_waited_for_a_dead_server_is_not_given_up_when_it_is_put_off_for_the_first_time(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_two(engine)
    postbox.answers_to_recipient = ["451 4.7.1 greylisted"]
    refused_delivery(mail, attempt=LONG)
    deliver(mail, attempt=LONG + 1)
    assert not failures(engine)
    assert len(postbox.taken) == 2


def test_a_mail_behind_one_that_is_given_up_has_five_days_of_its_own(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_two(engine)
    postbox.answers_to_recipient = ["452 4.2.2 mailbox full"] * 4
    refused_delivery(mail)
    put_off_for(engine, PUT_OFF_FOR)
    refused_delivery(mail, attempt=LONG)
    refused_delivery(mail, attempt=LONG + 1)
    assert [row.after["event"] for row in failures(engine) if row.after] == ["cancellation.received"]
    deliver(mail)
    assert [taken["Subject"].split()[1] for taken in postbox.taken] == ["scheduled:"]


def test_mail_is_tried_without_end() -> None:
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


def test_a_code_to_an_address_that_does_not_exist_is_refused_with_a_way_out(mail: Mail, postbox: Postbox) -> None:
    postbox.answers_to_recipient = [NO_SUCH_MAILBOX]
    with pytest.raises(CodeNotDeliverable) as raised:
        mail.send_code_mail(CODE, "SUB-1001/1/code-1/mail")
    assert "attest" in raised.value.way_out
    assert ADDRESS not in as_temporal_stores(raised.value)

"""Mail that waits while the address of its addressee is corrected: the corrected one gets it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from temporalio.exceptions import ApplicationError

from activities.messaging.delivery import PUT_OFF_FOR
from activities.messaging.mail import Mail
from domain.vocabulary import Channel, Event, Stage
from records.addressees import BILLING_ADMINISTRATOR, MARKETING_ADMINISTRATOR, Addressee, Role
from tests.activities.messaging.mail_delivery import deliver, refused_delivery, sending_by
from tests.activities.messaging.outbox import failures, messages, put_off_for, told
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS, facts
from tests.activities.messaging.test_joint_letters import at_once, tell
from tests.activities.messaging.test_joint_letters import deliver as deliver_of
from tests.activities.messaging.whole_organization import CASES, whole

__all__ = ["at_once", "whole"]

NEW = "lee@contoso.example"
CORRECTED = {
    BILLING_ADMINISTRATOR: "UPDATE organizations SET billing_administrator = :new",
    MARKETING_ADMINISTRATOR: "INSERT INTO marketing_services (organization, billing_administrator, sign_up) VALUES ('ORG-1', :new, '1')",
    Addressee(Role.QUEUE, "billing"): "INSERT INTO support_queues (name, mail) VALUES ('billing', :new)",
    Addressee(Role.SYSTEM_OWNER, "webhook"): "UPDATE webhook_endpoints SET owner = :new WHERE name = 'webhook'",
}
"""For each addressee a statement after which the address on record is another one."""


def correct(engine: Engine, addressee: Addressee = BILLING_ADMINISTRATOR) -> None:
    with engine.begin() as connection:
        connection.execute(text(CORRECTED[addressee]), {"new": NEW})


def tell_one(engine: Engine, addressee: Addressee | None = BILLING_ADMINISTRATOR) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE), addressee=addressee)


@pytest.mark.parametrize("addressee", CORRECTED, ids=str)
def test_a_mail_that_waits_for_the_server_goes_to_the_address_that_was_corrected_meanwhile(
    engine: Engine, postbox: Postbox, addressee: Addressee
) -> None:
    tell_one(engine, addressee)
    with pytest.raises(ApplicationError):
        deliver(sending_by(engine, "smtp://127.0.0.1:1"))
    correct(engine, addressee)
    with postbox.listening() as server:
        deliver(sending_by(engine, f"smtp://{server}"))
    assert postbox.recipients == [NEW]
    assert [message.recipient for message in messages(engine, Channel.MAIL)] == [NEW]


def test_a_mail_to_the_contact_of_a_migration_is_not_passed_on_to_the_next_one(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    """The correction has written to that one itself, within the limits for mail."""
    tell_one(engine, Addressee(Role.IT_DEPARTMENT))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO on_premises_migrations (cancellation, organization, queue, stage, stage_since, requested_at, contact) "
                "SELECT id, 'ORG-1', 'support', 'requested', now(), now(), :new FROM cancellations"
            ),
            {"new": NEW},
        )
    deliver(mail)
    assert postbox.recipients == [ADDRESS]


def test_every_other_addressee_can_be_corrected() -> None:
    assert {addressee.role for addressee in CORRECTED} == set(Role) - {Role.IT_DEPARTMENT}
    assert [Addressee.parse(str(addressee)) for addressee in CORRECTED] == list(CORRECTED)


def test_what_the_former_mailbox_has_put_off_is_not_held_against_the_new_one(
    engine: Engine, mail: Mail, postbox: Postbox
) -> None:
    tell_one(engine)
    postbox.answers_to_recipient = ["452 4.2.2 mailbox full", "451 4.7.1 greylisted"]
    refused_delivery(mail)
    put_off_for(engine, PUT_OFF_FOR + timedelta(days=1))
    correct(engine)
    refused_delivery(mail)
    deliver(mail)
    assert not failures(engine)
    assert postbox.recipients == [NEW]


@pytest.mark.parametrize("addressee", [Addressee(Role.QUEUE, "billing"), None], ids=["gone", "not known"])
def test_a_mail_without_an_address_on_record_goes_to_the_former_one(
    engine: Engine, mail: Mail, postbox: Postbox, addressee: Addressee | None
) -> None:
    """As when a queue has lost its address, or where a former version has recorded the mail."""
    tell_one(engine, addressee)
    deliver(mail)
    assert postbox.recipients == [ADDRESS]


def test_a_letter_about_several_cases_that_was_put_off_goes_to_the_corrected_address(
    whole: Engine, at_once: Mail, postbox: Postbox
) -> None:
    """Its members are fixed by then, its recipient is not."""
    postbox.answers_to_recipient = ["450 Later"]
    tell(whole, *CASES)
    with pytest.raises(ApplicationError, match="450"):
        deliver_of(at_once, CASES[0])
    correct(whole)
    deliver_of(at_once, CASES[0])
    assert postbox.recipients == [NEW]
    assert "3 subscriptions" in postbox.taken[0]["Subject"]

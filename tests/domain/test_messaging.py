"""Messages: the channels of an event, and the facts that systems do not receive (rules, section 11)."""

from datetime import UTC, date, datetime

from domain.messaging import MAILED, MessageFacts, channels_of
from domain.vocabulary import Channel, Event, Stage, message_id

BOTH = frozenset(Channel)


def facts() -> MessageFacts:
    return MessageFacts(
        cancellation="SUB-1/1",
        subscription="SUB-1",
        description="CRM",
        organization="ORG-1",
        organization_name="contoso",
        organization_url="https://contoso.example.com",
        time_zone="Europe/Berlin",
        stage=Stage.INTAKE,
        occurred_at=datetime(2026, 11, 28, tzinfo=UTC),
        received_at=datetime(2026, 11, 28, tzinfo=UTC),
        received_on=date(2026, 11, 28),
        reason="we merged with Fabrikam",
        changes_for_customer=["Line C is closed meanwhile."],
    )


def test_systems_hear_everything_and_people_what_concerns_them() -> None:
    for event in Event:
        expected = {Channel.WEBHOOK} | ({Channel.MAIL} if event in MAILED else set())
        assert set(channels_of(event, BOTH)) == expected
    assert Event.MARKETING_STOP_REQUESTED not in MAILED, "the ad centre is a system"
    assert Event.LINE_TERM_ROLLED not in MAILED


def test_a_channel_that_nobody_reads_carries_nothing() -> None:
    assert channels_of(Event.RECEIVED, frozenset({Channel.MAIL})) == (Channel.MAIL,)
    assert channels_of(Event.LINE_CLOSED, frozenset({Channel.MAIL})) == ()


def test_systems_do_not_learn_who_the_customer_is() -> None:
    told = facts().for_systems()
    assert told["cancellation"] == "SUB-1/1"
    for personal in ("contoso", "Contoso", "Fabrikam", "example.com"):
        assert personal not in str(told)
    assert "changes_for_customer" not in told


def test_the_id_of_a_message_is_of_its_occasion_and_channel_alone() -> None:
    assert message_id("SUB-1/1", "effect-reminder", Channel.MAIL) == message_id(
        "SUB-1/1", "effect-reminder", Channel.MAIL
    )
    ids = {message_id("SUB-1/1", occasion, channel) for occasion in ("a", "b") for channel in Channel}
    assert len(ids) == 2 * len(Channel)

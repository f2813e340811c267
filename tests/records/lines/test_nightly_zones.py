"""The nightly update by the day of each organization in its own zone (rules, section 5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import Session

from domain.civil_time import day_of
from domain.lines.decision import decide
from domain.lines.terms import update_as_of
from records.lines.nightly import update_chunk
from records.lines.rows import as_domain
from records.lines.runs import finish_run, open_run, progress_of
from records.transaction import Transaction
from storage.tables import LineDatesRunRow, MessageRow, SubscriptionLineRow, SubscriptionRow
from tests.domain.lines.date_strategies import lines
from tests.records.lines.nightly_runs import ENDED, NOW, Add, an_organization, dates, line, run, trail
from tests.records.lines.test_nightly_rule import SCOPE, rows_of

YEARLY_FROM_2026: dict[str, Any] = {
    "start_date": date(2026, 1, 1),
    "initial_term": "1Y",
    "subsequent_term": "1Y",
    "notice_period": "36D",
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 11, 25),
}
NIGHT = datetime(2026, 11, 26, 1, tzinfo=ZoneInfo("Europe/Berlin"))


def test_honolulu_is_a_day_behind_berlin_and_keeps_the_last_day_of_its_deadline(engine: Engine, add: Add) -> None:
    add("H", "SUB-H", zone="Pacific/Honolulu", **YEARLY_FROM_2026)
    add("B", "SUB-B", zone="Europe/Berlin", **YEARLY_FROM_2026)
    progress = run(engine, instant=NIGHT)
    assert (progress.due, progress.rolled, progress.busy, progress.instant) == (1, 1, 0, NIGHT)
    assert dates(engine, "H") == (date(2026, 12, 31), date(2026, 11, 25))
    assert dates(engine, "B") == (date(2027, 12, 31), date(2027, 11, 25))
    cancelled_on = day_of(NIGHT, "Pacific/Honolulu")
    assert cancelled_on == date(2026, 11, 25)
    assert decide(as_domain(line(engine, "H")), cancelled_on).end_date == date(2026, 12, 31)
    assert run(engine, name="next", instant=NIGHT + timedelta(days=1)).rolled == 1
    assert dates(engine, "H") == (date(2027, 12, 31), date(2027, 11, 25))


def test_a_line_is_closed_on_the_day_after_its_end_where_its_organization_is(engine: Engine, add: Add) -> None:
    add("H", "SUB-H", zone="Pacific/Honolulu", **ENDED)
    add("K", "SUB-K", zone="Pacific/Kiritimati", **ENDED)
    at = datetime(2026, 9, 30, 10, tzinfo=UTC)
    assert run(engine, instant=at).closed == 1
    assert (line(engine, "K").closed, line(engine, "H").closed) == (True, False)
    assert run(engine, name="later", instant=datetime(2026, 10, 1, 10, tzinfo=UTC)).closed == 1


def test_the_audit_trail_and_the_events_say_the_day_that_applied(engine: Engine, add: Add) -> None:
    due = {**YEARLY_FROM_2026, "cancellation_possible_until": date(2026, 11, 20)}
    add("H", "SUB-H", zone="Pacific/Honolulu", **due)
    add("B", "SUB-B", zone="Europe/Berlin", **due)
    run(engine, instant=NIGHT)
    assert {row.subscription_line: row.why for row in trail(engine)} == {
        "H": "2026-11-20 is past on 2026-11-25, extended by 1Y (rules, section 5)",
        "B": "2026-11-20 is past on 2026-11-26, extended by 1Y (rules, section 5)",
    }
    with Session(engine) as session:
        told = {message.id: message.content for message in session.scalars(select(MessageRow))}
    assert {
        name: (content["as_of"], [entry["id"] for entry in content["lines"]]) for name, content in told.items()
    } == {
        "run/line.term_rolled/1/webhook": ("2026-11-25", ["H"]),
        "run/line.term_rolled/2/webhook": ("2026-11-26", ["B"]),
    }


def test_pages_of_one_line_go_on_past_lines_that_are_not_due_in_their_zone(engine: Engine, add: Add) -> None:
    for number in range(6):
        zone = "Pacific/Honolulu" if number % 2 else "Europe/Berlin"
        add(f"L{number}", f"SUB-{zone}", zone=zone, **YEARLY_FROM_2026)
    progress = run(engine, instant=NIGHT, limit=1)
    assert (progress.due, progress.rolled, progress.busy) == (3, 3, 0)
    assert {row.subscription_line for row in trail(engine)} == {"L0", "L2", "L4"}


def test_a_run_of_a_version_before_has_one_day_for_every_organization(engine: Engine, add: Add) -> None:
    add("H", "SUB-H", zone="Pacific/Honolulu", **YEARLY_FROM_2026)
    with Session(engine) as session, session.begin():
        session.add(
            LineDatesRunRow(
                id="old", as_of=date(2026, 11, 26), zone="Europe/Berlin", scope={}, actor="nightly update", started_at=NOW,
                due=1, unchanged=0,
            )
        )  # fmt: skip
    with Transaction.begin(engine) as transaction:
        update_chunk(transaction, "old", at=NOW)
        progress = finish_run(transaction, "old", NOW)
    assert (progress.rolled, progress.instant, progress.as_of) == (1, None, date(2026, 11, 26))
    assert "as of 2026-11-26" in progress.night


def test_a_zone_that_is_not_known_here_holds_nothing_up_and_is_taken_for_the_latest_of_all(
    engine: Engine, add: Add
) -> None:
    add("M", "SUB-M", zone="Mars/Olympus_Mons", **YEARLY_FROM_2026)
    add("B", "SUB-B", zone="Europe/Berlin", **YEARLY_FROM_2026)
    assert run(engine, instant=NIGHT).rolled == 1
    assert run(engine, name="b", instant=datetime(2026, 11, 26, 11, 59, tzinfo=UTC)).rolled == 0
    assert run(engine, name="c", instant=datetime(2026, 11, 26, 12, tzinfo=UTC)).rolled == 1


def test_a_line_without_a_notice_period_is_rolled_when_its_term_is_over(engine: Engine, add: Add) -> None:
    add("L1", subsequent_term="1Y", term_until=date(2026, 9, 30))
    add("L2", subsequent_term="1Y", term_until=date(2026, 10, 1))
    progress = run(engine)
    assert (progress.due, progress.rolled, progress.failed, progress.busy) == (1, 1, 0, 0)
    assert dates(engine, "L1") == (date(2027, 9, 30), None)
    assert dates(engine, "L2") == (date(2026, 10, 1), None)


ZONES = (
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Honolulu", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu",
    "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "Etc/GMT+12",
)  # fmt: skip
"""Far apart, with odd offsets, with clocks that change by half an hour, and one that once skipped a whole day."""
CHANGES_OF_CLOCKS = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
)
INSTANTS = st.one_of(
    st.integers(-2_500 * 1440, 2_500 * 1440).map(lambda minutes: NIGHT + timedelta(minutes=minutes)),
    st.builds(
        lambda at, minutes: at + timedelta(minutes=minutes), st.sampled_from(CHANGES_OF_CLOCKS), st.integers(-90, 90)
    ),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_lines=st.lists(lines(), min_size=1, max_size=20), instant=INSTANTS)
@pytest.mark.parametrize("limit", [7, 10_000])
def test_updating_at_an_instant_and_cancelling_then_gives_what_cancelling_then_gives(
    engine: Engine, limit: int, given_lines: list[Any], instant: datetime
) -> None:
    """Each line in every zone: the update does what the rule does on the zone's day, and the end does not change."""
    with engine.connect() as connection, connection.begin() as undone:
        days = _fill_every_zone(connection, given_lines, instant)
        with Session(connection) as session:
            before = {row.id: as_domain(row) for row in session.scalars(select(SubscriptionLineRow))}
        due = sum(update_as_of(one, days[name]).action != "unchanged" for name, one in before.items())
        with Session(connection) as session:
            transaction = Transaction(session)
            opened = open_run(
                transaction, "run", as_of=instant.date(), instant=instant, zone="UTC", scope=SCOPE, actor="t", at=NOW
            )
            while not update_chunk(transaction, "run", at=NOW, limit=limit).pass_ended:
                pass
            progress = progress_of(session, "run")
            assert (opened.due, progress.closed + progress.rolled, progress.busy) == (due, due, 0)
            session.expire_all()
            for row in session.scalars(select(SubscriptionLineRow)):
                one, day = before[row.id], days[row.id]
                updated = as_domain(row)
                assert updated == update_as_of(one, day).line
                assert decide(updated, day).end_date == decide(one, day).end_date
        undone.rollback()


def _fill_every_zone(connection: Connection, given_lines: list[Any], instant: datetime) -> dict[str, date]:
    """Add every line in every zone; return the day of each line."""
    days: dict[str, date] = {}
    with Session(connection) as session:
        for zone in ZONES:
            session.add(an_organization(zone, zone))
            session.flush()
            session.add(SubscriptionRow(id=f"S-{zone}", organization=zone, description="d"))
        session.flush()
        session.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, "
                "received_on) SELECT id || '/1', id, 1, id, id, 'a', 'intake', now(), '2026-09-01' FROM subscriptions"
            )
        )
        for zone in ZONES:
            for row in rows_of(given_lines, f"S-{zone}"):
                session.add(SubscriptionLineRow(**row))
                days[row["id"]] = day_of(instant, zone)
        session.flush()
    return days

"""Confirmations: given once, and neither rewritten nor taken back, by no user of the application's database and by plain SQL."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from storage.database import create_database_engine
from storage.refusals import violated_constraint
from storage.rights import DatabaseRole
from tests.support.databases import as_role

GIVEN = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO system_tasks (id, cancellation, system, task, requested_at) VALUES ('T', 'SUB-1/1', 'shop', 'erase', now());
    INSERT INTO bulks (id, kind, source, state, total, at_once, per_minute, reason, planned_by, planned_at, judged_at, digest, ready)
    VALUES ('bulk-0123456789abcdef', 'rows', 'a file', 'planned', 20, 5, 120, 'r', 'ann', now(), now(), 'd', 20);
    INSERT INTO marketing_stops (id, campaign, cancellation, action, requested_at) VALUES ('S', 'CMP-1', 'SUB-1/1', 'pause', now());
    INSERT INTO exports (cancellation, started_at, finished_at, prefix, tables, rows, bytes, warnings, manifest_sha256, link_expires_at)
    VALUES ('SUB-1/1', now(), now(), 'p', 1, 1, 1, 0, 'm', now());
"""
CONFIRMED = {
    "system_tasks": "UPDATE system_tasks SET confirmed_at = now(), confirmed_by = 'shop'",
    "bulks": "UPDATE bulks SET confirmed_at = now(), confirmed_by = 'bob', confirmed_because = 'seen', state = 'running'",
    "marketing_stops": "UPDATE marketing_stops SET acknowledged_at = now(), acknowledged_by = 'ads'",
    "exports": "UPDATE exports SET acknowledged_at = now(), acknowledged_by = 'ann'",
}
SAME = {
    "system_tasks": "UPDATE system_tasks SET confirmed_by = confirmed_by",
    "bulks": "UPDATE bulks SET confirmed_by = confirmed_by, state = 'stopped'",
    "marketing_stops": "UPDATE marketing_stops SET acknowledged_by = acknowledged_by",
    "exports": "UPDATE exports SET acknowledged_by = acknowledged_by, links = links + 1",
}
ATTACKS = {
    "system_tasks": (
        "UPDATE system_tasks SET confirmed_by = 'somebody-else'",
        "UPDATE system_tasks SET confirmed_at = '2020-01-01'",
        "UPDATE system_tasks SET confirmed_at = NULL, confirmed_by = NULL",
    ),
    "bulks": (
        "UPDATE bulks SET confirmed_by = 'somebody-else'",
        "UPDATE bulks SET confirmed_at = NULL, confirmed_by = NULL, confirmed_because = NULL, state = 'planned'",
        "UPDATE bulks SET confirmed_because = 'forged'",
        "UPDATE bulks SET confirmed_because = '(removed)'",
        "INSERT INTO bulk_rows (bulk, number, subscription, state, digest, start, quote) "
        "VALUES ('bulk-0123456789abcdef', 2, 'SUB-1', 'ready', repeat('0', 64), '{}', '{}')",
    ),
    "marketing_stops": (
        "UPDATE marketing_stops SET acknowledged_by = 'somebody-else'",
        "UPDATE marketing_stops SET acknowledged_at = NULL, acknowledged_by = NULL",
        "UPDATE marketing_stops SET requested_at = '2020-01-01'",
        "UPDATE marketing_stops SET cancellation = NULL, marketing_cancellation = 'ORG-1/marketing/1'",
    ),
    "exports": (
        "UPDATE exports SET acknowledged_by = 'somebody-else'",
        "UPDATE exports SET acknowledged_at = NULL, acknowledged_by = NULL",
        "UPDATE exports SET manifest_sha256 = 'another'",
        "UPDATE exports SET prefix = 'elsewhere'",
        "UPDATE exports SET rows = 2",
    ),
}
ROLES = {
    "system_tasks": [DatabaseRole.CALLERS, DatabaseRole.WORKER],
    "bulks": [DatabaseRole.CALLERS],
    "marketing_stops": [DatabaseRole.CALLERS, DatabaseRole.WORKER],
    "exports": [DatabaseRole.WORKER],
}
"""Whoever confirms."""


@pytest.mark.parametrize(
    ("role", "table", "attack"),
    [(role, table, attack) for table, roles in ROLES.items() for role in roles for attack in ATTACKS[table]],
)
def test_whoever_may_confirm_neither_rewrites_a_confirmation_nor_takes_it_back(
    engine: Engine, database_url: str, role: DatabaseRole, table: str, attack: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(GIVEN))
    confirmer = create_database_engine(as_role(database_url, role), pool_size=1)
    with confirmer.begin() as connection:
        assert connection.execute(text(CONFIRMED[table])).rowcount == 1
    with confirmer.begin() as connection:
        assert connection.execute(text(SAME[table])).rowcount == 1
    with pytest.raises(IntegrityError) as refused, confirmer.begin() as connection:
        connection.execute(text(attack))
    assert violated_constraint(refused.value) in ("confirmation_stays", "bulk_words_stay", "bulk_rows_stay")
    confirmer.dispose()


HALTED = "halted_by = 'bob', halted_at = now(), halted_because = 'seen'"
OF_AN_END = {
    "bulk_end_stays": (
        "UPDATE bulks SET state = 'running', ended_at = NULL",
        "UPDATE bulks SET state = 'finished'",
        "UPDATE bulks SET halted_by = 'somebody-else'",
        "UPDATE bulks SET ended_at = '2020-01-01'",
    ),
    "bulk_words_stay": (
        "UPDATE bulks SET halted_because = 'forged'",
        "UPDATE bulks SET halted_because = '(removed)'",
        "UPDATE bulks SET confirmed_because = '(removed)'",
    ),
}


@pytest.mark.parametrize(("rule", "attack"), [(rule, attack) for rule, each in OF_AN_END.items() for attack in each])
def test_a_bulk_that_was_killed_stays_killed_by_whoever_did_it_and_why(
    engine: Engine, database_url: str, rule: str, attack: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(GIVEN))
    callers = create_database_engine(as_role(database_url, DatabaseRole.CALLERS), pool_size=1)
    with callers.begin() as connection:
        connection.execute(text(CONFIRMED["bulks"]))
    with callers.begin() as connection:
        connection.execute(text(f"UPDATE bulks SET {HALTED}, state = 'stopped'"))  # noqa: S608 - a constant
    with callers.begin() as connection:
        halted = f"{HALTED.replace('seen', 'seen again')}, state = 'killed', ended_at = now()"
        assert connection.execute(text(f"UPDATE bulks SET {halted}")).rowcount == 1  # noqa: S608 - a constant
    with pytest.raises(IntegrityError) as refused, callers.begin() as connection:
        connection.execute(text(attack))
    assert violated_constraint(refused.value) == rule
    callers.dispose()


@pytest.mark.parametrize("words", ["confirmed_because", "halted_because"])
def test_words_that_were_removed_after_the_end_of_a_bulk_come_back_in_no_other_form(
    engine: Engine, database_url: str, words: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(GIVEN))
        connection.execute(text(CONFIRMED["bulks"]))
        connection.execute(text(f"UPDATE bulks SET {HALTED}, state = 'killed', ended_at = now()"))  # noqa: S608 - a constant
    worker = create_database_engine(as_role(database_url, DatabaseRole.WORKER), pool_size=1)
    removal = "UPDATE bulks SET reason = '(removed)', source = '(removed)', confirmed_because = '(removed)', halted_because = "
    with pytest.raises(IntegrityError) as refused, worker.begin() as connection:
        connection.execute(text(f"{removal} 'others'"))
    assert violated_constraint(refused.value) == "bulk_words_stay"
    with worker.begin() as connection:
        assert connection.execute(text(f"{removal} '(removed)'")).rowcount == 1
    with pytest.raises(IntegrityError) as refused, worker.begin() as connection:
        connection.execute(text(f"UPDATE bulks SET {words} = 'forged'"))  # noqa: S608 - a constant
    assert violated_constraint(refused.value) == "bulk_words_stay"
    worker.dispose()

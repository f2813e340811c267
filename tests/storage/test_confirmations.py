"""Confirmations: given once, and neither rewritten nor taken back, by no user of the application's database and by plain SQL."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from storage.database import create_database_engine
from storage.refusals import violated_constraint
from storage.rights import DatabaseRole
from tests.support.servers import as_role

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
    ),
    "marketing_stops": (
        "UPDATE marketing_stops SET acknowledged_by = 'somebody-else'",
        "UPDATE marketing_stops SET acknowledged_at = NULL, acknowledged_by = NULL",
    ),
    "exports": (
        "UPDATE exports SET acknowledged_by = 'somebody-else'",
        "UPDATE exports SET acknowledged_at = NULL, acknowledged_by = NULL",
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
    assert violated_constraint(refused.value) == "confirmation_stays"
    confirmer.dispose()

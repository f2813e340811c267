"""The rights of each role, as the database has them: what the documentation says, and no more."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from storage.database import create_database_engine
from storage.refusals import DatabaseRightMissing, refusing_database_errors
from storage.rights import DatabaseRole, grant_rights, warn_of_owner
from tests.support.databases import as_role
from tests.support.ports import free_port

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

COLUMNS = """
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(:role, a.attrelid, a.attnum, :privilege) ORDER BY a.attname
"""
GIVEN = """
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' ORDER BY a.attname
"""
NUMBERED = """
    SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attidentity <> ''
    AND (NOT :insertable OR has_column_privilege(:role, a.attrelid, a.attnum, 'INSERT')) ORDER BY 1
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"


WORDS = {"SELECT": "reads", "INSERT": "adds", "UPDATE": "changes", "DELETE": "removes"}


def rights_of(connection: Connection, role: str) -> dict[str, str]:
    """What a role may do with each table, in the words of the documentation."""
    found = {}
    for table in connection.scalars(text(TABLES)).all():
        about = {"role": role, "table": f'public."{table}"'}

        def may(privilege: str, about: dict[str, str] = about) -> bool:
            question = text("SELECT has_table_privilege(:role, CAST(:table AS regclass), :privilege)")
            return bool(connection.scalar(question, about | {"privilege": privilege}))

        words = []
        for privilege, word in WORDS.items():
            if may(privilege):
                words.append(word)
            elif privilege != "DELETE":
                columns = connection.scalars(text(COLUMNS), about | {"privilege": privilege}).all()
                if privilege == "INSERT" and columns and columns == connection.scalars(text(GIVEN), about).all():
                    words.append(word)  # a whole row, whose number is PostgreSQL's to give
                    continue
                words += [f"{word} {', '.join(f'`{column}`' for column in columns)}"] if columns else []
        assert not any(may(privilege) for privilege in ("TRUNCATE", "REFERENCES", "TRIGGER"))
        found[table] = ", ".join(words)
    return found


def documented() -> dict[str, tuple[str, str, str]]:
    """The table of docs/operations.md."""
    section = OPERATIONS.read_text(encoding="utf-8").partition("## Rights in the database")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", section, re.MULTILINE)
    return {table: (worker, callers, pages) for table, worker, callers, pages in rows}


def test_each_role_has_the_rights_that_are_documented_and_no_others(engine: Engine) -> None:
    with engine.connect() as connection:
        by_role = {role: rights_of(connection, role) for role in DatabaseRole}
    found = {}
    for table in by_role[DatabaseRole.WORKER]:
        worker, callers, pages = (by_role[role][table] for role in DatabaseRole)
        if table == "alembic_version":
            assert (worker, callers, pages) == ("reads", "reads", "")
            continue
        assert worker.startswith("reads")
        assert callers.startswith("reads")
        words = (
            worker.removeprefix("reads").removeprefix(", "),
            callers.removeprefix("reads").removeprefix(", "),
            pages,
        )
        found[table] = tuple(each or "–" for each in words)
    assert found == documented()


@pytest.mark.parametrize("role", list(DatabaseRole))
def test_nobody_chooses_the_number_of_a_row_that_postgresql_numbers(engine: Engine, role: DatabaseRole) -> None:
    with engine.connect() as connection:
        numbered = connection.scalars(text(NUMBERED), {"role": role, "insertable": False}).all()
        chosen = connection.scalars(text(NUMBERED), {"role": role, "insertable": True}).all()
    assert {"audit_trail.id", "holds.id", "messages.sequence"} <= set(numbered)
    assert chosen == []


@contextmanager
def entered(database_url: str, role: DatabaseRole) -> Iterator[Engine]:
    engine = create_database_engine(as_role(database_url, role), pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.mark.parametrize("role", list(DatabaseRole))
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_trail SET actor = 'nobody'",
        "DELETE FROM audit_trail",
        "TRUNCATE audit_trail CASCADE",
        "INSERT INTO audit_trail (id, at, actor, action) OVERRIDING SYSTEM VALUE VALUES (9223372036854775806, now(), 'x', 'y')",
        "SELECT setval(pg_get_serial_sequence('audit_trail', 'id'), 9223372036854775806)",
        "UPDATE audit_seals SET head = 'x'",
        "DELETE FROM audit_sealed",
        "DELETE FROM holds",
        "UPDATE holds SET reason = 'none'",
        "UPDATE holds SET organization = 'another'",
        "DELETE FROM erasures",
        "DELETE FROM payload_key_ids",
        "UPDATE payload_key_ids SET id = 'nokey'",
        "INSERT INTO payload_key_ids (id, known_since) VALUES ('nokey', '2020-01-01')",
        "UPDATE erasures SET started_at = now()",
        "UPDATE tenant_code_reviews SET digest = 'x'",
        "ALTER TABLE audit_trail DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE audit_trail CASCADE",
        "CREATE TABLE mine (id int)",
        "CREATE OR REPLACE FUNCTION audit_trail_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_what_nobody_but_the_owner_may_do(database_url: str, role: DatabaseRole, attack: str) -> None:
    with (
        entered(database_url, role) as engine,
        pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
        engine.begin() as connection,
    ):
        connection.execute(text(attack))


def test_the_pages_read_no_codes_answers_or_holds_and_write_no_more_than_that_a_request_came_too_late(
    engine: Engine,
) -> None:
    with engine.connect() as connection:
        rights = rights_of(connection, DatabaseRole.PAGES)
    assert {table for table, words in rights.items() if words not in ("", "reads")} == {"audit_trail", "requests"}
    closed = {"verification_codes", "marketing_codes", "holds", "messages", "checklist_answers", "subscription_lines"}
    assert not closed & {table for table, words in rights.items() if words}


def test_a_missing_right_is_said_without_sql(database_url: str) -> None:
    with (
        entered(database_url, DatabaseRole.PAGES) as engine,
        pytest.raises(DatabaseRightMissing) as refused,
        refusing_database_errors(engine.url),
        engine.begin() as connection,
    ):
        connection.execute(text("DELETE FROM messages"))
    assert "DELETE" not in str(refused.value)


def test_the_set_up_takes_what_a_role_has_beyond_its_rights(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        before = {role: rights_of(connection, role) for role in DatabaseRole}
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO offramp_pages, offramp_worker"))
        connection.execute(text("GRANT UPDATE (reason) ON holds TO offramp_callers"))
        grant_rights(connection)
        assert {role: rights_of(connection, role) for role in DatabaseRole} == before


def test_a_process_that_enters_as_the_owner_says_so_in_its_log_and_no_other_does(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for role in DatabaseRole:
        with entered(database_url, role) as limited:
            warn_of_owner(limited)
    assert not caplog.messages

    warn_of_owner(engine)
    assert "owns the tables" in caplog.messages[0]


def test_a_database_that_is_down_keeps_no_process_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = create_database_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", pool_size=1)
    warn_of_owner(nowhere)
    assert not caplog.messages

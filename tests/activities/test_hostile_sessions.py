"""What an organization's code does to the session that reads or erases its data, and to whoever waits for it or reads of it."""

import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError

import activities.erasure
from activities.erasure import Eraser
from records.legal_holds import place_hold
from records.transaction import Transaction
from runtime.logs import LineFormatter
from runtime.process import limit_memory
from storage.tenants import erasure
from storage.tenants.code import code_of
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantSchemaNeededElsewhere, TenantSchemaTooLarge
from tests.activities.test_certified_erasures import (
    SCHEMA,
    Owner,
    attempt,
    case,
    closed,
    document,
    engine,
    eraser,
    imported,
    program,
)
from tests.records.closed_cases import BOTH
from tests.support.tenants import PreparedTenants, tenant_of, tenant_settings

__all__ = ["case", "closed", "document", "engine", "eraser", "imported", "program"]

CALLED = (
    f"CREATE FUNCTION {SCHEMA}.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1; END $$",
    f"CREATE INDEX ON {SCHEMA}.a (n) WHERE n > {SCHEMA}.f(1)",
)
BECOMES = (
    f"CREATE OR REPLACE FUNCTION {SCHEMA}.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN %s RETURN 1; END $$"
)
HOSTILE, VICTIM = tenant_of("hostile"), tenant_of("victim")


@pytest.fixture
def becomes(program: Owner, eraser: Eraser, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have code that was reviewed while it was harmless become something else before the first step of an erasure."""

    def prepare(body: str, *before: str) -> None:
        for statement in (*before, *CALLED):
            program.execute(statement.encode())
        with eraser._tenants.directory() as connection:  # type: ignore[union-attr]
            digest = code_of(connection, SCHEMA).digest
        monkeypatch.setattr(eraser, "_reviewed_code", lambda: frozenset({digest}))
        first, real = iter([True]), erasure.erase_step

        def step(*given: Any, **more: Any) -> Any:
            if next(first, False):
                program.execute((BECOMES % body).encode())
            return real(*given, **more)

        monkeypatch.setattr(activities.erasure, "erase_step", step)

    return prepare


def test_code_that_runs_at_the_commit_holds_no_lock_of_the_records(
    closed: Engine, becomes: Any, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It catches the end of its statement, which the time for it strikes once."""
    monkeypatch.setattr(erasure, "LOCKED_SECONDS", 1.0)
    becomes(
        "PERFORM crm_contoso.g();",
        "CREATE TABLE crm_contoso.zz (n int)",
        "CREATE FUNCTION crm_contoso.g() RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
        "IF NOT EXISTS (SELECT FROM crm_contoso.zz) THEN INSERT INTO crm_contoso.zz VALUES (1); END IF; END $$",
        "CREATE FUNCTION crm_contoso.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "SET CONSTRAINTS ALL DEFERRED; "
        "IF NOT EXISTS (SELECT FROM crm_contoso.zz WHERE n = 2) THEN INSERT INTO crm_contoso.zz VALUES (2); "
        "RETURN NULL; END IF; "
        "FOR i IN 1..6 LOOP BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; "
        "RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER l AFTER INSERT ON crm_contoso.zz DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION crm_contoso.later()",
    )
    over = threading.Event()

    def erase() -> None:
        with pytest.raises(ApplicationError):
            attempt(eraser)
        over.set()

    thread = threading.Thread(target=erase)
    thread.start()
    assert over.wait(30), "the attempt ends although its session would not"
    with Session(closed) as session:
        place_hold(
            Transaction(session, BOTH), "ORG-1", reason="a court", actor="counsel", at=datetime.now(UTC), request="r"
        )
    thread.join()


@pytest.mark.parametrize("state", ["insufficient_privilege", "dependent_objects_still_exist"])
def test_no_words_of_an_error_that_code_raises_are_passed_on(becomes: Any, eraser: Eraser, state: str) -> None:
    words = r"Ada ada@contoso.example \x1b[2J\n2026-11-30 INFO Everything is erased"
    becomes(f"RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = E'{words}', DETAIL = E'{words}';")
    with pytest.raises(ApplicationError) as refused:
        attempt(eraser)
    said = f"{refused.value} {refused.value.details}"
    assert "ada@contoso.example" not in said
    assert "Everything is erased" not in said
    assert len(said) < 2000


def test_what_is_put_into_a_log_begins_no_line_and_moves_no_cursor() -> None:
    record = logging.LogRecord("worker", logging.INFO, "", 0, "said \x1b[2J\n2026-11-30 INFO %s", ("erased",), None)
    shown = LineFormatter("%(levelname)s %(message)s").format(record)
    assert shown == "INFO said \\u001b[2J\n    2026-11-30 INFO erased"


def test_no_statement_of_ours_is_prepared_under_a_name_that_code_can_take(becomes: Any, eraser: Eraser) -> None:
    becomes(
        "IF EXISTS (SELECT FROM pg_prepared_statements) THEN RAISE EXCEPTION 'one is'; END IF;",
    )
    attempt(eraser)


@pytest.fixture
def strict(tenant_database_url: str, tenants: PreparedTenants, owner: Owner) -> Iterator[TenantDatabase]:
    for tenant in (HOSTILE, VICTIM):
        owner.execute(f"CREATE SCHEMA {tenant.schema}")
        owner.execute(f"CREATE TABLE {tenant.schema}.a (n int)")
        tenants.prepared(tenant)
    yield TenantDatabase(tenant_settings(tenant_database_url))
    owner.execute(f'ALTER ROLE "{HOSTILE.login}" RESET ALL')


def test_the_room_for_code_is_counted_in_whatever_encoding_it_comes(strict: TenantDatabase, owner: Owner) -> None:
    owner.execute("CREATE FUNCTION hostile.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'")
    owner.execute("CREATE INDEX ON hostile.a ((n + hostile.f(1)))")
    for number in range(3):
        body = "x" * 3_900_000
        owner.execute(
            f"CREATE FUNCTION hostile.big{number}() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $${body}$$; END'".encode()
        )
    owner.execute(f"ALTER ROLE \"{HOSTILE.login}\" SET client_encoding = 'SQL_ASCII'")
    with pytest.raises(TenantSchemaTooLarge), strict.reading(HOSTILE):
        pass
    with strict.erasing(HOSTILE, reviewed=None) as connection:
        connection.execute("SELECT set_config('client_encoding', 'SQL_ASCII', false)")
        assert connection.execute("SELECT 'text'::text").fetchone() == ("text",)
        with pytest.raises(TenantSchemaTooLarge):
            code_of(connection, "hostile")


def test_what_needs_a_schema_from_outside_is_named_and_not_all_of_it_fetched(
    strict: TenantDatabase, owner: Owner
) -> None:
    columns = ", ".join(f"c{number} regclass DEFAULT 'victim.a'::regclass" for number in range(200))
    owner.execute(f"CREATE TABLE hostile.many ({columns})".encode())
    found: list[int] = []

    class Counting(psycopg.Cursor[Any]):
        def fetchall(self) -> list[Any]:
            rows = super().fetchall()
            found.append(len(rows))
            return rows

    with strict.erasing(VICTIM) as connection:
        connection.cursor_factory = Counting
        with pytest.raises(TenantSchemaNeededElsewhere, match="hostile"):
            erasure.erase_step(connection, "victim")
    assert max(found) == 20


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_process_has_an_error_instead_of_its_containers_memory(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(str(1 << 30))
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from runtime.process import limit_memory

        print(limit_memory((Path({str(limit)!r}),)))
        try:
            bytearray(1 << 30)
        except MemoryError:
            print("refused")
        print(len(bytearray(1 << 20)))
        """
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(round((1 << 30) * 0.85)), "refused", str(1 << 20)]


@pytest.mark.parametrize("content", ["max", "", None, str(1 << 62)])
def test_a_container_without_a_limit_sets_none(tmp_path: Path, content: str | None) -> None:
    limit = tmp_path / "memory.max"
    if content is not None:
        limit.write_text(content)
    assert limit_memory((limit,)) is None

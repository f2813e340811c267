"""The digest of an organization's code, which people review once for all schemas, and the memory that looking at it takes."""

import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants import catalog
from storage.tenants.catalog import sources_in, tables_of
from storage.tenants.code import LARGEST_CODE, code_of
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantSchemaTooLarge
from tests.support.tenants import PreparedTenants, tenant_environment, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]
CRM = tenant_of("crm")
HARMLESS = "BEGIN NULL; RETURN $1; END"


def digest(owner: Owner, schema: str, body: str = HARMLESS) -> str:
    """The digest of a schema whose index calls a function with this body."""
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    owner.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
    owner.execute("SET check_function_bodies = off")
    create = "CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS {}"
    owner.execute(sql.SQL(create).format(HARMLESS))
    owner.execute("CREATE TABLE t (n int)")
    owner.execute("CREATE INDEX i ON t (f(n))")
    owner.execute(sql.SQL(create).format(body))
    owner.execute("SET search_path = pg_catalog")
    code = code_of(owner, schema)
    assert len(code.calls) == 1
    return code.digest


def test_the_same_code_under_another_plain_name_has_the_same_digest(owner: Owner) -> None:
    body = "BEGIN\nPERFORM {0}.other(1), '{0}.text';\nRETURN $1; END"
    assert digest(owner, "one", body.format("one")) == digest(owner, "another_1", body.format("another_1"))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("; PERFORM pg_sleep(9), 1", "BEGIN NULL; PERFORM pg_sleep(9), 1.; RETURN $1; END"),
        ('Another "one"', HARMLESS),
        ("data", "BEGIN NULL; RETURN $1; END data."),
        ("b", "BEGIN NULL; RETURN sub.f($1); END"),
    ],
)
def test_a_name_can_hide_no_code_from_the_digest(owner: Owner, name: str, body: str) -> None:
    """What is cut out with the name of a schema would be code that nobody has reviewed."""
    assert digest(owner, "one") != digest(owner, name, body)


def test_other_code_under_another_name_has_another_digest(owner: Owner) -> None:
    reviewed = digest(owner, "a", "BEGIN NULL; RETURN data.f($1); END")
    assert reviewed != digest(owner, "b", "BEGIN NULL; RETURN datb.f($1); END")


INVISIBLE_BEFORE = {
    "the default of an argument": [
        "CREATE OR REPLACE FUNCTION step(n int, how text DEFAULT 'SELECT {0}') RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        "$$ DECLARE r int; BEGIN EXECUTE how INTO r; RETURN n; END $$",
        "CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN step(n); END $$",
        "DROP STATISTICS IF EXISTS s",
        "CREATE STATISTICS s ON n, (n + f(1)) FROM t",
    ],
    "a setting of a function": [
        "CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE SET work_mem = '{0}MB' AS $$ "
        "BEGIN RETURN n; END $$",
        "DROP STATISTICS IF EXISTS s",
        "CREATE STATISTICS s ON n, (n + f(1)) FROM t",
    ],
    "the function of an aggregate in a materialized view": [
        "CREATE OR REPLACE FUNCTION trans(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN {0}; END $$",
        "CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = trans, STYPE = int, INITCOND = '0')",
        "DROP MATERIALIZED VIEW IF EXISTS m",
        "CREATE MATERIALIZED VIEW m AS SELECT agg(n) FROM t",
    ],
    "the beginning of an aggregate": [
        "CREATE OR REPLACE FUNCTION trans(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1; END $$",
        "CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = trans, STYPE = int, INITCOND = '{0}')",
        "DROP MATERIALIZED VIEW IF EXISTS m",
        "CREATE MATERIALIZED VIEW m AS SELECT agg(n) FROM t",
    ],
    "the function of a range under an index": [
        "CREATE OR REPLACE FUNCTION diff(text, text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS "
        "$$ BEGIN RETURN {0}; END $$",
        "DO $$ BEGIN CREATE TYPE r AS RANGE (subtype = text, subtype_diff = diff); "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "CREATE TABLE IF NOT EXISTS of_ranges (r r)",
        "CREATE INDEX IF NOT EXISTS i ON of_ranges USING gist (r)",
    ],
    "the arguments of a call": [
        "CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN n; END $$",
        "DROP INDEX IF EXISTS i",
        "CREATE INDEX i ON t (n) WHERE n > f({0})",
    ],
    "a cast": [
        "DO $$ BEGIN CREATE TYPE pair AS (a text, b int); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "CREATE OR REPLACE FUNCTION f(pair) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN '{0}'; END $$",
        "DO $$ BEGIN CREATE CAST (pair AS text) WITH FUNCTION f(pair); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    ],
}


@pytest.mark.parametrize("what", INVISIBLE_BEFORE)
def test_whatever_can_make_it_do_something_else_is_in_the_digest_and_shown(owner: Owner, what: str) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("SET search_path = crm")
    owner.execute("CREATE TABLE t (n int)")
    found = []
    for number in (11111, 22222):
        owner.execute("SET search_path = crm")
        for statement in INVISIBLE_BEFORE[what]:
            owner.execute(statement.replace("{0}", str(number)).encode())
        owner.execute("SET search_path = pg_catalog")
        code = code_of(owner, "crm")
        assert code.calls, "nobody would be asked"
        shown = "".join((*(call.whole for call in code.calls), *(body for _, body in code.bodies)))
        assert str(number) in shown
        found.append(code.digest)
    assert found[0] != found[1]


def test_the_names_of_arguments_are_in_the_digest(owner: Owner) -> None:
    digests = set()
    for names in ("trusted text, untrusted text", "untrusted text, trusted text"):
        owner.execute("DROP SCHEMA IF EXISTS crm CASCADE")
        owner.execute("CREATE SCHEMA crm")
        owner.execute("SET search_path = crm")
        owner.execute("CREATE TABLE t (n int)")
        body = "$$ DECLARE r int; BEGIN EXECUTE trusted INTO r; RETURN r; END $$"
        owner.execute(f"CREATE FUNCTION f({names}) RETURNS int LANGUAGE plpgsql IMMUTABLE AS {body}".encode())
        owner.execute("CREATE STATISTICS s ON n, (n + f('SELECT 1', 'SELECT evil()')) FROM t")
        owner.execute("SET search_path = pg_catalog")
        digests.add(code_of(owner, "crm").digest)
    assert len(digests) == 2


def test_which_function_an_operator_calls_is_in_the_digest_and_shown(owner: Owner) -> None:
    digests = set()
    for one, other in (("quiet", "loud"), ("loud", "quiet")):
        owner.execute("DROP SCHEMA IF EXISTS crm CASCADE")
        owner.execute("CREATE SCHEMA crm")
        owner.execute("SET search_path = crm")
        for name in ("quiet", "loud"):
            body = "$$ BEGIN RETURN true; END $$"
            owner.execute(
                f"CREATE FUNCTION {name}(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS {body}".encode()
            )
        for operator, function in (("===", one), ("###", other)):
            owner.execute(f"CREATE OPERATOR {operator} (FUNCTION = {function}, LEFTARG = int, RIGHTARG = int)".encode())
        owner.execute("CREATE TABLE t (n int)")
        owner.execute("CREATE INDEX i ON t (n) WHERE n === 1 AND n ### 1")
        owner.execute("SET search_path = pg_catalog")
        code = code_of(owner, "crm")
        assert any("===" in name and one in definition for name, definition in code.bodies)
        digests.add(code.digest)
    assert len(digests) == 2


def test_a_check_of_a_domain_elsewhere_is_in_the_digest(owner: Owner) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("CREATE SCHEMA friend")
    body = "$$ BEGIN EXECUTE $1; RETURN true; END $$"
    owner.execute(f"CREATE FUNCTION crm.loud(text, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS {body}".encode())
    owner.execute("CREATE DOMAIN friend.d AS int CONSTRAINT c CHECK (crm.loud('SELECT 1', VALUE))")
    owner.execute("CREATE TABLE crm.t (n int)")
    owner.execute("CREATE INDEX i ON crm.t (n) WHERE (n::friend.d) > 0")
    owner.execute("SET search_path = pg_catalog")
    before = code_of(owner, "crm").digest
    owner.execute("ALTER DOMAIN friend.d DROP CONSTRAINT c")
    owner.execute("ALTER DOMAIN friend.d ADD CONSTRAINT c CHECK (crm.loud('SELECT 1/0', VALUE)) NOT VALID")
    assert code_of(owner, "crm").digest != before


def test_a_name_that_may_be_a_variable_is_not_left_out_of_the_digest(owner: Owner) -> None:
    body = "DECLARE {0} record; BEGIN SELECT 'SELECT 1' AS run INTO {0}; EXECUTE {0}.run; RETURN $1; END"
    assert digest(owner, "one", body.format("one")) != digest(owner, "two", body.format("two"))


OPENING = """
import resource
from os import environ
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantSchemaTooLarge
from tests.support.tenants import settings_of, tenant_of
tenants = TenantDatabase(settings_of({k: v for k, v in environ.items() if k.startswith("OFFRAMP_TENANT")}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with tenants.reading(tenant_of("crm")):
        print("read")
except TenantSchemaTooLarge as refused:
    print(refused)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    "huge",
    [
        "EXECUTE format('CREATE FUNCTION crm.big() RETURNS int LANGUAGE plpgsql AS %L', repeat('x', 40000000));",
        "EXECUTE format('CREATE INDEX big ON crm.t ((n + crm.f(length(%L))))', repeat('x', 40000000));",
        "EXECUTE format('ALTER FUNCTION crm.f(int) SET crm.big = %L', repeat('x', 40000000));",
    ],
)
def test_code_too_large_to_be_reviewed_is_refused_before_it_is_in_memory(
    tenants: PreparedTenants, tenant_database_url: str, owner: Owner, huge: str
) -> None:
    digest(owner, "crm")
    tenants.prepared(CRM)
    owner.execute("SET check_function_bodies = off")
    owner.execute(f"DO $$ BEGIN {huge} END $$".encode())

    found = subprocess.run(
        [sys.executable, "-c", OPENING],
        env={**os.environ, **tenant_environment(tenant_database_url)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert f'"crm" has more than {LARGEST_CODE:,} characters of code' in found[0]
    assert int(found[1]) < 48, "mebibytes"


def test_a_schema_of_more_columns_or_tables_than_a_worker_can_describe_is_refused(
    tenants: PreparedTenants, tenant_database_url: str, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.execute("CREATE SCHEMA crm")
    for table in ("one", "two", "three"):
        owner.execute(f"CREATE TABLE crm.{table} (a int, b int)".encode())
    tenants.prepared(CRM)
    assert (len(tables_of(owner, "crm")), len(sources_in(owner, "crm"))) == (3, 3)
    monkeypatch.setattr(catalog, "MOST_COLUMNS", 5)
    with pytest.raises(TenantSchemaTooLarge, match="more than 5 columns"):
        tables_of(owner, "crm")
    monkeypatch.setattr(catalog, "MOST_COLUMNS", 6)
    monkeypatch.setattr(catalog, "MOST_TABLES", 2)
    for look in (tables_of, sources_in):
        with pytest.raises(TenantSchemaTooLarge, match="more than 2 tables"):
            look(owner, "crm")
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    with pytest.raises(TenantSchemaTooLarge), strict.reading(CRM):
        pass
    with strict.erasing(CRM):
        pass


def test_functions_elsewhere_that_a_body_names_are_in_the_digest_and_shown(owner: Owner) -> None:
    """A body that is a text depends on nothing, so the catalogue does not know whom it calls."""
    owner.execute("CREATE SCHEMA other")
    owner.execute("CREATE SCHEMA crm")
    for name in ("g", "h"):
        owner.execute(f"CREATE FUNCTION other.{name}() RETURNS void LANGUAGE plpgsql AS 'BEGIN END'".encode())
    owner.execute(
        "CREATE FUNCTION crm.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        '$$ BEGIN PERFORM "other" . g(); PERFORM OTHER./* of others */h -- called\n (); RETURN 1; END $$'
    )
    owner.execute("CREATE TABLE crm.t (n int)")
    owner.execute("CREATE INDEX ON crm.t ((n + crm.f(1)))")
    before = code_of(owner, "crm")
    assert [name for name, _ in before.bodies] == ["crm.f(integer)", "other.g", "other.h"]
    owner.execute("CREATE FUNCTION other.unnamed() RETURNS void LANGUAGE plpgsql AS 'BEGIN END'")
    assert code_of(owner, "crm").digest == before.digest
    owner.execute("CREATE OR REPLACE FUNCTION other.h() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END'")
    assert code_of(owner, "crm").digest != before.digest


def test_what_others_define_counts_only_where_it_is_named_and_takes_no_room(owner: Owner) -> None:
    """Neither a name that ends like one, nor how much code somebody else has, is any matter of a schema."""
    for schema in ("contoso", "new_contoso"):
        owner.execute(f"CREATE SCHEMA {schema}".encode())
    owner.execute(
        "CREATE FUNCTION new_contoso.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        "$$ BEGIN IF $1 < 0 THEN PERFORM new_contoso.rates(); PERFORM contoso.named(); RETURN contoso.id; END IF; RETURN 1; END $$"
    )
    owner.execute("CREATE TABLE new_contoso.t (n int)")
    owner.execute("CREATE INDEX ON new_contoso.t ((n + new_contoso.f(1)))")
    before = code_of(owner, "new_contoso").digest
    for name in ("rates", "id", "f"):
        body = "x" * 3_900_000
        owner.execute(
            f"CREATE FUNCTION contoso.{name}() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $${body}$$; END'".encode()
        )
    assert code_of(owner, "new_contoso").digest == before
    owner.execute(
        f"CREATE FUNCTION contoso.named() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $${'x' * 3_900_000}$$; END'".encode()
    )
    assert code_of(owner, "new_contoso").digest != before

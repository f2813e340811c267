"""An organization's own code during export, dump and erasure: it reaches nothing but that organization's own data."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from obstore.store import LocalStore
from psycopg import sql

from activities.export import export_schema
from storage.tenants.catalog import exists
from storage.tenants.code import code_of
from storage.tenants.code_refusals import TenantSchemaHasCode
from storage.tenants.database import TenantDatabase
from storage.tenants.erasure import erase_step
from storage.tenants.refusals import TenantLoginTooPowerful, TenantSchemaNotOwned
from tests.activities.migration.test_dump import Place, copied
from tests.support.tenants import Everything, PreparedTenants, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]

ATTACKER, VICTIM = tenant_of("crm"), tenant_of("victim")

CALLED_BY_PLANNER = {
    "an index expression": ["CREATE INDEX i ON t ((n + hit(1)))"],
    "an index predicate": ["CREATE INDEX i ON t (n) WHERE n > hit(1)"],
    "statistics": ["CREATE STATISTICS s ON n, (n + hit(1)) FROM t"],
    "a partition key": [
        "CREATE TABLE p (n int) PARTITION BY RANGE ((n + hit(1)))",
        "CREATE TABLE p_rest PARTITION OF p DEFAULT",
    ],
    "the check of a domain in an index": [
        "CREATE DOMAIN d AS int CHECK (VALUE > hit(1) - 1000)",
        "CREATE INDEX i ON t ((n + 1::d))",
    ],
    "an operator in an index": [
        "CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + crm.hit($2); END'",
        "CREATE OPERATOR @+@ (FUNCTION = plus, LEFTARG = int, RIGHTARG = int)",
        "CREATE INDEX i ON t ((n + (1 @+@ 1)))",
    ],
}
"""Places whose functions PostgreSQL calls while it plans the plainest SELECT."""

CALLED_LATER = {
    "a generated column": ["ALTER TABLE t ADD g int GENERATED ALWAYS AS (hit(n)) STORED"],
    "a view": ["CREATE VIEW v AS SELECT hit(n) FROM t"],
    "a rule": ["CREATE RULE r AS ON DELETE TO t DO ALSO SELECT hit(1)"],
    "a trigger": [
        "CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION on_change()",
    ],
    "a policy": ["CREATE POLICY p ON t USING (n > hit(1))"],
    "a check": ["ALTER TABLE t ADD CHECK (n > hit(1) - 1000)"],
}

STRIKE = """
    CREATE FUNCTION crm.strike(file text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        statement text;
    BEGIN
        PERFORM pg_notify('attack', session_user);
        FOREACH statement IN ARRAY ARRAY[
            'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'SET ROLE offramp', 'SET ROLE pg_execute_server_program',
            'SET row_security = on', 'SET transaction_read_only = off',
            'SELECT pg_notify(''attack'', ''stolen: '' || string_agg(secret, '','')) FROM victim.secrets',
            'UPDATE victim.secrets SET secret = ''changed''', 'DROP TABLE victim.secrets', 'TRUNCATE victim.secrets',
            format('COPY (SELECT 1) TO PROGRAM %%L', 'touch ' || file), format('COPY (SELECT 1) TO %%L', file),
            'CREATE ROLE attacker SUPERUSER LOGIN', 'ALTER ROLE offramp PASSWORD ''x''',
            'SELECT pg_notify(''attack'', ''stolen: '' || pg_read_file(''postgresql.conf''))',
            'SELECT pg_notify(''attack'', ''stolen: '' || string_agg(rolpassword, '','')) FROM pg_authid'
        ] LOOP
            BEGIN
                EXECUTE statement;
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
    END $$
"""
HIT = "CREATE OR REPLACE FUNCTION crm.hit(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN {} RETURN $1; END'"


@pytest.fixture
def trap(owner: Owner, tenants: PreparedTenants, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Two organizations, one with a secret; the other lays a trap, and the file is what its command would leave."""
    owner.execute("CREATE SCHEMA victim")
    owner.execute("CREATE TABLE victim.secrets (secret text)")
    owner.execute("INSERT INTO victim.secrets VALUES ('the price list')")
    tenants.prepared(VICTIM)
    owner.execute("CREATE SCHEMA crm")
    owner.execute("SET search_path = crm")
    owner.execute("CREATE TABLE t (n int)")
    owner.execute("INSERT INTO t VALUES (1), (2)")
    owner.execute(HIT.format(""))
    owner.execute("LISTEN attack")

    def lay(what: str) -> Path:
        for statement in {**CALLED_BY_PLANNER, **CALLED_LATER}[what]:
            owner.execute(statement)
        file = tmp_path / "left behind"
        owner.execute(STRIKE)
        tenants.prepared(ATTACKER)
        owner.execute(HIT.format(f"PERFORM crm.strike(''{file}'');"))
        return file

    yield lay
    owner.execute("RESET search_path")


def heard(owner: Owner) -> set[str]:
    owner.execute("SELECT 1")  # with its answer comes what others have sent before
    return {notice.payload for notice in owner.notifies(timeout=0)}


def digest(tenants: TenantDatabase) -> str:
    with tenants.directory() as connection:
        return code_of(connection, "crm").digest


def exported(tenants: TenantDatabase, directory: Path) -> None:
    store = LocalStore(directory, mkdir=True)
    with tenants.reading(ATTACKER, reviewed=Everything()) as connection:
        export_schema(connection, "crm", store, "x/", progress=lambda _: None)


def dumped(tenants: TenantDatabase, _: Path) -> None:
    copied(tenants, Place().open, tenant=ATTACKER, reviewed=Everything())


def erased(tenants: TenantDatabase, _: Path) -> None:
    with tenants.erasing(ATTACKER, reviewed=Everything()) as connection:
        while erase_step(connection, "crm"):
            pass


@pytest.mark.parametrize("way", [exported, dumped, erased])
@pytest.mark.parametrize("what", CALLED_BY_PLANNER)
def test_code_that_the_planner_calls_reaches_nothing_but_its_own_organization(
    trap: Callable[[str], Path],
    tenant_database_url: str,
    owner: Owner,
    tmp_path: Path,
    what: str,
    way: Callable[[TenantDatabase, Path], None],
) -> None:
    file = trap(what)
    way(TenantDatabase(tenant_settings(tenant_database_url)), tmp_path / "store")
    assert heard(owner) == {ATTACKER.login}, "it was called, as nobody else, and learned nothing"
    assert owner.execute("SELECT secret FROM victim.secrets").fetchall() == [("the price list",)]
    assert owner.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'attacker'").fetchone() == (0,)
    assert not file.exists()
    assert exists(owner, "crm") is (way is not erased)


@pytest.mark.parametrize("what", [*CALLED_BY_PLANNER, *CALLED_LATER])
def test_code_that_nobody_has_reviewed_is_refused_by_name_and_not_called(
    trap: Callable[[str], Path], tenant_database_url: str, owner: Owner, what: str
) -> None:
    trap(what)
    tenants = TenantDatabase(tenant_settings(tenant_database_url))
    for use in (tenants.reading(ATTACKER), tenants.erasing(ATTACKER)):
        with pytest.raises(TenantSchemaHasCode, match=r"calls crm\.(hit|plus|on_change)") as refused, use:
            pass
        assert refused.value.details.values["digest"] == digest(tenants)
    assert heard(owner) == set()
    reviewed = {digest(tenants)}
    with tenants.reading(ATTACKER, reviewed=reviewed):
        pass
    owner.execute("CREATE OR REPLACE FUNCTION crm.strike(file text) RETURNS void LANGUAGE sql AS 'SELECT 1'")
    with pytest.raises(TenantSchemaHasCode), tenants.reading(ATTACKER, reviewed=reviewed):
        pass


def test_code_of_postgresql_and_of_extensions_in_c_needs_no_review(tenants: PreparedTenants, owner: Owner) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("SET search_path = crm")
    for statement in (
        "CREATE TABLE t (n int, name text, g text GENERATED ALWAYS AS (upper(name)) STORED, CHECK (length(name) < 9))",
        "CREATE INDEX ON t (lower(name)) WHERE n > abs(-1)",
        "CREATE VIEW v AS SELECT count(*), max(now()) FROM t",
        "CREATE STATISTICS s ON (n % 7), (lower(name)) FROM t",
        "CREATE FUNCTION unused(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ):
        owner.execute(statement)
    owner.execute("RESET search_path")
    with tenants.reading(ATTACKER, reviewed=()) as connection:
        assert code_of(connection, "crm").calls == ()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER ROLE {login} SUPERUSER", "it is a superuser"),
        ("ALTER ROLE {login} CREATEROLE", "may create roles"),
        ("GRANT {victims_owner} TO {login}", "owns table victim.secrets"),
        ("GRANT pg_read_all_data TO {login}", "it is a member of pg_read_all_data"),
        ("GRANT USAGE ON SCHEMA ours TO {login}", "granted USAGE on the schema ours"),
        ("ALTER TABLE victim.secrets OWNER TO {owner}", "owns table victim.secrets"),
        ("CREATE DATABASE elsewhere OWNER {owner}", "owns"),
    ],
)
def test_a_login_that_can_do_more_than_its_organization_is_refused(
    trap: Callable[[str], Path], tenant_database_url: str, owner: Owner, statement: str, named: str
) -> None:
    trap("an index expression")
    tenants = TenantDatabase(tenant_settings(tenant_database_url))
    names = {
        "login": ATTACKER.login,
        "owner": f"offramp_owner_{ATTACKER.organization}",
        "victims_owner": f"offramp_owner_{VICTIM.organization}",
    }
    quoted = {name: sql.Identifier(value) for name, value in names.items()}
    owner.execute("CREATE SCHEMA ours")
    owner.execute(sql.SQL(statement).format(**quoted))
    try:
        for use in (
            tenants.reading(ATTACKER, reviewed=Everything()),
            tenants.erasing(ATTACKER, reviewed=Everything()),
        ):
            with pytest.raises(TenantLoginTooPowerful, match=named), use:
                pass
        assert heard(owner) == set()
    finally:
        owner.execute("DROP DATABASE IF EXISTS elsewhere")
        owner.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER NOCREATEROLE").format(quoted["login"]))
        owner.execute(sql.SQL("REVOKE pg_read_all_data FROM {}").format(quoted["login"]))
        owner.execute(sql.SQL("REVOKE {} FROM {}").format(quoted["victims_owner"], quoted["login"]))


@pytest.mark.parametrize("power", ["SUPERUSER", "CREATEROLE", "REPLICATION"])
def test_a_user_of_the_settings_that_can_do_more_than_look_is_refused(
    tenant_database_url: str, owner: Owner, power: str
) -> None:
    owner.execute(f"CREATE ROLE strong LOGIN PASSWORD 'x' {power}")
    address = tenant_database_url.rpartition("@")[2]
    strong = tenant_settings(tenant_database_url).model_copy(
        update={"tenant_database_url": f"postgresql://strong:x@{address}"}
    )
    with pytest.raises(TenantLoginTooPowerful, match='"strong"'):
        TenantDatabase(strong).refuse_powerful_user()
    owner.execute("DROP ROLE strong")


def test_a_schema_is_opened_for_the_organization_that_owns_it_alone(
    trap: Callable[[str], Path], tenants: PreparedTenants, tenant_database_url: str
) -> None:
    """Whatever the records say: a data_schema that names somebody else's is refused."""
    trap("an index expression")
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    mistaken = type(ATTACKER)(ATTACKER.organization, "victim")
    for use in (strict.reading(mistaken), strict.erasing(mistaken)):
        with pytest.raises((TenantSchemaNotOwned, TenantLoginTooPowerful)), use:
            pass


def test_a_lock_that_an_organization_can_take_stops_nobody_elses_erasure(
    trap: Callable[[str], Path], tenants: PreparedTenants, owner: Owner
) -> None:
    trap("an index expression")
    with tenants.reading(ATTACKER) as hostile, tenants.erasing(VICTIM) as connection:
        hostile.execute("SELECT pg_advisory_lock(hashtextextended('offramp erase victim', 0))")
        connection.execute("SET lock_timeout = '2s'")
        while erase_step(connection, "victim"):
            pass
    assert not exists(owner, "victim")

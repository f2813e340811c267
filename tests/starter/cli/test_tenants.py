"""``offramp tenants``: the organizations' data as people and programs look at it, and the sample of it."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from records.imports import import_content
from starter.sample import sample_document
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from storage.tenants.code_refusals import TenantSchemaHasCode
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.tenants import Everything, tenant_environment, tenant_settings

Owner = psycopg.Connection[Any]


@pytest.fixture
def offramp(database_url: str, tenant_database_url: str) -> CommandLine:
    """The command line on a database with the sample document."""
    engine = create_database_engine(database_url, pool_size=1)
    import_content(engine, sample_document(), actor="tester", at=datetime.now(UTC), source="sample.json")
    engine.dispose()
    return CommandLine(
        {"OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS), **tenant_environment(tenant_database_url)}
    )


async def test_a_sample_is_made_once_in_the_schema_of_the_organization(
    offramp: CommandLine, tenant_database_url: str
) -> None:
    made = await offramp("tenants", "sample", "ORG-KAURI", "--rows", "500", "--seed", "4", "--json")
    again = await offramp("tenants", "sample", "ORG-KAURI")
    assert made.json == {"organization": "ORG-KAURI", "schema": "Kauri Timber", "rows": 500, "seed": 4, "created": True}
    assert again.status == 0
    assert "left as it is" in again.out
    tenants = TenantDatabase(tenant_settings(tenant_database_url))
    with tenants.reading(Tenant("ORG-KAURI", "Kauri Timber"), reviewed=Everything()) as connection:
        assert connection.execute('SELECT count(*) FROM "Kauri Timber".activities').fetchone() == (500,)


async def test_a_schema_is_prepared_before_it_is_read_and_its_code_is_reviewed(
    offramp: CommandLine, owner: Owner, tenant_database_url: str
) -> None:
    owner.execute('CREATE SCHEMA "Kauri Timber"')
    owner.execute('CREATE TABLE "Kauri Timber".t (n int)')
    tenants, kauri = TenantDatabase(tenant_settings(tenant_database_url)), Tenant("ORG-KAURI", "Kauri Timber")

    prepared = await offramp("tenants", "prepare", "ORG-KAURI", "--json")
    assert (await offramp("tenants", "prepare", "ORG-KAURI")).status == 0
    assert prepared.json == {
        "organization": "ORG-KAURI",
        "schema": "Kauri Timber",
        "login": "offramp_tenant_ORG-KAURI",
        "owners": ["offramp_owner_ORG-KAURI"],
    }
    with tenants.reading(kauri):
        pass
    nothing = await offramp("tenants", "code", "ORG-KAURI")
    assert "nothing but PostgreSQL's own functions" in " ".join(nothing.out.split())

    for statement in (
        'SET ROLE "offramp_owner_ORG-KAURI"',
        'SET search_path = "Kauri Timber"',
        "CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2",
        "CREATE INDEX i ON t (doubled(n))",
    ):
        owner.execute(statement)
    with pytest.raises(TenantSchemaHasCode) as refused, tenants.reading(kauri):
        pass
    shown = await offramp("tenants", "code", "ORG-KAURI")
    assert "was not reviewed" in " ".join(shown.out.split())
    assert "($1 * 2)" in shown.out
    digest = refused.value.details.values["digest"]
    assert digest in "".join(shown.out.split())

    owner.execute("CREATE OR REPLACE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + $1")
    late = await offramp("tenants", "review", "ORG-KAURI", digest, "--reason", "harmless", "--json")
    assert (late.status, late.json["error"]["code"]) == (1, "tenant_code_changed")
    way_out = late.json["error"]["remedy"]["values"]
    done = await offramp("tenants", "review", "ORG-KAURI", way_out["digest"], "--reason", "harmless")
    assert done.status == 0, done.err
    again = await offramp("tenants", "review", "ORG-KAURI", way_out["digest"], "--reason", "looked twice", "--json")
    assert again.json["reason"] == "harmless"
    assert (await offramp("tenants", "code", "ORG-KAURI", "--json")).json["reviewed"] is True


async def test_without_an_administrator_nothing_is_prepared(database_url: str, tenant_database_url: str) -> None:
    environment = {
        "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
        **tenant_environment(tenant_database_url),
    }
    plain = CommandLine({**environment, "OFFRAMP_TENANT_ADMINISTRATOR_URL": ""})
    engine = create_database_engine(database_url, pool_size=1)
    import_content(engine, sample_document(), actor="tester", at=datetime.now(UTC), source="sample.json")
    engine.dispose()
    refused = await plain("tenants", "prepare", "ORG-KAURI")
    assert "(tenant_administrator_not_configured)" in refused.err
    assert "OFFRAMP_TENANT_ADMINISTRATOR_URL" in refused.err


async def test_the_list_tells_what_there_is_and_what_is_missing(offramp: CommandLine) -> None:
    await offramp("tenants", "sample", "ORG-NORDLYS", "--rows", "2000")
    listed = {row["organization"]: row for row in (await offramp("tenants", "list", "--json")).json}
    assert set(listed) == {"ORG-BALTIC", "ORG-DELTA", "ORG-HUDSON", "ORG-KAURI", "ORG-NORDLYS"}
    nordlys = listed["ORG-NORDLYS"]
    assert (nordlys["schema"], nordlys["exists"], nordlys["tables"]) == ("nordlys", True, 8)
    assert 2_300 < nordlys["estimated_rows"] < 2_400
    assert nordlys["bytes"] > 100_000
    assert listed["ORG-HUDSON"] == {
        "organization": "ORG-HUDSON", "schema": "hudson_freight", "exists": False, "busy": False, "tables": 0, "estimated_rows": 0, "bytes": 0
    }  # fmt: skip
    shown = await offramp("tenants", "list")
    assert "does not exist" in shown.out
    assert "nordlys" in shown.out


async def test_a_schema_that_was_not_made_as_a_sample_is_refused(offramp: CommandLine, owner: Owner) -> None:
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier("Kauri Timber")))
    refused = await offramp("tenants", "sample", "ORG-KAURI", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "tenant_schema_not_sample")


@pytest.mark.parametrize(
    ("organization", "code"), [("ORG-NOBODY", "organization_not_found"), ("ORG-SAKURA", "organization_without_data")]
)
async def test_an_organization_without_data_is_refused(offramp: CommandLine, organization: str, code: str) -> None:
    refused = await offramp("tenants", "sample", organization, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, code)


async def test_without_a_tenant_database_the_variable_is_named(database_url: str) -> None:
    offramp = CommandLine(
        {"OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS), "OFFRAMP_TENANT_DATABASE_URL": ""}
    )
    refused = await offramp("tenants", "list")
    assert refused.status == 1
    assert "(tenant_database_not_configured)" in refused.err
    assert "OFFRAMP_TENANT_DATABASE_URL" in refused.err


async def test_a_user_who_may_not_create_schemas_is_refused_by_name(
    database_url: str, offramp: CommandLine, owner: Owner, tenant_database_url: str
) -> None:
    owner.execute("CREATE ROLE weak LOGIN PASSWORD 'x'")
    address = tenant_database_url.rpartition("@")[2]
    weak = CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
            **tenant_environment(tenant_database_url),
            "OFFRAMP_TENANT_ADMINISTRATOR_URL": f"postgresql://weak:x@{address}",
        }
    )
    refused = await weak("tenants", "sample", "ORG-KAURI", "--json")
    owner.execute("DROP ROLE weak")
    assert refused.json["error"]["code"] == "tenant_schema_not_writable"
    assert "permission denied to " in refused.json["error"]["message"]


async def test_a_locked_schema_hides_no_other_in_the_list(
    offramp: CommandLine, owner: Owner, tenant_database_url: str
) -> None:
    await offramp("tenants", "sample", "ORG-KAURI", "--rows", "100")
    with owner.transaction():
        owner.execute('LOCK TABLE "Kauri Timber".activities IN ACCESS EXCLUSIVE MODE')
        listed = await offramp("tenants", "list", "--json")
        shown = await offramp("tenants", "list")
    of_schema = {found["schema"]: found for found in listed.json}
    assert len(of_schema) > 1
    assert [schema for schema, found in of_schema.items() if found["busy"]] == ["Kauri Timber"]
    assert "is locked by somebody" in " ".join(shown.out.split())

"""The areas of the installation: limits, documents, reconciliation, the audit trail, personal data, the organizations' schemas."""

import json
from datetime import timedelta
from urllib.parse import unquote

import httpx
import pytest
from psycopg import sql

from domain.permissions import ROLES
from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from starter.console.areas.table import OF_INSTALLATION
from starter.service import Offramp
from starter.web.long_reads import LONG_READS
from storage.rights import DatabaseRole
from tests.starter.console.browsing import Node, fields, form_key, offered, post, read, refusal, sent
from tests.starter.console.conftest import Browsers, settings, signed_in
from tests.support.import_documents import Document, document
from tests.support.migrations import Migrations
from tests.support.world import World

__all__ = ["document"]

pytestmark = pytest.mark.usefixtures("no_time_passes")


def table(node: Node) -> list[list[str]]:
    """The cells of a table, row by row."""
    return [[cell.text for cell in row.all() if cell.tag in ("th", "td")] for row in node.one("tbody").all("tr")]


def shown(answer: httpx.Response) -> Node:
    """What an action has led to."""
    assert answer.status_code == 200, answer.text
    return read(answer).one("section", id="shown")


@pytest.mark.parametrize("role", list(Role))
async def test_the_navigation_has_the_areas_in_which_a_role_sees_something_and_each_opens(
    browsers: Browsers, role: Role
) -> None:
    browser = browsers(role)
    visible = [area.path for area in OF_INSTALLATION if any(role in ROLES[one] for one in area.operations)]
    wanted = [path for path in visible if path != "/data"]  # whose database this console is not given
    first = await browser.get("/installation")
    if not wanted:
        assert first.status_code == 404
        assert "/installation" not in [link.attributes["href"] for link in read(await browser.get("/quote")).all("a")]
    else:
        assert first.headers["location"] == wanted[0]
        lists = read(await browser.get(wanted[0])).one("nav", class_="lists")
        assert [link.attributes["href"] for link in lists.all("a")] == wanted
    for area in OF_INSTALLATION:
        assert (await browser.get(area.path)).status_code == (200 if area.path in visible else 403), area.path


async def test_who_is_limited_to_organizations_has_no_area_of_the_installation(browsers: Browsers) -> None:
    limited = browsers(Role.ADMIN, organizations=["ORG-1"])
    assert (await limited.get("/installation")).status_code == 404
    for area in OF_INSTALLATION:
        assert (await limited.get(area.path)).status_code == 403


async def test_a_supervisor_sets_a_limit_and_releases_what_others_used_up(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await world.service.send_code(subscription, actor="agent-9")
    lead = browsers(Role.SUPERVISOR, subject="lead-2")
    page = read(await lead.get("/limits"))
    before = {(row[0], row[1]): row[2] for row in table(page)}
    at_first = int(before["codes", "organization"].replace(",", ""))
    content = {"limited": "codes", "scope": "organization", "number": str(at_first + 1), "reason": "a busy week"}
    assert (await sent(lead, page, "limits.set", **content)).status_code == 303
    assert ["codes", "organization", f"{at_first + 1:,}"] in table(read(await lead.get("/limits")))
    page = read(await lead.get("/limits"))
    await sent(lead, page, "limits.set", **content | {"number": str(at_first)})
    wrong = await sent(lead, page, "limits.set", **content | {"number": "0", "_key": "k-0"})
    assert refusal(wrong).one("p", class_="code").text == "input_malformed"

    release = {"scope": "organization", "subject": world.organization(subscription), "reason": "it was us"}
    facts = shown(await sent(lead, page, "limits.release", **release)).one("dl").text
    assert int(facts.rpartition(" ")[2]) >= 2, "the start, and the code"
    own = browsers(Role.SUPERVISOR, subject="agent-9")
    caller = {"scope": "caller", "subject": "agent-9", "reason": "it was me"}
    answer = await sent(own, read(await own.get("/limits")), "limits.release", **caller)
    assert refusal(answer).one("p", class_="code").text == "release_needs_second_person"


async def with_document(browser: httpx.AsyncClient, operation: str, content: bytes) -> httpx.Response:
    """Send a document as a file."""
    given = fields(read(await browser.get("/documents")), operation)
    return await post(browser, operation, given, files={"document": ("march.json", content, "application/json")})


async def test_master_data_is_imported_as_a_file_or_as_text_and_a_wrong_document_changes_nothing(
    browsers: Browsers, document: Document
) -> None:
    operator, content = browsers(Role.OPERATOR, subject="operator-1"), json.dumps(document)
    first = shown(await with_document(operator, "imports.load", content.encode()))
    assert first.one("h2").text == "Imported: march.json"
    created = {row[0]: row[1] for row in table(first)}
    assert int(created["in total"]) > 0
    page = read(await operator.get("/documents"))
    again = shown(await sent_as_form(operator, page, "imports.load", document_text=content))
    assert {row[0]: row[1] for row in table(again)}["in total"] == "0"

    wrong = await with_document(operator, "imports.load", b'{"organizations": [{}]}')
    assert refusal(wrong).one("p", class_="code").text == "import_malformed"
    assert "organizations[0]" in refusal(wrong).text
    nothing = await sent_as_form(operator, page, "imports.load")
    assert refusal(nothing).one("p", class_="code").text == "input_malformed"


async def sent_as_form(browser: httpx.AsyncClient, page: Node, operation: str, **given: str) -> httpx.Response:
    """Send a form with a file field that is left empty, as a browser sends it."""
    files = {"document": ("", b"", "application/octet-stream")}
    return await post(browser, operation, fields(page, operation) | {"_key": f"k-{len(given)}"} | given, files=files)


async def test_a_billing_document_has_a_result_for_each_entry(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    line, today = f"{subscription}-1", world.today(subscription)
    billed = {"line": line, "next_billing_date": str(today + timedelta(days=30))}
    feed = {"source": f"feed-{subscription}", "sequence": 1, "lines": [billed, {**billed, "line": "LINE-NOWHERE"}]}
    billing = browsers(Role.BILLING, subject="billing-1")
    result = shown(await with_document(billing, "billing.load", json.dumps(feed).encode()))
    rows = table(result)
    assert [row[1:3] for row in rows] == [["LINE-NOWHERE", "refused"], [line, "taken"]], "what was refused comes first"
    assert rows[1][3] == billed["next_billing_date"]
    assert "There is no" in rows[0][4]
    assert offered(read(await billing.get("/documents"))) == {"billing.load"}


async def test_a_document_of_somebody_who_may_not_send_it_is_not_read(browsers: Browsers) -> None:
    agent = browsers(Role.SUPPORT_AGENT)
    given = {"_form": form_key(read(await agent.get("/quote"))), "_key": "k-1", "_back": "/documents"}
    files = {"document": ("big.json", b"[" * (7 << 20), "application/json")}
    answer = await post(agent, "imports.load", given, files=files)
    assert refusal(answer).one("p", class_="code").text == "role_missing"
    operator = browsers(Role.OPERATOR)
    files = {"document": ("big.json", b"[" * (9 << 20), "application/json")}
    assert (await post(operator, "imports.load", given, files=files)).status_code == 413
    assert (await post(operator, "limits.set", given, files={"a": ("b", b"c")})).status_code == 403, "it takes no file"


async def test_a_reconciliation_shows_what_it_found_on_a_page_of_its_own(world: World, browsers: Browsers) -> None:
    operator = browsers(Role.OPERATOR)
    page = read(await operator.get("/reconciliation"))
    answer = await sent(operator, page, "reconciliation.begin", dry_run="yes")
    assert answer.status_code == 303
    here = answer.headers["location"].partition("?")[0]
    name = here.rpartition("/")[2]
    assert (await sent(operator, page, "reconciliation.begin", dry_run="yes")).headers["location"].startswith(here)
    other = await sent(operator, page, "reconciliation.begin")
    assert refusal(other).one("p", class_="code").text == "request_id_reused"
    report = await world.offramp.reconciliation.reconcile(
        dry_run=True, request_id=unquote(name).rpartition("dry-run:")[2]
    )
    facts = read(await operator.get(here)).one("section", id="report")
    assert "nothing: it was to find only" in facts.text
    assert str(report.looked_at) in facts.text
    assert len(table(facts)) == len(report.findings) if report.findings else "Everything agrees." in facts.text
    assert (await operator.get("/reconciliation/nothing")).status_code == 404


async def test_an_auditor_verifies_the_audit_trail_with_a_head_from_before(browsers: Browsers) -> None:
    auditor = browsers(Role.AUDITOR)
    page = read(await auditor.get("/audit"))
    assert offered(page) == {"audit.verify"}
    assert "every seal fits" in shown(await sent(auditor, page, "audit.verify")).text
    wrong = await sent(auditor, page, "audit.verify", kept="yesterday")
    assert refusal(wrong).one("p", class_="code").text == "audit_head_malformed"
    lost = shown(await sent(auditor, page, "audit.verify", kept=f"999999:{'a' * 64}"))
    assert "it was changed" in lost.text


async def test_what_takes_long_has_as_few_places_as_over_the_api(browsers: Browsers) -> None:
    auditor = browsers(Role.AUDITOR, subject="auditor-1")
    page = read(await auditor.get("/audit"))
    async with LONG_READS.place("auditor-1"), LONG_READS.place("auditor-1"):
        refused = await sent(auditor, page, "audit.verify")
        assert (refused.status_code, refusal(refused).one("p", class_="code").text) == (429, "too_many_reads")
    assert "every seal fits" in shown(await sent(auditor, page, "audit.verify")).text
    assert LONG_READS.held_by("auditor-1") == 0


async def test_what_is_kept_about_a_person_is_found_without_their_address_in_any_address(
    world: World, browsers: Browsers
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    auditor = browsers(Role.AUDITOR)
    address = world.identity(subscription).billing_administrator
    answer = await sent(auditor, read(await auditor.get("/persons")), "privacy.find", address=address)
    kept = [(row[0], row[1]) for row in table(shown(answer))]
    assert ("organization", world.organization(subscription)) in kept
    assert address not in str(answer.url)
    nobody = await sent(auditor, read(await auditor.get("/persons")), "privacy.find", address="no.one@nowhere.example")
    assert "Nothing is kept." in shown(nobody).text
    wrong = await sent(auditor, read(await auditor.get("/persons")), "privacy.find", address="nobody")
    assert refusal(wrong).one("p", class_="code").text == "input_malformed"


async def test_the_schemas_of_organizations_are_prepared_and_their_code_is_reviewed(
    migrations: Migrations, access: AccessSettings
) -> None:
    world = migrations.world
    subscription = migrations.organization(prepared=False)
    organization, schema = world.organization(subscription), migrations.schema(subscription)
    with migrations.owner() as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        connection.execute("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 1")
        connection.execute("CREATE VIEW v AS SELECT f(id) AS n FROM accounts")
    engine = world.engines[DatabaseRole.CALLERS]
    service = Offramp(world.environment.client, engine, tenants=migrations.tenants, task_queue=world.task_queue)
    operator = Principal(subject="operator-1", roles=frozenset({Role.OPERATOR}))
    async with signed_in(create_console(service, settings(), access), operator) as browser:
        listed = {row[0]: row for row in table(read(await browser.get("/data")))}
        assert listed[organization][1:4] == [schema, "there", "1"]
        page = read(await browser.get(f"/data/{organization}"))
        assert offered(page) == {"tenants.prepare", "tenants.sample", "tenants.review"}
        assert "$1 + 1" in page.one("section", id="code").text, "what is reviewed is there to be read"
        facts = shown(await sent(browser, page, "tenants.prepare")).one("dl")
        assert {row.one("dt").text: row.one("dd").text for row in facts.all("div")}["Schema"] == schema
        stale = fields(page, "tenants.review") | {"digest": "0" * 64, "reason": "I have read something", "_key": "k-1"}
        assert (
            refusal(await post(browser, "tenants.review", stale)).one("p", class_="code").text == "tenant_code_changed"
        )
        assert (await sent(browser, page, "tenants.review", reason="it adds one")).status_code == 303
        page = read(await browser.get(f"/data/{organization}"))
        assert offered(page) == {"tenants.prepare", "tenants.sample"}
        assert "reviewed" in page.one("section", id="code").one("dl").text
        kept = await sent(browser, page, "tenants.sample", rows="10", seed="1")
        assert refusal(kept).one("p", class_="code").text == "tenant_schema_not_sample"
        assert (await browser.get("/data/ORG-NOWHERE")).status_code == 200
        assert "/data" in [link.attributes["href"] for link in read(await browser.get("/webhooks")).all("a")]


async def test_an_installation_whose_console_has_no_database_of_organizations_says_so(browsers: Browsers) -> None:
    page = read(await browsers(Role.OPERATOR).get("/data"))
    assert page.one("div", class_="refusal").one("p", class_="code").text == "tenant_database_not_configured"

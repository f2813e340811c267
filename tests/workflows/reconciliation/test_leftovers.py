"""Copies, schemas and due dates that nobody looks after: cleaned where the record proves it, else named."""

from datetime import UTC, datetime, timedelta

import pytest
from obstore.store import LocalStore
from psycopg import sql
from sqlalchemy.orm import Session

import contract
from domain.vocabulary import Stage
from starter.service.privacy import ensure_retention
from starter.service.reconciliation import ensure_reconciliation
from storage.tables import CancellationRow, SubscriptionLineRow
from storage.tenants.preparation import prepare
from tests.support.migrations import Migrations
from tests.support.reconciliation import about, reconcile
from tests.support.tenants import tenant_of
from tests.support.world import AGENT, World
from tests.workflows.reconciliation.test_missing_after_the_end import closed_with_an_export
from tests.workflows.reconciliation.test_missing_workflows import in_intake, reached, scheduled


async def test_copies_that_must_be_gone_are_removed_and_that_is_audited(site: World) -> None:
    subscription = await scheduled(site)
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await site.handle(subscription).result()
    stray = f"cancellations/{subscription}/1/export/7/001-accounts.csv.gz"
    site.the_data.objects.put(stray, b"left by an attempt that nobody knew of any more")

    found = await reconcile(site, dry_run=True)
    assert about(found, subscription) == [("copies_left", "to_be_mended")]
    assert site.the_data.keys(f"{subscription}/1") == [stray]

    assert about(await reconcile(site), subscription) == [("copies_left", "mended")]
    assert site.the_data.keys(f"{subscription}/1") == []
    assert site.audit(subscription, "reconciliation.copies_removed").after == {"objects": 1, "unfinished_uploads": 0}
    assert about(await reconcile(site), subscription) == []


async def test_a_folder_that_a_store_keeps_though_it_is_empty_is_no_finding(site: World) -> None:
    subscription = await scheduled(site)
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await site.handle(subscription).result()
    folder = site.the_data.objects.store
    assert isinstance(folder, LocalStore)
    assert folder.prefix is not None
    (folder.prefix / "cancellations" / subscription / "1" / "export").mkdir(parents=True)

    assert site.the_data.objects.folders(f"cancellations/{subscription}") == ["1"]
    assert about(await reconcile(site), subscription) == []


async def test_a_migration_that_was_withdrawn_with_its_cancellation_leaves_nothing_to_mend(
    site: World, migrations: Migrations
) -> None:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await site.service.withdraw(subscription, actor=AGENT, reason="changed their mind")
    await site.handle(subscription).result()

    assert about(await reconcile(site, dry_run=True), subscription) == []


async def test_copies_that_no_record_explains_are_named_and_stay(site: World) -> None:
    kept_none = await in_intake(site)
    unknown = "SUB-of-another-moment"
    for case in (f"{kept_none}/1", f"{unknown}/3"):
        site.the_data.objects.put(f"cancellations/{case}/export/1/manifest.json", b"{}")

    report = await reconcile(site)

    assert about(report, unknown) == about(report, kept_none) == [("copies_unexplained", "left")]
    assert site.the_data.keys(f"{unknown}/3")
    for case in (f"{kept_none}/1", f"{unknown}/3"):
        site.the_data.objects.delete_all(f"cancellations/{case}")


async def test_copies_that_wait_for_their_acknowledgement_are_no_finding(site: World) -> None:
    subscription = await closed_with_an_export(site)

    assert about(await reconcile(site), subscription) == []
    assert site.the_data.keys(f"{subscription}/1")


async def test_a_schema_that_may_be_read_and_belongs_to_nobody_is_named(site: World) -> None:
    name = f"nobodys_{datetime.now(UTC):%H%M%S%f}"
    tenants = site.the_data.tenants
    with tenants.administering() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        prepare(connection, tenant_of(name), tenants.password(tenant_of(name)))
    of_somebody = site.subscription(data_rows=1)

    report = await reconcile(site)

    assert about(report, name) == [("schema_unexplained", "left")]
    assert about(report, f"crm_{of_somebody.removeprefix('SUB-')}") == []
    with tenants.administering() as connection:
        connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name)))


async def test_a_due_date_that_passed_unnoticed_is_named_after_an_hour(site: World) -> None:
    passed, just_now = await in_intake(site), await in_intake(site)
    with Session(site.engine) as session, session.begin():
        for subscription, since in ((passed, timedelta(hours=2)), (just_now, timedelta(minutes=10))):
            row = session.get_one(CancellationRow, f"{subscription}/1")
            row.received_at = datetime.now(UTC) - timedelta(days=14) - since

    report = await reconcile(site)

    assert about(report, passed) == [("deadline_passed", "left")]
    assert about(report, just_now) == []


async def test_a_due_date_is_named_with_what_holds_the_workflow_up(site: World) -> None:
    subscription = site.subscription()
    site.mailbox.close()
    await site.start(subscription)
    await site.pass_time(subscription, timedelta(minutes=1))
    await reached(site, subscription, Stage.CANCELED)
    with Session(site.engine) as session, session.begin():
        row = session.get_one(CancellationRow, f"{subscription}/1")
        row.reversal_deadline = datetime.now(UTC) - timedelta(hours=2)

    report = await reconcile(site)

    site.mailbox.open()
    (finding,) = [found for found in report.findings if found.subject == f"{subscription}/1"]
    assert finding.kind == "deadline_passed"
    assert "deliver_mail fails: mail_server_unavailable" in finding.reason


@pytest.mark.parametrize("name", [contract.RECONCILIATION_SCHEDULE, contract.RETENTION_SCHEDULE])
async def test_every_schedule_that_is_deleted_or_paused_is_named(site: World, name: str) -> None:
    assert about(await reconcile(site), name) == [("schedule_missing", "left")]
    client = site.environment.client
    for ensure in (ensure_reconciliation, ensure_retention):
        await ensure(client, task_queue=site.task_queue)
    try:
        await client.get_schedule_handle(name).pause()
        assert about(await reconcile(site), name) == [("schedule_paused", "left")]
        await client.get_schedule_handle(name).unpause()
        assert about(await reconcile(site), name) == []
    finally:
        for each in (contract.RECONCILIATION_SCHEDULE, contract.RETENTION_SCHEDULE):
            await client.get_schedule_handle(each).delete()


async def test_the_nightly_update_is_looked_at(site: World) -> None:
    assert ("schedule_missing", "left") in about(await reconcile(site), contract.NIGHTLY_SCHEDULE)

    client = site.environment.client
    schedule = await site.offramp.line_dates.ensure_schedule("Europe/Berlin")
    await client.get_schedule_handle(schedule.schedule).pause()
    with_overdue_line(site)
    one = lines_overdue(await reconcile(site))
    with_overdue_line(site)
    report = await reconcile(site)

    assert about(report, contract.NIGHTLY_SCHEDULE) == [("schedule_paused", "left")]
    assert lines_overdue(report) == one + 1 >= 2

    await client.get_schedule_handle(schedule.schedule).unpause()
    report = await reconcile(site)
    assert lines_overdue(report) == 0, "its first night is to come"
    await client.get_schedule_handle(schedule.schedule).delete()


def with_overdue_line(site: World) -> None:
    """Bring a subscription into the world whose line should have been closed long ago."""
    subscription = site.subscription()
    with Session(site.engine) as session, session.begin():
        line = session.get_one(SubscriptionLineRow, f"{subscription}-1")
        line.next_billing_date = site.today(subscription) - timedelta(days=9)
        line.end_date = site.today(subscription) - timedelta(days=10)


def lines_overdue(report: contract.ReconciliationReport) -> int:
    return sum(int(found.reason or 0) for found in report.findings if found.kind == "lines_overdue")

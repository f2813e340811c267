"""An organization's data is exported before its subscription is cancelled, and erased when it can no longer be wanted back."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment

import contract
from activities.erasure import Eraser
from activities.export.activities import Exporter
from contract import ExportStatus
from contract.steps import Erased, Step
from domain.export.requests import ExportErased, ExportOfAnotherCase, NoExport
from domain.messaging import ErasureFacts
from domain.vocabulary import Channel, Stage
from records.erasure import certificate_of, erased_things
from tests.support.world import AGENT, World, eventually, refused

ROWS = 40


async def exported(world: World) -> str:
    """Start the cancellation of a subscription whose data is to be exported, and wait until access has ended."""
    subscription = world.subscription(data_rows=ROWS)
    await world.start(subscription, answers=world.answers(subscription, data="export"))
    await reached(world, subscription, Stage.CANCELED)
    return subscription


async def reached(world: World, subscription: str, stage: Stage) -> None:
    """Wait until the case has come to a stage; activities take their time, which no clock of a test can shorten."""

    async def there() -> bool:
        await world.pass_time(subscription, timedelta(seconds=1))
        return await world.stage(subscription) is stage

    await eventually(there, within=60)


async def ready_mail(world: World, subscription: str) -> EmailMessage:
    """The mail with the link, which is delivered beside the story."""

    def found() -> list[EmailMessage]:
        return [mail for mail in world.mailbox.of(subscription) if "ready to be downloaded" in str(mail["Subject"])]

    async def there() -> bool:
        return bool(found())

    await eventually(there)
    return found()[0]


async def acknowledge(world: World, subscription: str) -> contract.CancellationStatus:
    return await world.offramp.exports.acknowledge(subscription, export=f"{subscription}/1", actor=AGENT)


def certificate(world: World, subscription: str) -> ErasureFacts | None:
    with Session(world.engine) as session:
        return certificate_of(session, f"{subscription}/1")


def schema(subscription: str) -> str:
    return f"crm_{subscription.removeprefix('SUB-')}"


async def test_the_cancellation_goes_on_when_the_export_is_ready_and_the_mail_holds_the_link(data_world: World) -> None:
    subscription = await exported(data_world)

    status = await data_world.service.status(subscription)
    assert status.export is ExportStatus.READY
    assert data_world.actions(subscription)[3:6] == ["cancellation.preparing", "export.finished", "line.end_date_set"]
    mail = await ready_mail(data_world, subscription)
    assert "https://offramp.example/links/" in data_world.mailbox.text_of(mail)
    keys = data_world.the_data.keys(f"{subscription}/1")
    assert f"cancellations/{subscription}/1/export/1/manifest.json" in keys
    manifest = json.loads(data_world.the_data.objects.get(f"cancellations/{subscription}/1/export/1/manifest.json"))
    assert {table["name"]: table["rows"] for table in manifest["tables"]} == data_world.the_data.tables(
        schema(subscription)
    )


async def test_nothing_is_erased_before_the_download_is_acknowledged_and_then_everything(data_world: World) -> None:
    subscription = await exported(data_world)
    before = data_world.the_data.tables(schema(subscription))
    objects = data_world.the_data.keys(f"{subscription}/1")

    await data_world.pass_time(subscription, timedelta(days=31))
    await reached(data_world, subscription, Stage.CLOSED)

    async def waits() -> bool:
        return (await data_world.service.status(subscription)).erasure_waits_for == "acknowledgement"

    await eventually(waits)
    assert (await data_world.service.status(subscription)).waiting_for == (
        "the erasure of the data, which waits for the acknowledgement of the export"
    )
    assert data_world.the_data.tables(schema(subscription)) == before
    assert certificate(data_world, subscription) is None

    await acknowledge(data_world, subscription)
    await data_world.handle(subscription).result()

    assert data_world.the_data.tables(schema(subscription)) == {}
    assert data_world.the_data.keys(f"{subscription}/1") == []
    proof = certificate(data_world, subscription)
    assert proof is not None
    assert (proof.tables, proof.rows, proof.objects) == (len(before), sum(before.values()), len(objects))
    with Session(data_world.engine) as session:
        named = {thing.name for thing in erased_things(session, f"{subscription}/1") if thing.kind == "table"}
    assert named == set(before)
    assert any("Certificate of erasure" in subject for subject in data_world.mailbox.subjects_of(subscription))
    assert (await data_world.service.status(subscription)).export is ExportStatus.ERASED


async def test_who_does_not_acknowledge_is_reminded_with_a_fresh_link(data_world: World) -> None:
    subscription = await exported(data_world)
    await data_world.pass_time(subscription, timedelta(days=31))
    await reached(data_world, subscription, Stage.CLOSED)

    async def reminded(times: int) -> bool:
        await data_world.pass_time(subscription, timedelta(days=8))
        subjects = data_world.mailbox.subjects_of(subscription)
        return sum("Please download your data" in subject for subject in subjects) >= times

    await eventually(lambda: reminded(2), within=60)
    assert data_world.the_data.tables(schema(subscription))
    await acknowledge(data_world, subscription)
    await data_world.handle(subscription).result()


async def test_data_that_nobody_wants_to_keep_is_erased_at_the_end_without_more_ado(data_world: World) -> None:
    subscription = data_world.subscription(data_rows=ROWS)
    before = data_world.the_data.tables(schema(subscription))
    await data_world.start(subscription)
    await data_world.pass_time(subscription, timedelta(days=29))
    assert data_world.the_data.tables(schema(subscription)) == before

    await data_world.pass_time(subscription, timedelta(days=3))
    await data_world.handle(subscription).result()

    assert data_world.the_data.tables(schema(subscription)) == {}
    proof = certificate(data_world, subscription)
    assert proof is not None
    assert (proof.tables, proof.rows, proof.objects) == (len(before), sum(before.values()), 0)


async def test_a_hold_keeps_the_data_until_the_last_one_is_released(data_world: World) -> None:
    subscription = data_world.subscription(data_rows=ROWS)
    organization = subscription.replace("SUB-", "ORG-")
    holds = data_world.offramp.holds
    placed = [await holds.place(organization, reason="litigation", actor="legal", request_id=f"{subscription}-{n}")
              for n in range(2)]  # fmt: skip
    await data_world.start(subscription)
    await data_world.pass_time(subscription, timedelta(days=40))
    await reached(data_world, subscription, Stage.CLOSED)

    for hold in placed:
        assert data_world.the_data.tables(schema(subscription))
        assert (await data_world.handle(subscription).describe()).status is WorkflowExecutionStatus.RUNNING
        await holds.release(hold.id, reason="settled", actor="legal")
    await data_world.handle(subscription).result()

    assert data_world.the_data.tables(schema(subscription)) == {}


@pytest.mark.parametrize("how", ["withdrawn", "reversed"])
async def test_the_copies_of_a_case_that_does_not_end_in_a_cancellation_are_removed_and_the_data_stays(
    data_world: World, how: str
) -> None:
    subscription = data_world.subscription(data_rows=ROWS)
    before = data_world.the_data.tables(schema(subscription))
    day = data_world.today(subscription) + timedelta(days=5) if how == "withdrawn" else None
    answers = data_world.answers(subscription, data="export", terminate_on=day)
    await data_world.start(subscription, answers=answers)
    await reached(data_world, subscription, Stage.SCHEDULED if how == "withdrawn" else Stage.CANCELED)
    assert data_world.the_data.keys(f"{subscription}/1")

    if how == "withdrawn":
        await data_world.service.withdraw(subscription, actor=AGENT, reason="they stay")
    else:
        await data_world.request_reversal(subscription)
    await data_world.handle(subscription).result()

    assert data_world.the_data.keys(f"{subscription}/1") == []
    assert data_world.the_data.tables(schema(subscription)) == before
    assert "export.discarded" in data_world.actions(subscription)


async def test_a_fresh_link_is_mailed_whenever_it_is_asked_for(data_world: World) -> None:
    subscription = await exported(data_world)

    for _ in range(2):
        await data_world.offramp.exports.renew_link(
            subscription, export=f"{subscription}/1", actor=AGENT, request_id="once"
        )
    await data_world.offramp.exports.renew_link(subscription, export=f"{subscription}/1", actor=AGENT)

    async def mailed() -> bool:
        return sum("ready to be downloaded" in s for s in data_world.mailbox.subjects_of(subscription)) == 3

    await eventually(mailed)


async def test_an_acknowledgement_for_another_case_or_of_no_export_is_refused_and_audited(data_world: World) -> None:
    subscription, other = await exported(data_world), data_world.subscription()
    await data_world.start(other)

    wrong = await refused(data_world.offramp.exports.acknowledge(subscription, export=f"{other}/1", actor=AGENT))
    none = await refused(data_world.offramp.exports.acknowledge(other, export=f"{other}/1", actor=AGENT))

    assert (wrong.code, none.code) == (ExportOfAnotherCase.code, NoExport.code)
    assert data_world.refusals(subscription) == [("acknowledge_export.refused", ExportOfAnotherCase.code)]
    assert (await data_world.service.status(subscription)).export is ExportStatus.READY


async def test_what_is_asked_after_the_erasure_is_refused_because_the_export_is_erased(data_world: World) -> None:
    subscription = await exported(data_world)
    await acknowledge(data_world, subscription)
    await data_world.pass_time(subscription, timedelta(days=40))
    await data_world.handle(subscription).result()
    export = f"{subscription}/1"

    late = await refused(data_world.offramp.exports.renew_link(subscription, export=export, actor=AGENT))
    wrong = await refused(data_world.offramp.exports.acknowledge(subscription, export="SUB-999999/1", actor=AGENT))

    assert (late.code, wrong.code) == (ExportErased.code, ExportOfAnotherCase.code)
    assert ("renew_export_link.refused", ExportErased.code) in data_world.refusals(subscription)


async def test_an_organization_without_data_has_none_to_export(data_world: World) -> None:
    subscription = data_world.subscription()
    answers = data_world.answers(subscription, data="export")
    assert (await refused(data_world.start(subscription, answers=answers))).code == "no_data_configured"


async def test_how_an_export_stands_can_be_seen_at_any_time(data_world: World) -> None:
    subscription = await exported(data_world)

    view = await data_world.offramp.exports.status(subscription)

    assert view.state is not None
    assert view.state.summary is not None
    assert view.state.summary.rows == sum(data_world.the_data.tables(schema(subscription)).values())
    assert (view.progress, view.held_up_by, view.state.acknowledged_at) == (None, None, None)


async def test_the_long_steps_change_nothing_when_they_are_run_again(data_world: World) -> None:
    world, subscription = data_world, await exported(data_world)
    tenants, objects = world.the_data.tenants, world.the_data.objects
    exporter = Exporter(world.engine, frozenset({Channel.MAIL}), tenants, objects)
    eraser = Eraser(world.engine, frozenset({Channel.MAIL}), tenants, objects)

    def again(activity: Callable[[Step], object], name: str) -> object:
        step = Step(cancellation=f"{subscription}/1", name=name, actor=AGENT, at=datetime.now(UTC))
        return ActivityEnvironment().run(activity, step)

    def trace() -> tuple[list[str], list[str]]:
        return world.the_data.keys(f"{subscription}/1"), world.actions(subscription)

    before = trace()
    await asyncio.to_thread(again, exporter.export_data, "export")
    assert trace() == before

    await acknowledge(world, subscription)
    await world.pass_time(subscription, timedelta(days=31))
    await world.handle(subscription).result()
    proof, after = certificate(world, subscription), trace()
    erased = await asyncio.to_thread(again, eraser.erase_data, "erase")
    assert isinstance(erased, Erased)
    assert erased.certificate == proof == certificate(world, subscription)
    assert trace() == after

"""Steps of a migration that are in the database and in no history: the migration adopts them, whatever comes next."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

import pytest
from temporalio.client import WorkflowFailureError

import contract
from activities.migration.activities import Migrations as Records
from contract.steps import Accepted, Corrected, Correction, MigrationEnd, Step
from domain.migration import MigrationStage
from domain.refusals import Refusal
from domain.vocabulary import Channel, Stage
from tests.support.lost_requests import step_of
from tests.support.migration_stages import available, downloaded, requested, scheduled
from tests.support.migrations import CONTACT, QUEUE_AGENT, Migrations
from tests.support.outcomes import all_hold, answered, refused
from tests.support.world import AGENT, eventually
from workflows.common.refused_requests import AUDITED_OF_A_CALLER

Lost = Callable[[Migrations, str], object]
Request = Callable[[Migrations, str], Awaitable[Any]]
Situation = Callable[[Migrations], Awaitable[str]]


class Life(NamedTuple):
    """A migration in a situation, and the steps that its workflow does not know."""

    situation: Situation
    lost: tuple[Lost, ...]

    def __str__(self) -> str:
        """Return the name of the situation and of the steps."""
        return "-".join((self.situation.__name__, *(lost.__name__ for lost in self.lost)))


def records(migrations: Migrations) -> Records:
    return Records(migrations.world.engine, frozenset({Channel.MAIL}))


def a_step(subscription: str, name: str) -> Step:
    return Step(cancellation=f"{subscription}/1", name=f"migration-{name}", actor="support-lost", at=datetime.now(UTC))


def accepted(migrations: Migrations, subscription: str) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    step = a_step(subscription, "accept:lost")
    records(migrations).accept_migration(Accepted(step=step, contact=CONTACT, transfer_at=at))


def corrected(migrations: Migrations, subscription: str) -> None:
    correction = Correction(transfer_at=datetime.now(UTC) + timedelta(days=2))
    step = a_step(subscription, "correct:lost")
    records(migrations).correct_migration(Corrected(step=step, correction=correction))


def asked_again(migrations: Migrations, subscription: str) -> None:
    correction = Correction(again=True, transfer_at=datetime.now(UTC) + timedelta(days=2))
    step = a_step(subscription, "correct:again")
    records(migrations).correct_migration(Corrected(step=step, correction=correction))


def started(migrations: Migrations, subscription: str) -> None:
    records(migrations).start_transfer(a_step(subscription, "transfer-1-started"))


def acknowledged(migrations: Migrations, subscription: str) -> None:
    records(migrations).acknowledge_migration(a_step(subscription, "acknowledge:lost"))


def linked(migrations: Migrations, subscription: str) -> None:
    records(migrations).send_migration_link(a_step(subscription, "link:lost"))


def completed(migrations: Migrations, subscription: str) -> None:
    records(migrations).complete_migration(a_step(subscription, "report:lost"))


def abandoned(migrations: Migrations, subscription: str) -> None:
    ended = MigrationEnd(step=a_step(subscription, "abandoned"), stage=MigrationStage.ABANDONED)
    records(migrations).end_migration(ended)


async def accept(migrations: Migrations, subscription: str) -> Any:
    return await migrations.client.accept(
        subscription, contact="other@contoso.example", transfer_at=datetime.now(UTC) + timedelta(days=1), actor=AGENT
    )


async def correct(migrations: Migrations, subscription: str) -> Any:
    return await migrations.client.correct(
        subscription, contact="other@contoso.example", reason="a new address", actor=AGENT
    )


async def acknowledge(migrations: Migrations, subscription: str) -> Any:
    return await migrations.client.acknowledge_download(subscription, actor=AGENT)


async def report(migrations: Migrations, subscription: str) -> Any:
    return await migrations.client.report_completed(subscription, actor=AGENT)


async def withdraw(migrations: Migrations, subscription: str) -> Any:
    return await migrations.world.service.withdraw(subscription, actor=AGENT, reason="stays")


REQUESTS: list[Request] = [accept, correct, acknowledge, report, withdraw]


LIVES = [
    *(Life(requested, lost) for lost in [(accepted,), (abandoned,), (accepted, corrected), (accepted, started)]),
    *(Life(scheduled, lost) for lost in [(corrected,), (started,), (abandoned,)]),
    *(Life(available, lost) for lost in [(acknowledged,), (linked,), (asked_again,), (acknowledged, completed)]),
    *(Life(downloaded, lost) for lost in [(completed,), (linked,), (asked_again,)]),
]


async def requests_after(migrations: Migrations, life: Life, request: Request) -> None:
    """One migration with lost steps and one request after them."""
    subscription = await life.situation(migrations)
    for lost in life.lost:
        lost(migrations, subscription)

    async def agrees() -> bool:
        row = migrations.row(subscription)
        assert row is not None
        return row.stage == (await migrations.status(subscription)).stage

    try:
        with migrations.world.environment.with_time_skipping_disabled():
            await answered(request(migrations, subscription), contract.MigrationStatus | contract.CancellationStatus)
            await eventually(agrees, within=30)
            await ends(migrations, subscription)
    except (AssertionError, TimeoutError, Refusal, WorkflowFailureError) as failed:
        raise AssertionError(f"{life}, then {request.__name__}: {failed.__cause__!r}") from failed


async def ends(migrations: Migrations, subscription: str) -> None:
    """The case is as able as ever: it can be ended, and its migration has one end in the audit trail."""
    if not Stage(migrations.world.case(subscription).stage).is_final:
        try:
            await withdraw(migrations, subscription)
        except Refusal:  # the migration had ended, and its cancellation with it or in its turn
            assert await migrations.world.stage(subscription) in (Stage.CANCELED, Stage.ABANDONED)
    row = migrations.row(subscription)
    assert row is not None
    assert MigrationStage(row.stage).is_final
    assert contract.MigrationStatus.model_validate(await migrations.handle(subscription).result()).stage == row.stage
    assert [action for action in migrations.actions(subscription) if action == f"migration.{row.stage}"] != []


async def test_a_request_after_any_lost_step_meets_a_migration_that_adopts_the_record(migrations: Migrations) -> None:
    quick = [life for life in LIVES if life.situation in (requested, scheduled)]  # without a transfer
    lives = zip([*quick, Life(available, (acknowledged, completed))], cycle(REQUESTS))
    await all_hold(requests_after(migrations, life, request) for life, request in lives)


@pytest.mark.parametrize("refused_before", [0, AUDITED_OF_A_CALLER])
async def test_an_acceptance_that_was_lost_and_comes_again_after_its_transfer_time_counts(
    migrations: Migrations, refused_before: int
) -> None:
    subscription = await requested(migrations)
    past = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(refused_before):
        await refused(migrations.client.accept(subscription, contact=CONTACT, transfer_at=past, actor=QUEUE_AGENT))
    at = await migrations.now(subscription) + timedelta(seconds=5)
    message = contract.AcceptMigration(**migrations.about(subscription), contact=CONTACT, transfer_at=at)
    step = step_of(contract.migration_workflow_id(subscription), "accept", message, "R", prefix="migration-")
    records(migrations).accept_migration(Accepted(step=step, contact=CONTACT, transfer_at=at))
    await migrations.pass_time(subscription, timedelta(minutes=1))
    assert (await migrations.status(subscription)).stage is MigrationStage.REQUESTED

    with migrations.world.environment.with_time_skipping_disabled():
        await migrations.client.accept(
            subscription, contact=CONTACT, transfer_at=at, actor=message.actor, request_id="R"
        )

    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    assert len(migrations.world.refusals(subscription)) == refused_before


@pytest.mark.soak
@pytest.mark.parametrize("life", LIVES, ids=str)
async def test_any_request_after_any_lost_step_meets_a_migration_that_adopts_the_record(
    migrations: Migrations, life: Life
) -> None:
    await all_hold(requests_after(migrations, life, request) for request in REQUESTS)

"""The actions of the parties of a case: billing, the migration team, the ad centre, those who fetch an export, and legal holds."""

from collections.abc import Iterator, Sequence

from contract import CancellationStatus, ExportStatus
from domain.cancellation.lifecycle import InputMalformed
from domain.marketing import Consent, ConsentDecision
from domain.migration import MigrationStage
from domain.permissions import Operation, SubjectKind, refuse_task_of_another
from domain.system_tasks import SystemTask
from records.legal_holds import Hold
from records.migration.lists import MigrationSummary
from starter.console.actions.action import Action, Asked, Offer
from starter.console.actions.cases import Status
from starter.console.forms import CASE, REASON, RECEIPT, Field, choices

_O = Operation


def offers(status: Status, migration: MigrationSummary | None, holds: Sequence[Hold]) -> Iterator[Offer]:
    """Yield what the parties of a case can do now."""
    case = status.cancellation
    if status.outstanding_credit_memos:
        invoice = status.outstanding_credit_memos[0]  # the newest first: an older one is refused
        fields = [
            Field("number", "Number of the credit memo"),
            Field("credits_from", "Credits from", "date", required=False, help="The whole invoice, if not set."),
        ]
        title = f"Post the credit memo for {invoice}"
        yield Offer(_O.POST_CREDIT_MEMO, title, "Post", fields, case=case, subject=invoice, part=invoice)
    if migration is not None:
        yield from _of_migration(case, migration)
    if isinstance(status, CancellationStatus):
        yield from _of_subscription(status)
    yield Offer(
        _O.PLACE_HOLD, "Place a legal hold", "Place the hold", [REASON], case=case, subject=status.organization,
        note=f"Nothing of {status.organization} is erased under it.",
    )  # fmt: skip
    for hold in holds:
        title = f"Release legal hold {hold.id}"
        yield Offer(
            _O.RELEASE_HOLD, title, "Release", [REASON], case=case, subject=str(hold.id), part=str(hold.id),
            careful=True,
        )  # fmt: skip


def _of_subscription(status: CancellationStatus) -> Iterator[Offer]:
    case = status.cancellation
    if status.marketing_consent is Consent.ASKED and not status.stage.is_final:
        fields = [
            Field("decision", "They said", "select", options=choices(ConsentDecision)),
            Field("because", "How they said it", "textarea"),
        ]
        yield Offer(_O.GIVE_CONSENT, "Pass on the answer about the campaigns", "Pass on", fields, case=case)
    for campaign in status.campaigns_outstanding:
        title = f"Campaign {campaign} is stopped"
        yield Offer(_O.ACKNOWLEDGE_STOP, title, "Acknowledge", case=case, subject=campaign, part=campaign)
    for task in status.system_tasks:
        name = f"{task.system}:{task.task}"
        confirmed = [Field("system", "", "hidden", value=task.system), Field("task", "", "hidden", value=task.task)]
        yield Offer(
            _O.CONFIRM_TASK, f"System {task.system} has done it: {task.task.replace('_', ' ')}", "Confirm", confirmed,
            case=case, part=name.replace(":", "-"), note=f"Until then, {task.in_words}.",
        )  # fmt: skip
    if status.export is ExportStatus.READY:
        yield Offer(_O.ACKNOWLEDGE_EXPORT, "The export was downloaded", "Acknowledge", RECEIPT, case=case, careful=True)
        yield Offer(_O.RENEW_EXPORT_LINK, "Mail a fresh link to the export", "Mail it", case=case)


def _of_migration(case: str, migration: MigrationSummary) -> Iterator[Offer]:
    contact = Field("contact", "Address of the IT department", "email", value=migration.contact or "")
    at = Field("transfer_at", "Time of the transfer", "datetime-local", help=f"In {migration.time_zone}.")
    if migration.stage is MigrationStage.REQUESTED:
        yield Offer(_O.ACCEPT_MIGRATION, "Accept the migration", "Accept", [contact, at], case=case)
    elif not migration.stage.is_final:
        optional = [Field(one.name, one.label, one.kind, required=False, help=one.help) for one in (contact, at)]
        again = Field("transfer_again", "Transfer the data again", "checkbox", required=False)
        yield Offer(_O.CORRECT_MIGRATION, "Correct the migration", "Correct", [*optional, again, REASON], case=case)
    if migration.stage is MigrationStage.AVAILABLE:
        transfer = Field("transfer", "", "hidden", value=str(migration.transfer))
        yield Offer(
            _O.ACKNOWLEDGE_MIGRATION_DOWNLOAD, "The IT department has the data", "Acknowledge", [transfer, *RECEIPT],
            case=case,
        )  # fmt: skip
        yield Offer(_O.RENEW_MIGRATION_LINK, "Mail a fresh link to the data", "Mail it", [transfer], case=case)
    if migration.stage is MigrationStage.DOWNLOADED:
        yield Offer(
            _O.REPORT_MIGRATION_COMPLETED, "The migration is complete", "Report", case=case, careful=True,
            note="The data is in use on premises; the cancellation goes on.",
        )  # fmt: skip


async def _post_credit_memo(asked: Asked) -> None:
    given = asked.given
    await asked.service.cancellations.post_credit_memo(
        asked.subject, number=given.text("number"), credits_from=given.day("credits_from"), **asked.once
    )


async def _consent(asked: Asked) -> None:
    decision = asked.given.needed("decision", asked.given.choice("decision", ConsentDecision))
    await asked.service.cancellations.consent(
        asked.subject, decision, because=asked.given.text("because"), **asked.of_case
    )


async def _acknowledge_stop(asked: Asked) -> None:
    await asked.service.marketing.acknowledge_stop(asked.subject, **asked.once)


async def _confirm_task(asked: Asked) -> None:
    given = asked.given
    task = given.needed("task", given.choice("task", SystemTask))
    system = given.text("system")
    refuse_task_of_another(asked.person, system)
    await asked.service.cancellations.confirm_task(given.text(CASE), system, task, **asked.once)


async def _acknowledge_export(asked: Asked) -> None:
    await asked.service.exports.acknowledge(
        asked.subject, export=asked.case, receipt=asked.given.receipt(), **asked.once
    )


async def _renew_export_link(asked: Asked) -> None:
    await asked.service.exports.renew_link(asked.subject, export=asked.case, **asked.once)


async def _accept(asked: Asked) -> None:
    at = asked.given.needed("transfer_at", asked.given.time("transfer_at"))
    await asked.service.migrations.accept(
        asked.subject, contact=asked.given.text("contact"), transfer_at=at, **asked.of_case
    )


async def _correct(asked: Asked) -> None:
    given = asked.given
    await asked.service.migrations.correct(
        asked.subject,
        reason=given.text("reason"),
        contact=given.optional("contact"),
        transfer_at=given.time("transfer_at"),
        transfer_again=given.is_set("transfer_again"),
        **asked.of_case,
    )


async def _acknowledge_download(asked: Asked) -> None:
    given = asked.given
    await asked.service.migrations.acknowledge_download(
        asked.subject, transfer=given.number("transfer"), receipt=given.receipt(), **asked.of_case
    )


async def _renew_link(asked: Asked) -> None:
    await asked.service.migrations.renew_link(asked.subject, transfer=asked.given.number("transfer"), **asked.of_case)


async def _report_completed(asked: Asked) -> None:
    await asked.service.migrations.report_completed(asked.subject, **asked.of_case)


async def _place_hold(asked: Asked) -> None:
    await asked.service.holds.place(asked.subject, reason=asked.given.text("reason"), **asked.once)


async def _release_hold(asked: Asked) -> None:
    if not asked.subject.isdecimal():
        raise InputMalformed(["hold: its number is expected"])
    await asked.service.holds.release(int(asked.subject), reason=asked.given.text("reason"), **asked.once)


ACTIONS = [
    Action(_O.POST_CREDIT_MEMO, SubjectKind.INVOICE, _post_credit_memo),
    Action(_O.GIVE_CONSENT, SubjectKind.SUBSCRIPTION, _consent),
    Action(_O.ACKNOWLEDGE_STOP, SubjectKind.CAMPAIGN, _acknowledge_stop),
    Action(_O.CONFIRM_TASK, SubjectKind.SUBSCRIPTION, _confirm_task),
    Action(_O.ACKNOWLEDGE_EXPORT, SubjectKind.SUBSCRIPTION, _acknowledge_export),
    Action(_O.RENEW_EXPORT_LINK, SubjectKind.SUBSCRIPTION, _renew_export_link),
    Action(_O.ACCEPT_MIGRATION, SubjectKind.SUBSCRIPTION, _accept),
    Action(_O.CORRECT_MIGRATION, SubjectKind.SUBSCRIPTION, _correct),
    Action(_O.ACKNOWLEDGE_MIGRATION_DOWNLOAD, SubjectKind.SUBSCRIPTION, _acknowledge_download),
    Action(_O.RENEW_MIGRATION_LINK, SubjectKind.SUBSCRIPTION, _renew_link),
    Action(_O.REPORT_MIGRATION_COMPLETED, SubjectKind.SUBSCRIPTION, _report_completed),
    Action(_O.PLACE_HOLD, SubjectKind.ORGANIZATION, _place_hold),
    Action(_O.RELEASE_HOLD, SubjectKind.HOLD, _release_hold),
]

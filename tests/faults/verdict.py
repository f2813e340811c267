"""The verdict on a fault run: what must hold in the end, each point counted, and named where it does not hold."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory

from activities.messaging.delivery import portable_id
from domain.vocabulary import Channel, Stage
from starter.local.webhook_receiver import read_webhooks
from storage.tables import AuditRow, CancellationRow, MarketingCancellationRow, MessageRow, OrganizationRow
from tests.faults.mails import Mails
from tests.faults.people import People
from tests.faults.site import Site
from tests.support.histories import assert_sound

ONCE = {
    Stage.CLOSED: ("cancellation.opened", "cancellation.scheduled", "cancellation.canceled", "cancellation.closed"),
    Stage.REVERSED: ("cancellation.opened", "cancellation.scheduled", "cancellation.canceled", "cancellation.reversed"),
    Stage.WITHDRAWN: ("cancellation.opened", "cancellation.withdrawn"),
    Stage.ABANDONED: ("cancellation.opened", "cancellation.abandoned"),
}
"""The transitions of a case, by its end: each has one row in the audit trail."""

ENDS = {action for actions in ONCE.values() for action in actions[1:]} - {
    "cancellation.scheduled",
    "cancellation.canceled",
}
POSTED = re.compile(r'"POST / HTTP/1\.\d" 200')


@dataclass
class Verdict:
    """The points, how much of each was looked at, and what was wrong."""

    looked_at: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    duplicates: Counter[str] = field(default_factory=Counter)
    """Messages that came once more under the same id, by channel."""
    ends: Counter[str] = field(default_factory=Counter)

    def check(self, point: str, holds: bool, otherwise: str) -> None:
        """Count a point, and note what is wrong unless it holds."""
        self.looked_at[point] += 1
        if not holds:
            self.wrong[point].append(otherwise)


async def verdict_on(site: Site, people: Sequence[People], mails: Mails) -> Verdict:
    """Look at everything that the run has left."""
    verdict = Verdict()
    with Session(site.engine) as session:
        _check_ends(verdict, session, people)
        _check_audit(verdict, session)
        _check_messages(verdict, session, site, mails)
        _check_leftovers(verdict, session, site)
    await _check_workflows(verdict, site)
    return verdict


def _check_ends(verdict: Verdict, session: Session, people: Sequence[People]) -> None:
    for each in people:
        for case, promised in each.promised.items():
            row = session.get(MarketingCancellationRow if "/marketing/" in case else CancellationRow, case)
            stage = row.stage if row else "nothing"
            verdict.ends[stage if "/marketing/" not in case else f"marketing {stage}"] += 1
            wanted = " or ".join(sorted(promised))
            verdict.check(
                "every case has the end that was promised",
                stage in promised,
                f"{case}: {stage}, not {wanted} ({each.life})",
            )


def _check_audit(verdict: Verdict, session: Session) -> None:
    actions: dict[str, Counter[str]] = defaultdict(Counter)
    for case, action in session.execute(
        select(AuditRow.cancellation, AuditRow.action).where(AuditRow.cancellation.is_not(None))
    ):
        actions[str(case)][action] += 1
    for row in session.scalars(select(CancellationRow)):
        stage = Stage(row.stage)
        for action in ONCE.get(stage, ()):
            number = actions[row.id][action]
            verdict.check(
                "every step has one row in the audit trail", number == 1, f"{row.id} {stage}: {action} {number} times"
            )
        ends = {action: number for action, number in actions[row.id].items() if action in ENDS}
        verdict.check("every case has one end in the audit trail", sum(ends.values()) == 1, f"{row.id}: {ends}")


def _check_messages(verdict: Verdict, session: Session, site: Site, mails: Mails) -> None:
    mails.look()
    hooks = Counter(str(hook["id"]) for hook in read_webhooks(site.data.webhooks_file))
    for message in session.scalars(select(MessageRow)):
        verdict.check(
            "every message is delivered",
            message.delivered_at is not None,
            f"{message.id}: {message.failure or 'pending'}",
        )
        sent = portable_id(message.id)
        came = mails.copies[f"<{sent}@localhost>"] if message.channel == Channel.MAIL else hooks[sent]
        verdict.check("every message has arrived under its id", came >= 1, f"{message.id}: {came} times")
    known = {portable_id(message) for message in session.scalars(select(MessageRow.id))}
    for copies in mails.copies.values():
        verdict.duplicates["mail"] += copies - 1
    for message_id in hooks:
        verdict.check("no message came that nobody recorded", message_id in known, message_id)
    posted = len(POSTED.findall((site.data.logs / "webhook-receiver.log").read_text(errors="replace")))
    verdict.duplicates["webhook"] += posted - len(hooks)


def _check_leftovers(verdict: Verdict, session: Session, site: Site) -> None:
    population = site.population
    prepared = set(population.the_data.tenants.prepared_schemas())
    for row in session.scalars(select(CancellationRow)):
        keys = [found.key for found in site.objects.list(f"cancellations/{row.id}/")]
        verdict.check("no copies of data are left", not keys, f"{row.id} {row.stage}: {keys}")
        organization = session.get_one(OrganizationRow, population.organization(row.subscription))
        if organization.data_schema is None:
            continue
        erased = row.stage == Stage.CLOSED
        verdict.check(
            "data is erased where the case is closed, and nowhere else",
            (organization.data_schema in prepared) is not erased,
            f"{row.id} {row.stage}",
        )
    unfinished = site.objects.unfinished("cancellations")
    verdict.check("no upload is unfinished", not unfinished, str(unfinished))


async def _check_workflows(verdict: Verdict, site: Site) -> None:
    histories: list[WorkflowHistory] = []
    async for found in site.temporal.list_workflows():
        if found.workflow_type.startswith("temporal-sys"):
            continue
        status = found.status
        verdict.check(
            "no workflow runs on", status is not WorkflowExecutionStatus.RUNNING, f"{found.id} ({found.workflow_type})"
        )
        well = status in (
            WorkflowExecutionStatus.COMPLETED,
            WorkflowExecutionStatus.CONTINUED_AS_NEW,
            WorkflowExecutionStatus.RUNNING,
        )
        verdict.check("no workflow has failed", well, f"{found.id}: {status.name if status else None}")
        histories.append(await site.temporal.get_workflow_handle(found.id, run_id=found.run_id).fetch_history())
    for history in histories:
        try:
            await assert_sound([history])
        except Exception as error:  # noqa: BLE001 - whatever a replay fails with
            verdict.check(
                "no workflow task failed, and every history replays", False, f"{history.workflow_id}: {error}"[:400]
            )
        else:
            verdict.check("no workflow task failed, and every history replays", True, "")

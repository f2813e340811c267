"""Tasks of registered systems in cancellations: requested, asked for again, escalated, confirmed.

Each function is part of a step's transaction, like `records.cancellation.transitions`; run again, it changes nothing.
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Step, TaskConfirmed, TasksFollowed
from domain.actors import is_sent_directly
from domain.cancellation.lifecycle import CancellationUnknown
from domain.policy import CancellationPolicy
from domain.system_tasks import (
    ESCALATED_AFTER,
    ConfirmerUnknown,
    OpenTask,
    SystemErasure,
    SystemTask,
    SystemTaskFacts,
    SystemTaskSuperseded,
    SystemTaskUnknown,
)
from domain.vocabulary import Channel, Event
from domain.webhooks import EndpointState
from records import outbox
from records.addressees import Addressee, Role
from records.audit import record_step
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.notices import notify
from records.last_to_leave import lock_organization, other_user
from records.legal_holds import is_held
from records.transaction import Transaction
from storage.tables import (
    CancellationRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionRow,
    SystemTaskRow,
    WebhookEndpointRow,
)

OPEN = (SystemTaskRow.confirmed_at.is_(None), SystemTaskRow.superseded_at.is_(None))


def request(transaction: Transaction, case: LockedCase, task: SystemTask, step: Step) -> None:
    """Ask every registered system for a task of a case that ends access, gives it back or erases.

    Access is asked back only of systems that were asked to end it; what they have not confirmed of that is superseded.
    """
    session = transaction.session
    systems = select(WebhookEndpointRow.name).where(
        WebhookEndpointRow.state != EndpointState.REMOVED, WebhookEndpointRow.duties.contains([task.duty.value])
    )
    if task is SystemTask.RESTORE_ACCESS:
        ended = (SystemTaskRow.cancellation == case.row.id, SystemTaskRow.task == SystemTask.END_ACCESS.value)
        systems = systems.where(WebhookEndpointRow.name.in_(select(SystemTaskRow.system).where(*ended)))
        session.execute(update(SystemTaskRow).where(*ended, *OPEN).values(superseded_at=step.at))
    for system in session.scalars(systems.order_by(WebhookEndpointRow.name)).all():
        values = {
            "id": f"{case.row.id}/{system}/{task}",
            "cancellation": case.row.id,
            "system": system,
            "task": task.value,
            "requested_at": step.at,
        }
        added = session.scalar(insert(SystemTaskRow).values(values).on_conflict_do_nothing().returning(SystemTaskRow))
        if added is not None:
            after = {"system": system, "task": task.value}
            record_step(transaction, "system_task.requested", step, f"{system}:{task}", after=after)
            _ask(transaction, case, added, step)


def remind(transaction: Transaction, step: Step) -> None:
    """Ask again for what is open, and notify the owner of a system that was asked often."""
    case = lock_case(transaction, step.cancellation)
    rows = _open_rows(transaction.session, case.row.id)
    if rows and record_step(transaction, "system_tasks.reminded", step, after={"tasks": [row.id for row in rows]}):
        for row in rows:
            _ask(transaction, case, row, step)
            if row.asked > ESCALATED_AFTER and row.escalated_at is None:
                _escalate(transaction, case, row, step)


def confirm(transaction: Transaction, step: TaskConfirmed) -> None:
    """Record that a system has done its task; after the last erasure, certify that.

    Raises:
        ConfirmerUnknown, SystemTaskUnknown, SystemTaskSuperseded.

    """
    session = transaction.session
    if is_sent_directly(step.actor):
        raise ConfirmerUnknown(step.system, step.actor)
    case = lock_case(transaction, step.cancellation)
    row = session.get(SystemTaskRow, f"{case.row.id}/{step.system}/{step.task}", with_for_update=True)
    if row is None:
        raise SystemTaskUnknown(case.row.id, step.system, step.task)
    if row.superseded_at is not None:
        raise SystemTaskSuperseded(case.row.id, step.system, step.task)
    if row.confirmed_at is not None:
        return
    row.confirmed_at, row.confirmed_by = step.dated, step.actor
    record_step(transaction, "system_task.confirmed", step, after={"system": row.system, "task": row.task})
    session.flush()
    if step.task is SystemTask.ERASE:
        _certify(transaction, case, step)


def followed(session: Session, cancellation: str) -> TasksFollowed:
    """Return what is open, for the workflow that follows it. Raises CancellationUnknown."""
    durations = session.scalar(
        select(PolicyRow.durations)
        .join(OrganizationRow, OrganizationRow.policy == PolicyRow.name)
        .join(SubscriptionRow, SubscriptionRow.organization == OrganizationRow.id)
        .join(CancellationRow, CancellationRow.subscription == SubscriptionRow.id)
        .where(CancellationRow.id == cancellation)
    )
    if durations is None:
        raise CancellationUnknown(cancellation)
    return TasksFollowed(
        tasks=open_tasks(session, cancellation),
        last_message=outbox.last_of(session, cancellation),
        reminder=CancellationPolicy.model_validate(durations).system_task_reminder,
    )


def open_tasks(session: Session, cancellation: str) -> tuple[OpenTask, ...]:
    """Return what systems have not confirmed, in the order of its request."""
    return tuple(
        OpenTask(system=row.system, task=SystemTask(row.task), requested_at=row.requested_at)
        for row in _open_rows(session, cancellation)
    )


def erasures(session: Session, cancellation: str) -> tuple[SystemErasure, ...]:
    """Return the systems that were asked to erase, and which of them have confirmed it."""
    rows = session.scalars(
        select(SystemTaskRow)
        .where(SystemTaskRow.cancellation == cancellation, SystemTaskRow.task == SystemTask.ERASE.value)
        .order_by(SystemTaskRow.system)
    )
    return tuple(
        SystemErasure(system=row.system, requested_at=row.requested_at, confirmed_at=row.confirmed_at) for row in rows
    )


def _open_rows(session: Session, cancellation: str) -> Sequence[SystemTaskRow]:
    query = select(SystemTaskRow).where(SystemTaskRow.cancellation == cancellation, *OPEN)
    return session.scalars(query.order_by(SystemTaskRow.requested_at, SystemTaskRow.id)).all()


def _ask(transaction: Transaction, case: LockedCase, row: SystemTaskRow, step: Step) -> None:
    """Ask a system for its task, once for each step; nobody is asked to erase what is under a legal hold, or in use again."""
    task = SystemTask(row.task)
    if task is SystemTask.ERASE and _is_needed(transaction.session, case):
        return
    notify(
        transaction.only(Channel.WEBHOOK),
        case,
        task.event,
        step,
        occasion=f"{task.event}/{row.asked}" if row.asked else task.event.value,
        system_task=_facts(row, reminder=row.asked),
    )
    row.asked += 1


def _is_needed(session: Session, case: LockedCase) -> bool:
    """Return true while the organization's data must stay; final until the transaction ends."""
    lock_organization(session, case.organization.id)
    return is_held(session, case.organization.id) or other_user(session, case.subscription.id) is not None


def _escalate(transaction: Transaction, case: LockedCase, row: SystemTaskRow, step: Step) -> None:
    session = transaction.session
    owner = session.scalar(select(WebhookEndpointRow.owner).where(WebhookEndpointRow.name == row.system))
    queue = case.policy.system_task_escalation_queue
    row.escalated_at = step.at
    record_step(
        transaction,
        "system_task.escalated",
        step,
        f"{row.system}:{row.task}",
        after={"system": row.system, "task": row.task, "to": "its owner" if owner else queue},
    )
    notify(
        transaction,
        case,
        Event.SYSTEM_TASK_ESCALATED,
        step,
        occasion=f"{Event.SYSTEM_TASK_ESCALATED}/{row.system}/{row.task}",
        system_task=_facts(row, reminder=row.asked - 1),
        queue=None if owner else queue,
        mail_to=Addressee(Role.SYSTEM_OWNER, row.system) if owner else Addressee(Role.QUEUE, queue),
    )


def _certify(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Notify of the erasure everywhere, once every system has confirmed it."""
    systems = erasures(transaction.session, case.row.id)
    if all(system.confirmed_at for system in systems):
        notify(transaction, case, Event.ERASED_ELSEWHERE, step, system_erasures=systems)


def _facts(row: SystemTaskRow, *, reminder: int) -> SystemTaskFacts:
    return SystemTaskFacts(
        system=row.system, task=SystemTask(row.task), requested_at=row.requested_at, reminder=reminder
    )

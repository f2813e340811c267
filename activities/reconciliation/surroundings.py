"""The surroundings of the cases: the schedules, the nightly update, and the schemas that were prepared for organizations."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client, ScheduleDescription
from temporalio.service import RPCError, RPCStatusCode

import contract
from activities.reconciliation.case_checks import CaseChecks
from activities.reconciliation.case_workflows import CaseWorkflows, Run
from contract.messaging import webhook_endpoint_workflow_id
from domain.civil_time import day_of
from domain.reconciliation import Finding, FindingKind
from domain.refusals import Refusal
from records.audit_seals import MOST, seal
from records.limits import forget_old_uses
from records.reconciliation.leftovers import (
    cases_with_open_tasks,
    count_overdue,
    expected_schemas,
    unfinished_bulks,
)
from records.transaction import Transaction
from records.webhooks.serving import endpoints_to_serve
from storage.tenants.database import TenantDatabase

PAGE = 100
OVERDUE = timedelta(days=2)
"""The time by which the nightly update may be late."""


SCHEDULES = (contract.NIGHTLY_SCHEDULE, contract.RECONCILIATION_SCHEDULE, contract.RETENTION_SCHEDULE)


async def schedule_findings(checks: CaseChecks, client: Client) -> list[Finding]:
    """Name the schedules that are missing or paused: one that an operator deletes or pauses says so nowhere else."""
    findings = []
    for name in SCHEDULES:
        schedule = await _schedule(client, name)
        if schedule is None:
            findings.append(checks.found(FindingKind.SCHEDULE_MISSING, name))
        elif schedule.schedule.state.paused:
            findings.append(checks.found(FindingKind.SCHEDULE_PAUSED, name))
    return findings


async def _schedule(client: Client, name: str) -> ScheduleDescription | None:
    try:
        return await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def nightly_findings(checks: CaseChecks, client: Client, zone: str) -> list[Finding]:
    """Name lines that are late, unless the first nights are still to come."""
    findings, now = [], datetime.now(UTC)
    schedule = await _schedule(client, contract.NIGHTLY_SCHEDULE)
    if schedule is not None and not schedule.schedule.state.paused and schedule.info.created_at > now - OVERDUE:
        return []
    day = day_of(now, zone) - OVERDUE
    if overdue := await checks.read(lambda session: count_overdue(session, day)):
        findings.append(checks.found(FindingKind.LINES_OVERDUE, "lines", reason=str(overdue)))
    return findings


async def unattended_work(checks: CaseChecks, workflows: CaseWorkflows, *, dry_run: bool) -> list[Finding]:
    """Start what carries out the tasks of systems, the bulks, and what is owed to webhook endpoints, that nothing carries out."""
    tasks = _Unattended(cases_with_open_tasks, contract.system_tasks_workflow_id, workflows.follow_tasks)
    bulks = _Unattended(unfinished_bulks, contract.bulk_workflow_id, workflows.carry_out)
    endpoints = _Unattended(endpoints_to_serve, webhook_endpoint_workflow_id, workflows.serve)
    findings = []
    for work in (tasks, bulks, endpoints):
        after = ""
        while page := await checks.read(partial(work.listed, after=after, limit=PAGE)):
            runs = {subject: await _run_of(workflows, work, subject) for subject in page}
            for subject, run in runs.items():
                findings += checks.paused(work.workflow_id(subject), run) if run is not None else []
            for subject in await _unfinished(
                checks, work, [subject for subject in page if runs[subject] is None], after
            ):
                if not dry_run:
                    await work.start(subject)
                findings.append(checks.found(FindingKind.WORKFLOW_MISSING, work.workflow_id(subject)))
            after = page[-1]
    return findings


async def _run_of(workflows: CaseWorkflows, work: "_Unattended", subject: str) -> Run | None:
    """Return the running workflow of a subject; None if there is none."""
    run = await workflows.run_of(work.workflow_id(subject))
    activity.heartbeat(subject)
    return run if run is not None and run.is_running else None


async def _unfinished(checks: CaseChecks, work: "_Unattended", missing: Sequence[str], after: str) -> list[str]:
    """Return the subjects without a workflow, as far as they are unfinished after Temporal was asked."""
    if not missing:
        return []
    unfinished = await checks.read(partial(work.listed, after=after, limit=PAGE))
    return [subject for subject in missing if subject in unfinished]


@dataclass(frozen=True)
class _Unattended:
    """Work that is recorded, and that a workflow must be running for."""

    listed: Callable[..., Sequence[str]]
    """The subjects by id, from the one after ``after``, at most ``limit``."""
    workflow_id: Callable[[str], str]
    start: Callable[[str], Awaitable[None]]


async def seal_audit_trail(engine: Engine) -> None:
    """Put what has come to the audit trail under seals."""

    def seal_some() -> int:
        with Transaction.begin(engine) as transaction:
            return seal(transaction, at=datetime.now(UTC))

    while await asyncio.to_thread(seal_some) == MOST:
        activity.heartbeat()


async def forget_old_limited_uses(engine: Engine) -> None:
    """Remove the starts, codes, tries and links that count towards no limit any more."""

    def forget() -> None:
        with Transaction.begin(engine) as transaction:
            forget_old_uses(transaction)

    await asyncio.to_thread(forget)


async def schema_findings(checks: CaseChecks, tenants: TenantDatabase | None) -> list[Finding]:
    """Name the schemas that were prepared, and that belong to no organization or were erased."""
    if tenants is None:
        return []
    try:
        readable = await asyncio.to_thread(tenants.prepared_schemas)
    except Refusal as refusal:
        return [checks.found(FindingKind.PART_UNAVAILABLE, "tenants' database", reason=refusal.details.code)]
    expected = await checks.read(expected_schemas)
    return [checks.found(FindingKind.SCHEMA_UNEXPLAINED, schema) for schema in readable if schema not in expected]

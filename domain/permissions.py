"""Permissions: the one table of which role may do which operation, for every door alike.

An operation is named as the facade names it, ``area.method``; `docs/permissions.md` shows the table.
"""

from collections.abc import Mapping
from enum import StrEnum

from domain.principals import OrganizationNotPermitted, Principal, Role, RoleMissing
from domain.system_tasks import SystemTaskOfAnother


class SubjectKind(StrEnum):
    """A kind of thing that an operation is about, which belongs to an organization."""

    ORGANIZATION = "organization"
    SUBSCRIPTION = "subscription"
    LINE = "line"
    INVOICE = "invoice"
    CAMPAIGN = "campaign"
    HOLD = "hold"


class Operation(StrEnum):
    """An operation of the facade."""

    LIST_CANCELLATIONS = "cancellations.list"
    REPORT_CANCELLATIONS = "cancellations.report"
    SHOW_HISTORY = "cancellations.history"
    LIST_MESSAGES = "cancellations.messages"
    QUOTE_CANCELLATION = "cancellations.quote"
    SHOW_CANCELLATION = "cancellations.status"
    SHOW_CONSENT = "cancellations.requested_consent"
    START_CANCELLATION = "cancellations.start"
    ANSWER = "cancellations.answer"
    SEND_CODE = "cancellations.send_code"
    VERIFY_CODE = "cancellations.verify_code"
    ATTEST = "cancellations.attest"
    CORRECT = "cancellations.correct"
    WITHDRAW = "cancellations.withdraw"
    REVERSE = "cancellations.reverse"
    GIVE_CONSENT = "cancellations.consent"
    APPROVE = "cancellations.approve"
    POST_CREDIT_MEMO = "cancellations.post_credit_memo"
    CONFIRM_TASK = "cancellations.confirm_task"

    QUOTE_LINE = "line_cancellations.quote"
    SHOW_LINE_CANCELLATION = "line_cancellations.status"
    START_LINE_CANCELLATION = "line_cancellations.start"
    ANSWER_LINE = "line_cancellations.answer"
    SEND_LINE_CODE = "line_cancellations.send_code"
    VERIFY_LINE_CODE = "line_cancellations.verify_code"
    ATTEST_LINE = "line_cancellations.attest"
    CORRECT_LINE = "line_cancellations.correct"
    WITHDRAW_LINE = "line_cancellations.withdraw"
    REVERSE_LINE = "line_cancellations.reverse"
    APPROVE_LINE = "line_cancellations.approve"

    PLAN_BULK = "bulk.plan"
    LIST_BULKS = "bulk.list"
    SHOW_BULK = "bulk.status"
    LIST_BULK_ROWS = "bulk.rows"
    CONFIRM_BULK = "bulk.confirm"
    STOP_BULK = "bulk.stop"
    RESUME_BULK = "bulk.resume"
    KILL_BULK = "bulk.kill"
    SHOW_BULK_SWITCH = "bulk.switch"
    SET_BULK_SWITCH = "bulk.set_switch"

    LIST_MIGRATIONS = "migrations.list"
    GET_MIGRATION = "migrations.get"
    SHOW_MIGRATION = "migrations.status"
    ACCEPT_MIGRATION = "migrations.accept"
    CORRECT_MIGRATION = "migrations.correct"
    RENEW_MIGRATION_LINK = "migrations.renew_link"
    ACKNOWLEDGE_MIGRATION_DOWNLOAD = "migrations.acknowledge_download"
    REPORT_MIGRATION_COMPLETED = "migrations.report_completed"
    FETCH_MIGRATION = "migrations.links"
    RECORD_MIGRATION_FETCH = "migrations.record_fetch"

    SHOW_MARKETING_CANCELLATION = "marketing.status"
    CANCEL_MARKETING_SERVICE = "marketing.cancel"
    SEND_MARKETING_CODE = "marketing.send_code"
    VERIFY_MARKETING_CODE = "marketing.verify_code"
    ATTEST_MARKETING = "marketing.attest"
    ACKNOWLEDGE_STOP = "marketing.acknowledge_stop"

    SHOW_EXPORT = "exports.status"
    DESCRIBE_EXPORT = "exports.describe"
    FETCH_EXPORT = "exports.links"
    RECORD_EXPORT_FETCH = "exports.record_fetch"
    ACKNOWLEDGE_EXPORT = "exports.acknowledge"
    RENEW_EXPORT_LINK = "exports.renew_link"

    LIST_HOLDS = "holds.list"
    PLACE_HOLD = "holds.place"
    RELEASE_HOLD = "holds.release"

    LIST_LINES = "line_dates.list"
    LIST_RUNS = "line_dates.runs"
    SHOW_SCHEDULE = "line_dates.schedule"
    UPDATE_LINE_DATES = "line_dates.update"
    BEGIN_LINE_UPDATE = "line_dates.begin"
    SHOW_LINE_UPDATE = "line_dates.progress"
    REOPEN_LINE = "line_dates.reopen"
    RESTORE_RUN = "line_dates.restore"
    ENSURE_SCHEDULE = "line_dates.ensure_schedule"
    PAUSE_SCHEDULE = "line_dates.pause"
    RESUME_SCHEDULE = "line_dates.resume"
    BACKFILL = "line_dates.backfill"

    IMPORT = "imports.load"
    REPORT_BILLING = "billing.load"

    LIST_TENANTS = "tenants.list"
    PREPARE_TENANT = "tenants.prepare"
    SHOW_TENANT_CODE = "tenants.code"
    REVIEW_TENANT_CODE = "tenants.review"
    SAMPLE_TENANT = "tenants.sample"

    RECONCILE = "reconciliation.reconcile"
    BEGIN_RECONCILIATION = "reconciliation.begin"
    SHOW_RECONCILIATION = "reconciliation.progress"
    SHOW_AUDIT_HEAD = "audit.head"
    VERIFY_AUDIT = "audit.verify"
    LIST_LIMITS = "limits.list"
    SET_LIMIT = "limits.set"
    RELEASE_LIMIT = "limits.release"
    FIND_PERSON = "privacy.find"
    LIST_WEBHOOKS = "webhooks.list"
    ADD_WEBHOOK = "webhooks.add"
    ROTATE_WEBHOOK = "webhooks.rotate"
    PAUSE_WEBHOOK = "webhooks.pause"
    RESUME_WEBHOOK = "webhooks.resume"
    REMOVE_WEBHOOK = "webhooks.remove"
    TEST_WEBHOOK = "webhooks.test"
    RESEND_WEBHOOKS = "webhooks.resend"
    LIST_DELIVERIES = "webhooks.deliveries"
    WATCH_CANCELLATIONS = "events.watch_list"
    WATCH_SUBSCRIPTION = "events.watch_subscription"


_READERS = frozenset(Role) - {Role.SYSTEM}
_SYSTEMS = frozenset({Role.SYSTEM})
_AGENTS = frozenset({Role.SUPPORT_AGENT, Role.SUPERVISOR, Role.ADMIN})
_SECOND_PERSONS = frozenset({Role.SUPERVISOR, Role.ADMIN})
_BILLING = frozenset({Role.BILLING, Role.ADMIN})
_MIGRATORS = frozenset({Role.MIGRATION_TEAM, Role.ADMIN})
_HAND_OVER = _AGENTS | _MIGRATORS
_MARKETERS = frozenset({Role.MARKETING_ADMIN, Role.ADMIN})
_OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})
_INSPECTORS = _OPERATORS | {Role.AUDITOR}

_O = Operation
ROLES: Mapping[Operation, frozenset[Role]] = {
    operation: roles
    for roles, operations in (
        (
            _READERS,
            (
                *(_O.LIST_CANCELLATIONS, _O.REPORT_CANCELLATIONS, _O.SHOW_HISTORY, _O.QUOTE_CANCELLATION),
                *(_O.LIST_MESSAGES, _O.SHOW_CONSENT, _O.QUOTE_LINE, _O.SHOW_LINE_CANCELLATION),
                *(_O.LIST_MIGRATIONS, _O.GET_MIGRATION, _O.SHOW_MIGRATION, _O.SHOW_MARKETING_CANCELLATION),
                *(_O.SHOW_EXPORT, _O.DESCRIBE_EXPORT, _O.LIST_HOLDS, _O.LIST_LINES, _O.LIST_RUNS, _O.SHOW_SCHEDULE),
                *(_O.WATCH_CANCELLATIONS, _O.WATCH_SUBSCRIPTION),
                *(_O.LIST_BULKS, _O.SHOW_BULK, _O.LIST_BULK_ROWS, _O.SHOW_BULK_SWITCH),
            ),
        ),
        (
            _AGENTS,
            (
                *(_O.START_CANCELLATION, _O.ANSWER, _O.SEND_CODE, _O.VERIFY_CODE, _O.ATTEST, _O.CORRECT, _O.WITHDRAW),
                *(_O.REVERSE, _O.GIVE_CONSENT, _O.START_LINE_CANCELLATION, _O.ANSWER_LINE, _O.SEND_LINE_CODE),
                *(_O.VERIFY_LINE_CODE, _O.ATTEST_LINE, _O.CORRECT_LINE, _O.WITHDRAW_LINE, _O.REVERSE_LINE),
                *(_O.FETCH_EXPORT, _O.RECORD_EXPORT_FETCH, _O.ACKNOWLEDGE_EXPORT, _O.RENEW_EXPORT_LINK, _O.PLAN_BULK),
            ),
        ),
        (
            _SECOND_PERSONS,
            (
                *(_O.APPROVE, _O.APPROVE_LINE, _O.PLACE_HOLD, _O.RELEASE_HOLD, _O.SET_LIMIT, _O.RELEASE_LIMIT),
                *(_O.CONFIRM_BULK, _O.RESUME_BULK),
            ),
        ),
        (_READERS | _SYSTEMS, (_O.SHOW_CANCELLATION,)),
        (_OPERATORS | _SYSTEMS, (_O.CONFIRM_TASK,)),
        (_AGENTS | _OPERATORS, (_O.STOP_BULK,)),
        (_SECOND_PERSONS | _OPERATORS, (_O.KILL_BULK, _O.SET_BULK_SWITCH)),
        (_BILLING, (_O.POST_CREDIT_MEMO, _O.REPORT_BILLING)),
        (
            _MIGRATORS,
            (
                *(_O.ACCEPT_MIGRATION, _O.CORRECT_MIGRATION, _O.REPORT_MIGRATION_COMPLETED),
                *(_O.FETCH_MIGRATION, _O.RECORD_MIGRATION_FETCH),
            ),
        ),
        (_HAND_OVER, (_O.RENEW_MIGRATION_LINK, _O.ACKNOWLEDGE_MIGRATION_DOWNLOAD)),
        (
            _AGENTS | _MARKETERS,
            (_O.CANCEL_MARKETING_SERVICE, _O.SEND_MARKETING_CODE, _O.VERIFY_MARKETING_CODE, _O.ATTEST_MARKETING),
        ),
        (_MARKETERS, (_O.ACKNOWLEDGE_STOP,)),
        (_OPERATORS | _BILLING, (_O.UPDATE_LINE_DATES, _O.BEGIN_LINE_UPDATE, _O.SHOW_LINE_UPDATE, _O.REOPEN_LINE)),
        (
            _OPERATORS,
            (
                *(_O.RESTORE_RUN, _O.ENSURE_SCHEDULE, _O.PAUSE_SCHEDULE, _O.RESUME_SCHEDULE, _O.BACKFILL, _O.IMPORT),
                *(_O.PREPARE_TENANT, _O.REVIEW_TENANT_CODE, _O.SAMPLE_TENANT, _O.RECONCILE),
                *(_O.BEGIN_RECONCILIATION, _O.SHOW_RECONCILIATION),
                *(_O.ADD_WEBHOOK, _O.ROTATE_WEBHOOK, _O.PAUSE_WEBHOOK, _O.RESUME_WEBHOOK, _O.REMOVE_WEBHOOK),
                *(_O.TEST_WEBHOOK, _O.RESEND_WEBHOOKS),
            ),
        ),
        (
            _INSPECTORS,
            (
                *(_O.LIST_TENANTS, _O.SHOW_TENANT_CODE, _O.SHOW_AUDIT_HEAD, _O.VERIFY_AUDIT),
                *(_O.LIST_WEBHOOKS, _O.LIST_DELIVERIES),
            ),
        ),
        (_INSPECTORS | _SECOND_PERSONS, (_O.LIST_LIMITS,)),
        (_SECOND_PERSONS | {Role.AUDITOR}, (_O.FIND_PERSON,)),
    )
    for operation in operations
}
"""The roles of each operation."""


def refuse_unless_permitted(principal: Principal, operation: Operation) -> None:
    """Refuse an operation that none of a principal's roles may do. Raises RoleMissing."""
    if not is_permitted(principal, operation):
        raise RoleMissing(operation, _named(principal.roles) or "none", _named(ROLES[operation]))


def is_permitted(principal: Principal, operation: Operation) -> bool:
    """Return true if a role of a principal may do an operation."""
    return not principal.roles.isdisjoint(ROLES[operation])


def refuse_beyond_organizations(principal: Principal, subject: str, organization: str | None) -> None:
    """Refuse a subject of an organization that a principal may not see; None is one that nobody knows.

    Raises:
        OrganizationNotPermitted: also for what does not exist, so that its absence tells nothing.

    """
    if not principal.sees(organization):
        raise OrganizationNotPermitted(subject)


def refuse_task_of_another(principal: Principal, system: str) -> None:
    """Refuse the confirmation of another system's task to a principal who is but a system: each confirms its own.

    Raises:
        SystemTaskOfAnother.

    """
    if not principal.roles & _OPERATORS and principal.subject != system:
        raise SystemTaskOfAnother(system, principal.subject)


def refuse_of_all_organizations(principal: Principal, operation: Operation) -> None:
    """Refuse what concerns the whole installation to a principal that is limited to organizations.

    Raises:
        OrganizationNotPermitted.

    """
    if principal.organizations is not None:
        raise OrganizationNotPermitted(f"What {operation} is about")


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))

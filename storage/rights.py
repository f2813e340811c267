"""The rights of the service's processes in its own database: what each role may do, table by table, and no more.

An owner, who runs the migrations, has every right. The roles are groups without a login: an installation makes logins of its
own and members of these (docs/operations.md). Nobody but the owner may empty a table, or change its shape; and nobody may
change a row of the audit trail, but for the words of a case that ended long ago, which a worker removes (`records.privacy`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)


class DatabaseRole(StrEnum):
    """A role of the service's database."""

    WORKER = "offramp_worker"
    """Workers: every step of a case, deliveries, the nightly update, the reconciliation."""
    CALLERS = "offramp_callers"
    """The command line, and what else uses the facade: lists and quotes, imports, billing, holds, restored lines.

    They open cases as well: whether one would be refused is found out by opening it, and taking that back.
    """
    PAGES = "offramp_pages"
    """The pages behind links in mails: they read what they show, and keep the refusal of a request that came too late.

    All else goes by way of a workflow.
    """


@dataclass(frozen=True)
class Rights:
    """The rights on one table beside reading it.

    ``given`` are the columns that an added row may have, ``columns`` those that may be updated; empty for all of them.
    """

    insert: bool = False
    given: tuple[str, ...] = ()
    update: bool = False
    columns: tuple[str, ...] = ()
    delete: bool = False


_ADDED = Rights(insert=True)
_KEPT = Rights(insert=True, update=True)
_CHANGED = Rights(update=True)
_LOCKED = Rights(update=True, columns=("id",))
"""A row that is locked and never written: PostgreSQL asks for the right to update some column, and keys are referred to."""

_OPENED = Rights(
    insert=True,
    update=True,
    columns=(
        *("line_ends_on", "termination", "termination_date", "data", "campaigns", "campaign_actions"),
        *("verified_by", "quote", "forgotten_at"),
    ),
)
"""A case that is opened with its first answers; its stage is not the caller's to move."""

_OF_EVERY_CASE = ("stage", "time_zone", "verified_by", "campaign_actions", "ended_at", "forgotten_at")
_MOVED = Rights(
    insert=True,
    update=True,
    columns=(
        *_OF_EVERY_CASE,
        *("reason", "line_ends_on", "termination", "termination_date", "data", "campaigns"),
        *("marketing_consent", "marketing_consent_until"),
        *("goodwill_reason", "goodwill_asked_by", "goodwill_askers", "goodwill_approved_by", "goodwill_quote"),
        *("corrections", "restarts", "quote", "access_ended_on", "reversal_deadline"),
    ),
)
"""A case that a worker moves: never another subject, request or receipt, and its end once."""

_ANSWERED = Rights(insert=True, update=True, columns=("accepted_at", "refusal"))
_REFUSED = Rights(
    insert=True,
    given=("workflow_id", "id", "digest", "named", "cancellation", "actor", "at"),
    update=True,
    columns=("refusal",),
)
"""A request that is kept, and refused; answered once, which a rule of the database sees to."""

_ITEM_SETTLED = Rights(
    update=True,
    columns=("organization", "state", "start", "quote", "refusal", "cancellation", "begun_at", "settled_at"),
)
"""A row of a bulk that a worker judges, starts and settles: never another subscription, and no confirmation."""

_KEY_ID = Rights(insert=True, given=("id",))
"""The id of a key of payloads, at the time that the database gives it; nobody takes it away again."""

_HOLD = Rights(insert=True, update=True, columns=("released_by", "released_at", "release_reason"))
_CERTIFIED = ("finished_at", "tables", "rows", "objects", "bytes", "kept_because")
_CERTIFICATE = Rights(insert=True, update=True, columns=_CERTIFIED)

WRITTEN: Mapping[DatabaseRole, Mapping[str, Rights]] = {
    DatabaseRole.WORKER: {
        "audit_sealed": _ADDED,
        "audit_seals": _ADDED,
        "audit_trail": Rights(insert=True, update=True, columns=("why", "why_digest", "before", "after")),
        "bulk_rows": _ITEM_SETTLED,
        "bulk_switch": _LOCKED,
        "bulks": Rights(
            update=True,
            columns=(
                *("state", "judged_at", "digest", "ready", "next_start_at", "ended_at"),
                *("source", "reason", "confirmed_because", "halted_because"),
            ),
        ),
        "cancellations": _MOVED,
        "cancellation_lines": Rights(insert=True, update=True, delete=True),
        "checklist_answers": _KEPT,
        "contract_lines": Rights(update=True, columns=("closed",)),
        "erased_things": _KEPT,
        "erasures": _CERTIFICATE,
        "exports": _KEPT,
        "limited_uses": Rights(insert=True, update=True, columns=("wanted_at",), delete=True),
        "line_dates_runs": _KEPT,
        "marketing_activities": _CHANGED,
        "marketing_campaigns": _CHANGED,
        "marketing_cancellations": Rights(insert=True, update=True, columns=_OF_EVERY_CASE),
        "marketing_codes": _KEPT,
        "marketing_services": _CHANGED,
        "marketing_stops": _KEPT,
        "messages": _KEPT,
        "on_premises_migrations": _KEPT,
        "organizations": _LOCKED,
        "payload_key_ids": _KEY_ID,
        "planned_lines": Rights(update=True, columns=("withdrawn_by",)),
        "requests": _ANSWERED,
        "subscription_lines": _CHANGED,
        "subscriptions": Rights(update=True, columns=("access", "access_ended_on", "provision_end_date")),
        "verification_codes": _KEPT,
        "system_tasks": _KEPT,
        "webhook_attempts": _ADDED,
        "webhook_endpoints": _KEPT,
    },
    DatabaseRole.CALLERS: {
        "audit_trail": _ADDED,
        "billing_documents": _ADDED,
        "bulk_rows": Rights(insert=True, update=True, columns=("state", "start", "settled_at")),
        "bulk_switch": Rights(update=True, columns=("off_since", "switched_by", "reason")),
        "bulks": Rights(
            insert=True,
            update=True,
            columns=(
                *("state", "confirmed_by", "confirmed_at", "confirmed_because"),
                *("halted_by", "halted_at", "halted_because", "ended_at"),
            ),
        ),
        "cancellations": _OPENED,
        "checklist_answers": _ADDED,
        "billing_feed_positions": _KEPT,
        "contract_lines": _KEPT,
        "contracts": _KEPT,
        "direct_requests": Rights(insert=True, update=True, columns=("answer",)),
        "holds": _HOLD,
        "limited_uses": Rights(
            insert=True, update=True, columns=("address_released_at", "organization_released_at", "caller_released_at")
        ),
        "limits": Rights(update=True, columns=("number",)),
        "marketing_activities": _KEPT,
        "marketing_campaigns": _KEPT,
        "marketing_cancellations": Rights(insert=True, update=True, columns=("forgotten_at",)),
        "marketing_services": _KEPT,
        "marketing_stops": _CHANGED,
        "messages": _ADDED,
        "organizations": _KEPT,
        "payload_key_ids": _KEY_ID,
        "planned_lines": _KEPT,
        "policies": _KEPT,
        "requests": _ANSWERED,
        "subscription_lines": _KEPT,
        "subscriptions": _KEPT,
        "support_queues": _KEPT,
        "tenant_code_reviews": _ADDED,
        "system_tasks": Rights(update=True, columns=("confirmed_at", "confirmed_by")),
        "webhook_endpoints": _KEPT,
    },
    DatabaseRole.PAGES: {
        "audit_trail": _ADDED,
        "requests": _REFUSED,
    },
}
"""What each role may write."""

_WHOLE: tuple[str, ...] = ()
READ: Mapping[DatabaseRole, Mapping[str, tuple[str, ...]] | None] = {
    DatabaseRole.WORKER: None,
    DatabaseRole.CALLERS: None,
    DatabaseRole.PAGES: {
        # Whether a request was audited before, and nothing of what the others did and why.
        "audit_trail": ("id", "step", "after"),
        **dict.fromkeys(
            (
                *("cancellations", "erasures", "exports", "marketing_activities", "marketing_campaigns"),
                *("marketing_cancellations", "marketing_services", "marketing_stops", "on_premises_migrations"),
                *("organizations", "payload_key_ids", "policies", "requests", "subscriptions"),
            ),
            _WHOLE,
        ),
    },
}
"""What each role may read, with the columns where it is not the whole row; None for every table."""

_COLUMNS: LiteralString = """
    SELECT c.relname, array_agg(a.attname::text) AS columns,
           CASE WHEN bool_or(a.attidentity <> '') THEN array_agg(a.attname::text) FILTER (WHERE a.attidentity = '')
                ELSE '{}' END AS given
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname
"""
_IS_OWNER: LiteralString = """
    SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = 'audit_trail'
"""
_ROLES: LiteralString = "SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)"
_MAY_CREATE: LiteralString = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"


def grant_rights(connection: Connection) -> None:
    """Give each role its rights on the tables and columns that there are, and take all others; run again, it changes nothing.

    Roles that are missing are made, if this user may make roles; otherwise an administrator makes them first.
    """
    _ensure_roles(connection)
    found = connection.execute(text(_COLUMNS)).all()
    tables: dict[str, list[str]] = {row.relname: row.columns for row in found}
    given: dict[str, list[str]] = {row.relname: row.given for row in found}
    for role in _present(connection):
        connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
        readable = READ[role]
        for statement in _grants(role, dict.fromkeys(tables, _WHOLE) if readable is None else readable, tables, given):
            connection.execute(text(statement))


def warn_of_owner(engine: Engine) -> None:
    """Log where this process enters the database as somebody who may do everything in it; one that is down is asked no more.

    A refusal would stop installations of before, whose one user owns the tables.
    """
    with suppress(SQLAlchemyError), engine.connect() as connection:
        if connection.scalar(text(_IS_OWNER)):
            logger.warning(
                "The user of this process owns the tables of the database: give it a user with the rights that it needs "
                "(docs/operations.md, Rights in the database)."
            )


def _grants(
    role: DatabaseRole,
    readable: Mapping[str, tuple[str, ...]],
    tables: Mapping[str, Sequence[str]],
    given: Mapping[str, Sequence[str]],
) -> Iterable[str]:
    for table, columns in readable.items():
        if table in tables:
            yield f'GRANT SELECT{_of(columns, tables[table])} ON "{table}" TO {role}'
    for table, rights in WRITTEN[role].items():
        if table not in tables:
            continue
        if rights.insert:
            # Not the number of a row, which is PostgreSQL's to give: one that somebody chose could keep all later entries
            # of the audit trail from being sealed, and those with the next numbers from being added.
            yield f'GRANT INSERT{_of(rights.given or given[table], tables[table])} ON "{table}" TO {role}'
        if rights.delete:
            yield f'GRANT DELETE ON "{table}" TO {role}'
        if rights.update and (not rights.columns or set(rights.columns) & set(tables[table])):
            yield f'GRANT UPDATE{_of(rights.columns, tables[table])} ON "{table}" TO {role}'


def _of(columns: Sequence[str], there: Sequence[str]) -> str:
    """Return the list of columns for a right, of those that this schema has; empty for the whole row."""
    return f" ({', '.join(column for column in columns if column in there)})" if columns else ""


def _present(connection: Connection) -> list[DatabaseRole]:
    found = set(connection.scalars(text(_ROLES), {"names": [role.value for role in DatabaseRole]}))
    return [role for role in DatabaseRole if role.value in found]


def _ensure_roles(connection: Connection) -> None:
    missing = set(DatabaseRole) - set(_present(connection))
    if not missing or not connection.scalar(text(_MAY_CREATE)):
        return
    # Roles belong to all databases of a server, of which several may be set up at once.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('offramp roles'))"))
    for role in sorted(set(DatabaseRole) - set(_present(connection))):
        connection.execute(text(f"CREATE ROLE {role} NOLOGIN"))

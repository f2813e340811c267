"""Addresses: the method and the path of every operation that the API has, in one table."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.permissions import Operation, SubjectKind

VERSION = "/v1"
METADATA = "/.well-known/oauth-protected-resource"
"""Where the API says whose tokens it accepts (RFC 9728)."""


class Address(NamedTuple):
    """Where an operation is asked for, without the version in front."""

    method: str
    path: str

    @property
    def kind(self) -> SubjectKind | None:
        """The kind of what the operation is about, if the path names it."""
        return next((kind for kind in SubjectKind if f"{{{kind}}}" in self.path), None)


_SUBSCRIPTION = "/subscriptions/{subscription}"
_CASES = f"{_SUBSCRIPTION}/cancellations"
_CASE = f"{_CASES}/{{number}}"
_LINE = "/lines/{line}"
_LINE_CASES = f"{_LINE}/cancellations"
_LINE_CASE = f"{_LINE_CASES}/{{number}}"
_ORGANIZATION = "/organizations/{organization}"
_MARKETING = f"{_ORGANIZATION}/marketing-cancellations"
_EXPORT = f"{_CASE}/export"
_MIGRATION = f"{_CASE}/migration"
_TENANT = f"{_ORGANIZATION}/data"
_BULKS = "/bulk-cancellations"
_BULK = f"{_BULKS}/{{bulk}}"
_BULK_SWITCH = "/bulk-switch"
_SCHEDULE = "/line-dates/schedule"
_RUNS = "/line-dates/runs"

_WEBHOOKS = "/webhook-endpoints"
_WEBHOOK = f"{_WEBHOOKS}/{{endpoint}}"

_O = Operation
ADDRESSES: Mapping[Operation, Address] = {
    operation: Address(*address.split(" ", 1))
    for operation, address in {
        _O.LIST_CANCELLATIONS: "GET /cancellations",
        _O.REPORT_CANCELLATIONS: "GET /cancellations/report",
        _O.SHOW_HISTORY: f"GET {_SUBSCRIPTION}/history",
        _O.LIST_MESSAGES: f"GET {_SUBSCRIPTION}/messages",
        _O.QUOTE_CANCELLATION: f"GET {_SUBSCRIPTION}/quote",
        _O.START_CANCELLATION: f"POST {_CASES}",
        _O.SHOW_CANCELLATION: f"GET {_CASE}",
        _O.ANSWER: f"POST {_CASE}/answers",
        _O.SEND_CODE: f"POST {_CASE}/codes",
        _O.VERIFY_CODE: f"POST {_CASE}/tries",
        _O.ATTEST: f"POST {_CASE}/attestations",
        _O.APPROVE: f"POST {_CASE}/approvals",
        _O.CORRECT: f"POST {_CASE}/corrections",
        _O.WITHDRAW: f"POST {_CASE}/withdrawals",
        _O.REVERSE: f"POST {_CASE}/reversals",
        _O.SHOW_CONSENT: f"GET {_CASE}/consent",
        _O.GIVE_CONSENT: f"POST {_CASE}/consents",
        _O.CONFIRM_TASK: f"POST {_CASE}/confirmations",
        _O.POST_CREDIT_MEMO: "POST /invoices/{invoice}/credit-memos",
        _O.QUOTE_LINE: f"GET {_LINE}/quote",
        _O.START_LINE_CANCELLATION: f"POST {_LINE_CASES}",
        _O.SHOW_LINE_CANCELLATION: f"GET {_LINE_CASE}",
        _O.ANSWER_LINE: f"POST {_LINE_CASE}/answers",
        _O.SEND_LINE_CODE: f"POST {_LINE_CASE}/codes",
        _O.VERIFY_LINE_CODE: f"POST {_LINE_CASE}/tries",
        _O.ATTEST_LINE: f"POST {_LINE_CASE}/attestations",
        _O.APPROVE_LINE: f"POST {_LINE_CASE}/approvals",
        _O.CORRECT_LINE: f"POST {_LINE_CASE}/corrections",
        _O.WITHDRAW_LINE: f"POST {_LINE_CASE}/withdrawals",
        _O.REVERSE_LINE: f"POST {_LINE_CASE}/reversals",
        _O.PLAN_BULK: f"POST {_BULKS}",
        _O.LIST_BULKS: f"GET {_BULKS}",
        _O.SHOW_BULK: f"GET {_BULK}",
        _O.LIST_BULK_ROWS: f"GET {_BULK}/rows",
        _O.CONFIRM_BULK: f"POST {_BULK}/confirmations",
        _O.STOP_BULK: f"POST {_BULK}/stops",
        _O.RESUME_BULK: f"POST {_BULK}/resumptions",
        _O.KILL_BULK: f"POST {_BULK}/kills",
        _O.SHOW_BULK_SWITCH: f"GET {_BULK_SWITCH}",
        _O.SET_BULK_SWITCH: f"PUT {_BULK_SWITCH}",
        _O.LIST_MIGRATIONS: "GET /migrations",
        _O.SHOW_MIGRATION: f"GET {_SUBSCRIPTION}/migration",
        _O.GET_MIGRATION: f"GET {_MIGRATION}",
        _O.ACCEPT_MIGRATION: f"POST {_MIGRATION}/acceptances",
        _O.CORRECT_MIGRATION: f"POST {_MIGRATION}/corrections",
        _O.RENEW_MIGRATION_LINK: f"POST {_MIGRATION}/links",
        _O.ACKNOWLEDGE_MIGRATION_DOWNLOAD: f"POST {_MIGRATION}/acknowledgements",
        _O.REPORT_MIGRATION_COMPLETED: f"POST {_MIGRATION}/completions",
        _O.FETCH_MIGRATION: f"GET {_MIGRATION}/files",
        _O.CANCEL_MARKETING_SERVICE: f"POST {_MARKETING}",
        _O.SHOW_MARKETING_CANCELLATION: f"GET {_MARKETING}/newest",
        _O.SEND_MARKETING_CODE: f"POST {_MARKETING}/{{number}}/codes",
        _O.VERIFY_MARKETING_CODE: f"POST {_MARKETING}/{{number}}/tries",
        _O.ATTEST_MARKETING: f"POST {_MARKETING}/{{number}}/attestations",
        _O.ACKNOWLEDGE_STOP: "POST /campaigns/{campaign}/stops",
        _O.SHOW_EXPORT: f"GET {_SUBSCRIPTION}/export",
        _O.DESCRIBE_EXPORT: f"GET {_EXPORT}",
        _O.FETCH_EXPORT: f"GET {_EXPORT}/files",
        _O.ACKNOWLEDGE_EXPORT: f"POST {_EXPORT}/acknowledgements",
        _O.RENEW_EXPORT_LINK: f"POST {_EXPORT}/links",
        _O.LIST_HOLDS: "GET /holds",
        _O.PLACE_HOLD: f"POST {_ORGANIZATION}/holds",
        _O.RELEASE_HOLD: "POST /holds/{hold}/releases",
        _O.LIST_LINES: "GET /lines",
        _O.REOPEN_LINE: f"POST {_LINE}/reopenings",
        _O.LIST_RUNS: f"GET {_RUNS}",
        _O.BEGIN_LINE_UPDATE: f"POST {_RUNS}",
        _O.SHOW_LINE_UPDATE: f"GET {_RUNS}/{{name:path}}",
        _O.RESTORE_RUN: "POST /line-dates/restorations",
        _O.SHOW_SCHEDULE: f"GET {_SCHEDULE}",
        _O.ENSURE_SCHEDULE: f"PUT {_SCHEDULE}",
        _O.PAUSE_SCHEDULE: f"POST {_SCHEDULE}/pauses",
        _O.RESUME_SCHEDULE: f"POST {_SCHEDULE}/resumptions",
        _O.BACKFILL: f"POST {_SCHEDULE}/backfills",
        _O.IMPORT: "POST /imports",
        _O.REPORT_BILLING: "POST /billing-documents",
        _O.LIST_TENANTS: "GET /data",
        _O.PREPARE_TENANT: f"POST {_TENANT}/preparations",
        _O.SHOW_TENANT_CODE: f"GET {_TENANT}/code",
        _O.REVIEW_TENANT_CODE: f"POST {_TENANT}/reviews",
        _O.SAMPLE_TENANT: f"POST {_TENANT}/samples",
        _O.BEGIN_RECONCILIATION: "POST /reconciliations",
        _O.SHOW_RECONCILIATION: "GET /reconciliations/{name}",
        _O.SHOW_AUDIT_HEAD: "GET /audit/head",
        _O.VERIFY_AUDIT: "GET /audit/verification",
        _O.LIST_LIMITS: "GET /limits",
        _O.SET_LIMIT: "PUT /limits",
        _O.RELEASE_LIMIT: "POST /limits/releases",
        _O.FIND_PERSON: "POST /persons/searches",
        _O.LIST_WEBHOOKS: f"GET {_WEBHOOKS}",
        _O.ADD_WEBHOOK: f"POST {_WEBHOOKS}",
        _O.REMOVE_WEBHOOK: f"POST {_WEBHOOK}/removals",
        _O.ROTATE_WEBHOOK: f"POST {_WEBHOOK}/rotations",
        _O.PAUSE_WEBHOOK: f"POST {_WEBHOOK}/pauses",
        _O.RESUME_WEBHOOK: f"POST {_WEBHOOK}/resumptions",
        _O.TEST_WEBHOOK: f"POST {_WEBHOOK}/tests",
        _O.LIST_DELIVERIES: f"GET {_WEBHOOK}/deliveries",
        _O.RESEND_WEBHOOKS: f"POST {_WEBHOOK}/resendings",
        _O.WATCH_CANCELLATIONS: "GET /cancellations/events",
        _O.WATCH_SUBSCRIPTION: f"GET {_SUBSCRIPTION}/events",
    }.items()
}
"""Every operation but those which the API has under another name: it begins a long update or a reconciliation and shows how far
it is, and never waits for it; what a holder of a link fetches is recorded where the link leads to."""

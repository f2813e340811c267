"""Every status that Temporal can answer with, met by every command: a refusal in words that fit it, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text
from temporalio.client import Client
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

import contract
from domain.cancellation.identity import Identity
from domain.marketing import ConsentDecision
from domain.refusals import Refusal
from domain.vocabulary import WAITS_FOR_WORKER
from runtime.temporal import offramp_plugin
from runtime.temporal_refusals import refusal_of
from starter.service import Offramp, queries, temporal_calls, workflow_requests
from tests.starter.service.test_offramp import AREAS, methods
from tests.support.import_documents import NOON, Document, Import, document, engine, imported
from tests.support.outcomes import refused
from tests.support.temporal_double import TemporalDouble

__all__ = ["document", "engine", "imported"]

CASE = "SUB-1/1"
BULK, STOPPED = "bulk-0123456789abcdef", "bulk-fedcba9876543210"
AGENT: Any = {"actor": "agent-7"}
IDENTITY = Identity(
    billing_administrator="ann@example.com",
    organization_url="https://contoso.example.com",
    organization_name="contoso",
)
EVERY_LINE = contract.UpdateLineDates()
MARKETING = contract.StartMarketingCancellation(organization="ORG-1", administrator="ann@example.com", **AGENT)

COMMANDS: dict[str, Callable[[Offramp], Awaitable[Any]]] = {
    "cancellations.start": lambda at: at.cancellations.start(contract.StartCancellation(subscription="SUB-1", **AGENT)),
    "cancellations.answer": lambda at: at.cancellations.answer("SUB-1", {"data": "none"}, **AGENT),
    "cancellations.consent": lambda at: at.cancellations.consent("SUB-1", ConsentDecision.AGREED, because="by phone", **AGENT),
    "cancellations.correct": lambda at: at.cancellations.correct("SUB-1", answers={"data": "none"}, reason="wrong", **AGENT),
    "cancellations.approve": lambda at: at.cancellations.approve("SUB-1", reason="agreed", **AGENT),
    "cancellations.withdraw": lambda at: at.cancellations.withdraw("SUB-1", reason="stays", **AGENT),
    "cancellations.reverse": lambda at: at.cancellations.reverse("SUB-1", IDENTITY, **AGENT),
    "cancellations.send_code": lambda at: at.cancellations.send_code("SUB-1", **AGENT),
    "cancellations.verify_code": lambda at: at.cancellations.verify_code("SUB-1", "1", **AGENT),
    "cancellations.attest": lambda at: at.cancellations.attest("SUB-1", reason="by phone", **AGENT),
    "cancellations.status": lambda at: at.cancellations.status("SUB-1"),
    "line_cancellations.start": lambda at: at.line_cancellations.start(contract.StartLineCancellation(subscription_line="SUB-1-C", **AGENT)),
    "line_cancellations.answer": lambda at: at.line_cancellations.answer("SUB-1-C", {"termination_date": "end_of_term"}, **AGENT),
    "line_cancellations.correct": lambda at: at.line_cancellations.correct("SUB-1-C", without_goodwill=True, reason="wrong", **AGENT),
    "line_cancellations.approve": lambda at: at.line_cancellations.approve("SUB-1-C", reason="agreed", **AGENT),
    "line_cancellations.withdraw": lambda at: at.line_cancellations.withdraw("SUB-1-C", reason="stays", **AGENT),
    "line_cancellations.reverse": lambda at: at.line_cancellations.reverse("SUB-1-C", IDENTITY, **AGENT),
    "line_cancellations.send_code": lambda at: at.line_cancellations.send_code("SUB-1-C", **AGENT),
    "line_cancellations.verify_code": lambda at: at.line_cancellations.verify_code("SUB-1-C", "1", **AGENT),
    "line_cancellations.attest": lambda at: at.line_cancellations.attest("SUB-1-C", reason="by phone", **AGENT),
    "line_cancellations.status": lambda at: at.line_cancellations.status("SUB-1-C"),
    "marketing.cancel": lambda at: at.marketing.cancel(MARKETING),
    "marketing.acknowledge_stop": lambda at: at.marketing.acknowledge_stop("CMP-1", **AGENT),
    "marketing.send_code": lambda at: at.marketing.send_code("ORG-1", **AGENT),
    "marketing.verify_code": lambda at: at.marketing.verify_code("ORG-1", "1", **AGENT),
    "marketing.attest": lambda at: at.marketing.attest("ORG-1", reason="by phone", **AGENT),
    "marketing.status": lambda at: at.marketing.status("ORG-1"),
    "migrations.accept": lambda at: at.migrations.accept("SUB-1", contact="it@contoso.example", transfer_at=NOON, **AGENT),
    "migrations.correct": lambda at: at.migrations.correct("SUB-1", transfer_again=True, reason="wrong", **AGENT),
    "migrations.renew_link": lambda at: at.migrations.renew_link("SUB-1", **AGENT),
    "migrations.acknowledge_download": lambda at: at.migrations.acknowledge_download("SUB-1", **AGENT),
    "migrations.report_completed": lambda at: at.migrations.report_completed("SUB-1", **AGENT),
    "migrations.status": lambda at: at.migrations.status("SUB-1"),
    "exports.acknowledge": lambda at: at.exports.acknowledge("SUB-1", **AGENT),
    "exports.renew_link": lambda at: at.exports.renew_link("SUB-1", **AGENT),
    "exports.status": lambda at: at.exports.status("SUB-1"),
    "line_dates.update": lambda at: at.line_dates.update(EVERY_LINE),
    "webhooks.test": lambda at: at.webhooks.test("webhook", actor="operator-1"),
    "webhooks.resume": lambda at: at.webhooks.resume("webhook", reason="repaired", actor="operator-1"),
    "webhooks.resend": lambda at: at.webhooks.resend("webhook", since=NOON, reason="lost", actor="operator-1"),
    "line_dates.begin": lambda at: at.line_dates.begin(EVERY_LINE),
    "line_dates.progress": lambda at: at.line_dates.progress("subscription-line-dates:every-line:today:here:9"),
    "line_dates.ensure_schedule": lambda at: at.line_dates.ensure_schedule("Europe/Berlin"),
    "line_dates.schedule": lambda at: at.line_dates.schedule(),
    "line_dates.pause": lambda at: at.line_dates.pause("stocktaking"),
    "line_dates.resume": lambda at: at.line_dates.resume("done"),
    "reconciliation.reconcile": lambda at: at.reconciliation.reconcile(),
    "reconciliation.begin": lambda at: at.reconciliation.begin(),
    "reconciliation.progress": lambda at: at.reconciliation.progress("reconciliation-on-request-1"),
    "bulk.plan": lambda at: at.bulk.plan(organization="ORG-1", reason="they leave", **AGENT),
    "bulk.confirm": lambda at: at.bulk.confirm(BULK, digest="d", reason="looked at it", **AGENT),
    "bulk.resume": lambda at: at.bulk.resume(STOPPED, reason="go on", **AGENT),
    "line_dates.backfill": lambda at: at.line_dates.backfill(date(2026, 1, 1), date(2026, 1, 2)),
}  # fmt: skip

OF_THE_RECORDS = {
    "cancellations.post_credit_memo", "cancellations.list", "cancellations.history", "cancellations.quote",
    "cancellations.report", "cancellations.messages", "cancellations.requested_consent", "migrations.list", "migrations.get", "migrations.links",
    "exports.describe",
    "exports.links", "holds.place", "holds.release", "holds.list", "line_dates.list", "line_dates.runs",
    "line_dates.restore", "line_dates.reopen", "line_cancellations.quote", "imports.load", "billing.load",
    "tenants.list", "tenants.sample", "tenants.prepare", "tenants.code", "tenants.review",
    "audit.head", "audit.verify", "exports.record_fetch", "migrations.record_fetch",
    "bulk.list", "bulk.status", "bulk.rows", "bulk.stop", "bulk.kill", "bulk.switch", "bulk.set_switch",
    "limits.list", "limits.set", "limits.release", "privacy.find", "events.watch_list", "events.watch_subscription",
    "cancellations.confirm_task",
    "webhooks.list", "webhooks.add", "webhooks.rotate", "webhooks.pause", "webhooks.remove", "webhooks.deliveries",
}  # fmt: skip
"""Methods that need no Temporal, or only tell a workflow what they have done."""

LATE = {"still_waiting", "temporal_unavailable"}
CODES: dict[str, set[str]] = {
    "CANCELLED": LATE,
    "DEADLINE_EXCEEDED": LATE,
    "UNKNOWN": {"temporal_failed"},
    "INTERNAL": {"temporal_failed"},
    "DATA_LOSS": {"temporal_failed"},
    "ABORTED": {"temporal_failed"},
    "UNAVAILABLE": {"temporal_unavailable"},
    "RESOURCE_EXHAUSTED": {"temporal_busy"},
    "PERMISSION_DENIED": {"temporal_denied"},
    "UNAUTHENTICATED": {"temporal_denied"},
    "NOT_FOUND": {"case_not_running", "request_lost", "schedule_missing", "run_unknown", "reconciliation_unknown"},
    "INVALID_ARGUMENT": {"temporal_refused"},
    "ALREADY_EXISTS": {"temporal_refused"},
    "FAILED_PRECONDITION": {"temporal_refused"},
    "OUT_OF_RANGE": {"temporal_refused"},
    "UNIMPLEMENTED": {"temporal_refused"},
}
FALLS_BACK = {"CANCELLED", "DEADLINE_EXCEEDED", "NOT_FOUND", "INVALID_ARGUMENT"}
"""The answers of Temporal after which the status comes from the records: the workflow is gone, silent or does not replay."""

ASKED_AGAIN = {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"}
"""The answers after which a caller asks again for as long as its patience lasts."""


@pytest.fixture(scope="module")
def double() -> Iterator[TemporalDouble]:
    with TemporalDouble.running() as running:
        yield running


@pytest.fixture
async def service(double: TemporalDouble, opened: Engine, monkeypatch: pytest.MonkeyPatch) -> Offramp:
    """The facade on the double, whose answers it does not ask for again and again."""
    for module in (temporal_calls, queries, workflow_requests):
        for name in ("CALL_TIMEOUT", "DESCRIBED_WITHIN", "UPDATE_TIMEOUT", "QUERY_PATIENCE", "QUERY_TIMEOUT"):
            monkeypatch.setattr(module, name, timedelta(seconds=2), raising=False)
    client = await Client.connect(
        double.address, plugins=[offramp_plugin()], retry_config=RetryConfig(max_retries=1, initial_interval_millis=1)
    )
    return Offramp(client, opened)


@pytest.fixture
def opened(imported: Import, document: Document, engine: Engine) -> Engine:
    """A cancellation in preparation with a migration, one of the marketing service, and a campaign to be stopped."""
    imported(document)
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at, "
            "received_on, data) VALUES (:case, 'SUB-1', 1, 'r', 'cancellation:SUB-1', 'agent', 'intake', :noon, "
            "'2026-11-22', 'migrate')",
            "INSERT INTO cancellations (id, subscription, subscription_line, ordinal, request_id, workflow_id, opened_by, stage, "
            "received_at, received_on) VALUES ('SUB-1/line/SUB-1-C/1', 'SUB-1', 'SUB-1-C', 1, 'l', 'line-cancellation:SUB-1-C', 'agent', "
            "'intake', :noon, '2026-11-22')",
            "INSERT INTO on_premises_migrations (cancellation, organization, queue, stage, stage_since, requested_at) "
            "VALUES (:case, 'ORG-1', 'billing_support', 'requested', :noon, :noon)",
            "INSERT INTO marketing_cancellations (id, organization, ordinal, request_id, workflow_id, opened_by, stage, "
            "received_at) VALUES ('ORG-1/marketing/1', 'ORG-1', 1, 'r', 'w', 'agent', 'intake', :noon)",
            "INSERT INTO bulks (id, kind, source, state, total, at_once, per_minute, reason, planned_by, planned_at, judged_at, "
            "digest, ready, confirmed_by, confirmed_at, confirmed_because) SELECT id, 'rows', 'x', state, 1, 1, 1, 'x', 'a', now(), "
            "now(), 'd', 1, by, at, by FROM (VALUES ('bulk-0123456789abcdef', 'planned', NULL, NULL), "
            "('bulk-fedcba9876543210', 'stopped', 'b', now())) AS of (id, state, by, at)",
            "INSERT INTO marketing_stops (id, campaign, cancellation, action, requested_at) "
            "VALUES ('SUB-1/1/CMP-1', 'CMP-1', :case, 'pause', :noon)",
        ):
            connection.execute(text(statement), {"case": CASE, "noon": NOON})
    return engine


async def test_every_method_is_tried(service: Offramp) -> None:
    found = {f"{name}.{method}" for name in AREAS for method in methods(getattr(service, name))}
    assert found == COMMANDS.keys() | OF_THE_RECORDS


@pytest.mark.parametrize("status", [status.name for status in grpc.StatusCode if status is not grpc.StatusCode.OK])
async def test_whatever_temporal_answers_a_caller_gets_a_refusal_that_fits(
    service: Offramp, double: TemporalDouble, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    double.status, double.message = grpc.StatusCode[status], "the sentence of Temporal"
    if status not in ASKED_AGAIN:  # the first answer counts, however long a busy machine takes for it
        monkeypatch.setattr(temporal_calls, "CALL_TIMEOUT", timedelta(minutes=1))
        for name in ("UPDATE_TIMEOUT", "QUERY_TIMEOUT"):
            monkeypatch.setattr(workflow_requests, name, timedelta(minutes=1))
    results = await asyncio.gather(*(command(service) for command in COMMANDS.values()), return_exceptions=True)

    told = dict(zip(COMMANDS, results, strict=True))
    refused = {name: error.details.code for name, error in told.items() if isinstance(error, Refusal)}
    faults = {name: repr(error) for name, error in told.items() if isinstance(error, BaseException)}
    assert {name: fault for name, fault in faults.items() if name not in refused} == {}
    assert {name: code for name, code in refused.items() if code not in CODES[status]} == {}
    from_records = {name for name in COMMANDS if name.endswith(".status")} if status in FALLS_BACK else set()
    assert told.keys() - refused.keys() <= from_records


async def test_a_query_that_a_killed_worker_took_along_is_asked_again(
    service: Offramp, double: TemporalDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "QUERY_PATIENCE", timedelta(seconds=0.2))
    double.status, double.message = grpc.StatusCode.DEADLINE_EXCEEDED, "nobody answered"
    double.called.clear()

    status = await service.cancellations.status("SUB-1")

    assert double.called.count("QueryWorkflow") > 3
    assert status.waiting_for == WAITS_FOR_WORKER


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("RESOURCE_EXHAUSTED", "workflow operation can not be applied because workflow is closing"),
        (
            "FAILED_PRECONDITION",
            "Unable to perform workflow execution update due to unexpected workflow task failure.",
        ),
        ("UNAVAILABLE", "workflow update was aborted"),
    ],
)
async def test_an_update_that_its_workflow_dropped_is_sent_again(
    service: Offramp, double: TemporalDouble, monkeypatch: pytest.MonkeyPatch, status: str, message: str
) -> None:
    double.status, double.message = grpc.StatusCode.NOT_FOUND, "no workflow answers a question for its status"
    monkeypatch.setitem(double.of_calls, "UpdateWorkflowExecution", (grpc.StatusCode[status], message))
    double.called.clear()

    refusal = await refused(service.cancellations.withdraw("SUB-1", actor="agent", reason="they stay"))

    assert double.called.count("UpdateWorkflowExecution") > 2
    assert refusal.code == "still_waiting"


@pytest.mark.parametrize(
    ("said", "code"), [("transport error", "temporal_unavailable"), ("a bug of the server", "temporal_failed")]
)
def test_a_connection_that_is_lost_in_a_call_is_unavailable_and_no_failure_of_temporal(said: str, code: str) -> None:
    error = RPCError(said, RPCStatusCode.UNKNOWN, b"")
    assert refusal_of(error, address="temporal:7233", namespace="default").code == code

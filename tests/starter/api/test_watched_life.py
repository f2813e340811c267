"""Metrics, log and traces of one life: they say what happened to which case, and nothing of a person."""

import re
from collections.abc import Sequence

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.testing import WorkflowEnvironment

from runtime.temporal import offramp_plugin
from runtime.tracing import KEPT, Tracing
from starter.access.tokens import TokenVerifier
from tests.deployment.monitoring import alerts, metrics, queries
from tests.starter.api.watched import KEY, Watched, watched_life
from tests.support.databases import migrated_database
from tests.support.histories import assert_sound
from tests.support.issuer import Issuer
from tests.workflows.test_replay import recorded


@pytest_asyncio.fixture(scope="module")
async def life(
    temporal_env: WorkflowEnvironment,
    postgres_url: str,
    template_database: str,
    issuer: Issuer,
    verifier: TokenVerifier,
) -> Watched:
    with migrated_database(postgres_url, template_database) as database:
        return await watched_life(temporal_env, database, issuer, verifier)


def ancestors(span: ReadableSpan, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """The spans above one, the next first."""
    by_id = {each.context.span_id: each for each in spans}
    found: list[ReadableSpan] = []
    while (parent := span.parent) is not None and parent.span_id in by_id:
        span = by_id[parent.span_id]
        found.append(span)
    return found


def in_trace(span: ReadableSpan, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    return [each for each in spans if each.context.trace_id == span.context.trace_id]


def statement(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get("db.query.text", ""))


def test_every_metric_of_dashboard_and_alerts_is_served_by_a_running_worker(life: Watched) -> None:
    served = set(re.findall(r"^(\w+)(?:\{| )", life.scraped, re.MULTILINE))
    watched = metrics([*queries(), *(alert["expr"] for alert in alerts())])
    assert watched - served == set()


def test_a_metric_counts_what_happened_and_names_no_case(life: Watched) -> None:
    def value(metric: str, **labels: str) -> float:
        [line] = [
            line
            for line in life.scraped.splitlines()
            if line.startswith(metric + "{") and all(f'{name}="{said}"' in line for name, said in labels.items())
        ]
        return float(line.rpartition(" ")[2])

    assert value("offramp_open_cases", kind="cancellation", stage="intake") == 0
    assert value("offramp_codec_failures", reason="key_missing") >= 1
    assert value("offramp_refusals", code="code_wrong") == 1
    assert value("offramp_link_refusals", code="link_tampered") == 1
    route = "/subscriptions/{subscription}/cancellations/{number}/tries"
    assert value("offramp_http_request_seconds_count", method="POST", route=route, status="409") == 1
    subscription = life.case.partition("/")[0]
    assert [line for line in life.scraped.splitlines() if subscription in line] == []


def test_a_line_of_the_log_says_which_activity_of_which_case_it_is_about(life: Watched) -> None:
    of_case = [record for record in life.records if record.get("case") == life.case]
    assert {"logger", "level", "time", "message", "workflow_id", "run_id", "activity", "attempt"} <= of_case[0].keys()
    # Mail and webhooks of the case have its workflow; what was done has its name and the number of the attempt.
    assert {record["workflow_id"] for record in of_case} == {life.workflow_id}
    said = [(record["activity"], record["attempt"], record["message"]) for record in of_case]
    assert ("open_case", 1, "done") in said
    assert any(message == "refused: code_wrong" for _, _, message in said)
    [first, *_] = [attempt for _, attempt, message in said if message.startswith("failed: ")]
    assert first == 1
    assert any(attempt > 1 and message == "done" for _, attempt, message in said)


def test_a_failed_task_is_logged_by_its_place_in_the_code(life: Watched) -> None:
    failed = [record for record in life.records if "exception" in record]
    assert any("EncryptionKeyMissing at:" in record["exception"] for record in failed)
    assert not any("which this process does not have" in record["exception"] for record in failed)


def test_a_trace_leads_from_a_request_to_the_statements_of_its_activity(life: Watched) -> None:
    [request] = [span for span in life.spans if span.name == "POST /v1/subscriptions/{subscription}/cancellations"]
    [opening] = [span for span in life.spans if span.name == "RunActivity:open_case"]
    [insert] = [
        span
        for span in life.spans
        if span.parent and span.parent.span_id == opening.context.span_id and "INTO cancellations" in statement(span)
    ]

    assert [span.name for span in ancestors(insert, life.spans)] == [
        "RunActivity:open_case",
        "StartActivity:open_case",
        "StartUpdateWithStartWorkflow:SubscriptionCancellation",
        request.name,
    ]
    assert any(span.name == "RunWorkflow:SubscriptionCancellation" for span in in_trace(request, life.spans))


def test_a_span_has_the_attributes_that_may_leave_a_process_and_no_text_of_an_error(life: Watched) -> None:
    for span in life.spans:
        assert set(span.attributes or {}) <= KEPT
        assert span.status.description is None
        assert all(set(event.attributes or {}) <= {"exception.type"} for event in span.events)


def test_the_header_of_a_workflow_has_the_identity_of_a_span_alone(life: Watched) -> None:
    started = life.history.events[0].workflow_execution_started_event_attributes
    [header] = started.header.fields.values()
    assert re.fullmatch(rb'\{"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]"\}', header.data)


async def test_a_history_replays_with_tracing_or_without(life: Watched) -> None:
    tracing = Tracing("offramp-tests", SimpleSpanProcessor(InMemorySpanExporter()))
    before = recorded("withdrawn.json")
    await assert_sound([life.history], offramp_plugin(KEY))
    await assert_sound([life.history], offramp_plugin(KEY, tracing=tracing))
    await assert_sound([before], offramp_plugin(tracing=tracing))


@pytest.mark.parametrize("means", ["scraped", "logged", "spans"])
def test_nothing_of_a_person_and_nothing_that_opens_anything_is_told(life: Watched, means: str) -> None:
    told = "\n".join(span.to_json() for span in life.spans) if means == "spans" else str(getattr(life, means))
    assert len(told) > 1000
    assert {what for what, said in life.personal.items() if said in told} == set()

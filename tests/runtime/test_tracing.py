"""What crosses a process with a trace: the identity of a span, and nothing that somebody else has put there."""

import pytest
from opentelemetry.propagate import get_global_textmap
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, get_current_span
from temporalio.api.common.v1 import Payload

from runtime.tracing import Tracing
from runtime.tracing_settings import TracingSettings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def tracing() -> Tracing:
    return Tracing("offramp-tests", SimpleSpanProcessor(InMemorySpanExporter()))


def test_neither_baggage_nor_state_of_a_caller_is_passed_on(tracing: Tracing) -> None:
    given = {"traceparent": PARENT, "tracestate": "vendor=ada@contoso.example", "baggage": "name=contoso"}
    passed_on: dict[str, str] = {}
    get_global_textmap().inject(passed_on, get_global_textmap().extract(given))
    assert passed_on == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"7", b"[1]", b'{"traceparent": 7}', b'{"traceparent": "not one"}', b"\xff"], ids=repr
)
def test_a_header_that_cannot_be_read_is_none(tracing: Tracing, data: bytes) -> None:
    interceptor = tracing.interceptor
    header = Payload(metadata={"encoding": b"json/plain"}, data=data)
    [carrier] = interceptor.payload_converter.from_payloads([header])
    assert get_current_span(interceptor.text_map_propagator.extract(carrier)) is INVALID_SPAN


def test_there_are_no_traces_without_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert TracingSettings().tracing("offramp-tests") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert TracingSettings().tracing("offramp-tests") is None

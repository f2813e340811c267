"""Traces by OpenTelemetry: a request from the API over its workflow and activities to the statements of the database.

A span says what was done and how long it took, never with which values: what leaves a process has the attributes in `KEPT` and no
others, and of an error its type alone. Between processes goes the identity of the span alone (``traceparent``), no baggage and no
state that a caller has added: Temporal keeps headers in clear. A header that cannot be read is none, because an exception of
ours would fail a workflow task.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.propagate import set_global_textmap
from opentelemetry.propagators.textmap import CarrierT, Getter, Setter, default_getter, default_setter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput

KEPT = frozenset(
    {
        *("temporalWorkflowID", "temporalRunID", "temporalActivityID"),
        *("http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code"),
        *("db.system.name", "db.operation.name", "db.query.text"),
        "exception.type",
    }
)
"""The attributes that leave a process. Not among them: ids of requests, which are whatever a caller likes, paths, and headers."""

_PARENT = "traceparent"
_LONGEST_STATEMENT = 2_000
_SPANS = "offramp_spans"
_UNTRACED = "/health,/ready"


class ParentOnly(TraceContextTextMapPropagator):
    """The propagator of ``traceparent`` alone."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context that a carrier names, and the given one where it names none."""
        found = getter.get(carrier, _PARENT)
        parent = found[0] if found else None
        return super().extract({_PARENT: parent} if isinstance(parent, str) else {}, context)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Put the identity of the current span into a carrier."""
        whole: dict[str, str] = {}
        super().inject(whole, context)
        if _PARENT in whole:
            setter.set(carrier, _PARENT, whole[_PARENT])


class _Headers(PydanticPayloadConverter):
    """The converter of the header, for which whatever is no carrier is an empty one."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        try:
            found = super().from_payloads(payloads, type_hints)
        except Exception:  # noqa: BLE001 - anybody may have written it
            found = [{}]
        return [each if isinstance(each, Mapping) else {} for each in found]


class _InWorkflows(TracingWorkflowInboundInterceptor):
    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002
        super().__init__(next)
        self.text_map_propagator = ParentOnly()
        self.payload_converter = _Headers()


class _Interceptor(TracingInterceptor):
    def __init__(self, tracer: Tracer) -> None:
        super().__init__(tracer)
        self.text_map_propagator = ParentOnly()
        self.payload_converter = _Headers()

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[_InWorkflows]:  # noqa: A002
        super().workflow_interceptor_class(input)
        return _InWorkflows


class WithoutValues(SpanExporter):
    """The exporter before another one that leaves out whatever may hold a value."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans without the values in them."""
        return self._exporter.export([_without_values(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is pending."""
        return self._exporter.force_flush(timeout_millis)


def _without_values(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes),
        events=[Event(each.name, _kept(each.attributes), each.timestamp) for each in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in KEPT}


class Tracing:
    """The tracing of a process; its exporter and sampler are those of the standard variables ``OTEL_…``.

    ``process`` names it, where ``OTEL_SERVICE_NAME`` does not. ``processor`` takes the place of the exporter.
    """

    def __init__(self, process: str, processor: SpanProcessor | None = None) -> None:
        own = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": process}
        self._provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(WithoutValues(OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("offramp")
        set_global_textmap(ParentOnly())

    @property
    def interceptor(self) -> TracingInterceptor:
        """The interceptor of clients, and of the workers that inherit it."""
        return _Interceptor(self._tracer)

    def trace_requests(self, app: FastAPI) -> None:
        """Trace the requests to an application, by their route."""
        FastAPIInstrumentor.instrument_app(
            app, tracer_provider=self._provider, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"]
        )

    def trace_statements(self, engine: Engine) -> None:
        """Trace the statements that are part of a trace: their text has no parameters in it."""

        def begin(connection: Connection, _: object, statement: str, *__: object) -> None:
            spans = connection.info.setdefault(_SPANS, [])
            spans.append(_statement_span(self._tracer, statement) if get_current_span().is_recording() else None)

        def end(connection: Connection, *_: object) -> None:
            _end(connection)

        def fail(context: ExceptionContext) -> None:
            if context.connection is not None:
                _end(context.connection, type(context.original_exception).__name__)

        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
        event.listen(engine, "handle_error", fail)

    def shut_down(self) -> None:
        """Export what is pending."""
        self._provider.shutdown()


def _statement_span(tracer: Tracer, statement: str) -> Span:
    operation = statement.split(None, 1)[0].upper() if statement.strip() else "SQL"
    return tracer.start_span(
        operation,
        kind=SpanKind.CLIENT,
        attributes={
            "db.system.name": "postgresql",
            "db.operation.name": operation,
            "db.query.text": statement[:_LONGEST_STATEMENT],
        },
    )


def _end(connection: Connection, error: str | None = None) -> None:
    spans: list[Span | None] = connection.info.get(_SPANS, [])
    if not spans or (span := spans.pop()) is None:
        return
    if error is not None:
        span.add_event("exception", {"exception.type": error})
        span.set_status(StatusCode.ERROR)
    span.end()

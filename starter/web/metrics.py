"""The metrics of HTTP requests: how many there are and how long each takes, by method, route and status.

The route is the address as it is declared, such as ``/links/{token}``: what a caller puts into it stands in no label.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.common import MetricMeter

from runtime.metrics import HTTP_SECONDS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""The label of a method, or a route, that is none of ours."""


def with_metrics(app: ASGIApp, meter: MetricMeter) -> ASGIApp:
    """Measure every request that an application answers; of a stream, until it ends."""
    seconds = meter.create_histogram_float(HTTP_SECONDS, "HTTP requests, by method, route and status", "s")

    async def measured(scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, sent)
        finally:
            if scope["type"] == "http":
                method = scope["method"] if scope["method"] in _METHODS else OTHER
                route = getattr(scope.get("route"), "path", OTHER)
                labels = {"method": method, "route": route, "status": status}
                seconds.record(time.perf_counter() - began, labels)

    return measured

"""The setting of where traces go; what makes them is loaded only where they go somewhere."""

from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from runtime.tracing import Tracing


class TracingSettings(BaseSettings):
    """The destination of traces, by OpenTelemetry's own variables: without an endpoint there are none.

    ``OTEL_EXPORTER_OTLP_ENDPOINT``, or of traces alone ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``: a collector that takes OTLP over HTTP.
    ``OTEL_SDK_DISABLED``: true for none in spite of it.
    """

    model_config = SettingsConfigDict(env_prefix="OTEL_", env_ignore_empty=True)

    exporter_otlp_endpoint: str = ""
    exporter_otlp_traces_endpoint: str = ""
    sdk_disabled: bool = False

    def tracing(self, process: str) -> "Tracing | None":
        """Return the tracing of a process; None without a destination."""
        if self.sdk_disabled or not (self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint):
            return None
        from runtime.tracing import Tracing  # noqa: PLC0415 - most installations need none of what it imports

        return Tracing(process)

"""The metrics of a process: Temporal's own and ours, for Prometheus to scrape."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.common import MetricMeter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

_REFUSALS = "offramp_refusals"
"""The refusals of activities, by their code: ``limit_reached`` says that somebody floods, or guesses."""


class MetricsSettings(BaseSettings):
    """The address where metrics are served: ``OFFRAMP_METRICS_ADDRESS``, such as ``127.0.0.1:9464``; empty for none."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True)

    metrics_address: str | None = Field(default=None, pattern=r"^[^:\s]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$")

    @property
    def runtime(self) -> Runtime | None:
        """The SDK's runtime that serves them, one for the whole process; None for the default one."""
        if self.metrics_address is None:
            return None
        return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=self.metrics_address)))


def count_refusal(meter: MetricMeter, code: str) -> None:
    """Count a refusal of an activity."""
    meter.create_counter(_REFUSALS, "Refusals of activities, by their code").add(1, {"code": code})

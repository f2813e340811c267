"""The metrics of a process: Temporal's own and ours, for Prometheus to scrape on one address.

Ours are instruments of the SDK's meter. No label names a case, an organization or a person: each has few values, known beforehand.
"""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.common import MetricMeter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from runtime.addresses import HOST_AND_PORT
from runtime.logs import FORWARDED

_REFUSALS = "offramp_refusals"
"""The refusals of activities, by their code: ``limit_reached`` says that somebody floods, or guesses."""

HTTP_SECONDS = "offramp_http_request_seconds"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class MetricsSettings(BaseSettings):
    """The address where metrics are served: ``OFFRAMP_METRICS_ADDRESS``, such as ``127.0.0.1:9464``; empty for none."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True)

    metrics_address: str | None = Field(default=None, pattern=HOST_AND_PORT)

    @property
    def runtime(self) -> Runtime:
        """The SDK's runtime of a process, which serves them, if there is an address, and logs as the process does."""
        served = self.metrics_address and PrometheusConfig(
            bind_address=self.metrics_address, histogram_bucket_overrides={HTTP_SECONDS: list(_BUCKETS)}
        )
        telemetry = TelemetryConfig(logging=FORWARDED, metrics=served or None, attach_service_name=False)
        return Runtime(telemetry=telemetry)


def count_refusal(meter: MetricMeter, code: str) -> None:
    """Count a refusal of an activity."""
    meter.create_counter(_REFUSALS, "Refusals of activities, by their code").add(1, {"code": code})


class CodecFailure(StrEnum):
    """The reason why a payload is not decrypted."""

    KEY_MISSING = "key_missing"
    """This process does not have its key."""
    KEY_UNKNOWN = "key_unknown"
    """It names a key that this installation has never had."""
    NOT_OPENED = "not_opened"
    """Its key does not open it: somebody else wrote it, or changed it."""


class CodecMetrics:
    """The counter of payloads that a process could not decrypt, by the reason."""

    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        self._failures = meter.create_counter(
            "offramp_codec_failures", "Payloads that were not decrypted, by the reason"
        )
        for reason in CodecFailure:  # from the start, so that the first one is an increase
            self._failures.add(0, {"reason": reason})

    def count(self, reason: CodecFailure) -> None:
        """Count a payload."""
        self._failures.add(1, {"reason": reason})


class LinkMetrics:
    """The counter of links from mails that led to a refusal, by its code."""

    def __init__(self, meter: MetricMeter = MetricMeter.noop, codes: Iterable[str] = ()) -> None:
        self._refusals = meter.create_counter(
            "offramp_link_refusals", "Links to downloads, acknowledgements and consents that were refused, by code"
        )
        for code in codes:
            self._refusals.add(0, {"code": code})

    def count(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.add(1, {"code": code})

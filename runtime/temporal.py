"""The connection to Temporal; workers inherit everything from the client.

The address comes from the environment or a Temporal configuration file: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
TEMPORAL_API_KEY, TEMPORAL_TLS_… (`temporalio.envconfig`).
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
)
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import contract
from contract.readable import Readable
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.actors import ActorInterceptor
from runtime.known_key_ids import KnownKeyIds
from runtime.logs import LogInterceptor
from runtime.metrics import CodecMetrics
from runtime.payload_codec import READABLE, EncryptingCodec
from runtime.payload_keys import PayloadKeys, PayloadKeySettings
from runtime.refusals import RefusalInterceptor
from runtime.request_keys import RequestKeys, RequestKeySettings

if TYPE_CHECKING:
    from runtime.tracing import Tracing

SANDBOX = SandboxedWorkflowRunner(
    # Loaded once for all workflows: loading them for each took a tenth of the time of a case, and a third of its memory. What the
    # strict sandbox finds in workflow code, a test with recorded histories finds for every change (`tests.workflows.test_replay`).
    restrictions=SandboxRestrictions.default.with_passthrough_modules("workflows").with_import_notification_policy(
        workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
)


class MessageConverter(PydanticPayloadConverter):
    """The converter to JSON, by pydantic. An unreadable payload without a requested type is `contract.Unreadable`.

    Such payloads are the arguments of workflows and their handlers, which refuse what they cannot read instead of
    failing a task. A payload whose key is missing does not come so far (`EncryptingCodec`).
    """

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Return the payloads of values; those of `Readable` texts are marked to stay so."""
        payloads = super().to_payloads(values)
        for value, payload in zip(values, payloads, strict=True):
            if isinstance(value, Readable):
                payload.metadata[READABLE] = b"true"
        return payloads

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Return the values of payloads, as many as there are."""
        if type_hints:
            return super().from_payloads(payloads, type_hints)
        return [self._value_of(payload) for payload in payloads]

    def _value_of(self, payload: Payload) -> Any:
        try:
            return super().from_payloads([payload])[0]
        except (KeyError, ValueError, RuntimeError):
            return contract.Unreadable()


class TemporalUnavailable(Refusal):
    """A connection to Temporal that cannot be made."""

    code = "temporal_unavailable"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal cannot be reached at {address}: {reason.rstrip('.')}.",
            remedy=Remedy.of(RemedyKind.START_SERVICE, variable="TEMPORAL_ADDRESS"),
            address=address,
        )


class TemporalConfigurationMalformed(Refusal):
    """A file or variables for the connection to Temporal that cannot be read."""

    code = "temporal_configuration_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The configuration of the connection to Temporal cannot be read.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE_TEMPORAL,
                variables="TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE",
                file_variable="TEMPORAL_CONFIG_FILE",
                reason=reason.strip(),
            ),
        )


def offramp_plugin(
    keys: PayloadKeys | None = None,
    requests: RequestKeys | None = None,
    known: KnownKeyIds | None = None,
    *,
    meter: MetricMeter = MetricMeter.noop,
    tracing: "Tracing | None" = None,
) -> SimplePlugin:
    """Return the plugin of the service's clients, workers and replayers: messages, their encryption, sandbox, refusals, actors.

    Where payloads are encrypted, the messages and stack traces of failures are as well. ``requests`` are the keys with which
    clients sign requests, and workers verify them; ``known`` tells keys that are missing from those that nobody has had.
    ``meter`` counts payloads that are not decrypted; ``tracing`` is what follows requests.
    """
    encrypts = keys is not None and keys.encrypting is not None
    return SimplePlugin(
        "offramp",
        data_converter=DataConverter(
            payload_converter_class=MessageConverter,
            payload_codec=EncryptingCodec(keys, known, CodecMetrics(meter)),
            failure_converter_class=(
                DefaultFailureConverterWithEncodedAttributes if encrypts else DefaultFailureConverter
            ),
        ),
        interceptors=[
            *([tracing.interceptor] if tracing else []),
            LogInterceptor(),
            RefusalInterceptor(),
            ActorInterceptor(requests or RequestKeys()),
        ],
        workflow_runner=SANDBOX,
    )


async def connect_to_temporal(
    *,
    engine: Engine | None = None,
    lazy: bool = False,
    runtime: Runtime | None = None,
    plugin: SimplePlugin | None = None,
    tracing: "Tracing | None" = None,
) -> Client:
    """Connect to the configured Temporal, or, with ``lazy``, leave that to the first call.

    ``engine`` is that of the records, in which the ids of this process's keys are recorded, now or as soon as it answers;
    ``runtime`` has the metrics, and ``tracing`` follows requests; ``plugin`` is that of a client which has other keys than those
    that are configured.

    Raises:
        TemporalUnavailable, TemporalConfigurationMalformed.

    """
    try:
        # The environment as Python has it: the SDK would read the C library's, of which tests keep their hands off.
        config = ClientConfig.load_client_connect_config(override_env_vars=dict(os.environ))
    except Exception as error:  # noqa: BLE001 - the SDK's error for this has no public name
        raise TemporalConfigurationMalformed(str(error)) from None
    config.setdefault("target_host", "localhost:7233")
    if plugin is None:
        keys = PayloadKeySettings().keys
        known = KnownKeyIds(engine, keys) if engine is not None else None
        if known is not None:
            with suppress(Refusal):  # nothing is encrypted before it succeeds
                await known.record()
        meter = MetricMeter.noop if runtime is None else runtime.metric_meter
        plugin = offramp_plugin(keys, RequestKeySettings().keys, known, meter=meter, tracing=tracing)
    try:
        return await Client.connect(**config, plugins=[plugin], lazy=lazy, runtime=runtime)
    except RuntimeError as error:
        raise TemporalUnavailable(config["target_host"], connection_failure(error)) from None


def connection_failure(error: RuntimeError) -> str:
    """Return in words why the SDK could not connect."""
    # Its core quotes the whole chain of causes; the innermost is in words.
    said = str(error)
    causes: list[str] = re.findall(r'(?:message|error): "([^"]+)"', said)
    return causes[-1] if causes else said.splitlines()[0]

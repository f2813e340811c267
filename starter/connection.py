"""The one way to connect to Temporal; workers inherit everything from the client.

Where to connect comes from the environment or a Temporal configuration file: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
TEMPORAL_API_KEY, TEMPORAL_TLS_… (`temporalio.envconfig`).
"""

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.refusals import RefusalInterceptor
from domain.errors import Refusal

STRICT_SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_import_notification_policy(
        workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
)


class TemporalUnavailable(Refusal):
    """Temporal cannot be reached."""

    code = "temporal_unavailable"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal cannot be reached at {address}: {reason}.",
            way_out="Start the service with `offramp up`, or set TEMPORAL_ADDRESS. Running cancellations are not affected.",
            address=address,
        )


def offramp_plugin() -> SimplePlugin:
    """Return what makes a client, a worker or a replayer one of ours: messages, sandbox, refusals."""
    return SimplePlugin(
        "offramp",
        data_converter=pydantic_data_converter,
        interceptors=[RefusalInterceptor()],
        workflow_runner=STRICT_SANDBOX,
    )


async def connect_to_temporal() -> Client:
    """Connect to the configured Temporal; raises TemporalUnavailable."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config, plugins=[offramp_plugin()])
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise TemporalUnavailable(config["target_host"], reason) from None

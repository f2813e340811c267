"""The process that serves the API: ``python -m starter.api``.

``OFFRAMP_API_HOST`` and ``OFFRAMP_API_PORT`` set its address; the default is 127.0.0.1 and 8236. It speaks HTTP: TLS ends
before it.
"""

import asyncio

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.messaging.webhook_secrets import WebhookKeySettings
from runtime.metrics import MetricsSettings
from runtime.serving import serve
from runtime.temporal import connect_to_temporal
from runtime.tracing_settings import TracingSettings
from starter.access.settings import AccessSettings
from starter.api.app import create_api
from starter.service import Offramp
from starter.service.console_link import ConsoleLink
from starter.service.events import MOST_STREAMS
from starter.web.connections import MOST_CONNECTIONS, server_options
from storage.database import DatabaseSettings, create_database_engine
from storage.rights import warn_of_owner

_CONNECTIONS = 20


class ApiSettings(BaseSettings):
    """The address on which the API listens."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8236, ge=1, le=65535)


async def main() -> None:
    """Serve the API until SIGTERM or SIGINT."""
    settings, verifier = ApiSettings(), AccessSettings().verifier()
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=_CONNECTIONS)
    await asyncio.to_thread(warn_of_owner, engine)
    keys = WebhookKeySettings().keys
    runtime = MetricsSettings().runtime
    tracing = TracingSettings().tracing("offramp-api")
    if tracing is not None:
        tracing.trace_statements(engine)
    temporal = await connect_to_temporal(engine=engine, lazy=True, runtime=runtime, tracing=tracing)
    service = Offramp(temporal, engine, webhook_keys=keys, console=ConsoleLink().console_url)
    app = create_api(service, verifier, runtime.metric_meter, tracing)
    config = uvicorn.Config(
        app, settings.api_host, settings.api_port, **server_options(most=MOST_STREAMS + MOST_CONNECTIONS)
    )
    await uvicorn.Server(config).serve()
    engine.dispose()
    if tracing is not None:
        tracing.shut_down()


if __name__ == "__main__":
    serve(main, failing="The API cannot be served")

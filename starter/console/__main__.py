"""The process that serves the console: ``python -m starter.console``.

`ConsoleSettings` and `AccessSettings` say where it listens and who signs people in. It speaks HTTP: TLS ends before it.
"""

import asyncio

import uvicorn

from activities.messaging.webhook_secrets import WebhookKeySettings
from runtime.metrics import MetricsSettings
from runtime.serving import serve
from runtime.temporal import connect_to_temporal
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from starter.console.settings import ConsoleSettings
from starter.service import Offramp
from starter.service.events import MOST_STREAMS
from starter.web.connections import MOST_CONNECTIONS, server_options
from storage.database import DatabaseSettings, create_database_engine
from storage.rights import warn_of_owner

_CONNECTIONS = 10


async def main() -> None:
    """Serve the console until SIGTERM or SIGINT."""
    settings, access = ConsoleSettings(), AccessSettings()
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=_CONNECTIONS)
    await asyncio.to_thread(warn_of_owner, engine)
    keys = WebhookKeySettings().keys
    temporal = await connect_to_temporal(engine=engine, lazy=True, runtime=MetricsSettings().runtime)
    service = Offramp(temporal, engine, webhook_keys=keys, console=settings.url)
    app = create_console(service, settings, access)
    config = uvicorn.Config(
        app, settings.console_host, settings.console_port, **server_options(most=MOST_STREAMS + MOST_CONNECTIONS)
    )
    await uvicorn.Server(config).serve()
    engine.dispose()


if __name__ == "__main__":
    serve(main, failing="The console cannot be served")

"""The process that serves the pages: ``python -m starter.pages``.

``OFFRAMP_PAGES_HOST`` and ``OFFRAMP_PAGES_PORT`` set its address; the default is 127.0.0.1 and 8234. It speaks HTTP:
TLS ends before it.
"""

import asyncio

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.messaging.links import LinkSettings
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.metrics import MetricsSettings
from runtime.serving import serve
from runtime.temporal import connect_to_temporal
from starter.pages.app import create_pages
from starter.service import Offramp
from starter.web.connections import server_options
from storage.database import DatabaseSettings, create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import warn_of_owner


class PagesNotConfigured(Refusal):
    """The pages were started without the URL under which people find them."""

    code = "pages_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "Nothing says under which URL people find the pages.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_PUBLIC_URL",
                expected="the URL under which people reach the pages, for the worker too: the links lead there",
            ),
        )


class PagesSettings(BaseSettings):
    """The address on which the pages listen."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    pages_host: str = "127.0.0.1"
    pages_port: int = Field(default=8234, ge=1, le=65535)


async def main() -> None:
    """Serve the pages until SIGTERM or SIGINT."""
    settings, links = PagesSettings(), LinkSettings().links
    if links is None:
        raise PagesNotConfigured
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=5)
    await asyncio.to_thread(warn_of_owner, engine)
    runtime = MetricsSettings().runtime
    temporal = await connect_to_temporal(engine=engine, runtime=runtime)
    objects = Objects(store) if (store := ObjectStoreSettings()).url else None
    app = create_pages(Offramp(temporal, engine, objects=objects), links, runtime.metric_meter)
    config = uvicorn.Config(app, settings.pages_host, settings.pages_port, **server_options())
    await uvicorn.Server(config).serve()
    engine.dispose()


if __name__ == "__main__":
    serve(main, failing="The pages cannot be served")

"""How commands reach the service: one event loop, one client, and who is acting."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from starter.cli import values
from starter.cli.output import waiting

if TYPE_CHECKING:  # these take a second, which `--help` and a wrong call should not cost
    from sqlalchemy import Engine
    from temporalio.client import Client

    from starter.service.cancellation import Offramp
    from starter.service.export import ExportsClient
    from starter.service.legal_holds import HoldsClient
    from starter.service.marketing import MarketingClient
    from starter.service.migration import MigrationsClient

Result = TypeVar("Result")
AnyClient = TypeVar("AnyClient")


class NoServiceConfigured(Refusal):
    """Neither the environment nor a local stack says where the database is."""

    code = "no_service_configured"

    def __init__(self) -> None:
        super().__init__(
            "No service was found: OFFRAMP_DATABASE_URL is not set and no local stack runs here.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Start one with `offramp up`, go to the directory where it runs, or set OFFRAMP_DATABASE_URL.",
            ),
        )


def default_actor() -> str:
    """Return who acts when nobody is named: $OFFRAMP_ACTOR, else the login name."""
    return os.environ.get("OFFRAMP_ACTOR") or getpass.getuser()


ActorOption = Annotated[
    str,
    typer.Option("--actor", parser=values.actor, metavar="NAME", default_factory=default_actor,
                 show_default="$OFFRAMP_ACTOR or your login name",
                 help="Who does this, for the audit trail; no e-mail address."),
]  # fmt: skip
RequestIdOption = Annotated[
    str | None,
    typer.Option("--request-id", metavar="ID", help="Repeat a command with the same id to get the first one's result."),
]
CampaignActionOption = Annotated[
    list[str] | None,
    typer.Option("--campaign-action", metavar="CAMPAIGN=pause|delete",
                 help="How a campaign is stopped; paused if not named. May be repeated."),
]  # fmt: skip
SubscriptionArgument = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", parser=values.identifier, help="The subscription's id.")
]


@contextmanager
def database() -> Iterator["Engine"]:
    """Give the configured database; raises NoServiceConfigured, and DatabaseUnavailable while it is used."""
    from storage.database import DatabaseSettings, create_database_engine, refusing_when_unavailable

    if not os.environ.get("OFFRAMP_DATABASE_URL"):
        raise NoServiceConfigured
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=4)
    try:
        with refusing_when_unavailable(engine.url):
            yield engine
    finally:
        engine.dispose()


def with_service(
    command: "Callable[[Offramp], Awaitable[Result]]", *, as_json: bool, what: str = "Waiting for the service"
) -> Result:
    """Connect, run one command while a person at a terminal sees what is waited for, disconnect."""

    def client(temporal: "Client", engine: "Engine") -> "Offramp":
        from starter.service.cancellation import Offramp

        return Offramp(temporal, engine)

    return _with_client(client, command, as_json=as_json, what=what)


def with_marketing(
    command: "Callable[[MarketingClient], Awaitable[Result]]", *, as_json: bool, what: str = "Waiting for the service"
) -> Result:
    """Do the same with the client of marketing services."""

    def client(temporal: "Client", engine: "Engine") -> "MarketingClient":
        from starter.service.marketing import MarketingClient

        return MarketingClient(temporal, engine)

    return _with_client(client, command, as_json=as_json, what=what)


def with_migrations(command: "Callable[[MigrationsClient], Awaitable[Result]]", *, as_json: bool) -> Result:
    """Do the same with the client of migrations."""

    def client(temporal: "Client", engine: "Engine") -> "MigrationsClient":
        from starter.service.migration import MigrationsClient

        return MigrationsClient(temporal, engine)

    return _with_client(client, command, as_json=as_json, what="Waiting for the service")


def with_holds(command: "Callable[[HoldsClient], Awaitable[Result]]", *, as_json: bool) -> Result:
    """Do the same with the client of holds."""

    def client(temporal: "Client", engine: "Engine") -> "HoldsClient":
        from starter.service.legal_holds import HoldsClient

        return HoldsClient(temporal, engine)

    return _with_client(client, command, as_json=as_json, what="Waiting for the service")


def with_exports(command: "Callable[[ExportsClient], Awaitable[Result]]", *, as_json: bool) -> Result:
    """Do the same with the client of exports."""

    def client(temporal: "Client", engine: "Engine") -> "ExportsClient":
        from starter.service.export import ExportsClient

        return ExportsClient(temporal, engine)

    return _with_client(client, command, as_json=as_json, what="Waiting for the service")


def _with_client(
    make: "Callable[[Client, Engine], AnyClient]",
    command: "Callable[[AnyClient], Awaitable[Result]]",
    *,
    as_json: bool,
    what: str,
) -> Result:
    async def run() -> Result:
        from runtime.temporal import connect_to_temporal

        with database() as engine:
            return await command(make(await connect_to_temporal(), engine))

    with waiting(what, as_json=as_json):
        return asyncio.run(run())

"""The way of commands to the service: one event loop, one facade, and the options that all of them share."""

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
from starter.cli.login_in_use import api_in_use
from starter.cli.output import waiting

if TYPE_CHECKING:  # these take a second, which `--help` and a wrong call should not cost
    from sqlalchemy import Engine

    from starter.service import Offramp
    from storage.objects import Objects
    from storage.tenants.database import TenantDatabase

Result = TypeVar("Result")


class NoServiceConfigured(Refusal):
    """Neither the environment nor a local stack says where the database is."""

    code = "no_service_configured"

    def __init__(self) -> None:
        super().__init__(
            "No service was found: nobody has logged in at an API, OFFRAMP_DATABASE_URL is not set and no local stack runs here.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Start one with `offramp up`, go to the directory where it runs, set OFFRAMP_DATABASE_URL, or log in at an API with `offramp login URL`.",
            ),
        )


def default_actor() -> str:
    """Return the actor where none is named: $OFFRAMP_ACTOR, else the login name."""
    return os.environ.get("OFFRAMP_ACTOR") or getpass.getuser()


ActorOption = Annotated[
    str,
    typer.Option("--actor", parser=values.actor, metavar="NAME", default_factory=default_actor,
                 show_default="$OFFRAMP_ACTOR or your login name",
                 help="The person or system that acts, for the audit trail; no e-mail address."),
]  # fmt: skip
OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION", parser=values.identifier, help="The organization's id.")
]
RequestIdOption = Annotated[
    str | None,
    typer.Option("--request-id", parser=values.request_id, metavar="ID",
                 help="Repeat a command with the same id to get the first one's result."),
]  # fmt: skip
ReasonOption = Annotated[
    str, typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, for the audit trail.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Update ahead of a day, or of a night, that is not reached yet.")
]
CancellationOption = Annotated[
    str | None,
    typer.Option("--cancellation", parser=values.cancellation, metavar="ID",
                 help="The cancellation that is meant, as in SUB-1001/1; default: the newest."),
]  # fmt: skip
CampaignActionOption = Annotated[
    list[str] | None,
    typer.Option("--campaign-action", metavar="CAMPAIGN=pause|delete",
                 help="The way a campaign is stopped; paused if not named. May be repeated."),
]  # fmt: skip
SubscriptionArgument = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", parser=values.identifier, help="The subscription's id.")
]


@contextmanager
def database() -> Iterator["Engine"]:
    """Open the configured database. Raises NoServiceConfigured, and DatabaseUnavailable while it is used."""
    from storage.database import DatabaseSettings, create_database_engine
    from storage.refusals import refusing_database_errors

    if not os.environ.get("OFFRAMP_DATABASE_URL"):
        raise NoServiceConfigured
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=4)
    try:
        with refusing_database_errors(engine.url):
            yield engine
    finally:
        engine.dispose()


def with_service(
    command: "Callable[[Offramp], Awaitable[Result]]",
    *,
    as_json: bool,
    what: str = "Waiting for the service",
    files: bool = False,
) -> Result:
    """Run one command on the service, while a spinner at a terminal shows what it waits for.

    ``files`` says that it links to files in the object store.
    """

    async def run() -> Result:
        if (api := api_in_use()) is not None:
            return await command(_remote(api))
        from activities.messaging.webhook_secrets import WebhookKeySettings
        from runtime.temporal import connect_to_temporal
        from starter.service import Offramp

        with database() as engine:
            temporal = await connect_to_temporal(engine=engine)
            return await command(
                Offramp(
                    temporal,
                    engine,
                    objects=_object_store() if files else None,
                    webhook_keys=WebhookKeySettings().keys,
                    console=_console(),
                )
            )

    with waiting(what, as_json=as_json):
        return asyncio.run(run())


def with_records(
    command: "Callable[[Offramp], Awaitable[Result]]", *, files: bool = False, tenants: bool = False
) -> Result:
    """Run a command that needs the records and not Temporal, which may be unavailable.

    ``files`` and ``tenants`` say that it needs the object store, and the database with the organizations' data.
    """

    async def run() -> Result:
        if (api := api_in_use()) is not None:
            return await command(_remote(api))
        from activities.messaging.webhook_secrets import WebhookKeySettings
        from runtime.temporal import connect_to_temporal
        from starter.service import Offramp

        with database() as engine:
            return await command(
                Offramp(
                    await connect_to_temporal(engine=engine, lazy=True),
                    engine,
                    objects=_object_store() if files else None,
                    tenants=_tenant_database() if tenants else None,
                    webhook_keys=WebhookKeySettings().keys,
                )
            )

    return asyncio.run(run())


def _remote(url: str) -> "Offramp":
    from starter.remote.facade import remote
    from starter.remote.sessions import current_session

    return remote(current_session(url))


def _object_store() -> "Objects | None":
    from storage.objects import Objects, ObjectStoreSettings

    return Objects(settings) if (settings := ObjectStoreSettings()).url else None


def _console() -> str | None:
    from starter.service.console_link import ConsoleLink

    return ConsoleLink().console_url


def _tenant_database() -> "TenantDatabase | None":
    from storage.tenants.database import TenantDatabase
    from storage.tenants.settings import TenantDatabaseSettings

    return TenantDatabase(settings) if (settings := TenantDatabaseSettings()).tenant_database_url else None

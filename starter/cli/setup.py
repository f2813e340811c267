"""``offramp setup``: the step that a deployment runs once, before its workers."""

import asyncio

from contract import SEARCH_ATTRIBUTES
from starter.cli.output import JsonOption, console, print_json
from starter.cli.service import database
from storage.schema.migrate import newest_revision


def setup(*, as_json: JsonOption = False) -> None:
    """Bring the database and Temporal to what this version needs; running it again changes nothing more."""
    from starter.deploy.setup import set_up
    from starter.nexus.endpoint import NexusEndpointSettings

    with database():
        asyncio.run(set_up())
    attributes = [key.name for key in SEARCH_ATTRIBUTES]
    endpoint = NexusEndpointSettings().nexus_endpoint
    if as_json:
        print_json({"schema": newest_revision(), "search_attributes": attributes, "nexus_endpoint": endpoint})
        return
    console.print(f"The database has the schema of this version ([bold]{newest_revision()}[/]).", highlight=False)
    console.print(f"Temporal has the search attributes {', '.join(attributes)}.", highlight=False, soft_wrap=True)
    if endpoint:
        console.print(f"The Nexus endpoint [bold]{endpoint}[/] leads to the service.", highlight=False)

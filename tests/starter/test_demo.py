"""The demonstration in a data directory that was used before: by somebody else, or by an earlier run."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from starter.demo import prepare
from starter.demo.scenes import SCENES, CancellationScene
from starter.service import Offramp
from storage.tables import SubscriptionRow
from storage.tenants.database import TenantDatabase
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_time_passes")

PLAYED = {scene.name for scene in SCENES if isinstance(scene, CancellationScene)}


async def test_a_demonstration_begins_beside_the_cases_of_others_and_goes_on_with_its_own(
    world: World, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.start(world.subscription(), complete=False)
    with tenants_database(postgres_url) as url:
        service = Offramp(
            world.environment.client,
            world.engine,
            tenants=TenantDatabase(tenant_settings(url)),
            task_queue=world.task_queue,
        )
        await prepare(service)
        assert "Seven cases at once" in capsys.readouterr().out
        with Session(world.engine) as session:
            assert set(session.scalars(select(SubscriptionRow.id))) >= PLAYED

        await SCENES[3].take_next_step(service)
        await prepare(service)
        assert "Continuing the demonstration of an earlier run" in capsys.readouterr().out

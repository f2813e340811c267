"""Registered systems in the console: what they have not confirmed, and the confirmation by somebody who knows."""

from uuid import uuid4

import pytest

from domain.principals import Role
from domain.system_tasks import Duty
from tests.starter.console.browsing import Node, fields, offered, post, read, refusal, sent
from tests.starter.console.conftest import Browsers
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")


async def test_a_case_waits_in_a_list_until_a_system_or_an_operator_confirms(world: World, browsers: Browsers) -> None:
    name = f"shop-{uuid4().hex[:8]}"
    await world.offramp.webhooks.add(
        name, url="https://shop.example/hooks", events=["export.*"], duties=[Duty.ACCESS], actor="operator-1"
    )
    await world.offramp.webhooks.pause(name, reason="nobody is there", actor="operator-1")
    subscription = world.subscription()
    operator, here = browsers(Role.OPERATOR, subject="operator-1"), f"/cases/{subscription}/1"
    await world.start(subscription, answers=dict(world.answers(subscription)) | {"termination_date": "now"})

    async def page() -> Node:
        return read(await operator.get(here))

    async def is_asked() -> bool:
        return "cancellations.confirm_task" in offered(await page())

    await eventually(is_asked)
    assert f"access may still be on in {name}" in (await page()).one("section", id="now").text
    assert f"{subscription}/1" in read(await operator.get("/worklists/systems")).one("tbody").text
    assert "cancellations.confirm_task" not in offered(read(await browsers(Role.SUPPORT_AGENT).get(here)))
    form = fields(await page(), "cancellations.confirm_task")
    unknown = await post(operator, "cancellations.confirm_task", form | {"system": "nobody", "_key": "k-1"})
    assert refusal(unknown).one("p", class_="code").text == "system_task_unknown"

    assert (await sent(operator, await page(), "cancellations.confirm_task")).status_code == 303
    assert "cancellations.confirm_task" not in offered(await page())
    assert f"{subscription}/1" not in read(await operator.get("/worklists/systems")).text
    assert world.audit(subscription, "system_task.confirmed").actor == "operator-1"
    await world.offramp.webhooks.remove(name, reason="the test is over", actor="operator-1")

"""Webhook endpoints in the console: added, tried out, paused, resumed, sent again what they have missed, removed."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from domain.principals import Role
from starter.console.forms import FORM_KEY
from tests.activities.messaging.endpoint import Endpoint
from tests.starter.console.areas import endpoint_of
from tests.starter.console.browsing import Node, fields, form_key, offered, post, read, refusal, sent
from tests.starter.console.conftest import Browsers
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")


@pytest.fixture
def system() -> Endpoint:
    return Endpoint()


@pytest.fixture
def url(system: Endpoint) -> Iterator[str]:
    with system.listening() as url:
        yield url


def facts(node: Node) -> dict[str, str]:
    """Names with their values, as a page has them."""
    return {row.one("dt").text: row.one("dd").text for row in node.one("dl").all("div")}


async def test_an_operator_adds_an_endpoint_and_sees_its_secret_once(
    world: World, browsers: Browsers, url: str
) -> None:
    operator, name = browsers(Role.OPERATOR, subject="operator-1"), f"crm-{uuid4().hex[:8]}"
    page = read(await operator.get("/webhooks"))
    content = {"endpoint": name, "url": url, "events": "export.*\nmigration.scheduled", "does_access": "yes"}
    answer = await sent(operator, page, "webhooks.add", **content, owner="hooks@crm.example")

    assert answer.status_code == 200, answer.text
    secret = facts(read(answer).one("section", id="shown"))["Secret"]
    assert secret.startswith("whsec_")
    again = await sent(operator, page, "webhooks.add", **content, owner="hooks@crm.example")
    assert secret in again.text, "the same form is the same request"
    [added] = [each for each in await world.offramp.webhooks.list() if each.name == name]
    assert (added.events, added.duties, added.created_by) == (
        ("export.*", "migration.scheduled"),
        ("access",),
        "operator-1",
    )
    for path in ("/webhooks", f"/webhooks/{name}"):
        later = await operator.get(path)
        assert secret not in later.text
        assert "t0ken" not in later.text, "what a URL may hold besides"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"url": "http://crm.example/"}, "endpoint_url_refused"),
        ({"events": "cancellation.renamed"}, "event_unknown"),
        ({"events": "everything"}, "input_malformed"),
        ({"endpoint": "Crm 1"}, "input_malformed"),
        ({"owner": "nobody"}, "input_malformed"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused_in_its_form(
    browsers: Browsers, changed: dict[str, str], code: str
) -> None:
    operator = browsers(Role.OPERATOR)
    content = {"endpoint": f"crm-{uuid4().hex[:8]}", "url": "https://crm.example/"} | changed
    answer = await sent(operator, read(await operator.get("/webhooks")), "webhooks.add", **content)
    assert answer.status_code == 422
    form = read(answer).one("form", action="/actions/webhooks.add")
    assert form.one("p", class_="code").text == code
    assert form.one("input", name="url").attributes["value"] == content["url"]


async def test_the_answer_to_a_message_of_trial_is_shown(
    world: World, browsers: Browsers, system: Endpoint, url: str
) -> None:
    operator, name = browsers(Role.OPERATOR), await endpoint_of(world, url)
    page = read(await operator.get(f"/webhooks/{name}"))
    shown = facts(read(await sent(operator, page, "webhooks.test")).one("section", id="shown"))
    assert (shown["Answer"], shown["Status"]) == ("accepted", "204")
    system.statuses = [500]
    page = read(await operator.get(f"/webhooks/{name}"))
    shown = facts(read(await sent(operator, page, "webhooks.test")).one("section", id="shown"))
    assert (shown["Answer"], shown["Status"]) == ("not accepted", "500")


async def test_what_is_offered_follows_the_state_of_an_endpoint(world: World, browsers: Browsers, url: str) -> None:
    operator, name = browsers(Role.OPERATOR, subject="operator-1"), await endpoint_of(world, url)
    always = {"webhooks.test", "webhooks.resend", "webhooks.rotate", "webhooks.remove"}

    async def page() -> Node:
        return read(await operator.get(f"/webhooks/{name}"))

    assert offered(await page()) == always | {"webhooks.pause"}
    assert (await sent(operator, await page(), "webhooks.pause", reason="it moves")).status_code == 303
    assert offered(await page()) == always | {"webhooks.resume"}
    assert facts((await page()).one("section", id="endpoint"))["Paused"].endswith("by operator-1: it moves")
    assert (await sent(operator, await page(), "webhooks.resume", reason="it is there")).status_code == 303
    rotated = read(await sent(operator, await page(), "webhooks.rotate")).one("section", id="shown")
    assert "The one before signs until" in facts(rotated)
    assert (await sent(operator, await page(), "webhooks.remove", reason="it is gone")).status_code == 303
    assert name not in {row.one("th").text for row in read(await operator.get("/webhooks")).all("tr")}


async def test_messages_are_listed_by_state_and_sent_again(
    world: World, browsers: Browsers, system: Endpoint, url: str
) -> None:
    operator = browsers(Role.OPERATOR)
    name = f"crm-{uuid4().hex[:8]}"
    await world.offramp.webhooks.add(name, url=url, events=["cancellation.received"], actor="operator-1")
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    message = f"{subscription}/1/cancellation.received/webhook/{name}"

    async def delivered() -> bool:
        page = read(await operator.get(f"/webhooks/{name}?state=delivered"))
        return message in [cell.text for cell in page.one("section", id="deliveries").all("td")]

    await eventually(delivered)
    assert "No message here." in read(await operator.get(f"/webhooks/{name}?state=failed")).text
    page = read(await operator.get(f"/webhooks/{name}"))
    again = next(link for link in page.all("a") if link.text == message).attributes["href"]
    page = read(await operator.get(again))
    assert "open" in page.one("details", id="do-webhooks-resend").attributes
    assert (await sent(operator, page, "webhooks.resend", reason="it lost it")).status_code == 303

    async def came_twice() -> bool:
        return len([each for each in system.requests if subscription in each.body.decode()]) == 2

    await eventually(came_twice)
    page = read(await operator.get(f"/webhooks/{name}"))
    nothing = await sent(operator, page, "webhooks.resend", reason="all of it")
    assert refusal(nothing).one("p", class_="code").text == "input_malformed"
    await world.offramp.webhooks.remove(name, reason="the test is over", actor="operator-1")


async def test_an_auditor_sees_endpoints_and_changes_none_and_others_see_nothing(
    world: World, browsers: Browsers
) -> None:
    name = await endpoint_of(world)
    auditor = browsers(Role.AUDITOR)
    for path in ("/webhooks", f"/webhooks/{name}"):
        page = read(await auditor.get(path))
        assert name in page.text
        assert offered(page) == set()
        for role in (Role.SUPPORT_AGENT, Role.BILLING, Role.SUPERVISOR):
            assert (await browsers(role).get(path)).status_code == 403
        limited = browsers(Role.OPERATOR, organizations=["ORG-1"])
        assert (await limited.get(path)).status_code == 403
    form = fields(read(await browsers(Role.OPERATOR).get(f"/webhooks/{name}")), "webhooks.pause")
    form |= {FORM_KEY: form_key(read(await auditor.get("/webhooks"))), "reason": "mine"}
    assert refusal(await post(auditor, "webhooks.pause", form)).one("p", class_="code").text == "role_missing"
    for nowhere in ("/webhooks/nobody", f"/webhooks/{name}?after=x", f"/webhooks/{name}/more"):
        assert (await auditor.get(nowhere)).status_code == 404

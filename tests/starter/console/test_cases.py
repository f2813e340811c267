"""One case: what its page says, and what a person does there."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from contract import StartCancellation
from domain.principals import Role
from starter.service import Offramp
from storage.rights import DatabaseRole
from tests.starter.console.browsing import fields, form_key, offered, post, read, refusal, sent
from tests.starter.console.conftest import URL, Browsers
from tests.support.world import AGENT, MARKETING_OWNER, SECOND_PERSON, World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")

YEARLY = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M"}


async def goodwill_case(world: World, browsers: Browsers, *, subject: str = AGENT) -> str:
    """The subscription of a case with a goodwill that an agent has asked for in the console."""
    subscription = world.subscription(lines=[YEARLY])
    agent = browsers(Role.SUPPORT_AGENT, subject=subject)
    day = (world.today(subscription) + timedelta(days=20)).isoformat()
    page = read(
        await agent.get("/quote", params={"subscription": subscription, "terminate_on": day, "goodwill": "yes"})
    )
    answers = dict(world.answers(subscription)) | {"attestation": "called back", "goodwill": "a loyal customer"}
    answers.pop("termination_date")
    answer = await sent(agent, page, "cancellations.start", **answers)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/cases/{subscription}/1?done=cancellations.start"
    return subscription


async def test_an_agent_asks_for_goodwill_and_a_supervisor_approves_what_they_are_shown(
    world: World, browsers: Browsers
) -> None:
    subscription = await goodwill_case(world, browsers)
    supervisor = browsers(Role.SUPERVISOR, subject=SECOND_PERSON)

    page = read(await supervisor.get(f"/cases/{subscription}/1"))
    form = page.one("form", action="/actions/cancellations.approve")
    end = world.today(subscription) + timedelta(days=20)
    assert f"billing of line {subscription}-1 ends on {end} instead of" in form.text
    answer = await sent(supervisor, page, "cancellations.approve", reason="twenty years with us")

    assert answer.headers["location"] == f"/cases/{subscription}/1?done=cancellations.approve"
    shown = read(await supervisor.get(answer.headers["location"]))
    assert "The goodwill is approved." in shown.text
    status = await world.service.status(subscription)
    assert status.stage == "scheduled"
    assert status.quote is not None
    assert status.quote.lines[0].decision.end_date == end
    trail = (await world.service.history(subscription)).entries
    assert [entry.actor for entry in trail if entry.why == "twenty years with us"] == [SECOND_PERSON]


async def test_who_asked_does_not_approve_and_reads_why_in_the_form_with_what_they_wrote(
    world: World, browsers: Browsers
) -> None:
    subscription = await goodwill_case(world, browsers)
    same = browsers(Role.SUPERVISOR, subject=AGENT)

    page = read(await same.get(f"/cases/{subscription}/1"))
    answer = await sent(same, page, "cancellations.approve", reason="it is fine with me")

    assert answer.status_code == 403
    shown = read(answer).one("details", id="do-cancellations-approve")
    assert "open" in shown.attributes
    assert shown.one("div", role="alert").one("p", class_="code").text == "own_approval"
    assert shown.one("textarea").text == "it is fine with me"
    assert fields(read(answer), "cancellations.approve")["_key"] != fields(page, "cancellations.approve")["_key"]


async def test_a_form_that_is_sent_twice_is_one_request(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    agent = browsers(Role.SUPPORT_AGENT)
    page = read(await agent.get(f"/cases/{subscription}/1"))

    once = [await sent(agent, page, "cancellations.attest", reason="called back") for _ in range(2)]

    assert [answer.status_code for answer in once] == [303, 303]
    trail = (await world.service.history(subscription)).entries
    assert len([entry for entry in trail if entry.why == "called back"]) == 1
    other = await sent(agent, page, "cancellations.attest", reason="called again")
    assert refusal(other).one("p", class_="code").text == "request_id_reused"


async def test_a_case_page_tells_what_happened_what_comes_and_how_each_date_is_made(
    world: World, browsers: Browsers
) -> None:
    subscription = world.subscription(lines=[YEARLY, {"partner": "vendor"}])
    await world.start(subscription)
    page = read(await browsers(Role.AUDITOR).get(f"/cases/{subscription}/1"))
    status = await world.service.status(subscription)

    timeline = [item.one("p", class_="what").text for item in page.one("section", id="timeline").all("li")]
    assert timeline[0] == "cancellation opened"
    assert timeline[-1] == f"Next: {status.waiting_for}"
    assert "by agent-7" in page.one("section", id="timeline").text
    dates = page.one("section", id="dates").text
    assert f"Access ends on {status.termination_date}" in dates
    assert "missed by" in dates
    assert "one day later, the line would end on" in dates
    assert "Alternatives" in dates
    assert offered(page) == set()
    ours = f"https://temporal.example/namespaces/default/workflows/{quote('cancellation:' + subscription, safe='')}"
    assert page.one("a", rel="noreferrer").attributes["href"] == ours


async def test_every_line_is_drawn_with_its_dates_and_says_them_as_text(world: World, browsers: Browsers) -> None:
    subscription = world.subscription(lines=[YEARLY])
    await world.start(subscription)
    status = await world.service.status(subscription)
    assert status.quote is not None
    decision = status.quote.lines[0].decision

    lines = read(await browsers(Role.AUDITOR).get(f"/cases/{subscription}/1")).one("section", id="lines")

    facts = {one.one("dt").text: one.one("dd").text for one in lines.one("dl").all("div")}
    assert facts["Start"] == "2020-01-01"
    assert facts["Billing ends on"] == facts["Extends until"] == str(decision.end_date)
    assert facts["Access ends on"] == str(status.termination_date)
    drawing = lines.one("svg", role="img")
    assert drawing.one("title").text == f"Dates of line {subscription}-1"
    for name, day in facts.items():
        assert f"{name}: {day}." in drawing.one("desc").text
    assert {bar.attributes["class"] for bar in drawing.all("rect")} == {"span extended", "span billing", "span access"}


async def test_a_case_page_shows_what_was_sent_without_any_address(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    await world.start(subscription)
    await world.mails_arrived(subscription, 1)

    page = read(await browsers(Role.SUPPORT_AGENT).get(f"/cases/{subscription}/1"))

    rows = [[cell.text for cell in row.all("td")] for row in page.one("section", id="messages").all("tr")][1:]
    assert ["cancellation.received", "mail", "delivered"] in [row[1:] for row in rows]
    assert "ada@contoso.example" not in page.one("section", id="messages").text


async def test_billing_posts_the_credit_memo_that_a_case_waits_for(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    today = world.today(subscription)
    invoice = f"INV-{subscription}"
    world.invoice(subscription, invoice, today - timedelta(days=10), today + timedelta(days=300))
    await world.start(subscription)
    billing = browsers(Role.BILLING, subject="billing-1")

    listed = read(await billing.get("/worklists/credit-memos", params={"text": subscription}))
    assert f"{subscription}/1" in listed.one("table").text
    page = read(await billing.get(f"/cases/{subscription}/1"))
    assert offered(page) == {"cancellations.post_credit_memo"}
    answer = await sent(billing, page, "cancellations.post_credit_memo", number=f"CM-{subscription}")

    assert answer.status_code == 303
    assert "billing" not in (await world.service.list(text=subscription)).cancellations[0].waits_for


async def test_a_customer_who_changes_their_mind_is_heard_before_and_after_the_effect(
    world: World, browsers: Browsers
) -> None:
    before, after = world.subscription(), world.subscription()
    agent = browsers(Role.SUPPORT_AGENT)
    await world.start(before, answers=world.answers(before, terminate_on=world.today(before) + timedelta(days=9)))
    page = read(await agent.get(f"/cases/{before}/1"))
    assert (await sent(agent, page, "cancellations.withdraw", reason="they stay")).status_code == 303
    assert await world.stage(before) == "withdrawn"

    await world.start(after, answers=dict(world.answers(after)) | {"termination_date": "now"})
    page = read(await agent.get(f"/subscriptions/{after}", follow_redirects=True))
    wrong = world.identity(after).model_dump() | {"organization_name": "somebody-else"}
    answer = await sent(agent, page, "cancellations.reverse", **wrong)
    assert refusal(answer).one("p", class_="code").text == "identity_mismatch"
    assert (
        await sent(agent, read(answer), "cancellations.reverse", **world.identity(after).model_dump())
    ).status_code == 303
    assert await world.stage(after) == "reversed"


async def test_a_line_alone_has_the_same_page_and_actions(world: World, browsers: Browsers) -> None:
    subscription = world.subscription(lines=[YEARLY, {}])
    line = f"{subscription}-1"
    agent = browsers(Role.SUPPORT_AGENT)
    page = read(await agent.get("/quote", params={"line": line}))
    answer = await sent(
        agent, page, "line_cancellations.start", wish="end_of_term", **world.identity(subscription).model_dump()
    )
    assert answer.headers["location"] == f"/cases/{subscription}/line/{line}/1?done=line_cancellations.start"

    page = read(await agent.get(f"/cases/{subscription}/line/{line}/1"))
    assert (await sent(agent, page, "line_cancellations.attest", reason="called back")).status_code == 303
    shown = read(await agent.get(f"/lines/{line}", follow_redirects=True))
    assert shown.one("h1").text == f"{subscription}/line/{line}/1 scheduled"
    assert len(list(shown.one("section", id="lines").all("figure"))) == 1


async def test_what_is_not_there_and_what_belongs_to_others_look_the_same(world: World, browsers: Browsers) -> None:
    subscription = world.subscription()
    in_time = world.today(subscription) + timedelta(days=9)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=in_time))
    stranger = browsers(Role.SUPERVISOR, organizations=["ORG-ELSEWHERE"])
    codes = []
    for case in (f"{subscription}/1", "SUB-NOWHERE/1"):
        answer = await stranger.get(f"/cases/{case}")
        assert answer.status_code == 403
        codes.append(refusal(answer).one("p", class_="code").text)
    assert codes == ["organization_not_permitted"] * 2
    page = read(await browsers(Role.SUPERVISOR).get(f"/cases/{subscription}/1"))
    stolen = fields(page, "cancellations.withdraw") | {
        "reason": "not mine",
        "_form": form_key(read(await stranger.get("/quote"))),
    }
    assert (await post(stranger, "cancellations.withdraw", stolen)).status_code == 403
    assert await world.stage(subscription) == "scheduled"


async def test_a_workflow_that_the_console_knows_links_back_to_it(world: World) -> None:
    subscription = world.subscription()
    service = Offramp(
        world.environment.client, world.engines[DatabaseRole.CALLERS], task_queue=world.task_queue, console=URL
    )
    await service.cancellations.start(StartCancellation(subscription=subscription, actor=AGENT))
    described = await world.handle(subscription).describe()
    assert f"[Open it in the console]({URL}/subscriptions/{subscription})" in (await described.static_details() or "")


async def test_a_marketing_service_is_cancelled_alone_and_its_campaigns_are_acknowledged(
    world: World, browsers: Browsers
) -> None:
    subscription = world.subscription(campaigns=["spring"])
    organization, campaign = world.organization(subscription), world.campaign(subscription, "spring")
    marketer = browsers(Role.MARKETING_ADMIN, subject="marketer-1")
    here = f"/marketing?organization={organization}"

    page = read(await marketer.get(here))
    assert "was never cancelled alone" in page.text
    wrong = await sent(marketer, page, "marketing.cancel", administrator="somebody@else.example")
    assert read(wrong).one("input", id="marketing-cancel-administrator").attributes["value"] == "somebody@else.example"
    started = await sent(marketer, read(wrong), "marketing.cancel", administrator=MARKETING_OWNER)
    assert started.headers["location"] == f"{here}&done=marketing.cancel"
    page = read(await marketer.get(here))
    assert offered(page) == {"marketing.send_code", "marketing.verify_code", "marketing.attest"}
    await sent(marketer, page, "marketing.attest", reason="called back")

    async def is_stopping() -> bool:
        return offered(read(await marketer.get(here))) == {"marketing.acknowledge_stop"}

    await eventually(is_stopping)
    page = read(await marketer.get(here))
    assert f"ads may still run: {campaign}" in page.text
    assert (await sent(marketer, page, "marketing.acknowledge_stop")).status_code == 303
    assert (await world.marketing.status(organization)).campaigns_outstanding == ()
